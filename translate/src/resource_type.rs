//! The types of PipelineResources, and their equivalents in Tekton v1.

use gleaner_core::document::suggestion::suggestion;
use gleaner_core::document::{Cursor, Diagnostics};
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_TYPES;

use crate::resource_lists::Direction;

/// A type whose resources become object parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceType {
    /// A repository and a revision, cloned into `/workspace/NAME`.
    Git,
    /// An image's URL and digest. Tekton does not pull the image.
    Image,
}

/// A type without an equivalent, what Tekton did with an input or output of this type, and the remedy.
type Refused = (&'static str, &'static str, &'static str);

const INPUTS: [Refused; 4] = [
    (
        "storage",
        "was downloaded into /workspace, but Tekton no longer does this",
        "pass its location as a parameter, and download it in an initial step",
    ),
    (
        "cluster",
        "became a kubeconfig file, which Tekton no longer writes",
        "mount a Secret with the kubeconfig as a workspace",
    ),
    (
        "pullRequest",
        "was fetched and written to files, but Tekton no longer does this",
        "pass its url as a parameter, and fetch the required data in an initial step",
    ),
    (
        "cloudEvent",
        "is not useful, because Tekton sent the event only after the TaskRun finished",
        "remove this input, and set up Tekton's events instead (config-events)",
    ),
];

const OUTPUTS: [Refused; 5] = [
    (
        "git",
        "was copied to the tasks that use it as an input, but Tekton no longer does this",
        "share a workspace between the tasks",
    ),
    (
        "storage",
        "was uploaded from /workspace/output, but Tekton no longer does this",
        "upload it in a final step, and pass its location as a parameter",
    ),
    ("cluster", "never had an effect", "remove it"),
    (
        "pullRequest",
        "updated the pull request from files in the workspace, which Tekton no longer does",
        "pass its url as a parameter, and update the pull request in a final step",
    ),
    (
        "cloudEvent",
        "sent an event after the TaskRun finished, but Tekton no longer does this",
        "remove this output, and set up Tekton's events instead (config-events)",
    ),
];

impl ResourceType {
    /// Reads the type of an input, or of an output that a run binds. Reports types that have no equivalent in v1, because Tekton
    /// did more with such resources than pass their values.
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
                .diagnostic(format!("'{kind}' is not a PipelineResource type"))
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

    /// Returns the names of the params in a PipelineResource of this type. The first is required. The second defaults to an empty
    /// string, as in Tekton.
    pub(crate) const fn keys(self) -> [&'static str; 2] {
        match self {
            Self::Git => ["url", "revision"],
            Self::Image => ["url", "digest"],
        }
    }
}
