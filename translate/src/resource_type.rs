//! The types of PipelineResources, and which of them have an equivalent in Tekton v1.

use gleaner_core::document::suggestion::suggestion;
use gleaner_core::document::{Cursor, Diagnostics};
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_TYPES;

use crate::resource_lists::Direction;

/// A type whose resources can be passed as an object parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceType {
    /// A repository and a revision of it, cloned into `/workspace/NAME`.
    Git,
    /// An image, by its URL and digest. Nothing is fetched.
    Image,
}

/// A type, what Tekton did with resources of it, and the remedy.
type Refused = (&'static str, &'static str, &'static str);

const INPUTS: [Refused; 4] = [
    (
        "storage",
        "was downloaded into /workspace, which nothing does today",
        "take its location as a parameter, and let a first step download it",
    ),
    (
        "cluster",
        "became a kubeconfig file, which nothing writes today",
        "mount a Secret with the kubeconfig as a workspace",
    ),
    (
        "pullRequest",
        "was fetched into files, which nothing does today",
        "take its url as a parameter, and let a first step fetch what the others need",
    ),
    (
        "cloudEvent",
        "is no input: events were sent when the TaskRun had ended",
        "remove it, and see Tekton's events configuration (config-events)",
    ),
];

const OUTPUTS: [Refused; 5] = [
    (
        "git",
        "was copied to the tasks that take it in, which nothing does today",
        "share a workspace between the tasks",
    ),
    (
        "storage",
        "was uploaded from /workspace/output, which nothing does today",
        "let a last step upload it, and take its location as a parameter",
    ),
    ("cluster", "never did anything", "remove it"),
    (
        "pullRequest",
        "was written back from files, which nothing does today",
        "let a last step write to it, and take its url as a parameter",
    ),
    (
        "cloudEvent",
        "had an event sent when the TaskRun had ended",
        "set up Tekton's events (config-events), and remove it here",
    ),
];

impl ResourceType {
    /// Reads the type of an input, or of an output that a run binds. Reports a type with which Tekton did more than pass
    /// values: nothing does that today.
    pub(crate) fn read(
        cursor: &Cursor<'_>,
        direction: Direction,
        found: &mut Diagnostics,
    ) -> Option<Self> {
        let kind = cursor.text(found)?;
        let (title, refused) = match (kind, direction) {
            ("image", _) => return Some(Self::Image),
            ("git", Direction::Input) => return Some(Self::Git),
            (_, Direction::Input) => ("an input", &INPUTS[..]),
            (_, Direction::Output) => ("an output", &OUTPUTS[..]),
        };
        let known = match kind {
            "gcs" | "build-gcs" => "storage",
            _ => kind,
        };
        let diagnostic = match refused.iter().find(|(own, ..)| *own == known) {
            Some((_, did, remedy)) => cursor
                .diagnostic(format!("{title} of type {kind} {did}"))
                .help(*remedy),
            None => cursor
                .diagnostic(format!("'{kind}' is no type of a PipelineResource"))
                .maybe_help(suggestion(kind, PIPELINE_RESOURCE_TYPES)),
        };
        found.push(diagnostic);
        None
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Image => "image",
        }
    }

    /// The params of its resources. The second one may be missing, and is an empty text then, as it was in Tekton.
    pub(crate) const fn keys(self) -> [&'static str; 2] {
        match self {
            Self::Git => ["url", "revision"],
            Self::Image => ["url", "digest"],
        }
    }
}
