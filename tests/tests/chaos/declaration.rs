//! Random declarations, and the expected content of each of their objects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::plan::Plan;
use crate::random::Random;

/// A step.
#[derive(Debug)]
pub(crate) struct StepPlan {
    pub(crate) name: String,
    pub(crate) outputs: Vec<Output>,
    /// The exit code of the step's command.
    pub(crate) exit: u8,
    /// True if a raw request posts the outputs, false if a redirector does.
    pub(crate) is_raw: bool,
}

/// An output of a step.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) is_secret: bool,
}

/// The kind of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ConfigMap,
    Secret,
    PipelineResource,
}

/// An object that exists before the run starts and has the same name as one of the run's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    /// An object that another client created. With the policy Create, the run must fail; with Apply, it adds fields to
    /// this object.
    Theirs,
}

/// An object in the declaration.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The name that the template specifies; `None` if the name is derived.
    pub(crate) fixed_name: Option<String>,
    pub(crate) is_applied: bool,
    is_owned: bool,
    pub(crate) before: Before,
    fields: Vec<Field>,
}

/// A field of an object, with the value in the template and the expected value.
#[derive(Debug)]
struct Field {
    key: String,
    template: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(String),
    /// The name of the object that is created from a resource; the string is the resource's name in the declaration.
    NameOf(String),
}

/// Returns one to three steps, the first of which may have a secret output.
pub(crate) fn steps(random: &mut Random, canary: &str) -> Vec<StepPlan> {
    let count = random.count(1, 3);
    let has_secret = random.chance(40);
    (0..count)
        .map(|index| {
            let mut outputs: Vec<Output> = (0..random.count(1, 2))
                .map(|number| Output {
                    name: format!("out{number}"),
                    value: format!("value-{index}-{number}-{}", random.text(8)),
                    is_secret: false,
                })
                .collect();
            if index == 0 && has_secret {
                outputs.push(Output {
                    name: "token".to_owned(),
                    value: canary.to_owned(),
                    is_secret: true,
                });
            }
            StepPlan {
                name: format!("step{index}"),
                outputs,
                exit: if random.chance(4) { 3 } else { 0 },
                is_raw: random.chance(15),
            }
        })
        .collect()
}

/// Returns one to five objects. PipelineResources come first, because a declaration lists `resources` before `objects`.
pub(crate) fn objects(random: &mut Random, steps: &[StepPlan]) -> Vec<Object> {
    let has_secret = steps[0].outputs.iter().any(|output| output.is_secret);
    let mut kinds: Vec<Kind> = (0..random.count(1, 6).min(5))
        .map(|_| random.pick(&[Kind::ConfigMap, Kind::ConfigMap, Kind::PipelineResource]))
        .collect();
    if has_secret {
        kinds[0] = Kind::Secret;
    }
    kinds.sort_by_key(|kind| *kind != Kind::PipelineResource);
    let mut objects: Vec<Object> = Vec::new();
    for (index, kind) in kinds.into_iter().enumerate() {
        let object = object(random, index, kind, steps, &objects);
        objects.push(object);
    }
    objects
}

fn object(
    random: &mut Random,
    index: usize,
    kind: Kind,
    steps: &[StepPlan],
    earlier: &[Object],
) -> Object {
    let name = format!("o{index}");
    let is_applied = kind == Kind::ConfigMap && random.chance(30);
    let fixed_name = (is_applied || random.chance(30)).then(|| format!("fixed-{name}"));
    let before = match (is_applied, &fixed_name) {
        (true, _) if random.chance(40) => Before::Theirs,
        (false, Some(_)) if random.chance(8) => Before::Theirs,
        _ => Before::Nothing,
    };
    let step = &steps[random.count(0, steps.len() - 1)];
    let plain: Vec<&Output> = step.outputs.iter().filter(|one| !one.is_secret).collect();
    let output = random.pick(&plain);
    let text = |key: &str, step: &str, output: &Output| Field {
        key: key.to_owned(),
        template: format!("$(steps.{step}.{})", output.name),
        content: Content::Text(output.value.clone()),
    };
    let mut fields = match kind {
        Kind::Secret => {
            let secret = steps[0].outputs.iter().find(|output| output.is_secret);
            vec![text(
                "token",
                &steps[0].name,
                secret.expect("a secret output"),
            )]
        }
        // This object needs no outputs, so it may be created before the first step exits.
        Kind::ConfigMap if random.chance(10) => vec![Field {
            key: "fixed".to_owned(),
            template: "fixed".to_owned(),
            content: Content::Text("fixed".to_owned()),
        }],
        Kind::ConfigMap | Kind::PipelineResource => vec![text("value", &step.name, output)],
    };
    if !earlier.is_empty() && kind == Kind::ConfigMap && random.chance(40) {
        let other = &earlier[random.count(0, earlier.len() - 1)].name;
        fields.push(Field {
            key: "other".to_owned(),
            template: format!("$(resources.{other}.name)"),
            content: Content::NameOf(other.clone()),
        });
    }
    Object {
        name,
        kind,
        fixed_name,
        is_applied,
        is_owned: before == Before::Nothing && kind == Kind::ConfigMap && random.chance(30),
        before,
        fields,
    }
}

