//! What is to be collected, and for whom: flags of the command line, made into a declaration, values and a run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_proto::StepName;
use gleaner_proto::arguments::{self, Arguments, ArgumentsError, Param, RunValues};
use serde_json::Value;

use gleaner_core::render::Values;
use gleaner_core::run::{OwnerReference, Ownership, Run};

/// What is to be collected, and for whom.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The run")]
pub struct Input {
    /// The declaration, base64-encoded (nothing on the way to a container expands that); may be given in parts
    #[arg(
        long,
        env = "GLEANER_DECLARATION",
        hide_env_values = true,
        required_unless_present = "declaration_file"
    )]
    declaration: Vec<String>,
    /// The declaration, in a file
    #[arg(long, env = "GLEANER_DECLARATION_FILE", conflicts_with = "declaration")]
    declaration_file: Option<PathBuf>,
    /// A step that may speak; steps with declared outputs are known already
    #[arg(long = "step", value_name = "NAME")]
    steps: Vec<StepName>,
    /// A parameter of type string
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    /// A parameter of type array or object
    #[arg(long = "param-json", value_name = "NAME=JSON", value_parser = json_pair)]
    json_params: Vec<(String, Value)>,
    /// One key of a parameter of type object
    #[arg(long = "param-key", value_name = "NAME.KEY=VALUE", value_parser = key)]
    keys: Vec<(String, String, String)>,
    /// A parameter of type array, whose items stand behind -- as: array:NAME ITEM... end:NAME
    #[arg(long = "array", value_name = "NAME")]
    arrays: Vec<String>,
    /// A value of $(context.NAME), such as taskRun.name, taskRun.uid, taskRun.namespace, task.name, pipelineRun.uid
    #[arg(long = "context", value_name = "NAME=VALUE", value_parser = pair)]
    context: Vec<(String, String)>,
    /// A further label for what is created
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Parameters, context and labels as base64-encoded JSON, which nothing on the way to a container expands; may be given
    /// in parts
    #[arg(long, value_name = "BASE64")]
    values: Vec<String>,
    /// Who owns what is created, where it is neither a PipelineRun nor a TaskRun
    #[arg(long, value_name = "APIVERSION,KIND,NAME,UID", value_parser = owner, conflicts_with = "no_owner")]
    owner: Option<OwnerReference>,
    /// Leave out owner references, where no run exists in the cluster
    #[arg(long, env = "GLEANER_NO_OWNER")]
    no_owner: bool,
    /// The pod has not passed the webhook that wraps its steps: refuse to start
    #[arg(long, hide = true)]
    unwrapped: bool,
    /// The items of arrays
    #[arg(last = true, value_name = "ITEMS", hide = true)]
    items: Vec<String>,
}

/// Why the input cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file cannot be read.
    #[error("the declaration {path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The pod's steps do not speak to the sidecar.
    #[error(
        "the steps of this pod are not wrapped: it was created past Gleaner's webhook for pods; see that the injector runs \
         and that its MutatingWebhookConfiguration has a webhook for pods"
    )]
    Unwrapped,
    /// What the wrapping has handed on is nothing that it would write.
    #[error("--values is no base64-encoded JSON of a run's values: {0}")]
    Values(String),
    /// The items of the arrays are not where they should be.
    #[error("the items of --array cannot be read")]
    Arrays(#[source] ArgumentsError),
    /// The flag is no base64 of UTF-8.
    #[error("--declaration is no base64-encoded text")]
    Encoding,
    /// The declaration is wrong; everything that is, with its place.
    #[error("the declaration is wrong:{}", .0.iter().map(|diagnostic| format!("\n  {diagnostic}")).collect::<String>())]
    Declaration(Vec<Diagnostic>),
}

impl Input {
    /// The declaration, read and checked, and the text that it came from.
    ///
    /// # Errors
    /// See [`InputError`].
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
                std::fs::read_to_string(path).map_err(error)?
            }
            None => {
                let bytes = STANDARD.decode(self.declaration.concat());
                let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
                text.ok_or(InputError::Encoding)?
            }
        };
        let declaration =
            Declaration::parse(&text, &Scope::default()).map_err(InputError::Declaration)?;
        Ok((declaration, text))
    }

    /// The parameters.
    ///
    /// # Errors
    /// When the items of arrays are not framed as they should be.
    pub fn values(&self) -> Result<Values, InputError> {
        let texts = self.params.iter().map(|(name, value)| Param::Text {
            name: name.clone(),
            value: value.clone(),
        });
        let keys = self.keys.iter().map(|(name, key, value)| Param::Key {
            name: name.clone(),
            key: key.clone(),
            value: value.clone(),
        });
        let arrays = arguments::arrays(&self.arrays, &self.items).map_err(InputError::Arrays)?;
        let arrays = arrays
            .into_iter()
            .map(|(name, items)| Param::Array { name, items });
        let arguments = Arguments {
            params: texts.chain(keys).chain(arrays).collect(),
            ..Arguments::default()
        };
        let mut params = arguments.params();
        params.extend(self.json_params.iter().cloned());
        params.extend(self.run_values()?.params);
        Ok(Values {
            params: params.into_iter().collect(),
            ..Values::default()
        })
    }

    /// What the pod's wrapping has handed on.
    fn run_values(&self) -> Result<RunValues, InputError> {
        if self.values.is_empty() {
            return Ok(RunValues::default());
        }
        let bytes = STANDARD.decode(self.values.concat());
        let json = bytes.map_err(|error| InputError::Values(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| InputError::Values(error.to_string()))
    }

    /// The run.
    ///
    /// # Errors
    /// When --values cannot be read.
    pub fn run(&self) -> Result<Run, InputError> {
        let mut context: BTreeMap<_, _> = self.context.iter().cloned().collect();
        let mut labels: BTreeMap<_, _> = self.labels.iter().cloned().collect();
        let values = self.run_values()?;
        context.extend(values.context);
        labels.extend(values.labels);
        let ownership = match (&self.owner, self.no_owner) {
            (_, true) => Ownership::Nobody,
            (Some(owner), false) => Ownership::Other(owner.clone()),
            (None, false) => Ownership::Run,
        };
        Ok(Run {
            context,
            labels,
            ownership,
            secret_key: None,
        })
    }

    /// Further steps that may speak.
    pub fn steps(&self) -> impl Iterator<Item = StepName> {
        self.steps.iter().cloned()
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn json_pair(text: &str) -> Result<(String, Value), String> {
    let (name, json) = pair(text)?;
    let value =
        serde_json::from_str(&json).map_err(|error| format!("the value is no JSON: {error}"))?;
    Ok((name, value))
}

fn key(text: &str) -> Result<(String, String, String), String> {
    let wrong = || "write it as NAME.KEY=VALUE".to_owned();
    let (place, value) = text.split_once('=').ok_or_else(wrong)?;
    let (name, key) = place.split_once('.').ok_or_else(wrong)?;
    Ok((name.to_owned(), key.to_owned(), value.to_owned()))
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
        _ => Err("write it as APIVERSION,KIND,NAME,UID".to_owned()),
    }
}
