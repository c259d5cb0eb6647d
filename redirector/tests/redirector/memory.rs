//! The redirector counts in the memory of the step's container: what it needs does not depend on the outputs.

use std::fs;
use std::time::Duration;

use crate::support::{Ended as _, Reply, Running, Sidecar, Step};

/// The largest resident memory that the redirector may have had, in KiB.
const PEAK: u64 = 4 << 10;
const MIB: usize = 1 << 20;

/// Runs a step with these outputs against a sidecar that fails the first message, and asserts the peak of its memory.
fn assert_lean(outputs: &[(&str, &[u8])]) {
    let accepted = Reply::accepted();
    let Reply::Raw(bytes) = accepted else {
        panic!("the reply is in bytes");
    };
    // Late, so that there is time to look.
    let late = Reply::Late(Duration::from_secs(1), bytes);
    let sidecar = Sidecar::replying(&[Reply::Die, late]);
    let mut step = Step::new(&sidecar);
    for (spec, content) in outputs {
        let (_, name) = spec.split_once('=').unwrap();
        fs::write(step.path(name), content).unwrap();
        step = step.output(spec);
    }
    let running = Running::start(step.wrapping(&["true"]));
    let status = format!("/proc/{}/status", running.pid());
    sidecar.wait_for(2);
    let status = fs::read_to_string(status).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    let peak: u64 = peak.parse().unwrap();
    assert!(peak <= PEAK, "{peak} KiB");
    running.wait().assert_ended(0, "");
}

#[test]
fn large_texts_are_never_held_as_a_whole() {
    let text = vec![b'x'; 16 * MIB];
    assert_lean(&[
        ("a=a", &text),
        ("b=b", &text),
        ("c=c", &text),
        ("d=d", &text),
    ]);
}

#[test]
fn neither_are_values_of_other_types() {
    let string = format!("[\"{}\"]", "\\u0041".repeat(2 * MIB));
    let numbers = format!("[{}1]", "12345678,".repeat(MIB));
    let keys: String = (0..MIB).map(|key| format!("\"{key}\":0,")).collect();
    let keys = format!("{{{keys}\"\":0}}");
    assert_lean(&[
        ("s,array=s", string.as_bytes()),
        ("n,array=n", numbers.as_bytes()),
        ("k,object=k", keys.as_bytes()),
    ]);
}

#[test]
fn control_characters_are_escaped_on_their_way() {
    let text = vec![1; 8 * MIB];
    assert_lean(&[("a=a", &text)]);
}

#[test]
fn the_sum_of_all_files_has_a_bound_too() {
    let sidecar = Sidecar::content();
    let mut step = Step::new(&sidecar);
    for name in ["a", "b", "c", "d", "e"] {
        let file = fs::File::create(step.path(name)).unwrap();
        file.set_len(16 * MIB as u64).unwrap();
        step = step.output(&format!("{name}={name}"));
    }
    step.run(&["true"]).assert_ended(
        65,
        "the outputs 'a' (16777216), 'b' (16777216), 'c' (16777216), 'd' (16777216), 'e' (16777216) have 83886080 bytes \
         together, which exceeds --max-outputs-size (67108864); write less, or output references to the data",
    );
    for name in ["a", "b", "c", "d", "e"] {
        fs::write(step.path(name), "1234").unwrap();
    }
    let step = step.flags(&["--max-outputs-size=20"]);
    step.run(&["true"]).assert_ended(0, "");
    fs::write(step.path("e"), "12345").unwrap();
    assert_eq!(step.run(&["true"]).code, Some(65));
}

#[test]
fn a_file_that_changes_while_it_is_sent_fails_the_step_and_is_never_accepted() {
    let sidecar = Sidecar::replying(&[Reply::Die]);
    let step = Step::new(&sidecar).output("a=a");
    fs::write(step.path("a"), vec![b'x'; MIB]).unwrap();
    let running = Running::start(step.wrapping(&["true"]));
    sidecar.wait_for(1);
    fs::write(step.path("a"), vec![b'y'; MIB]).unwrap();
    let ran = running.wait();
    let line = "an output's file changed while it was sent; end all processes that write to it before the step ends";
    ran.assert_ended(65, line);
    for body in sidecar.bodies() {
        assert!(body.contains('x') || !body.ends_with('}'), "it is cut");
    }
}
