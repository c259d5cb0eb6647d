//! The flags that tell the redirector and the sidecar their share of the space for a pod's termination messages.

use gleaner_proto::redirector as flag;
use gleaner_termination::Share;
use serde_json::Value;

use super::{list, mounts};

/// The lists of a pod's spec whose containers share the space for termination messages.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The source of a pod's results (Tekton's feature flags `results-from` and `enable-termination-message-compression`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultsFrom {
    /// The termination messages.
    TerminationMessage {
        /// True if the messages are compressed.
        compressed: bool,
    },
    /// The log of Tekton's own sidecar.
    SidecarLogs,
}

impl Default for ResultsFrom {
    fn default() -> Self {
        Self::TerminationMessage { compressed: false }
    }
}

/// The content of one step's termination message, and the share of the space that is available to the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Messages {
    /// The containers that share the space.
    pub(crate) share: Share,
    /// The names of the Task's results; empty if Tekton reads results from a container's log.
    pub(crate) results: Vec<String>,
    /// The step's own results.
    pub(crate) step_results: Vec<String>,
    /// The directory in which Tekton stores the step's metadata.
    pub(crate) step_metadata_dir: Option<String>,
}

impl Messages {
    /// Returns the content for a container whose termination message contains no results.
    pub(crate) const fn without_results(share: Share) -> Self {
        Self {
            share,
            results: Vec::new(),
            step_results: Vec::new(),
            step_metadata_dir: None,
        }
    }

    /// Returns the redirector's flags.
    pub(crate) fn flags(&self) -> Vec<String> {
        let mut flags = vec![flag::TERMINATION_SHARE.with(self.share)];
        if !self.results.is_empty() {
            flags.push(flag::RESULTS.with(self.results.join(",")));
        }
        if !self.step_results.is_empty() {
            flags.push(flag::STEP_RESULTS.with(self.step_results.join(",")));
        }
        let has_results = flags.len() > 1;
        let directory = self.step_metadata_dir.iter().filter(|_| has_results);
        flags.extend(directory.map(|directory| flag::STEP_METADATA_DIR.with(directory)));
        flags
    }
}

/// Returns the share for each container in `pod`. `added` is the number of Gleaner's containers in the pod.
pub(crate) fn share(pod: &Value, added: usize, results_from: ResultsFrom) -> Share {
    share_of(
        containers_of(pod).saturating_sub(added),
        added,
        results_from,
    )
}

fn containers_of(pod: &Value) -> usize {
    let lists = LISTS.iter();
    lists
        .map(|list| list::items(&pod["spec"], list).len())
        .sum()
}

/// Updates the number of containers in the flags of an injected pod, because another injector may have added containers. Only
/// the first such flag in each container is changed, because any later flag is an argument of the step's own command. Returns
/// the number of containers.
pub(crate) fn count_again(pod: &mut Value) -> usize {
    let all = containers_of(pod);
    for list in LISTS {
        let items = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
        let items = items.into_iter().flatten();
        for container in items.filter(|container| mounts::are_in(container)) {
            texts(container)
                .into_iter()
                .find_map(|text| count_in(text, all));
        }
    }
    all
}

/// Sets the number of containers to `all` in the flag that `text` contains. Returns `None` if `text` does not contain the flag.
pub(crate) fn count_in(text: &mut String, all: usize) -> Option<()> {
    let share = find_share(text)?;
    let counted = Share {
        own: all.saturating_sub(share.added),
        ..share
    };
    let flag = |share| flag::TERMINATION_SHARE.with(share);
    // Replace every occurrence, because the text may contain a command for each platform.
    *text = text.replace(&flag(share), &flag(counted));
    Some(())
}

/// Returns the strings of a container that may contain the redirector's flags: arguments, command, and the commands for each
/// platform, which Tekton stores in an environment variable.
fn texts(container: &mut Value) -> Vec<&mut String> {
    let Value::Object(fields) = container else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, value) in fields {
        let Value::Array(items) = value else {
            continue;
        };
        for item in items {
            let item = match key.as_str() {
                "args" | "command" => Some(item),
                "env" => item.get_mut("value"),
                _ => None,
            };
            if let Some(Value::String(text)) = item {
                found.push(text);
            }
        }
    }
    found
}

/// Parses the flag in `text` and returns the share, or `None` if `text` does not contain the flag.
fn find_share(text: &str) -> Option<Share> {
    let (_, rest) = text.split_once(&flag::TERMINATION_SHARE.with(""))?;
    rest.split('"').next()?.parse().ok()
}

/// The termination messages in pods that are created from a TaskSpec.
#[derive(Debug)]
pub(crate) struct OfTask {
    share: Share,
    results_from: ResultsFrom,
    results: Vec<String>,
}

impl OfTask {
    /// Describes the termination messages for a TaskSpec that is not injected yet. Injection adds `results`, and `added` is the
    /// number of containers that it adds. Tekton adds up to three init containers to each pod: one always, one for scripts, and
    /// one for working directories (`pkg/pod/pod.go`).
    pub(crate) fn new<'a>(
        spec: &'a Value,
        added: usize,
        results: impl Iterator<Item = &'a str>,
        results_from: ResultsFrom,
    ) -> Self {
        let containers = || {
            let sidecars = list::items(spec, "sidecars").iter();
            list::items(spec, "steps").iter().chain(sidecars)
        };
        let has = |field: &'static str| {
            let mut all = containers().chain([&spec["stepTemplate"]]);
            usize::from(all.any(|container| container[field].is_string()))
        };
        let own = containers().count() + 1 + has("script") + has("workingDir");
        // Omit results with a `value`: such a result refers to a step's result, and the entrypoint does not write it a second
        // time.
        let declared = list::items(spec, "results").iter();
        let declared = declared.filter(|result| result["value"].is_null());
        let declared = declared.filter_map(|result| result["name"].as_str());
        let mut names: Vec<&str> = declared.chain(results).collect();
        names.sort_unstable();
        names.dedup();
        Self {
            share: share_of(own, added, results_from),
            results_from,
            results: names.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Returns the sidecar's share, or `None` if termination messages do not contain results.
    pub(crate) fn share(&self) -> Option<Share> {
        (self.results_from != ResultsFrom::SidecarLogs).then_some(self.share)
    }

    /// Returns the content of the termination message for the step at `index`. The step declares the results in `step_results`.
    pub(crate) fn of_step(&self, index: usize, step_results: &[String]) -> Messages {
        match self.results_from {
            ResultsFrom::SidecarLogs => Messages::without_results(self.share),
            ResultsFrom::TerminationMessage { .. } => Messages {
                share: self.share,
                results: self.results.clone(),
                step_results: step_results.to_owned(),
                step_metadata_dir: Some(format!("/tekton/run/{index}/status")),
            },
        }
    }
}

fn share_of(own: usize, added: usize, results_from: ResultsFrom) -> Share {
    Share {
        own,
        added,
        compressed: results_from == ResultsFrom::TerminationMessage { compressed: true },
    }
}
