//! Checks that any bytes from a server are a response, the beginning of a response, or rejected, and that more bytes never make
//! an invalid response valid.
#![no_main]

use std::io::{self, Read};

use gleaner_redirector::answer::parse;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = parse(bytes);
    // Each cut reads all bytes before it, so long responses are cut only at some positions.
    for cut in (0..bytes.len()).step_by(1 + bytes.len() / 2048) {
        match parse(&bytes[..cut]) {
            Err(_) => assert!(whole.is_err(), "refused at {cut}, accepted later"),
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

/// Reads a body; returns false together with the bytes read so far if the body is interrupted.
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