impl Plan {
    /// Returns the declaration, as JSON.
    pub(crate) fn declaration(&self) -> String {
        let mut steps = Map::new();
        for step in &self.steps {
            let outputs = step.outputs.iter();
            let outputs: Vec<Value> = outputs
                .map(|output| json!({"name": output.name, "secret": output.is_secret}))
                .collect();
            steps.insert(step.name.clone(), outputs.into());
        }
        let of = |resources: bool| -> Vec<Value> {
            let objects = self.objects.iter();
            objects
                .filter(|object| (object.kind == Kind::PipelineResource) == resources)
                .map(Object::declared)
                .collect()
        };
        json!({"steps": steps, "resources": of(true), "objects": of(false), "submit": self.submit})
            .to_string()
    }
}

// === impl Kind ===

impl Kind {
    /// Returns the API version, kind and plural.
    pub(crate) const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ConfigMap => ("v1", "ConfigMap", "configmaps"),
            Self::Secret => ("v1", "Secret", "secrets"),
            Self::PipelineResource => (
                "tekton.dev/v1alpha1",
                "PipelineResource",
                "pipelineresources",
            ),
        }
    }
}

// === impl Object ===

impl Object {
    /// Returns true if the run must fail because the policy is Create and another client's object already has this object's name.
    pub(crate) fn is_blocked(&self) -> bool {
        self.before == Before::Theirs && !self.is_applied
    }

    /// Returns this object's name if another client may create an object with the same name during the run.
    pub(crate) fn late_holder_name(&self) -> Option<String> {
        let free = self.before == Before::Nothing && !self.is_applied;
        let name = self.fixed_name.clone();
        name.filter(|_| free && self.kind == Kind::ConfigMap)
    }

    fn declared(&self) -> Value {
        let metadata = match &self.fixed_name {
            Some(name) => json!({ "name": name }),
            None => json!({"generateName": format!("{}-", self.name)}),
        };
        let value = |field: &Field| Value::from(field.template.clone());
        if self.kind == Kind::PipelineResource {
            let params: Vec<Value> = self
                .fields
                .iter()
                .map(|field| json!({"name": field.key, "value": value(field)}))
                .collect();
            let mut resource =
                json!({"name": self.name, "spec": {"type": "image", "params": params}});
            if self.fixed_name.is_some() {
                resource["metadata"] = metadata;
            }
            return resource;
        }
        let (api_version, kind, _) = self.kind.names();
        let fields: Map<String, Value> = self
            .fields
            .iter()
            .map(|field| (field.key.clone(), value(field)))
            .collect();
        let data = match self.kind {
            Kind::Secret => "stringData",
            _ => "data",
        };
        let policy = if self.is_applied { "Apply" } else { "Create" };
        json!({
            "name": self.name, "policy": policy, "owned": self.is_owned,
            "resourceTemplate": {
                "apiVersion": api_version, "kind": kind, "metadata": metadata, data: fields,
            },
        })
    }

    /// Returns the differences between the existing object and the declared object. `name_of` returns the name of the object
    /// that is created from a resource in the declaration.
    pub(crate) fn differences(
        &self,
        existing: &Value,
        name_of: impl Fn(&str) -> String,
    ) -> Vec<String> {
        let fields = self.fields.iter().filter_map(|field| {
            let content = match &field.content {
                Content::Text(text) => text.clone(),
                Content::NameOf(other) => name_of(other),
            };
            let (wanted, found) = match self.kind {
                Kind::ConfigMap => (content, existing["data"][&field.key].as_str()),
                Kind::Secret => (
                    STANDARD.encode(content),
                    existing["data"][&field.key].as_str(),
                ),
                Kind::PipelineResource => {
                    let params = existing["spec"]["params"].as_array();
                    let param = params
                        .into_iter()
                        .flatten()
                        .find(|param| param["name"] == field.key.as_str());
                    (content, param.and_then(|param| param["value"].as_str()))
                }
            };
            let differs = found != Some(wanted.as_str());
            differs.then(|| format!("{}: {} is {found:?}, not '{wanted}'", self.name, field.key))
        });
        fields.collect()
    }
}
