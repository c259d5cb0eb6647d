//! The sidecar's arguments. Injection into a Task writes them; injection into the pod and, later, the sidecar parse them.
//!
//! Between injection into the Task and injection into the pod, Tekton substitutes the values of parameters. Between injection
//! into the pod and the start of the sidecar, the kubelet expands `$(NAME)` and `$$`. Therefore, values are passed so that none
//! of them is changed or mistaken for a flag:
//!
//! - a string and its flag form one argument: `--param=url=$(params.url)`;
//! - Tekton replaces the argument `$(params.list[*])` with one argument per item, so arrays come after `--`, in frames:
//!   `array:list`, the items, `end:list`. The preceding `--array=list` flags determine the names and the order of the frames. If
//!   an item could be mistaken for the end of a frame, all arguments are rejected;
//! - values that are known only when the pod is created are encoded (`--values`), so that the kubelet does not change them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Indicates that Gleaner has not been injected into the pod yet. With this flag, the sidecar refuses to start, because a pod
/// without redirectors would succeed without creating anything.
pub const UNWRAPPED: &str = "--unwrapped";
/// An environment variable that prevents the kubelet from creating the sidecar until injection into the pod removes the variable.
/// It refers to a resource limit of [`UNWRAPPED_CONTAINER`], a container that cannot exist. If a container cannot be created,
/// Tekton fails the TaskRun before any step runs (`pkg/pod/status.go`, `isPodHitConfigError`), and the pod's events name
/// [`UNWRAPPED_CONTAINER`]. If the sidecar only terminated, the TaskRun would not fail.
pub const UNWRAPPED_VARIABLE: &str = "GLEANER_UNWRAPPED";
/// The container that [`UNWRAPPED_VARIABLE`] refers to. The name is not a DNS label, so not even an attacker who may edit the
/// namespace can create such a container. The API server accepts the reference, because it validates only the `resource` of a
/// `resourceFieldRef`, not the `containerName` (`k8s.io/kubernetes/pkg/apis/core/validation/validation.go`,
/// `validateContainerResourceFieldSelector`); the kubelet then fails with `container NAME not found`
/// (`pkg/api/v1/resource/helpers.go`, `findContainerInPod`). A reference to a ConfigMap or Secret would not be safe: the
/// API server requires a valid name, so an attacker could create an object with that name (`validateConfigMapKeySelector`).
pub const UNWRAPPED_CONTAINER: &str = "this_pod_has_not_passed_the_webhook_of_gleaner";
/// The declaration in base64; if the flag is repeated, the parts are concatenated.
pub const DECLARATION: &str = "--declaration";
/// A step that may post outputs. The flag is repeated for each step, in the order in which the Task lists the steps.
pub const STEP: &str = "--step";
/// A string parameter: `NAME=VALUE`.
pub const PARAM: &str = "--param";
/// One key of an object parameter: `NAME.KEY=VALUE`. The parameter's name contains no dots (Tekton,
/// `pkg/apis/pipeline/v1/param_types.go`).
pub const PARAM_KEY: &str = "--param-key";
/// An array parameter. The items of the array come after `--`.
pub const ARRAY: &str = "--array";
/// The value that replaces `$(context.NAME)`: `NAME=VALUE`.
pub const CONTEXT: &str = "--context";
/// The file of an output whose path contains variables: `STEP.OUTPUT=PATH`. Only injection into the pod uses this flag.
pub const PATH: &str = "--path";
/// [`RunValues`] as JSON in base64; if the flag is repeated, the parts are concatenated.
pub const VALUES: &str = "--values";
/// The owner of created objects, if it is neither a PipelineRun nor a TaskRun: `APIVERSION,KIND,NAME,UID`.
pub const OWNER: &str = "--owner";
/// The number of the pod's own containers and the number of containers that Gleaner adds, as `OWN+ADDED`, such as `3+1`. All of
/// them share the space for the pod's termination messages. `,compressed` follows if Tekton compresses the messages. The flag is
/// present only if Tekton passes results in termination messages.
pub const TERMINATION_SHARE: &str = "--termination-share";
/// A kind of object that the declaration may create, as `GROUP/KIND`. If no kind is allowed, the flag has an empty value;
/// without the flag, every kind is allowed.
pub const ALLOW_KIND: &str = "--allow-kind";
/// The path of the redirector binary, which is copied to the volume that the steps mount.
pub const REDIRECTOR: &str = "--redirector";
/// The destination path of the copy.
pub const INSTALL_REDIRECTOR: &str = "--install-redirector";
/// The loopback address to listen on.
pub const LISTEN: &str = "--listen";
/// The log level.
pub const LOG_LEVEL: &str = "--log-level";

