//! The sidecar's arguments: whatever Tekton has put in, they read as they were written, or not at all.
#![no_main]

use gleaner_proto::arguments::Arguments;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let args: Vec<&str> = text.split('\0').collect();
    if let Ok(read) = Arguments::parse(&args) {
        let again = Arguments::parse(&read.to_args()).expect("what was read once");
        assert_eq!(again, read);
        let _ = read.params();
    }
});
