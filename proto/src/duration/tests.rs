//! Unit tests of `duration`.

use super::*;

#[test]
fn go_durations_are_parsed() {
    for (text, milliseconds) in [
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("500ms", 500),
        ("1.5s", 1_500),
        (".5s", 500),
        ("1.s", 1_000),
        ("0", 0),
        ("0s", 0),
    ] {
        assert_eq!(
            parse(text),
            Ok(Duration::from_millis(milliseconds)),
            "{text}"
        );
    }
    assert_eq!(parse("1.5µs"), Ok(Duration::from_nanos(1_500)));
    for wrong in [
        "",
        "5",
        "m",
        "5 m",
        "-5m",
        "5d",
        "99999999h",
        "5m3",
        "..s",
        "1.2.3s",
        ".",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_duration_is_formatted_in_its_largest_whole_unit() {
    for text in ["0s", "60ms", "90s", "15m"] {
        assert_eq!(parse(text).map(written), Ok(text.to_owned()));
    }
}
