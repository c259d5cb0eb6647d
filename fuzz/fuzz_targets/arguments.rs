//! Checks that the sidecar's arguments, with any text substituted by Tekton, are parsed as they were written or rejected.
#![no_main]

use gleaner_proto::arguments::Arguments;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let args: Vec<&str> = text.split('\0').collect();
    if let Ok(read) = Arguments::parse(&args) {
        let again =
            Arguments::parse(&read.to_args()).expect("arguments that were written by `to_args`");
        assert_eq!(again, read);
        let _ = read.params();
    }
});
