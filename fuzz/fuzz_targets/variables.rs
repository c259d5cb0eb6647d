//! Checks that any text is parsed as a variable, a field path or an output's specification, or is rejected, that a parsed value
//! is the same after it is written and parsed again, and that escaped text contains no variables.
#![no_main]

use gleaner_core::declaration::FieldPath;
use gleaner_core::variable::{Reference, Text};
use gleaner_proto::OutputSpec;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Text::parse(text);
    if let Ok(reference) = Reference::parse(text) {
        assert_eq!(
            Reference::parse(&reference.to_string()).as_ref(),
            Ok(&reference)
        );
    }
    if let Ok(path) = text.parse::<FieldPath>() {
        assert_eq!(path.to_string().parse::<FieldPath>().as_ref(), Ok(&path));
    }
    if let Ok(spec) = text.parse::<OutputSpec>() {
        assert_eq!(spec.to_string().parse::<OutputSpec>().as_ref(), Ok(&spec));
    }
    let escaped = text.replace("$(", "$$(");
    assert_eq!(Text::parse(&escaped).unwrap().as_literal(), Some(text));
});