/// The maximum length of a value in one argument, in bytes; longer values are split. Linux limits an argument, including the
/// flag, to 128 KiB (`MAX_ARG_STRLEN`).
const CHUNK: usize = 96 << 10;

/// A parameter that is passed to the sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// A string parameter.
    Text {
        /// The parameter's name.
        name: String,
        /// The parameter's value.
        value: String,
    },
    /// One key of an object parameter.
    Key {
        /// The parameter's name.
        name: String,
        /// The key.
        key: String,
        /// The key's value.
        value: String,
    },
    /// An array parameter.
    Array {
        /// The parameter's name.
        name: String,
        /// The items of the array.
        items: Vec<String>,
    },
}

/// The file of an output, if its declared path contains variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPath {
    /// The name of the step.
    pub step: String,
    /// The name of the output.
    pub output: String,
    /// The path. Tekton replaces the variables in it before the pod is injected.
    pub path: String,
}

/// The parsed arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arguments {
    /// True until Gleaner is injected into the pod.
    pub unwrapped: bool,
    /// The declaration in base64.
    pub declaration: String,
    /// The steps, in the order in which the Task lists them.
    pub steps: Vec<String>,
    /// Values of `$(context.*)` by name, without the prefix `context.`.
    pub context: Vec<(String, String)>,
    /// Parameters that the templates use.
    pub params: Vec<Param>,
    /// Files of outputs whose declared path contains variables.
    pub paths: Vec<OutputPath>,
    /// [`RunValues`] in base64; empty before injection into the pod.
    pub values: String,
    /// The kinds of objects that the declaration may create; if empty, every kind is allowed.
    pub kinds: Vec<String>,
    /// All other arguments, unchanged.
    pub others: Vec<String>,
}

/// Properties of a run that are known when its pod is created, encoded so that the kubelet does not expand them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunValues {
    /// Parameters by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Values of `$(context.*)` by name, without the prefix `context.`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
    /// Additional labels for created objects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// An error in a list of arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentsError {
    /// The argument in the first field does not have the form in the second field.
    #[error("'{0}' must have the form {1}")]
    Form(String, &'static str),
    /// The items of the named array are not enclosed in a frame, or the frame is not at the expected position.
    #[error("the items of the array parameter '{0}' are not between 'array:{0}' and 'end:{0}'")]
    Frame(String),
    /// An item of the named array looks like the end of the array's frame.
    #[error(
        "the array parameter '{0}' contains the item 'end:{0}', which is reserved for Gleaner; use another value"
    )]
    Ambiguous(String),
}

// === impl Arguments ===

