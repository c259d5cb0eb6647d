//! Checks that any request body from a step is accepted or rejected, that an accepted body is read unchanged from the journal,
//! and that an accepted body is recognized when the step posts it again.
#![no_main]

use gleaner_core::collect::{Collector, Examined};
use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::render::Values;
use gleaner_core::run::Run;
use gleaner_sidecar::journal::{Journal, Record};
use gleaner_sidecar::message::{explained, extent, read};

/// The sidecar's default for `--max-depth`.
const DEPTH: usize = 64;
const DECLARATION: &str = "
steps:
  a: [{name: text}, {name: list, type: array, default: []}, {name: kept, when: Always, default: x}]
resources: [{name: img, spec: {type: image, params: [{name: text, value: $(steps.a.text)}]}}]
";

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if extent(body).depth > DEPTH {
        return;
    }
    let message = match read(body) {
        Ok(message) => message,
        Err(error) => {
            let _ = explained(&error);
            return;
        }
    };
    let declaration = Declaration::parse(DECLARATION, &Scope::default()).unwrap();
    let mut collector = Collector::new(declaration, Run::default(), Values::default(), []);
    if let Ok(Examined::New(admission)) = collector.examine("a", message.clone()) {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), b"run").unwrap();
        journal.append_outputs(admission.step(), body).unwrap();
        drop(journal);
        let (_, records) = Journal::open(folder.path(), b"run").unwrap();
        assert_eq!(
            records,
            [Record::Accepted {
                step: admission.step().clone(),
                message: message.clone()
            }]
        );
        collector.accept(admission);
        assert!(matches!(
            collector.examine("a", message),
            Ok(Examined::Repeated(_))
        ));
    }
    let _ = collector.status();
});
