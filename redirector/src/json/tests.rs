//! Unit tests of `json`.

use proptest::prelude::*;

use super::*;

fn written(text: &str) -> String {
    let mut out = Vec::new();
    write_string(&mut out, text).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_value_must_be_of_its_type() {
    let wrong = |text, kind| check(text, kind).unwrap_err();
    assert_eq!(check(" {\"a\": [1, null]}\n", OutputType::Object), Ok(()));
    assert_eq!(check("-1.5e3", OutputType::Number), Ok(()));
    assert_eq!(check("true", OutputType::Boolean), Ok(()));
    assert_eq!(check("[]", OutputType::Array), Ok(()));
    assert_eq!(wrong("[]", OutputType::Object), "is JSON of type array");
    assert_eq!(wrong("null", OutputType::Object), "is JSON of type null");
    assert_eq!(wrong("\"1\"", OutputType::Number), "is JSON of type string");
    assert_eq!(wrong(" \n", OutputType::Number), "is empty");
    for text in [
        "{a: 1}",
        "{} {}",
        "{\"a\": \"\\ud800\"}",
        "01",
        "0x1",
        "NaN",
        "yes",
        "1e999",
    ] {
        let wrong = check(text, OutputType::Object).unwrap_err();
        assert!(wrong.starts_with("is no valid JSON: "), "{text}: {wrong}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let deep = "[".repeat(1 << 20);
    assert!(
        check(&deep, OutputType::Array)
            .unwrap_err()
            .contains("recursion limit")
    );
}

#[test]
fn a_number_must_survive() {
    for kept in [
        "1.10",
        "1e3",
        "-0",
        "-0.0",
        "0e99999999999999999999",
        "0.000",
        "100.00e-2",
        "1E+22",
        "1e23",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "5e-324",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "0.30000000000000004",
        // Equally short, equally near, the same double: some programs print one, some the other.
        "1278578419099525.3",
        "1278578419099525.2",
        "-1278578419099525.3",
        // As `%.17g` and `%.16e` in C and Python print 0.1, 0.3, 5e-324, 1e23 and the largest double.
        "0.10000000000000001",
        "0.29999999999999999",
        "4.9406564584124654e-324",
        "9.9999999999999992e+22",
        "1.7976931348623157e+308",
        "1.0000000000000000e+00",
        // As JavaScript prints two to the power of 65.
        "36893488147419103000",
        "[1, {\"1e400\": \"0.1234567890123456789\\\"1e400\"}]",
        // Not JSON; the parser reports it.
        "-",
        "1-2",
        "1e",
        "\"1e400",
        "\"\\",
    ] {
        assert_eq!(check_numbers(kept), Ok(()), "{kept}");
    }
    for changed in [
        "12345678901234567890123",
        "18446744073709551616",
        "-9223372036854775809",
        "9007199254740993.0",
        "9007199254740993e0",
        "0.1234567890123456789",
        // They read as 0.1, 0.3 and 1278578419099525.25, and no program prints them so.
        "0.100000000000000011",
        "0.30000000000000001",
        "1278578419099525.1",
        "1278578419099525.25",
        "1.7976931348623158e308",
        "3e-324",
        "1e400",
        "-1e400",
        "1e-400",
        "1e-99999999999999999999",
        "1e99999999999999999999",
    ] {
        assert_eq!(check_numbers(changed), Err(changed));
        let within = format!("{{\"a\\\\\": [1, {changed}]}}");
        assert_eq!(check_numbers(&within), Err(changed));
    }
}

/// Doubles of all sizes, and such that lie halfway between two decimals of 16 or 17 digits.
fn doubles() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let halfway = (1_u64 << 50..1 << 53, 0..8)
        .prop_map(|(integer, bits)| integer as f64 / f64::from(1 << bits));
    prop_oneof![POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO, halfway]
}

proptest! {
    #[test]
    fn every_integer_survives(signed: i64, unsigned: u64) {
        let text = format!("[{signed}, {unsigned}]");
        prop_assert_eq!(check_numbers(&text), Ok(()));
    }

    #[test]
    fn every_double_survives_however_it_is_printed(double in doubles()) {
        // The shortest form in two implementations, and all fixed numbers of digits that tell it from its neighbors.
        let mut printed = vec![format!("{double}"), format!("{double:e}"), serde_json::to_string(&double).unwrap()];
        let rounded = (0..DOUBLE_DIGITS).map(|digits| format!("{double:.digits$e}"));
        printed.extend(rounded.filter(|text| text.parse() == Ok(double)));
        prop_assert!(printed.len() > 3);
        for text in printed {
            prop_assert_eq!(check_numbers(&text), Ok(()));
        }
    }

    #[test]
    fn a_decimal_beside_the_nearest_is_refused(double in doubles(), away in prop_oneof![-9_i64..-1, 2_i64..9]) {
        let nearest = format!("{double:.16e}");
        let (mantissa, power) = nearest.split_once('e').unwrap();
        let digits: i64 = mantissa.replace('.', "").parse().unwrap();
        let power = power.parse::<i32>().unwrap() - 16;
        let beside = format!("{}e{power}", digits + away);
        // Read as another double it is that one's.
        if beside.parse() == Ok(double) && (digits + away) % 10 != 0 {
            prop_assert_eq!(check_numbers(&beside), Err(&beside[..]));
        }
    }

    #[test]
    fn no_text_makes_the_check_of_numbers_panic(text in "([-0-9.eE+\"\\\\ä]|1e){0,40}") {
        let _ = check_numbers(&text);
    }

    #[test]
    fn a_written_string_reads_as_it_was(text in any::<String>()) {
        prop_assert_eq!(serde_json::from_str::<String>(&written(&text)).unwrap(), text);
    }

    #[test]
    fn what_a_json_parser_takes_is_taken(text in "[\\[\\]{}\":,0-9truefalsn\\\\ .e+-]{0,12}") {
        let parsed = serde_json::from_str::<serde_json::Value>(&text);
        let of_any_type = [
            OutputType::String, OutputType::Number, OutputType::Boolean, OutputType::Array, OutputType::Object,
        ].into_iter().any(|kind| check(&text, kind).is_ok());
        prop_assert_eq!(of_any_type, parsed.is_ok_and(|value| !value.is_null()));
    }
}
