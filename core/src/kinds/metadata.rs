//! Checks the metadata of objects of any kind, including kinds that a CRD defines.

use gleaner_proto::name::is_dns_label;

use super::types::{Types, entries, literal};
use super::values::is_label_key;
use super::{OUTLINE, fields};
use crate::document::Cursor;

/// The metadata fields whose types were already checked when the declaration was read. Here, only the keys of the maps among
/// these fields are checked.
const OWN: [&str; 5] = [
    "name",
    "generateName",
    "labels",
    "annotations",
    "ownerReferences",
];

/// The finalizers that Kubernetes' own kinds accept without a prefix (`pkg/apis/core/helper`, `IsStandardFinalizerName`).
const FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

impl Types<'_> {
    /// Checks the metadata of an object; all kinds share the same metadata type.
    pub(super) fn check_metadata(&mut self, metadata: &Cursor<'_>, is_own_kind: bool) {
        let fields = fields(OUTLINE["metadata"].as_str().unwrap_or_default());
        for (key, field) in entries(metadata) {
            match fields["fields"][key].as_str() {
                Some(map) if OWN.contains(&key) => self.check_keys(map, &field),
                Some(own) => self.check(own, &field),
                None => self.unknown(key, &field, fields, "metadata", true),
            }
        }
        self.check_namespace(metadata);
        for finalizer in metadata.list_of("finalizers") {
            self.check_finalizer(&finalizer, is_own_kind);
        }
    }

    fn check_namespace(&mut self, metadata: &Cursor<'_>) {
        let Some(field) = metadata.field("namespace") else {
            return;
        };
        if let Some(name) = literal(&field)
            && !name.is_empty()
            && !is_dns_label(&name)
        {
            let message = format!("Kubernetes rejects the namespace '{name}'");
            let help = "use at most 63 lower-case letters, digits and '-', and begin and end with a letter or digit";
            self.errors.refuse(&field, message, help);
        }
    }

    fn check_finalizer(&mut self, field: &Cursor<'_>, is_own_kind: bool) {
        let Some(name) = literal(field) else { return };
        let is_known = !is_own_kind || name.contains('/') || FINALIZERS.contains(&name.as_str());
        if !is_label_key(&name) || !is_known {
            let message = format!("Kubernetes rejects the finalizer '{name}'");
            let help = "use a name with the domain of its controller, such as example.com/cleanup";
            self.errors.refuse(field, message, help);
        }
    }
}
