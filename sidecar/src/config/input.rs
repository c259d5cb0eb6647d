//! The sidecar's input: the declaration, the initial values and the run, which are parsed from command-line flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use gleaner_core::declaration::{AllowedKinds, Declaration, KindPatternError, Scope};
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_proto::StepName;
use gleaner_proto::arguments::{
    ALLOW_KIND, ARRAY, Arguments, ArgumentsError, CONTEXT, DECLARATION, OWNER, PARAM, PARAM_KEY,
    RunValues, STEP, TERMINATION_SHARE, UNWRAPPED, VALUES,
};
use gleaner_proto::encoding::{self, EncodingError};
use gleaner_termination::Share;
use serde_json::Value;

use crate::message;
use gleaner_core::render::Values;
use gleaner_core::run::{OwnerReference, Ownership, Run};

/// The flags that describe a run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The run")]
pub struct Input {
    /// Declaration as base64, which shells, Tekton and Kubernetes do not expand; may be split over several flags
    #[arg(
        long = name(DECLARATION),
        env = "GLEANER_DECLARATION",
        hide_env_values = true,
        required_unless_present = "declaration_file"
    )]
    declaration: Vec<String>,
    /// File that contains the declaration
    #[arg(long, env = "GLEANER_DECLARATION_FILE", conflicts_with = "declaration")]
    declaration_file: Option<PathBuf>,
    /// Step that may post although it declares no outputs; steps with declared outputs need no flag
    #[arg(long = name(STEP), value_name = "NAME")]
    steps: Vec<StepName>,
    /// Parameter of type string
    #[arg(long = name(PARAM), value_name = "NAME=VALUE", value_parser = form(PARAM))]
    params: Vec<String>,
    /// Parameter of type array or object
    #[arg(long = "param-json", value_name = "NAME=JSON", value_parser = json_pair)]
    json_params: Vec<(String, Value)>,
    /// Value of one key of a parameter of type object
    #[arg(long = name(PARAM_KEY), value_name = "NAME.KEY=VALUE", value_parser = form(PARAM_KEY))]
    keys: Vec<String>,
    /// Parameter of type array; its items follow after -- as: array:NAME ITEM... end:NAME
    #[arg(long = name(ARRAY), value_name = "NAME")]
    arrays: Vec<String>,
    /// Value of $(context.NAME), such as taskRun.name, taskRun.uid, taskRun.namespace, task.name, pipelineRun.uid
    #[arg(long = name(CONTEXT), value_name = "NAME=VALUE", value_parser = form(CONTEXT))]
    context: Vec<String>,
    /// Additional label for created objects
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Parameters, context and labels as base64-encoded JSON, which shells, Tekton and Kubernetes do not expand; may be split
    /// over several flags
    #[arg(long = name(VALUES), value_name = "BASE64")]
    values: Vec<String>,
    /// Owner of the created objects, if it is not a PipelineRun or a TaskRun
    #[arg(long = name(OWNER), value_name = "APIVERSION,KIND,NAME,UID", value_parser = owner, conflicts_with = "no_owner")]
    owner: Option<OwnerReference>,
    /// Numbers of containers that share the pod's space for termination messages: the pod's own plus those that Gleaner adds,
    /// such as 3+1, or 3+1,compressed if Tekton compresses the messages. Results that do not fit are omitted, or fail
    /// the run before anything is created
    #[arg(long = name(TERMINATION_SHARE), value_name = "OWN+ADDED")]
    termination_share: Option<Share>,
    /// Kind that the declaration may create, as GROUP/KIND, such as apps/Deployment, core/ConfigMap or apps/*; may be specified
    /// several times. If omitted, every kind is allowed
    #[arg(long = name(ALLOW_KIND), value_name = "GROUP/KIND")]
    kinds: Vec<String>,
    /// Omit owner references, for a run that does not exist in the cluster
    #[arg(long, env = "GLEANER_NO_OWNER")]
    no_owner: bool,
    /// Refuse to start, because the webhook did not inject the pod
    #[arg(long = name(UNWRAPPED), hide = true)]
    unwrapped: bool,
    /// Items of the parameters of type array
    #[arg(last = true, value_name = "ITEMS", hide = true)]
    items: Vec<String>,
}

