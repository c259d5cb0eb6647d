//! What the command line changes on the way.

use gleaner_core::document::Node;
use gleaner_core::document::diagnostic::suggestion;
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_KIND;
use serde_json::Value;

use super::edit::{self, Edit, list, present, text, text_of};
use super::versions;
use crate::values::Assignment;

/// What is wrong with a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SettingError {
    /// No step has the image.
    #[error("--image {old}=...: no step has this image{}", help(.suggestion))]
    Image {
        /// The image that was to be replaced.
        old: String,
        /// What would be right.
        suggestion: Option<String>,
    },
    /// Not of the right form.
    #[error("--resource {0}=...: write NAME.PARAM=VALUE, such as knative-route-demo-git.url=...")]
    ResourceForm(String),
    /// No such PipelineResource.
    #[error("--resource {name}.{param}=...: there is no PipelineResource '{name}'{}", help(.suggestion))]
    Resource {
        /// The resource.
        name: String,
        /// The param.
        param: String,
        /// What would be right.
        suggestion: Option<String>,
    },
    /// No run has the parameter.
    #[error("-p {name}=...: no PipelineRun or TaskRun in the files gives this parameter{}", help(.suggestion))]
    Param {
        /// The parameter.
        name: String,
        /// What would be right.
        suggestion: Option<String>,
    },
    /// The value is of another type.
    #[error("-p {name}=...: {reason}")]
    ParamValue {
        /// The parameter.
        name: String,
        /// Why not.
        reason: String,
    },
}

fn help(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map(|text| format!("; {text}"))
        .unwrap_or_default()
}

/// Gives steps, step templates and sidecars another image.
#[derive(Debug)]
pub(super) struct Images<'a> {
    wanted: &'a [Assignment],
    used: Vec<bool>,
    seen: Vec<String>,
}

impl<'a> Images<'a> {
    pub(super) fn new(wanted: &'a [Assignment]) -> Self {
        let used = vec![false; wanted.len()];
        let seen = Vec::new();
        Self { wanted, used, seen }
    }

    /// Replaces the images of a TaskSpec.
    pub(super) fn replace(&mut self, spec: &mut Node) {
        for container in versions::containers(spec) {
            let Some(image) = text_of(container, "image").map(str::to_owned) else {
                continue;
            };
            let position = self.wanted.iter().position(|wanted| wanted.name == image);
            if let Some(position) = position {
                let at = container.at;
                container.put("image", text(at, self.wanted[position].value.as_str()));
                self.used[position] = true;
            }
            self.seen.push(image);
        }
    }

    /// The flags that have replaced nothing.
    pub(super) fn unused(&self) -> impl Iterator<Item = SettingError> {
        let unused = self
            .wanted
            .iter()
            .zip(&self.used)
            .filter(|(_, used)| !**used);
        unused.map(|(wanted, _)| {
            let mut seen: Vec<&str> = self.seen.iter().map(String::as_str).collect();
            seen.sort_unstable();
            seen.dedup();
            SettingError::Image {
                old: wanted.name.clone(),
                suggestion: suggestion(&wanted.name, seen),
            }
        })
    }
}

/// A param of a PipelineResource that the command line gives.
#[derive(Debug, Clone)]
pub(super) struct ResourceParam<'a> {
    name: &'a str,
    param: &'a str,
    value: &'a str,
}

impl<'a> ResourceParam<'a> {
    /// Reads `NAME.PARAM=VALUE`; the name of a resource may have dots.
    pub(super) fn read(assignment: &'a Assignment) -> Result<Self, SettingError> {
        match assignment.name.rsplit_once('.') {
            Some((name, param)) if !name.is_empty() && !param.is_empty() => Ok(Self {
                name,
                param,
                value: &assignment.value,
            }),
            _ => Err(SettingError::ResourceForm(assignment.name.clone())),
        }
    }

    /// Whether `document` is the resource that is meant.
    fn means(&self, document: &Node) -> bool {
        text_of(document, "kind") == Some(PIPELINE_RESOURCE_KIND)
            && name(document) == Some(self.name)
    }

    /// Sets the param, if `document` is the resource that is meant; whether it is.
    pub(super) fn set(&self, document: &mut Node) -> bool {
        if !self.means(document) {
            return false;
        }
        let params = document.map_mut("spec").list_mut("params");
        let same = |param: &&mut Node| {
            text_of(param, "name").is_some_and(|name| name.eq_ignore_ascii_case(self.param))
        };
        match params.iter_mut().find(same) {
            Some(param) => param.put("value", text(param.at, self.value)),
            None => {
                let at = gleaner_core::document::Location::default();
                let entries = [
                    ("name", text(at, self.param)),
                    ("value", text(at, self.value)),
                ];
                params.push(edit::map(at, entries));
            }
        }
        true
    }

    /// That no document is the resource that is meant.
    pub(super) fn unknown<'n>(&self, documents: impl Iterator<Item = &'n Node>) -> SettingError {
        let resources =
            documents.filter(|document| text_of(document, "kind") == Some(PIPELINE_RESOURCE_KIND));
        SettingError::Resource {
            name: self.name.to_owned(),
            param: self.param.to_owned(),
            suggestion: suggestion(self.name, resources.filter_map(name)),
        }
    }
}

fn name(document: &Node) -> Option<&str> {
    text_of(document.get("metadata")?, "name")
}

/// Gives parameters of runs other values.
///
/// # Errors
/// When no run gives the parameter, or gives it as something else than a text can be read as.
pub(super) fn set_param<'n>(
    runs: impl Iterator<Item = &'n mut Node>,
    wanted: &Assignment,
) -> Result<(), SettingError> {
    let mut known = Vec::new();
    let mut found = false;
    for run in runs {
        let Some(spec) = run.field_mut("spec") else {
            continue;
        };
        for param in spec
            .field_mut("params")
            .map_or(&mut [][..], Node::items_mut)
        {
            let Some(name) = text_of(param, "name").map(str::to_owned) else {
                continue;
            };
            if name == wanted.name {
                let value = value_like(present(param, "value"), wanted)?;
                param.put("value", value);
                found = true;
            }
            known.push(name);
        }
    }
    if found {
        return Ok(());
    }
    Err(SettingError::Param {
        name: wanted.name.clone(),
        suggestion: suggestion(&wanted.name, known.iter().map(String::as_str)),
    })
}

/// The value on the command line, as what stands there now: a text, or a list as `a,b` or JSON.
fn value_like(now: Option<&Node>, wanted: &Assignment) -> Result<Node, SettingError> {
    let Some(now) = now else {
        return Ok(text(Default::default(), wanted.value.as_str()));
    };
    let error = |reason: &str| SettingError::ParamValue {
        name: wanted.name.clone(),
        reason: reason.to_owned(),
    };
    let value = wanted.value.trim();
    if now.mapping().is_some() {
        let parsed = serde_json::from_str::<Value>(value).ok();
        let object = parsed.filter(Value::is_object);
        let object = object
            .ok_or_else(|| error("it is an object; give JSON, such as {\"key\": \"value\"}"))?;
        return Ok(Node::from(&object));
    }
    if now.sequence().is_none() {
        return Ok(text(now.at, wanted.value.as_str()));
    }
    if value.starts_with('[') {
        let parsed = serde_json::from_str::<Value>(value).ok();
        let array = parsed.filter(Value::is_array);
        let array = array.ok_or_else(|| error("it is an array; give a,b or JSON"))?;
        return Ok(Node::from(&array));
    }
    let items = value.split(',').filter(|_| !value.is_empty());
    Ok(list(now.at, items.map(|item| text(now.at, item)).collect()))
}
