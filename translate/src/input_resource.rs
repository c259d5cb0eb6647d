//! The resources that a Task or a Pipeline declares; each becomes an object parameter.

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Diagnostics, Location, Node, Place};
use serde_json::{Map, Value, json};

use crate::interface::Interfaces;
use crate::resource_lists::{Direction, Item};
use crate::resource_type::ResourceType;

/// A declared resource. A run binds it to an existing PipelineResource; a Pipeline may bind it to a resource that another task
/// creates.
#[derive(Debug, Clone)]
pub(crate) struct InputResource {
    /// The name of the resource, and of its parameter.
    pub(crate) name: String,
    pub(crate) kind: ResourceType,
    /// The directions in which the resource is declared. An image that is declared in both directions under the same name is a
    /// single resource, because a run binds a single value to it.
    pub(crate) directions: Vec<Direction>,
    /// True if runs may leave the resource unbound.
    pub(crate) optional: bool,
    /// The directory into which the resource is cloned.
    pub(crate) path: String,
    description: Option<String>,
    /// The keys that a bound resource must have. No key has a default: otherwise, Tekton would look for the other keys only in
    /// the default, and would reject a task whose parameter is set to another task's result (`MissingKeysObjectParamNames`,
    /// `pkg/reconciler/taskrun/validate_taskrun.go`).
    pub(crate) keys: Vec<String>,
    /// The line and column of the declaration.
    pub(crate) at: Location,
}

/// The resources that a Task or Pipeline declares.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    pub(crate) resources: Vec<InputResource>,
    /// The names of the resources with errors that were already reported. References to these resources cause no further errors.
    pub(crate) refused: Vec<String>,
}

const FIELDS: [&str; 5] = ["name", "type", "description", "targetPath", "optional"];

impl InputResource {
    /// Reads the declarations of resources. Reports types without an equivalent in Tekton v1, and duplicate names.
    pub(crate) fn read_all(items: &[Item], found: &mut Diagnostics) -> Declared {
        let mut declared = Declared::default();
        for item in items {
            let cursor = item.cursor();
            let Some(resource) = Self::read(&cursor, item.direction, found) else {
                declared
                    .refused
                    .extend(cursor.node.text_of("name").map(str::to_owned));
                continue;
            };
            let name = &resource.name;
            let mut resources = declared.resources.iter_mut();
            let (message, help) = match resources.find(|other| other.name == *name) {
                None => {
                    declared.resources.push(resource);
                    continue;
                }
                Some(other) if other.directions.contains(&item.direction) => (
                    format!("the resource '{name}' is declared twice"),
                    "remove one of them",
                ),
                Some(other) if other.kind == resource.kind => {
                    other.directions.push(item.direction);
                    other.optional &= resource.optional;
                    continue;
                }
                Some(_) => (
                    format!("two resources are named '{name}', and both become parameters"),
                    "rename one of them",
                ),
            };
            found.push(cursor.diagnostic(message).help(help));
        }
        declared
    }

    fn read(cursor: &Cursor<'_>, direction: Direction, found: &mut Diagnostics) -> Option<Self> {
        cursor.fields(&FIELDS, found);
        let name = cursor.name(found)?;
        if !is_object_name(&name) {
            let message = format!("'{name}' cannot be the name of an object parameter");
            let help = "use letters, digits, '-' and '_', and begin with a letter or '_'";
            found.push(cursor.diagnostic(message).help(help));
            return None;
        }
        let Some(kind) = cursor.field("type") else {
            let message = format!("the resource '{name}' has no type");
            found.push(cursor.diagnostic(message).help("use git or image"));
            return None;
        };
        let directory = cursor.text_at("targetPath", found);
        let directory = directory.as_deref().unwrap_or(&name);
        Some(Self {
            kind: ResourceType::read(&kind, direction, found)?,
            directions: vec![direction],
            optional: cursor
                .field("optional")
                .is_some_and(|optional| optional.flag(found) == Some(true)),
            path: format!("/workspace/{}", directory.trim_matches('/')),
            description: cursor.text_at("description", found),
            keys: vec!["url".to_owned()],
            at: cursor.node.at,
            name,
        })
    }

