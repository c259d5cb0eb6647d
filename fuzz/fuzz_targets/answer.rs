//! Checks that any bytes from a server are parsed as a response or as the beginning of a response, or are rejected, and that
//! additional bytes never make a rejected response valid.
#![no_main]

use std::io::{self, Read};

use gleaner_redirector::answer::parse;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = parse(bytes);
    // Parsing every prefix takes quadratic time, so for long responses, only some prefixes are parsed.
    for cut in (0..bytes.len()).step_by(1 + bytes.len() / 2048) {
        match parse(&bytes[..cut]) {
            Err(_) => assert!(
                whole.is_err(),
                "the first {cut} bytes are rejected, but the whole response is accepted"
            ),
            Ok(Some(early)) => assert_eq!(whole, Ok(Some(early))),
            Ok(None) => {}
        }
    }
    if let Ok(Some((head, begin))) = whole {
        let rest = &bytes[begin..];
        let (at_once, whole) = read(head.body(rest));
        let (in_pieces, same) = read(head.body(Pieces(rest)));
        assert_eq!((at_once, &whole), (in_pieces, &same));
        assert!(rest.starts_with(&whole));
    }
});

/// Reads a body to its end. Returns a flag that is true if the body is complete, and the bytes that
/// were read.
fn read(mut body: impl Read) -> (bool, Vec<u8>) {
    let mut bytes = Vec::new();
    let is_whole = body.read_to_end(&mut bytes).is_ok();
    (is_whole, bytes)
}

/// A reader that returns a few bytes at a time.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(7);
        self.0.read(&mut buffer[..most])
    }
}
