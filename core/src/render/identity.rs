//! The metadata that marks an object as part of a run: labels, annotations, owner reference.

use crate::declaration::Template;
use gleaner_proto::kubernetes::{
    PIPELINE_RESOURCE_API_VERSION, PIPELINE_RESOURCE_KIND, annotation,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::run::Run;

/// The metadata that a run adds to each of its objects, computed once.
pub(super) struct Identity<'a> {
    uid: Option<&'a str>,
    secret_key: Option<&'a str>,
    labels: Map<String, Value>,
    owner: Option<Value>,
}

impl<'a> Identity<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        let labels = run.labels().into_iter();
        Self {
            uid: run.uid(),
            secret_key: run.secret_key.as_deref(),
            labels: labels.map(|(key, value)| (key, value.into())).collect(),
            owner: run.owner().map(|owner| owner.to_json()),
        }
    }

    /// Adds the name and the run's metadata to `object`, and puts the fields in the usual order: `apiVersion`, `kind`,
    /// `metadata`, then all others.
    pub(super) fn stamp(
        &self,
        template: &Template,
        holds_secret: bool,
        (key, name): (&str, Value),
        object: Value,
    ) -> Value {
        // The hash is computed before the run's metadata is added, because the metadata may differ between attempts with the same
        // content, for example if a later attempt uses a different owner.
        let hash_key = if holds_secret {
            self.secret_key
        } else {
            self.uid
        };
        let content = hash_key.map(|key| content_hash(key, &object));
        let Value::Object(mut object) = object else {
            return object;
        };
        let mut given = match object.shift_remove("metadata") {
            Some(Value::Object(given)) => given,
            _ => Map::new(),
        };
        // The template's own labels take precedence, because Gleaner never identifies an object by its labels. For a
        // PipelineResource, the run's labels take precedence, because these labels name the run that generated the
        // resource, and an admission policy protects the labels.
        let own = object_field(&given, "labels");
        let (mut labels, winning) = if is_pipeline_resource(template) {
            (own, self.labels.clone())
        } else {
            let mut labels = own.clone();
            labels.extend(self.labels.clone());
            (labels, own)
        };
        labels.extend(winning);
        let mut annotations = object_field(&given, "annotations");
        let marks = [
            (annotation::RESOURCE, Some(template.name.to_string())),
            (annotation::RUN_UID, self.uid.map(str::to_owned)),
            (annotation::CONTENT, content),
        ];
        let marks = marks
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
        annotations.extend(marks);
        let mut metadata = Map::from_iter([(key.to_owned(), name)]);
        let namespace = given.shift_remove_entry("namespace");
        metadata.extend(namespace);
        metadata.insert("labels".to_owned(), labels.into());
        metadata.insert("annotations".to_owned(), annotations.into());
        if let Some(owner) = self.owner.clone().filter(|_| template.owned) {
            metadata.insert("ownerReferences".to_owned(), vec![owner].into());
        }
        for (key, value) in given {
            metadata.entry(key).or_insert(value);
        }
        let mut whole = Map::new();
        for key in ["apiVersion", "kind"] {
            let value = object.shift_remove(key);
            whole.extend(value.map(|value| (key.to_owned(), value)));
        }
        whole.insert("metadata".to_owned(), metadata.into());
        whole.extend(object);
        Value::Object(whole)
    }
}

fn is_pipeline_resource(template: &Template) -> bool {
    template.api_version == PIPELINE_RESOURCE_API_VERSION && template.kind == PIPELINE_RESOURCE_KIND
}

fn object_field(map: &Map<String, Value>, key: &str) -> Map<String, Value> {
    let field = map.get(key).and_then(Value::as_object);
    field.cloned().unwrap_or_default()
}

/// Returns a hash of the object's content, which shows whether two attempts rendered the same content. `key` is the run's UID
/// or, if the object contains a secret, a secret key: the UID is public, so a short secret could be guessed from the hash.
fn content_hash(key: &str, object: &Value) -> String {
    let mut hash = Hashing(Sha256::new());
    hash.0.update(key.as_bytes());
    hash.0.update([0]);
    // The JSON may be large, so it is hashed while it is written. serde_json writes many small pieces, so they are buffered.
    let mut buffer = std::io::BufWriter::new(&mut hash);
    serde_json::to_writer(&mut buffer, object).expect("invariant: any JSON value can be hashed");
    drop(buffer);
    let digest = hash.0.finalize();
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

struct Hashing(Sha256);

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
