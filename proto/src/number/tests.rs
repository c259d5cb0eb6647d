//! Unit tests of `number`.

use proptest::prelude::*;

use super::*;

#[test]
fn numbers_that_the_api_server_would_change_are_detected() {
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
        "5e-324",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "0.30000000000000004",
        // The next two numbers have the same length and are equally close to the same double: some programs print the first, and
        // others the second.
        "1278578419099525.3",
        "1278578419099525.2",
        "-1278578419099525.3",
        // In C and Python, `%.17g` and `%.16e` print 0.1, 0.3, 5e-324, 1e23 and the largest double this way.
        "0.10000000000000001",
        "0.29999999999999999",
        "4.9406564584124654e-324",
        "9.9999999999999992e+22",
        "1.7976931348623157e+308",
        "1.0000000000000000e+00",
        // JavaScript prints two to the power of 65 this way.
        "36893488147419103000",
        "10000000000000000000",
        "-10000000000000000000",
    ] {
        assert!(survives(kept), "{kept}");
    }
    for changed in [
        "12345678901234567890123",
        // The API server stores the next two as 9223372036854776000 and 18446744073709552000.
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        // The exact value of two to the power of 65, and 1e23 rounded to 17 digits and written without an exponent.
        "36893488147419103232",
        "99999999999999992000000",
        "-9223372036854775809",
        "9007199254740993.0",
        "9007199254740993e0",
        "0.1234567890123456789",
        // The next four numbers parse as 0.1, 0.3 and (twice) 1278578419099525.25, but no program prints those numbers this way.
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
        assert!(!survives(changed), "{changed}");
    }
}

#[test]
fn parsed_numbers_that_the_api_server_would_change_are_detected() {
    let read = |text: &str| serde_json::from_str::<Number>(text).unwrap();
    for fits_text in ["-1", "9223372036854775807", "10000000000000000000", "0.1"] {
        assert!(fits(&read(fits_text)), "{fits_text}");
    }
    assert!(!fits(&read("9223372036854775808")));
    assert!(!fits(&read("18446744073709551615")));
}

#[test]
fn a_changed_number_is_found_at_any_depth() {
    let text = r#"{"1e400": ["0.1234567890123456789\"1e400", {"a\\": 18446744073709551615}]}"#;
    assert_eq!(first_changed(text), Some("18446744073709551615"));
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(misfit(&value).unwrap().to_string(), "18446744073709551615");
    assert_eq!(first_changed("[1, {\"1e400\": \"\\\"1e400\"}]"), None);
    // These texts are not JSON.
    for text in ["-", "1-2", "1e", "\"1e400", "\"\\"] {
        assert_eq!(first_changed(text), None, "{text}");
    }
}

/// Generates doubles of all sizes, and doubles halfway between two decimals of 16 or 17 digits.
fn doubles() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let halfway = (1_u64 << 50..1 << 53, 0..8)
        .prop_map(|(integer, bits)| integer as f64 / f64::from(1 << bits));
    prop_oneof![POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO, halfway]
}

proptest! {
    #[test]
    fn every_signed_integer_survives(integer: i64) {
        prop_assert!(survives(&integer.to_string()));
    }

    #[test]
    fn larger_integers_survive_if_a_double_prints_them(integer in (1 << 63)..=u64::MAX) {
        prop_assert_eq!(survives(&integer.to_string()), (integer as f64).to_string() == integer.to_string());
        prop_assert!(survives(&(integer as f64).to_string()));
    }

    #[test]
    fn every_double_survives_in_every_common_notation(double in doubles()) {
        // The shortest forms that Rust and serde_json print, and each rounded form that still parses as this double.
        let mut printed = vec![format!("{double}"), format!("{double:e}"), serde_json::to_string(&double).unwrap()];
        let rounded = (0..DOUBLE_DIGITS).map(|digits| format!("{double:.digits$e}"));
        printed.extend(rounded.filter(|text| text.parse() == Ok(double)));
        prop_assert!(printed.len() > 3);
        for text in printed {
            prop_assert!(survives(&text), "{}", text);
        }
    }

    #[test]
    fn a_decimal_near_the_closest_one_does_not_survive(double in doubles(), away in prop_oneof![-9_i64..-1, 2_i64..9]) {
        let nearest = format!("{double:.16e}");
        let (mantissa, power) = nearest.split_once('e').unwrap();
        let digits: i64 = mantissa.replace('.', "").parse().unwrap();
        let power = power.parse::<i32>().unwrap() - 16;
        let beside = format!("{}e{power}", digits + away);
        // If the text parses as a different double, the text may be the closest decimal to that double, and thus survive.
        if beside.parse() == Ok(double) && (digits + away) % 10 != 0 {
            prop_assert!(!survives(&beside));
        }
    }

    #[test]
    fn no_text_makes_the_search_panic(text in "([-0-9.eE+\"\\\\ä]|1e){0,40}") {
        let _ = first_changed(&text);
    }
}
