//! The versions of Tekton's kinds that carry declarations.

use crate::document::suggestion::nearest;
use crate::document::{Cursor, Diagnostics};

/// The kinds with TaskSpecs (`pkg/apis/pipeline/v1/register.go`).
const KINDS: [&str; 4] = ["Task", "TaskRun", "Pipeline", "PipelineRun"];
/// The versions that Tekton serves; the last one only did so before v0.43.
const VERSIONS: [&str; 3] = [CURRENT, "tekton.dev/v1beta1", OLD];
const CURRENT: &str = "tekton.dev/v1";
const OLD: &str = "tekton.dev/v1alpha1";

/// Reports a version of Tekton's that does not exist, or that current versions of Tekton do not serve.
pub(super) fn check(
    version: &str,
    kind: &str,
    object: &Cursor<'_>,
    errors: &mut Diagnostics,
    warnings: Option<&mut Diagnostics>,
) {
    if !has(kind) {
        return;
    }
    let at = object.field("apiVersion").unwrap_or_else(|| object.clone());
    if version == OLD {
        let message = format!("current versions of Tekton do not serve {kind} in {OLD}");
        let help = "translate the file: gleaner translate -f FILE".to_owned();
        if let Some(warnings) = warnings {
            warnings.add(&at, message, Some(help));
        }
    } else if !VERSIONS.contains(&version) {
        let near = nearest(version, VERSIONS).unwrap_or(CURRENT);
        let message = format!("Tekton has no {kind} in {version}");
        errors.add(&at, message, Some(format!("did you mean {near}?")));
    }
}

/// Returns true if the kind is one of Tekton's with TaskSpecs.
pub(super) fn has(kind: &str) -> bool {
    KINDS.contains(&kind)
}
