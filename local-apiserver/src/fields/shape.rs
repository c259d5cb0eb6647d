//! Which lists and maps are merged by their elements, and which are one value.

use serde_json::{Map, Value};

use crate::kind::{Form, Kind};

/// What is known about the value at one place of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape<'a> {
    /// The whole object of a kind from a CRD, by its schema.
    CustomRoot(&'a Value),
    /// A place in a structural schema; its `x-kubernetes-list-type` and `-map-type` decide.
    Custom(&'a Value),
    /// A field of one of Kubernetes' own kinds (or of `metadata`): its name decides.
    BuiltIn(&'a str),
}

/// How the elements of a list are told apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Elements {
    /// They are not: the list is one value.
    Atomic,
    /// By what they are.
    Set,
    /// By some of their fields.
    Keyed(Vec<String>),
}

impl<'a> Shape<'a> {
    pub(crate) fn of(kind: &'a Kind) -> Self {
        match &kind.form {
            Form::BuiltIn(_) => Self::BuiltIn(""),
            Form::Custom(schema) => Self::CustomRoot(schema),
        }
    }

    pub(crate) fn field(self, name: &'a str) -> Self {
        match self {
            Self::BuiltIn(_) => Self::BuiltIn(name),
            Self::CustomRoot(_) if name == "metadata" => Self::BuiltIn(name),
            Self::CustomRoot(schema) | Self::Custom(schema) => Self::Custom(
                schema["properties"]
                    .get(name)
                    .unwrap_or(&schema["additionalProperties"]),
            ),
        }
    }

    pub(crate) fn item(self) -> Self {
        match self {
            Self::BuiltIn(_) => Self::BuiltIn(""),
            Self::CustomRoot(schema) | Self::Custom(schema) => Self::Custom(&schema["items"]),
        }
    }

    /// Whether a map here is one value.
    pub(crate) fn is_atomic_map(self) -> bool {
        match self {
            Self::BuiltIn(name) => matches!(
                name,
                "selector"
                    | "nodeSelector"
                    | "roleRef"
                    | "secretKeyRef"
                    | "configMapKeyRef"
                    | "fieldRef"
                    | "resourceFieldRef"
                    | "podSelector"
                    | "namespaceSelector"
            ),
            Self::CustomRoot(schema) | Self::Custom(schema) => {
                schema["x-kubernetes-map-type"] == "atomic"
            }
        }
    }

    pub(crate) fn elements(self, items: &[Value]) -> Elements {
        let keyed = |keys: &[&str]| Elements::Keyed(keys.iter().map(|&k| k.to_owned()).collect());
        match self {
            Self::CustomRoot(schema) | Self::Custom(schema) => {
                match schema["x-kubernetes-list-type"].as_str() {
                    Some("set") => Elements::Set,
                    Some("map") => {
                        let keys = schema["x-kubernetes-list-map-keys"]
                            .as_array()
                            .into_iter()
                            .flatten();
                        Elements::Keyed(keys.filter_map(Value::as_str).map(str::to_owned).collect())
                    }
                    _ => Elements::Atomic,
                }
            }
            Self::BuiltIn(name) => match name {
                "containers"
                | "initContainers"
                | "ephemeralContainers"
                | "env"
                | "volumes"
                | "imagePullSecrets"
                | "secrets" => keyed(&["name"]),
                "volumeMounts" => keyed(&["mountPath"]),
                "volumeDevices" => keyed(&["devicePath"]),
                "hostAliases" => keyed(&["ip"]),
                "topologySpreadConstraints" => keyed(&["topologyKey", "whenUnsatisfiable"]),
                "conditions" => keyed(&["type"]),
                "ownerReferences" => keyed(&["uid"]),
                "finalizers" => Elements::Set,
                "ports" if items.iter().any(|p| p.get("containerPort").is_some()) => {
                    keyed(&["containerPort", "protocol"])
                }
                "ports" => keyed(&["port", "protocol"]),
                _ => Elements::Atomic,
            },
        }
    }
}

impl Elements {
    /// The step that names an element; none when the list is atomic.
    pub(crate) fn step(&self, item: &Value) -> Option<String> {
        match self {
            Self::Atomic => None,
            Self::Set => Some(format!("v:{item}")),
            Self::Keyed(keys) => {
                let mut fields = Map::new();
                for key in keys {
                    let value = match (&item[key.as_str()], key.as_str()) {
                        // The one key with a default that people leave out.
                        (Value::Null, "protocol") => "TCP".into(),
                        (value, _) => value.clone(),
                    };
                    fields.insert(key.clone(), value);
                }
                Some(format!("k:{}", Value::Object(fields)))
            }
        }
    }
}
