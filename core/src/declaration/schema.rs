//! The JSON Schema of the declaration, for completion in editors and for `gleaner explain`.
//!
//! These types only describe the structure; the reader (`read.rs`) is authoritative. A test compares their field names with the
//! reader's.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};

use super::model::{Policy, Preflight, Submit};
use gleaner_proto::output;

/// The JSON type of an output.
// The `proto` crate does not derive `JsonSchema`, so this enum and the next two repeat enums of `proto`. The `remote` attribute
// makes the compiler check that they match.
#[derive(Serialize, JsonSchema)]
#[expect(dead_code, reason = "only their schemas are used")]
#[serde(remote = "output::OutputType", rename_all = "lowercase")]
enum OutputType {
    /// Text, as in the file.
    String,
    /// A JSON number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A JSON array.
    Array,
    /// A JSON object.
    Object,
}

/// The characters to remove from the end of the file's text (for `Whitespace`, from both ends). A byte order mark at the beginning
/// is removed first, except with `None` for an output of type `string`.
#[derive(Serialize, JsonSchema)]
#[expect(dead_code, reason = "only their schemas are used")]
#[serde(remote = "output::Trim")]
enum Trim {
    /// One trailing line end, `\n` or `\r\n`, such as the one that `echo` adds.
    Newline,
    /// All whitespace at both ends.
    Whitespace,
    /// Nothing.
    None,
}

/// The handling of an output if its step failed.
#[derive(Serialize, JsonSchema)]
#[expect(dead_code, reason = "only their schemas are used")]
#[serde(remote = "output::When")]
enum When {
    /// Used only if the step succeeded.
    Success,
    /// Also used if the step failed.
    Always,
}

/// The identifier of the schema.
pub const ID: &str = "https://gleaner.dev/schemas/outputs.json";

/// Gleaner outputs: the outputs of a Task's steps, and the Kubernetes resources created from them. The value of the
/// annotation `gleaner.dev/outputs`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Gleaner outputs")]
struct Outputs {
    /// The outputs of each step, by the step's name.
    steps: Option<std::collections::BTreeMap<String, Vec<Output>>>,
    /// PipelineResources to create.
    resources: Option<Vec<Resource>>,
    /// Objects to create, of any kind.
    objects: Option<Vec<Object>>,
    /// The time at which the objects are created: as soon as all variables are known (the default), after the last step has
    /// succeeded, or when a step sends `POST /v1/submit`.
    #[schemars(extend("default" = "Resolved"))]
    submit: Option<Submit>,
    /// The action to take if the preflight, the check before the first step, finds that the API server would reject an object.
    #[schemars(extend("default" = "Report"))]
    preflight: Option<Preflight>,
}

/// One output of a step.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Output {
    /// The name, used as `$(steps.STEP.NAME)`.
    #[schemars(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_.-]*$"), length(max = 128))]
    name: String,
    /// The file that the step writes; `$GLEANER_OUTPUTS/<name>` by default.
    from_path: Option<String>,
    /// The type of the value. For all types except `string`, the file must contain JSON.
    #[schemars(with = "Option<OutputType>", extend("default" = "string"))]
    r#type: Option<output::OutputType>,
    /// The characters to remove from the file's text: one trailing line end (the default), all whitespace at both ends, or none. A
    /// byte order mark is removed too, except with `None` for an output of type `string`.
    #[schemars(with = "Option<Trim>", extend("default" = "Newline"))]
    trim: Option<output::Trim>,
    /// The value to use if the file is missing. Without a default, a missing file fails the step.
    default: Option<Value>,
    /// Rejects an empty string, array or object before any object is created.
    #[schemars(extend("default" = false))]
    non_empty: Option<bool>,
    /// The pattern that a string must match, in RE2's syntax. It may match any part of the string. Begin it with
    /// ^ and end it with $ to match the whole string.
    #[schemars(length(max = 1024), extend("format" = "regex"))]
    pattern: Option<String>,
    /// `Success` uses the output only if the step succeeded, and `Always` even if the step failed.
    #[schemars(with = "Option<When>", extend("default" = "Success"))]
    when: Option<output::When>,
    /// True if the value must not appear in a log, event, metric or result. Only the data of a Secret may contain it.
    #[schemars(extend("default" = false))]
    secret: Option<bool>,
}

