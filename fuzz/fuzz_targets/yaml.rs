//! Checks that any value is unchanged after it is written as YAML and read again. The values are random, or come from documents.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use gleaner_core::document::writer::to_yaml;
use gleaner_core::document::yaml;
use gleaner_fuzz::{Edited, Json, is_readable};
use serde_json::{Value, json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut random = Unstructured::new(bytes);
    if let Ok(Json(value)) = Json::arbitrary(&mut random) {
        read_again(&json!({"value": value}));
        read_again(&value);
    }
    if let Ok(Edited(document)) = Edited::arbitrary(&mut random) {
        read_again(&document);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match yaml::parse_documents(text) {
        Ok(documents) => documents
            .iter()
            .for_each(|document| read_again(&document.to_json())),
        Err(diagnostic) => assert!(!diagnostic.message.is_empty()),
    }
});

fn read_again(value: &Value) {
    if !is_readable(value) {
        return;
    }
    let yaml = to_yaml([value]);
    match yaml::parse(&yaml) {
        Ok(read) => assert_eq!(read.to_json(), *value, "{yaml}"),
        // The reader rejects a document that contains only null, because such a document counts as empty.
        Err(_) if value.is_null() => {}
        Err(error) => panic!("{}: {yaml}", error.message),
    }
}
