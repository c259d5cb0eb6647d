//! Terminal states of common kinds.

use gleaner_core::declaration::WaitTarget;
use serde_json::Value;

use super::state::{find as condition, is_current, said, with_cause};
use crate::answer::text;
use crate::kind::KindName;

/// A terminal state of objects of one kind.
struct Terminal {
    group: &'static str,
    kinds: &'static [&'static str],
    mark: Mark,
}

/// The part of an object's status that identifies a terminal state.
enum Mark {
    /// A condition's type, status and possible reasons. If the list is empty, any reason matches.
    Condition(&'static str, &'static str, &'static [&'static str]),
    /// The possible values of `.status.phase`.
    Phase(&'static [&'static str]),
}

use Mark::{Condition, Phase};

const fn of(group: &'static str, kinds: &'static [&'static str], mark: Mark) -> Terminal {
    Terminal { group, kinds, mark }
}

/// The states that the documentation of each kind describes as terminal. Failures that a controller retries are not included.
const TERMINAL: &[Terminal] = &[
    of("batch", &["Job"], Condition("FailureTarget", "True", &[])),
    of("batch", &["Job"], Condition("Failed", "True", &[])),
    of(
        "apps",
        &["Deployment"],
        Condition("Progressing", "False", &["ProgressDeadlineExceeded"]),
    ),
    of("", &["Pod"], Phase(&["Failed"])),
    of("", &["Pod"], Condition("Ready", "False", &["PodCompleted"])),
    of("", &["PersistentVolumeClaim"], Phase(&["Lost"])),
    of(
        "tekton.dev",
        &["TaskRun", "PipelineRun", "CustomRun"],
        Condition("Succeeded", "False", &[]),
    ),
    of(
        "certificates.k8s.io",
        &["CertificateSigningRequest"],
        Condition("Denied", "True", &[]),
    ),
    of(
        "certificates.k8s.io",
        &["CertificateSigningRequest"],
        Condition("Failed", "True", &[]),
    ),
    of(
        "cert-manager.io",
        &["Certificate"],
        Condition("Issuing", "False", &["Failed", "Denied"]),
    ),
    of(
        "cert-manager.io",
        &["CertificateRequest"],
        Condition("Ready", "False", &["Failed", "Denied"]),
    ),
    of(
        "cert-manager.io",
        &["CertificateRequest"],
        Condition("InvalidRequest", "True", &[]),
    ),
    of(
        "serving.knative.dev",
        &["Service", "Configuration", "Revision"],
        Condition(
            "Ready",
            "False",
            &[
                "RevisionFailed",
                "ContainerMissing",
                "ProgressDeadlineExceeded",
            ],
        ),
    ),
    of(
        "jobset.x-k8s.io",
        &["JobSet"],
        Condition("Failed", "True", &[]),
    ),
    of(
        "kubeflow.org",
        &[
            "TrainJob",
            "PyTorchJob",
            "TFJob",
            "MPIJob",
            "XGBoostJob",
            "JAXJob",
            "PaddleJob",
        ],
        Condition("Failed", "True", &[]),
    ),
    of("argoproj.io", &["Workflow"], Phase(&["Failed", "Error"])),
];

/// If the object is in a terminal state, returns a description of its status. Returns `None` for a terminal state that is itself
/// the `target`.
pub(super) fn find(
    kind: &KindName,
    object: &Value,
    target: &WaitTarget,
    show: bool,
) -> Option<String> {
    let is_awaited = |name: &str| matches!(target, WaitTarget::Conditions(names) if names.iter().any(|one| one == name));
    let own = TERMINAL
        .iter()
        .filter(|one| one.group == kind.group() && one.kinds.contains(&kind.kind.as_str()));
    // A failing Job gets the condition `FailureTarget` before `Failed`, so a wait for either condition must not fail
    // when the other appears.
    if kind.group() == "batch" && (is_awaited("Failed") || is_awaited("FailureTarget")) {
        return None;
    }
    own.filter_map(|one| match one.mark {
        Condition(name, status, reasons) => {
            let found = condition(object, name)?;
            let is_reason = reasons.is_empty() || reasons.contains(&text(found, "/reason"));
            let fails = found["status"] == status
                && is_reason
                && is_current(object, found)
                && !(status == "True" && is_awaited(name));
            fails.then(|| said(name, found, show))
        }
        Phase(phases) => {
            let phase = text(object, "/status/phase");
            phases
                .contains(&phase)
                .then(|| with_cause(format!("its phase is {phase}"), &object["status"], show))
        }
    })
    .next()
}