impl Arguments {
    /// Returns the arguments of the container.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = Vec::new();
        if self.unwrapped {
            args.push(UNWRAPPED.to_owned());
        }
        args.extend(chunks(DECLARATION, &self.declaration));
        args.extend(self.steps.iter().map(|step| format!("{STEP}={step}")));
        let context = self.context.iter();
        args.extend(context.map(|(name, value)| format!("{CONTEXT}={name}={value}")));
        let mut arrays = Vec::new();
        for param in &self.params {
            match param {
                Param::Text { name, value } => args.push(format!("{PARAM}={name}={value}")),
                Param::Key { name, key, value } => {
                    args.push(format!("{PARAM_KEY}={name}.{key}={value}"));
                }
                Param::Array { name, items } => {
                    args.push(format!("{ARRAY}={name}"));
                    arrays.push(format!("array:{name}"));
                    arrays.extend(items.iter().cloned());
                    arrays.push(format!("end:{name}"));
                }
            }
        }
        let paths = self.paths.iter();
        args.extend(
            paths.map(|OutputPath { step, output, path }| format!("{PATH}={step}.{output}={path}")),
        );
        args.extend(chunks(VALUES, &self.values));
        args.extend(self.kinds.iter().map(|kind| format!("{ALLOW_KIND}={kind}")));
        args.extend(self.others.iter().cloned());
        if !arrays.is_empty() {
            args.push("--".to_owned());
            args.append(&mut arrays);
        }
        args
    }

    /// Parses arguments.
    ///
    /// # Errors
    /// Fails if the arguments do not have the form that [`to_args`](Self::to_args) writes, or if an item of an array
    /// could be mistaken for a frame.
    pub fn parse<S: AsRef<str>>(args: &[S]) -> Result<Self, ArgumentsError> {
        let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
        let end = args.iter().position(|argument| *argument == "--");
        let (flags, tail) = match end {
            Some(end) => (&args[..end], &args[end + 1..]),
            None => (args.as_slice(), &[][..]),
        };
        let mut read = Self::default();
        let mut names = Vec::new();
        for argument in flags {
            if *argument == UNWRAPPED {
                read.unwrapped = true;
                continue;
            }
            let (flag, value) = argument.split_once('=').unwrap_or((argument, ""));
            let wrong = |form| ArgumentsError::Form((*argument).to_owned(), form);
            let pair = || {
                let pair = value.split_once('=').filter(|(name, _)| !name.is_empty());
                pair.ok_or_else(|| wrong("NAME=VALUE"))
            };
            let dotted = |form| {
                let (place, value) = value.split_once('=').ok_or_else(|| wrong(form))?;
                let (first, second) = place.split_once('.').ok_or_else(|| wrong(form))?;
                Ok::<_, ArgumentsError>((first.to_owned(), second.to_owned(), value.to_owned()))
            };
            match flag {
                DECLARATION => read.declaration.push_str(value),
                VALUES => read.values.push_str(value),
                ALLOW_KIND => read.kinds.push(value.to_owned()),
                STEP => read.steps.push(value.to_owned()),
                CONTEXT => {
                    let (name, value) = pair()?;
                    read.context.push((name.to_owned(), value.to_owned()));
                }
                PARAM => {
                    let (name, value) = pair()?;
                    let (name, value) = (name.to_owned(), value.to_owned());
                    read.params.push(Param::Text { name, value });
                }
                PARAM_KEY => {
                    let (name, key, value) = dotted("NAME.KEY=VALUE")?;
                    read.params.push(Param::Key { name, key, value });
                }
                PATH => {
                    let (step, output, path) = dotted("STEP.OUTPUT=PATH")?;
                    read.paths.push(OutputPath { step, output, path });
                }
                // The flags determine the order of the arrays; the items come after `--`.
                ARRAY => names.push(value.to_owned()),
                _ => read.others.push((*argument).to_owned()),
            }
        }
        let arrays = arrays(&names, tail)?.into_iter();
        read.params
            .extend(arrays.map(|(name, items)| Param::Array { name, items }));
        Ok(read)
    }

    /// Returns the parameters by name. The keys of each object parameter are combined into one map.
    pub fn params(&self) -> Map<String, Value> {
        let mut params = Map::new();
        for param in &self.params {
            match param {
                Param::Text { name, value } => {
                    params.insert(name.clone(), value.as_str().into());
                }
                Param::Array { name, items } => {
                    params.insert(name.clone(), items.iter().map(String::as_str).collect());
                }
                Param::Key { name, key, value } => {
                    let whole = params
                        .entry(name.clone())
                        .or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(whole) = whole {
                        whole.insert(key.clone(), value.as_str().into());
                    }
                }
            }
        }
        params
    }
}

/// Splits base64 text into arguments that are short enough for Linux.
fn chunks<'a>(flag: &'a str, text: &'a str) -> impl Iterator<Item = String> + 'a {
    let chunks = text.as_bytes().chunks(CHUNK);
    chunks.map(move |chunk| format!("{flag}={}", String::from_utf8_lossy(chunk)))
}

/// Returns the items of the arrays `names`, whose frames must appear in `tail` in the same order.
fn arrays<S: AsRef<str>>(
    names: &[String],
    tail: &[S],
) -> Result<Vec<(String, Vec<String>)>, ArgumentsError> {
    let mut rest: Vec<&str> = tail.iter().map(AsRef::as_ref).collect();
    let mut read = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let frame = || ArgumentsError::Frame(name.clone());
        let begin = format!("array:{name}");
        if rest.first() != Some(&begin.as_str()) {
            return Err(frame());
        }
        let end = format!("end:{name}");
        let next = names.get(index + 1).map(|name| format!("array:{name}"));
        // `end:NAME` ends the array only if the next array or the end of the arguments follows.
        let is_end = |at: &usize| rest[*at] == end && rest.get(at + 1).copied() == next.as_deref();
        let mut ends = (1..rest.len()).filter(is_end);
        let at = ends.next().ok_or_else(frame)?;
        if ends.next().is_some() {
            return Err(ArgumentsError::Ambiguous(name.clone()));
        }
        let items = rest[1..at].iter().map(|item| (*item).to_owned());
        read.push((name.clone(), items.collect()));
        rest.drain(..=at);
    }
    match (rest.is_empty(), names.last()) {
        (true, _) => Ok(read),
        (false, name) => Err(ArgumentsError::Frame(name.cloned().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests;
