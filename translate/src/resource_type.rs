//! The types of PipelineResources, and which of them have an equal in Tekton today.

use gleaner_core::document::diagnostic::suggestion;

/// A type whose resources can be taken in as an object parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceType {
    /// A repository and a revision of it, cloned into `/workspace/NAME`.
    Git,
    /// An image, by its URL and digest. Nothing is fetched.
    Image,
}

/// Why a type has no equal: the reason, and the remedy.
pub(crate) type Reason = (String, String);

const KNOWN: [&str; 6] = [
    "git",
    "image",
    "storage",
    "cluster",
    "pullRequest",
    "cloudEvent",
];

impl ResourceType {
    /// The type of an input.
    ///
    /// # Errors
    /// When Tekton did more with it than pass on values, and nothing does that today.
    pub(crate) fn of_input(kind: &str) -> Result<Self, Reason> {
        let (did, remedy) = match kind {
            "git" => return Ok(Self::Git),
            "image" => return Ok(Self::Image),
            "storage" | "gcs" | "build-gcs" => (
                "was downloaded into /workspace, which nothing does today",
                "take its location as a parameter, and let a first step download it",
            ),
            "cluster" => (
                "became a kubeconfig file, which nothing writes today",
                "mount a Secret with the kubeconfig as a workspace",
            ),
            "pullRequest" => (
                "was fetched into files, which nothing does today",
                "take its url as a parameter, and let a first step fetch what the others need",
            ),
            "cloudEvent" => (
                "is no input: events were sent when the TaskRun had ended",
                "remove it, and see Tekton's events configuration (config-events)",
            ),
            other => return Err(unknown(other)),
        };
        Err((format!("an input of type {kind} {did}"), remedy.to_owned()))
    }

    /// The type of an output that a run binds to a resource which exists already.
    ///
    /// # Errors
    /// When Tekton did more with it than pass on values, and nothing does that today.
    pub(crate) fn of_bound_output(kind: &str) -> Result<Self, Reason> {
        let (did, remedy) = match kind {
            "image" => return Ok(Self::Image),
            "git" => (
                "was copied to the tasks that take it in, which nothing does today",
                "share a workspace between the tasks",
            ),
            "storage" | "gcs" | "build-gcs" => (
                "was uploaded from /workspace/output, which nothing does today",
                "let a last step upload it, and take its location as a parameter",
            ),
            "cluster" => ("never did anything", "remove it"),
            "pullRequest" => (
                "was written back from files, which nothing does today",
                "let a last step write to it, and take its url as a parameter",
            ),
            "cloudEvent" => (
                "had an event sent when the TaskRun had ended",
                "set up Tekton's events (config-events), and remove it here",
            ),
            other => return Err(unknown(other)),
        };
        Err((format!("an output of type {kind} {did}"), remedy.to_owned()))
    }

    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Image => "image",
        }
    }

    /// What its resources hold, and whether Tekton took an empty text where it was missing.
    pub(crate) const fn keys(self) -> [(&'static str, Need); 2] {
        match self {
            Self::Git => [("url", Need::Always), ("revision", Need::Sometimes)],
            Self::Image => [("url", Need::Always), ("digest", Need::Sometimes)],
        }
    }
}

/// Whether a resource must have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Without it there is no resource.
    Always,
    /// It may be missing, and is an empty text then.
    Sometimes,
}

fn unknown(kind: &str) -> Reason {
    let help = suggestion(kind, KNOWN).unwrap_or_default();
    (format!("'{kind}' is no type of a PipelineResource"), help)
}