/// A PipelineResource, as in the Tekton proposal "Dynamic Output Resources".
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resource {
    /// The resource's name in the declaration. The Task's result for the resource has the same name.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"), length(max = 63))]
    name: String,
    /// The name, labels and annotations.
    metadata: Option<ResourceMetadata>,
    /// The PipelineResource's spec. Values may contain variables, except `type` and the names of params.
    spec: ResourceSpec,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourceMetadata {
    /// The object's name. The default is `<task>-<type>-<5 characters>`.
    name: Option<String>,
    /// Labels.
    labels: Option<std::collections::BTreeMap<String, String>>,
    /// Annotations.
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourceSpec {
    /// The type: git, image, storage, cluster, pullRequest or cloudEvent. It must not contain variables.
    r#type: String,
    /// Parameters.
    params: Option<Vec<ResourceParam>>,
    /// References to fields of Secrets.
    secrets: Option<Vec<Map<String, Value>>>,
    /// A description for users.
    description: Option<String>,
    /// True if the resource may be missing.
    optional: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResourceParam {
    /// The parameter's name. It must not contain variables.
    name: String,
    /// The parameter's value, such as `$(steps.kaniko.digest)`.
    value: String,
}

/// Any Kubernetes object.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    /// The object's name in the declaration. The Task's result for the object has the same name.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"), length(max = 63))]
    name: String,
    /// `Create` (the default) fails if the object already exists. `Apply` uses server-side apply, without forcing conflicts.
    #[schemars(extend("default" = "Create"))]
    policy: Option<Policy>,
    /// True if the run owns the object, so that both are deleted together.
    #[schemars(extend("default" = false))]
    owned: Option<bool>,
    /// The state to wait for after the object is created.
    wait_for: Option<WaitFor>,
    /// The fields of the created object that become results, by the result's key, such as `url: .status.url`.
    results: Option<std::collections::BTreeMap<String, String>>,
    /// The object. All values except `apiVersion` and `kind` may contain variables.
    resource_template: ResourceTemplate,
}

/// A Kubernetes object with the fields of its kind, as `kubectl explain` describes them.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ResourceTemplate {
    /// The API group and version. They must not contain variables.
    api_version: String,
    /// The kind. It must not contain variables.
    kind: String,
    /// The name (or generateName), namespace, labels and annotations.
    metadata: Option<Map<String, Value>>,
    /// All other fields of the object.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A condition that must become True, a field that must have a value, or a rollout that must complete.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WaitFor {
    /// The type of a condition in `.status.conditions`, such as `Ready`, or a list of types that must all be True.
    condition: Option<OneOrMore>,
    /// A field, such as `.status.phase`.
    json_path: Option<String>,
    /// The value that the field must have. If absent, any value is accepted.
    value: Option<Value>,
    /// `true` waits until all pods of a Deployment, StatefulSet or DaemonSet are updated to the newest pod
    /// template and are available.
    #[schemars(extend("default" = false))]
    rollout: Option<bool>,
    /// A state that ends the wait with a failure. The failure states of common kinds, such as `Failed` of a Job, are built in.
    failure: Option<WaitFailure>,
    /// `true` keeps the object after a failure or timeout, so that its status can be read.
    #[schemars(extend("default" = false))]
    keep_on_failure: Option<bool>,
    /// The maximum duration of the wait, such as `10m`. The default is `5m`, and the maximum is `24h`.
    #[schemars(extend("default" = "5m"))]
    timeout: Option<String>,
}

/// A condition that is True, or a field that has a value.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WaitFailure {
    /// The type of a condition in `.status.conditions`, such as `Failed`, or a list of types that must all be True.
    condition: Option<OneOrMore>,
    /// A field, such as `.status.phase`.
    json_path: Option<String>,
    /// The value of the field. If absent, any value is accepted.
    value: Option<Value>,
}

/// A string, or a list of strings.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// Returns the JSON Schema (draft 2020-12) of the declaration.
pub fn schema() -> Schema {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<Outputs>();
    schema.insert("$id".to_owned(), ID.into());
    schema
}

/// Returns the JSON Schema as text: the content of `docs/schemas/outputs.json`.
pub fn to_text() -> String {
    let text = serde_json::to_string_pretty(&schema());
    text.expect("invariant: a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests;
