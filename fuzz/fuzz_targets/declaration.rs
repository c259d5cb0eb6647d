//! Checks that any text is parsed as a declaration and then previewed, or rejected with at least one error.
#![no_main]

use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::document::writer::to_yaml;
use gleaner_core::render::{Attempts, Secrecy, Values, preview};
use gleaner_core::run::Run;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Declaration::parse(text, &Scope::default()) {
        Ok(declaration) => {
            // A preview of an accepted declaration must not panic.
            let (rendered, _) = preview(
                &declaration,
                &Values::default(),
                &Run::default(),
                &Attempts::new(),
                Secrecy::Masked,
            );
            assert_eq!(rendered.len(), declaration.templates.len());
            let _ = to_yaml(rendered.iter().map(|rendered| &rendered.object));
        }
        Err(diagnostics) => assert!(!diagnostics.is_empty()),
    }
});
