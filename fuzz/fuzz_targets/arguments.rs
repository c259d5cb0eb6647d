//! Checks that any arguments for the sidecar are parsed or rejected, and that parsed arguments are the same after they are
//! written and parsed again. The arguments can contain any text, because Tekton substitutes values in them.
#![no_main]

use gleaner_proto::arguments::Arguments;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let args: Vec<&str> = text.split('\0').collect();
    if let Ok(read) = Arguments::parse(&args) {
        let again = Arguments::parse(&read.to_args()).expect("`to_args` returns valid arguments");
        assert_eq!(again, read);
        let _ = read.params();
    }
});
