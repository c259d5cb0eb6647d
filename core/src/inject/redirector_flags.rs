//! The redirector's flags for one step.

use std::collections::HashMap;

use crate::declaration::{Declaration, Preflight};
use gleaner_proto::OutputSpec;
use gleaner_proto::arguments::{INSTALL_REDIRECTOR, OutputPath, REDIRECTOR};
use gleaner_proto::duration;
use gleaner_proto::path;
use gleaner_proto::redirector as flag;

use super::messages::Messages;

/// The properties of a step that the redirector needs.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) name: &'a str,
    /// True for the first step, which fails if a strict preflight fails.
    pub(crate) is_first: bool,
    pub(crate) finishes: bool,
    /// The path of the container's termination message, if this path differs from Tekton's default.
    pub(crate) termination_message: Option<&'a str>,
    pub(crate) messages: Messages,
}

/// The paths of output files, by step and output, after Tekton replaced the variables in the paths. The default value contains no
/// paths.
#[derive(Debug, Default)]
pub(crate) struct Paths<'a>(HashMap<(&'a str, &'a str), &'a str>);

impl<'a> Paths<'a> {
    pub(crate) fn of(paths: &'a [OutputPath]) -> Self {
        let entry = |path: &'a OutputPath| {
            (
                (path.step.as_str(), path.output.as_str()),
                path.path.as_str(),
            )
        };
        // If an output has several paths, the first one applies, so it is inserted last.
        Self(paths.iter().rev().map(entry).collect())
    }
}

/// Returns the redirector's flags; the caller escapes `$` in them for the kubelet. The first flag is
/// [`INJECTED`](flag::INJECTED).
pub(crate) fn flags(declaration: &Declaration, step: &Step<'_>, paths: &Paths<'_>) -> Vec<String> {
    let mut flags = vec![flag::INJECTED.to_owned(), flag::STEP.with(step.name)];
    for output in declaration.outputs(step.name) {
        let known = paths.0.get(&(step.name, output.spec.name.as_str()));
        let spec = OutputSpec {
            path: known
                .map(|path| (*path).to_owned())
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
    if let Some(timeout) = declaration.answer_timeout() {
        flags.push(flag::ANSWER_TIMEOUT.with(duration::written(timeout)));
    }
    flags.extend(step.messages.flags());
    flags
}

/// Returns the flags with which the sidecar installs the redirector in the directory where the steps expect it.
pub(crate) fn install() -> [String; 2] {
    [
        format!("{REDIRECTOR}={}", path::IMAGE_REDIRECTOR),
        format!("{INSTALL_REDIRECTOR}={}", path::REDIRECTOR),
    ]
}
