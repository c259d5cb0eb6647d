//! PATCH requests: server-side apply.

use serde_json::Value;

use crate::cause::{Cause, Fault};
use crate::create;
use crate::fields::{self, Manager, Operation};
use crate::kind::Kind;
use crate::options::WriteOptions;
use crate::refusal::Refusal;
use crate::store::Store;
use crate::{metadata, schema, validation};

pub(crate) struct Applied {
    pub(crate) object: Value,
    pub(crate) created: bool,
}

/// Applies a configuration as the field manager in `options`, and creates the object if it does not exist. Errors: 400 for
/// invalid metadata; 404 if the namespace does not exist; 409 for fields that other managers own; 422 if the result is invalid;
/// and, as on a real server, 500 without a reason for fields that the kind does not have.
pub(crate) fn apply(
    store: &Store,
    kind: &Kind,
    namespace: &str,
    name: &str,
    mut wanted: Value,
    options: &WriteOptions,
) -> Result<Applied, Refusal> {
    let Some(manager) = &options.field_manager else {
        let cause = Cause::new("fieldManager", Fault::Required);
        let group = "meta.k8s.io";
        return Err(Refusal::invalid(group, "PatchOptions", "", &[cause]));
    };
    let manager = Manager::new(manager, Operation::Apply, kind);
    metadata::settle(kind, &mut wanted, namespace)?;
    check_identity(&mut wanted, name)?;
    schema::normalize(&kind.schema, &mut wanted);
    validation::check_applied(kind, &wanted)?;
    create::ignore_status(kind, &mut wanted);

    let mut contents = store.lock();
    create::require_namespace(&contents, namespace)?;
    let key = kind.key(namespace, name);
    let live = contents.get(&key).map(|live| kind.in_version(live));
    for field in ["uid", "resourceVersion"] {
        let given = metadata::text(&wanted, field);
        let found = live.as_ref().map_or("", |live| metadata::text(live, field));
        if !given.is_empty() && given != found {
            let why = format!("{field} mismatch: {given} was applied, {found:?} exists");
            return Err(Refusal::conflict(kind, name, &why));
        }
    }
    metadata::of(&mut wanted).retain(|name, _| !metadata::SERVER_SET.contains(&name.as_str()));
    let Some(live) = live else {
        fields::applied_first(&mut wanted, &manager);
        let object = create::insert(&mut contents, kind, wanted, options)?;
        return Ok(Applied {
            object,
            created: true,
        });
    };
    let applied = fields::apply(&live, &wanted, &manager, options.force);
    let mut object = applied.map_err(|conflicts| Refusal::apply_conflict(&conflicts))?;
    create::complete(kind, &mut object)?;
    if object != live {
        object = create::put(&mut contents, key, object, options)?;
    }
    Ok(Applied {
        object,
        created: false,
    })
}

/// Sets the name in the configuration to `name`, the name in the URL, if the configuration contains no name.
/// Errors: 400 if the configuration contains a different name, or managed fields.
fn check_identity(wanted: &mut Value, name: &str) -> Result<(), Refusal> {
    if wanted["metadata"].get("managedFields").is_some() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let own = metadata::text(wanted, "name").to_owned();
    if own.is_empty() {
        metadata::of(wanted).insert("name".to_owned(), name.into());
    } else if own != name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        )));
    }
    Ok(())
}
