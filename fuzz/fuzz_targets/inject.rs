//! Checks that any object is left unchanged, rejected or injected, and that a second injection changes nothing.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use gleaner_core::declaration::AllowedKinds;
use gleaner_core::document::yaml;
use gleaner_core::inject::settings::{Resources, Settings, Sidecars};
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, Refusal, ResultsFrom, Skip, pod};
use gleaner_fuzz::Edited;
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(documents) = written(bytes) {
        documents.iter().for_each(injected);
    } else if let Ok(Edited(object)) = Edited::arbitrary(&mut Unstructured::new(bytes)) {
        injected(&object);
    }
});

/// If the input is YAML or JSON, as in the seeds, and contains only objects, returns the documents in the input.
fn written(bytes: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let documents = yaml::parse_documents(text).ok()?;
    let documents: Vec<Value> = documents
        .iter()
        .map(|document| document.to_json())
        .collect();
    documents.iter().all(Value::is_object).then_some(documents)
}

fn injected(object: &Value) {
    let settings = settings();
    let compressed = ResultsFrom::TerminationMessage { compressed: true };
    let ahead = [
        Placement::AheadOfTime(compressed),
        Placement::AheadOfTime(ResultsFrom::SidecarLogs),
    ];
    for placement in [Placement::Webhook].into_iter().chain(ahead) {
        let create = Operation::Create;
        let inject = |object: &Value| task::inject_for(object, create, &settings, placement);
        if let Some(injected) = once(object, inject) {
            // The webhook also receives updates of injected objects, and objects injected ahead of time.
            let update = Operation::Update { old: &injected };
            let _ = task::inject(object, update, &settings);
            let _ = task::inject(&injected, Operation::Update { old: object }, &settings);
            let _ = task::inject(&injected, create, &settings);
        }
    }
    once(object, |pod| pod::inject(pod, &settings));
}

/// Injects into `object`, and checks that a second injection changes nothing. Returns the injected object, if any.
fn once(object: &Value, inject: impl Fn(&Value) -> Result<Outcome, Refusal>) -> Option<Value> {
    match inject(object) {
        Err(refusal) => {
            assert!(!refusal.diagnostics.is_empty());
            let _ = refusal.to_string();
            None
        }
        Ok(Outcome::Skipped(_)) => None,
        Ok(Outcome::Changed(injected)) => {
            let injected = injected.object;
            match inject(&injected) {
                Ok(Outcome::Skipped(Skip::Done | Skip::NotAsked)) => {}
                Ok(Outcome::Changed(again)) => assert_eq!(again.object, injected),
                other => panic!("{other:?} for {injected}"),
            }
            Some(injected)
        }
    }
}

fn settings() -> Settings {
    Settings {
        image: "gleaner:1".into(),
        image_pull_policy: None,
        resources: Resources::default(),
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: AllowedKinds::unguarded(),
    }
}
