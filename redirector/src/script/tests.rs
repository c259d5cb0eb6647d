use super::*;

#[test]
fn the_script_follows_the_flags() {
    let content = b"#!/x --script\n#gleaner: [\"--step=a\"]\n#!/bin/sh\nexit 0\n";
    assert_eq!(
        split(content),
        Some((vec!["--step=a".to_owned()], &b"#!/bin/sh\nexit 0\n"[..]))
    );
    for wrong in [
        &b""[..],
        b"#!/x\n",
        b"#!/x\n#gleaner: [1]\nx",
        b"#!/x\n#gleaner: []",
    ] {
        assert_eq!(split(wrong), None);
    }
}

#[test]
fn other_arguments_stay_as_they_are() {
    let given = ["--step=a", "--", "--script", "x"].map(OsString::from);
    let unpacked = unpack(given.clone().into_iter()).unwrap();
    assert_eq!(unpacked.arguments, given);
    assert!(unpack([OsString::from("--script")].into_iter()).is_err());
}

#[test]
fn the_first_line_of_the_unpacked_script_names_the_interpreter() {
    let runnable =
        |script: &str| String::from_utf8(runnable(script.as_bytes()).into_owned()).unwrap();
    assert_eq!(runnable("#!/x\ny"), "#!/x\ny");
    assert_eq!(runnable("\n  #!/x\ny"), "#!/x\ny");
    assert_eq!(runnable("\ny"), "#!/bin/sh\nset -e\n\ny");
}
