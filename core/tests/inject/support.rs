//! Helpers for the injection tests.

use gleaner_core::inject::settings::{PullPolicy, Resources, Sidecars};
use gleaner_core::inject::task::{self, Operation};
use gleaner_core::inject::{Outcome, Refusal, Settings, Skip, pod};
use serde_json::Value;

/// Returns the settings of a typical installation.
pub(crate) fn settings() -> Settings {
    Settings {
        image: "registry.example/gleaner:1".into(),
        image_pull_policy: Some(PullPolicy::IfNotPresent),
        resources: Resources::default(),
        run_as_user: Some(65532),
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: Default::default(),
    }
}

/// Parses YAML into a JSON value.
pub(crate) fn yaml(text: &str) -> Value {
    gleaner_core::document::yaml::parse(text)
        .expect("YAML")
        .to_json()
}

/// Returns the object after the webhook has changed it on creation.
#[track_caller]
pub(crate) fn injected(object: &Value) -> Value {
    changed(task::inject(object, Operation::Create, &settings()), object)
}

/// Returns the message with which the webhook rejects the creation of an object.
#[track_caller]
pub(crate) fn refused(object: &Value) -> String {
    let refused = task::inject(object, Operation::Create, &settings());
    refused.expect_err("a refusal").to_string()
}

/// Returns the pod after injection.
#[track_caller]
pub(crate) fn injected_pod(pod: &Value) -> Value {
    changed(pod::inject(pod, &settings()), pod)
}

#[track_caller]
pub(crate) fn changed(outcome: Result<Outcome, Refusal>, before: &Value) -> Value {
    match outcome {
        Ok(Outcome::Changed(after)) => after.object,
        Ok(Outcome::Skipped(Skip::Done)) => before.clone(),
        other => panic!("{other:?}"),
    }
}
