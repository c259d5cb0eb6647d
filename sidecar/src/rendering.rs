//! From the declaration and its values to the objects that are to be created. Pure: same input, same objects.

mod naming;
mod values;
mod yaml;

use std::collections::{BTreeMap, HashMap};

use gleaner_proto::declaration::{Declaration, FieldPath, Policy, Template, WaitFor};
use gleaner_proto::kubernetes::annotation;
use gleaner_proto::name::ResourceName;
use gleaner_proto::variable::{SubstitutionError, Unresolved};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::run::Run;
pub use naming::derived_suffix;
pub use values::{SECRET, Secrecy, Values};
pub use yaml::to_yaml;

/// An object, ready to be created but for what only the API server knows (whether its kind has namespaces).
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The name of its template in the declaration.
    pub resource: ResourceName,
    /// Whether it may exist already.
    pub policy: Policy,
    /// Whether it is owned by the run.
    pub owned: bool,
    /// Whether its name is derived from the run's UID, so that it may take the next suffix where something
    /// foreign has it; a static name may not.
    pub derived_name: bool,
    /// What to wait for once it exists.
    pub wait_for: Option<WaitFor>,
    /// Fields of the created object that become results.
    pub results: Vec<(String, FieldPath)>,
    /// The whole object: `apiVersion`, `kind`, `metadata` with name, labels, annotations and owner reference.
    pub object: Value,
}

/// How often the derived name of a resource was found taken by something foreign, by resource.
pub type Attempts = BTreeMap<ResourceName, u32>;

/// Renders all templates of `declaration`, in its order.
///
/// # Errors
/// When a variable is still unknown or leads nowhere; all of them are named.
pub fn render(
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    attempts: &Attempts,
) -> Result<Vec<Rendered>, SubstitutionError> {
    let mut unresolved = Unresolved::default();
    let rendered = render_with(declaration, values, run, attempts, &mut unresolved);
    if !unresolved.absent.is_empty() {
        Err(SubstitutionError::Absent(unresolved.absent))
    } else if !unresolved.pending.is_empty() {
        Err(SubstitutionError::Pending(unresolved.pending))
    } else {
        Ok(rendered)
    }
}

/// Renders what can be rendered and leaves the rest standing as it is written; says what that is.
pub fn preview(
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    attempts: &Attempts,
) -> (Vec<Rendered>, Unresolved) {
    let mut unresolved = Unresolved::default();
    let rendered = render_with(declaration, values, run, attempts, &mut unresolved);
    (rendered, unresolved)
}

fn render_with(
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    attempts: &Attempts,
    unresolved: &mut Unresolved,
) -> Vec<Rendered> {
    let mut objects: HashMap<&str, Value> = HashMap::new();
    for template in in_dependency_order(declaration) {
        let attempt = attempts
            .get(template.name.as_str())
            .copied()
            .unwrap_or_default();
        let object = render_one(
            declaration,
            template,
            values,
            run,
            attempt,
            &objects,
            unresolved,
        );
        objects.insert(template.name.as_str(), object);
    }
    let finish = |template: &Template| {
        Some(Rendered {
            resource: template.name.clone(),
            policy: template.policy,
            owned: template.owned,
            derived_name: naming::is_derived(template),
            wait_for: template.wait_for.clone(),
            results: template
                .results
                .iter()
                .map(|(name, path)| (name.clone(), path.clone()))
                .collect(),
            object: objects.remove(template.name.as_str())?,
        })
    };
    declaration.templates.iter().filter_map(finish).collect()
}

/// Every template behind those it refers to. The checked declaration has no circles.
fn in_dependency_order(declaration: &Declaration) -> Vec<&Template> {
    fn visit<'a>(
        declaration: &'a Declaration,
        template: &'a Template,
        order: &mut Vec<&'a Template>,
    ) {
        if order.iter().any(|done| done.name == template.name) {
            return;
        }
        for dependency in template
            .dependencies()
            .filter_map(|name| declaration.template(name))
        {
            visit(declaration, dependency, order);
        }
        order.push(template);
    }

    if declaration
        .templates
        .iter()
        .all(|template| template.dependencies().next().is_none())
    {
        return declaration.templates.iter().collect();
    }
    let mut order = Vec::new();
    declaration
        .templates
        .iter()
        .for_each(|template| visit(declaration, template, &mut order));
    order
}

fn render_one(
    declaration: &Declaration,
    template: &Template,
    values: &Values,
    run: &Run,
    attempt: u32,
    others: &HashMap<&str, Value>,
    unresolved: &mut Unresolved,
) -> Value {
    let variables = values.for_template(declaration, run, others);
    let object = template.tree.substitute_partly(&variables, unresolved);
    let content = run.uid().map(|uid| content_hash(uid, &object));
    let Value::Object(mut object) = object else {
        return object;
    };
    let Some(Value::Object(given)) = object.remove("metadata") else {
        return Value::Object(object);
    };
    let mut metadata = Map::new();
    let (key, name) = naming::name(template, run, attempt, &variables, unresolved);
    metadata.insert(key.to_owned(), name);
    // The template's own labels and annotations stay; Gleaner's are added and win.
    let mut labels = object_field(&given, "labels");
    labels.extend(
        run.labels()
            .into_iter()
            .map(|(key, value)| (key, Value::String(value))),
    );
    let mut annotations = object_field(&given, "annotations");
    annotations.insert(
        annotation::RESOURCE.to_owned(),
        template.name.as_str().into(),
    );
    annotations.extend(
        run.uid()
            .map(|uid| (annotation::RUN_UID.to_owned(), uid.into())),
    );
    annotations.extend(content.map(|content| (annotation::CONTENT.to_owned(), content.into())));
    metadata.insert("labels".to_owned(), labels.into());
    metadata.insert("annotations".to_owned(), annotations.into());
    if let Some(owner) = run.owner().filter(|_| template.owned) {
        metadata.insert("ownerReferences".to_owned(), vec![owner.reference()].into());
    }
    for (key, value) in given {
        metadata.entry(key).or_insert(value);
    }
    // apiVersion, kind, metadata, then the rest: the order in which people read.
    let mut whole = Map::new();
    for key in ["apiVersion", "kind"] {
        whole.extend(object.remove(key).map(|value| (key.to_owned(), value)));
    }
    whole.insert("metadata".to_owned(), metadata.into());
    whole.extend(object);
    Value::Object(whole)
}

fn object_field(map: &Map<String, Value>, key: &str) -> Map<String, Value> {
    map.get(key)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// Tells the content of one attempt from that of another. Keyed by the run, so that nothing can be learnt from
/// it about a secret by comparing runs.
fn content_hash(uid: &str, object: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(uid.as_bytes());
    hash.update([0]);
    // Writing into a hash cannot fail.
    let _ = serde_json::to_writer(HashWriter(&mut hash), object);
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
