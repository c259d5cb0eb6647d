//! Checks that any documents are translated or rejected with at least one finding, and that translated documents are the same
//! after they are written as YAML and read.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use gleaner_core::document::{Source, writer};
use gleaner_fuzz::{Edited, is_readable};
use gleaner_translate::Settings;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        translated(text);
    }
    if let Ok(documents) = Vec::<Edited>::arbitrary(&mut Unstructured::new(bytes)) {
        let documents = documents.iter().take(4).map(|Edited(document)| document);
        translated(&writer::to_yaml(documents));
    }
});

fn translated(text: &str) {
    let source = match Source::parse("a.yaml".to_owned(), text.to_owned()) {
        Ok(source) => source,
        Err(finding) => {
            let _ = finding.to_string();
            return;
        }
    };
    for keep_resources in [true, false] {
        let settings = Settings {
            git_image: "git:1".to_owned(),
            keep_resources,
        };
        let sources = std::slice::from_ref(&source);
        let translated = gleaner_translate::translate(sources, None, &settings);
        match translated.map(|translation| translation.documents) {
            Ok(documents) if !documents.iter().all(is_readable) => {}
            Ok(documents) => {
                let yaml = writer::to_yaml(&documents);
                let read = Source::parse("b.yaml".to_owned(), yaml).expect("valid YAML");
                let read: Vec<_> = read.documents.iter().map(|node| node.to_json()).collect();
                // Reading splits a List into its items and skips empty documents, so do not compare such documents.
                let is_plain = documents
                    .iter()
                    .all(|document| document.is_object() && document.get("items").is_none());
                if is_plain {
                    assert_eq!(read, documents);
                }
            }
            Err(refusal) => {
                assert!(!refusal.findings.is_empty());
                for finding in &refusal.findings {
                    let _ = finding.to_string();
                    let _ = finding.to_json();
                }
            }
        }
    }
}
