use std::time::Duration;

use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

fn certificate(from: u64, until: u64) -> Vec<u8> {
    let mut params = CertificateParams::new(["name.example".to_owned()]).unwrap();
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(from);
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(until);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Some times are before 2050 and others after, so that both ASN.1 encodings of a time are tested.
    #[test]
    fn a_written_validity_can_be_read(from in 0_u64..4_000_000_000, span in 0_u64..200_000_000_000) {
        let validity = Validity::of(&certificate(from, from + span)).unwrap();
        prop_assert_eq!(validity.from.as_second(), from as i64);
        prop_assert_eq!(validity.until.as_second(), (from + span) as i64);
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Validity::of(&bytes);
    }

    #[test]
    fn no_damaged_certificate_causes_a_panic(at in 0_usize..200, byte: u8, length in 0_usize..400) {
        let mut der = certificate(0, 1);
        der[at] = byte;
        der.truncate(length);
        let _ = Validity::of(&der);
    }
}