    /// Returns true if a step clones the resource.
    pub(crate) fn is_cloned(&self) -> bool {
        self.kind == ResourceType::Git
    }

    /// Adds `key` to the keys that a bound resource must have.
    pub(crate) fn uses(&mut self, key: &str) {
        if !self.keys.iter().any(|own| own == key) {
            self.keys.push(key.to_owned());
        }
    }

    /// Adds all keys of the type to the keys that a bound resource must have.
    pub(crate) fn uses_keys_of_type(&mut self) {
        for key in self.kind.keys() {
            self.uses(key);
        }
    }

    /// If the resource is a git resource, returns a warning about each used key that Tekton's git resources did not have, unless
    /// a Task in the files creates a resource with this key. `place` is the place of the TaskSpec.
    pub(crate) fn unusual_keys(&self, place: &Place, known: &Interfaces) -> Vec<Diagnostic> {
        let is_usual = |key: &String| {
            let key = key.as_str();
            self.kind.keys().contains(&key)
                || key == "name"
                || known.creates(self.kind.as_str(), key)
        };
        let name = &self.name;
        let keys = self
            .keys
            .iter()
            .filter(|key| self.is_cloned() && !is_usual(key));
        keys.map(|key| {
            let message = format!(
                "`$(resources.{name}.{key})`: Tekton's git resources have no '{key}', so '{name}' needs a PipelineResource with a param '{key}'"
            );
            let diagnostic = Diagnostic::new(place.key("resources"), Some(self.at), message);
            diagnostic.help("to refer to one of Tekton's keys, use url, revision or name")
        })
        .collect()
    }

    /// Adds the resource's parameter to the `params` of `spec`, which is at `place`.
    pub(crate) fn declare(&self, spec: &mut Node, place: &Place, found: &mut Diagnostics) {
        if spec.get("params").is_none() {
            spec.put_first("params", Node::derived(self.at, Vec::<Value>::new()));
        }
        if let Err((at, message)) =
            add_param(spec, &self.name, Node::derived(self.at, self.parameter()))
        {
            let diagnostic = Diagnostic::new(place.key("params"), Some(at), message);
            found.push(diagnostic.help("rename one of them"));
        }
    }

    fn parameter(&self) -> Value {
        let each = |value: Value| -> Map<_, _> {
            let keys = self.keys.iter();
            keys.map(|key| (key.clone(), value.clone())).collect()
        };
        let mut param = json!({"name": self.name});
        if let Some(description) = &self.description {
            param["description"] = json!(description);
        }
        param["type"] = json!("object");
        param["properties"] = each(json!({"type": "string"})).into();
        if self.optional {
            param["default"] = each(json!("")).into();
        }
        param
    }
}

/// Adds `param`, which replaces the resource `name`, to the `params` of `spec`. If a parameter with this name already exists,
/// returns its line and column and an error message.
pub(crate) fn add_param(
    spec: &mut Node,
    name: &str,
    param: Node,
) -> Result<(), (Location, String)> {
    let mut params = spec.items_at_mut("params").iter();
    if let Some(own) = params.find(|own| own.text_of("name") == Some(name)) {
        let message =
            format!("the resource '{name}' becomes a parameter '{name}', which already exists");
        return Err((own.at, message));
    }
    spec.push_at("params", param);
    Ok(())
}

/// Returns true if Tekton accepts the name for an object parameter (`objectVariableNameFormat`,
/// `pkg/apis/pipeline/v1/task_validation.go`).
fn is_object_name(name: &str) -> bool {
    let mut letters = name.chars();
    let first = letters.next().unwrap_or_default();
    (first.is_ascii_alphabetic() || first == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
