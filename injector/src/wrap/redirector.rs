//! The redirector's arguments for one step.

use gleaner_proto::OutputSpec;
use gleaner_proto::arguments::OutputPath;
use gleaner_proto::declaration::{Declaration, Preflight};
use gleaner_proto::path;

use super::expansion::escape;

/// One step, as the redirector is to know it.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) name: &'a str,
    /// Whether it is the first, which a strict preflight stops.
    pub(super) is_first: bool,
    /// Whether it finishes the run.
    pub(super) finishes: bool,
    /// Where the container's termination message lies, where it is not where Tekton has it.
    pub(super) termination_message: Option<&'a str>,
}

/// The redirector and its arguments, up to and with the `--` before the command; safe from the kubelet's expansion.
pub(super) fn prefix(
    declaration: &Declaration,
    step: &Step<'_>,
    paths: &[OutputPath],
) -> Vec<String> {
    let mut args = vec![path::REDIRECTOR.to_owned(), format!("--step={}", step.name)];
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
        args.push(format!("--output={}", escape(&spec.to_string())));
    }
    if step.is_first && declaration.preflight == Preflight::Strict {
        args.push("--preflight".to_owned());
    }
    if step.finishes {
        args.push("--finish".to_owned());
    }
    if let Some(path) = step.termination_message {
        args.push(format!("--termination-message={}", escape(path)));
    }
    args.push("--".to_owned());
    args
}