/// An error in the input.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("the declaration {path} cannot be read")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The declaration file is not valid text.
    #[error("the declaration {path} {error}")]
    FileEncoding { path: PathBuf, error: EncodingError },
    /// The steps have no redirector, because the webhook did not inject the pod.
    #[error(
        "this pod is not injected, because Gleaner's webhook for pods was not called; check that the injector is running \
         and that its MutatingWebhookConfiguration has a webhook for pods"
    )]
    Unwrapped,
    /// The content of `--values` is not valid.
    #[error("--values is not valid base64-encoded JSON: {0}")]
    Values(String),
    #[error("invalid arguments")]
    Arguments(#[source] ArgumentsError),
    #[error("--declaration is not base64-encoded text")]
    Encoding,
    /// The declaration is invalid. The field lists all errors with their positions.
    #[error("the declaration is invalid:{}", .0.iter().map(|diagnostic| format!("\n  {diagnostic}")).collect::<String>())]
    Declaration(Vec<Diagnostic>),
    #[error("invalid --allow-kind")]
    AllowKind(#[source] KindPatternError),
    /// The declaration creates a kind that the cluster operator does not allow.
    #[error("the declaration is not allowed:{}", .0.iter().map(|diagnostic| format!("\n  {diagnostic}")).collect::<String>())]
    NotAllowed(Vec<Diagnostic>),
}

impl Input {
    /// Returns the parsed and checked declaration, and its source text.
    pub fn declaration(&self) -> Result<(Declaration, String), InputError> {
        if self.unwrapped {
            return Err(InputError::Unwrapped);
        }
        let text = match &self.declaration_file {
            Some(path) => {
                let error = |source| InputError::File {
                    path: path.clone(),
                    source,
                };
                let bytes = std::fs::read(path).map_err(error)?;
                encoding::decode(bytes).map_err(|error| InputError::FileEncoding {
                    path: path.clone(),
                    error,
                })?
            }
            None => {
                let bytes = STANDARD.decode(self.declaration.concat());
                let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
                text.ok_or(InputError::Encoding)?
            }
        };
        let declaration =
            Declaration::parse(&text, &Scope::default()).map_err(InputError::Declaration)?;
        // The injector has already checked the kinds, but the sidecar creates the objects, so it must enforce the list too.
        let kinds = AllowedKinds::from_arguments(&self.kinds).map_err(InputError::AllowKind)?;
        match kinds.check(&declaration) {
            refused if refused.is_empty() => {}
            refused => return Err(InputError::NotAllowed(refused)),
        }
        Ok((declaration, text))
    }

    /// Returns the values that are known before the first step runs, and the description of the run.
    ///
    /// # Errors
    /// Fails if the arguments are not in the format that the injector writes.
    pub fn values_and_run(&self) -> Result<(Values, Run), InputError> {
        let arguments = self.arguments()?;
        let passed = Self::run_values(&arguments)?;
        let mut params = arguments.params();
        params.extend(self.json_params.iter().cloned());
        params.extend(passed.params);
        let values = Values {
            params: params.into_iter().collect(),
            ..Values::default()
        };
        let mut context: BTreeMap<_, _> = arguments.context.into_iter().collect();
        let mut labels: BTreeMap<_, _> = self.labels.iter().cloned().collect();
        context.extend(passed.context);
        labels.extend(passed.labels);
        let ownership = match (&self.owner, self.no_owner) {
            (_, true) => Ownership::Nobody,
            (Some(owner), false) => Ownership::Other(owner.clone()),
            (None, false) => Ownership::Run,
        };
        let run = Run {
            context,
            labels,
            ownership,
            secret_key: None,
        };
        Ok((values, run))
    }

    /// Parses the flags that the injector wrote.
    fn arguments(&self) -> Result<Arguments, InputError> {
        let flags = [
            (PARAM, &self.params),
            (PARAM_KEY, &self.keys),
            (CONTEXT, &self.context),
            (VALUES, &self.values),
            (ARRAY, &self.arrays),
        ];
        let flags = flags
            .into_iter()
            .flat_map(|(flag, values)| values.iter().map(move |value| format!("{flag}={value}")));
        let end = std::iter::once("--".to_owned());
        let args: Vec<String> = flags.chain(end).chain(self.items.iter().cloned()).collect();
        Arguments::parse(&args).map_err(InputError::Arguments)
    }

    fn run_values(arguments: &Arguments) -> Result<RunValues, InputError> {
        if arguments.values.is_empty() {
            return Ok(RunValues::default());
        }
        let bytes = STANDARD.decode(&arguments.values);
        let json = bytes.map_err(|error| InputError::Values(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| InputError::Values(error.to_string()))
    }

    /// If results are passed in termination messages, returns the numbers of containers that share the pod's space for these
    /// messages.
    pub const fn termination_share(&self) -> Option<Share> {
        self.termination_share
    }

    /// Returns the steps that may post although they declare no outputs.
    pub fn steps(&self) -> impl Iterator<Item = StepName> {
        self.steps.iter().cloned()
    }
}

/// Returns the flag's name without the leading dashes, as clap expects it.
fn name(flag: &'static str) -> &'static str {
    flag.trim_start_matches('-')
}

/// Returns a value parser that checks a flag's value with the rules of [`Arguments`].
fn form(flag: &'static str) -> impl Fn(&str) -> Result<String, ArgumentsError> + Clone {
    move |value| Arguments::parse(&[format!("{flag}={value}")]).map(|_| value.to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("use NAME=VALUE".to_owned()),
    }
}

fn json_pair(text: &str) -> Result<(String, Value), String> {
    let (name, json) = pair(text)?;
    let value =
        message::value(&json).map_err(|error| format!("the value is not valid JSON: {error}"))?;
    Ok((name, value))
}

fn owner(text: &str) -> Result<OwnerReference, String> {
    let parts: Vec<&str> = text.split(',').collect();
    match parts.as_slice() {
        [api_version, kind, name, uid] if parts.iter().all(|part| !part.is_empty()) => {
            Ok(OwnerReference {
                api_version: (*api_version).to_owned(),
                kind: (*kind).to_owned(),
                name: (*name).to_owned(),
                uid: (*uid).to_owned(),
            })
        }
        _ => Err("use APIVERSION,KIND,NAME,UID".to_owned()),
    }
}

#[cfg(test)]
mod tests;
