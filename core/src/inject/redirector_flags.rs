//! The redirector's flags for one step.

use crate::declaration::{Declaration, Preflight};
use gleaner_proto::OutputSpec;
use gleaner_proto::arguments::{INSTALL_REDIRECTOR, OutputPath, REDIRECTOR};
use gleaner_proto::path;
use gleaner_proto::redirector as flag;

use super::messages::Messages;

/// One step, as the redirector is to know it.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) name: &'a str,
    /// Whether it is the first, which a strict preflight stops.
    pub(crate) is_first: bool,
    pub(crate) finishes: bool,
    /// Where the container's termination message lies, where it is not where Tekton has it.
    pub(crate) termination_message: Option<&'a str>,
    pub(crate) messages: Messages,
}

/// The flags, as the redirector reads them: the caller escapes the `$` in them for the kubelet. The first is
/// [`INJECTED`](flag::INJECTED).
pub(crate) fn flags(
    declaration: &Declaration,
    step: &Step<'_>,
    paths: &[OutputPath],
) -> Vec<String> {
    let mut flags = vec![flag::INJECTED.to_owned(), flag::STEP.with(step.name)];
    for output in declaration.outputs(step.name) {
        let known = paths
            .iter()
            .find(|path| path.step == step.name && path.output == output.spec.name.as_str());
        let spec = OutputSpec {
            path: known
                .map(|known| known.path.clone())
                .or_else(|| output.spec.path.clone()),
            ..output.spec.clone()
        };
        flags.push(flag::OUTPUT.with(spec));
    }
    if step.is_first && declaration.preflight == Preflight::Strict {
        flags.push(flag::PREFLIGHT.bare());
    }
    if step.finishes {
        flags.push(flag::FINISH.bare());
    }
    if let Some(path) = step.termination_message {
        flags.push(flag::TERMINATION_MESSAGE.with(path));
    }
    flags.extend(step.messages.flags());
    flags
}

/// The sidecar's flags that put the redirector where the steps find it.
pub(crate) fn install() -> [String; 2] {
    [
        format!("{REDIRECTOR}={}", path::IMAGE_REDIRECTOR),
        format!("{INSTALL_REDIRECTOR}={}", path::REDIRECTOR),
    ]
}
