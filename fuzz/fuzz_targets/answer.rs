//! Any bytes of a server are an answer, the beginning of one, or refused; more bytes never make sense of nonsense.
#![no_main]

use gleaner_redirector::answer::parse;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = parse(bytes, true);
    // Each cut reads all before it: of long answers, some cuts do.
    for cut in (0..bytes.len()).step_by(1 + bytes.len() / 2048) {
        let _ = parse(&bytes[..cut], true);
        match parse(&bytes[..cut], false) {
            Err(_) => assert!(
                parse(bytes, false).is_err(),
                "refused at {cut}, taken later"
            ),
            Ok(Some(early)) => {
                assert_eq!(whole.as_ref().ok().and_then(Option::as_ref), Some(&early))
            }
            Ok(None) => {}
        }
    }
});
