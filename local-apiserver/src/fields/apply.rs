//! Server-side apply: an object, what somebody wants of it, and who.

use serde_json::Value;

use super::change;
use super::managers::{self, Manager};
use super::set::FieldSet;
use super::shape::Shape;

/// The object after an apply, its managers recorded.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) object: Value,
}

/// Another manager owns fields that the apply would change.
#[derive(Debug)]
pub(crate) struct Conflict {
    /// Who, as messages name it.
    pub(crate) manager: String,
    /// Which fields, as messages name them.
    pub(crate) paths: Vec<String>,
}

/// Merges `wanted` into `live`, and takes away what the manager wanted before and no longer does.
///
/// # Errors
///
/// The conflicts with other managers, unless `force` takes the fields from them.
pub(crate) fn apply(
    shape: Shape<'_>,
    live: &Value,
    wanted: &Value,
    manager: &Manager,
    force: bool,
) -> Result<Applied, Vec<Conflict>> {
    let claim = change::claimed(shape, wanted);
    let mut entries = managers::read(live);
    let former = entries
        .iter()
        .find(|entry| entry.manager == *manager)
        .map(|entry| entry.fields.clone())
        .unwrap_or_default();
    let others = entries
        .iter()
        .filter(|entry| entry.manager != *manager)
        .fold(FieldSet::default(), |all, entry| all.union(&entry.fields));

    let mut object = live.clone();
    merge(shape, &mut object, wanted);
    remove(
        shape,
        &mut object,
        &former.difference(&claim),
        Some(&others),
    );

    let difference = change::difference(shape, live, &object);
    let mut conflicts = Vec::new();
    for entry in entries.iter_mut().filter(|entry| entry.manager != *manager) {
        let contested = entry.fields.intersection(&difference.changed);
        if !contested.is_empty() {
            conflicts.push(Conflict {
                manager: entry.manager.shown(),
                paths: contested.paths(),
            });
            entry.fields = entry.fields.difference(&contested);
        }
        entry.fields = entry.fields.difference(&difference.removed);
    }
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    managers::claim(&mut entries, manager, |_| claim);
    managers::write(&mut object, &entries);
    Ok(Applied { object })
}

/// Merges maps by field and keyed lists by element; everything else is replaced.
fn merge(shape: Shape<'_>, object: &mut Value, wanted: &Value) {
    match (object, wanted) {
        (Value::Object(fields), Value::Object(wanted)) if !shape.is_atomic_map() => {
            for (name, value) in wanted {
                match fields.get_mut(name) {
                    Some(own) => merge(shape.field(name), own, value),
                    None => {
                        fields.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(items), Value::Array(wanted)) => merge_lists(shape, items, wanted),
        (object, wanted) => *object = wanted.clone(),
    }
}

fn merge_lists(shape: Shape<'_>, items: &mut Vec<Value>, wanted: &[Value]) {
    let elements = shape.elements(if wanted.is_empty() { items } else { wanted });
    for value in wanted {
        let Some(step) = elements.step(value) else {
            // Atomic: the list is one value.
            *items = wanted.to_vec();
            return;
        };
        match items
            .iter_mut()
            .find(|item| elements.step(item).as_ref() == Some(&step))
        {
            Some(own) => merge(shape.item(), own, value),
            None => items.push(value.clone()),
        }
    }
    if wanted.is_empty() && elements.step(&Value::Null).is_none() {
        items.clear();
    }
}

/// Removes the fields of a set, but what others own; returns whether anything is left of `value`.
fn remove(shape: Shape<'_>, value: &mut Value, set: &FieldSet, others: Option<&FieldSet>) -> bool {
    if set.here && others.is_none_or(FieldSet::is_empty) {
        return false;
    }
    match value {
        Value::Object(fields) => {
            let had = !fields.is_empty();
            fields.retain(|name, value| {
                let step = format!("f:{name}");
                set.get(&step).is_none_or(|set| {
                    remove(
                        shape.field(name),
                        value,
                        set,
                        others.and_then(|o| o.get(&step)),
                    )
                })
            });
            // A map that this has emptied goes too, unless somebody wants it as such.
            !(had && fields.is_empty()) || others.is_some_and(|o| o.here)
        }
        Value::Array(items) => {
            let elements = shape.elements(items);
            let had = !items.is_empty();
            items.retain_mut(|item| {
                let Some(step) = elements.step(item) else {
                    return true;
                };
                set.get(&step).is_none_or(|set| {
                    remove(shape.item(), item, set, others.and_then(|o| o.get(&step)))
                })
            });
            !(had && items.is_empty()) || others.is_some_and(|o| o.here)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Operation;
    use serde_json::json;

    fn manager(name: &str) -> Manager {
        Manager {
            name: name.to_owned(),
            operation: Operation::Apply,
            api_version: "v1".to_owned(),
            subresource: String::new(),
        }
    }

    fn applied(live: &Value, wanted: &Value, name: &str) -> Value {
        apply(Shape::BuiltIn(""), live, wanted, &manager(name), false)
            .unwrap()
            .object
    }

    #[test]
    fn a_field_no_longer_wanted_goes() {
        let live = applied(&json!({}), &json!({"data": {"a": "1", "b": "2"}}), "one");
        let live = applied(&live, &json!({"data": {"a": "1"}}), "one");
        assert_eq!(live["data"], json!({"a": "1"}));
    }

    #[test]
    fn a_field_that_another_wants_too_stays() {
        let live = applied(&json!({}), &json!({"data": {"a": "1", "b": "2"}}), "one");
        let live = applied(&live, &json!({"data": {"b": "2"}}), "two");
        let live = applied(&live, &json!({"data": {"a": "1"}}), "one");
        assert_eq!(live["data"], json!({"a": "1", "b": "2"}));
    }

    #[test]
    fn another_value_is_a_conflict() {
        let live = applied(&json!({}), &json!({"data": {"a": "1", "b": "2"}}), "one");
        let wanted = json!({"data": {"a": "9"}});
        let conflicts =
            apply(Shape::BuiltIn(""), &live, &wanted, &manager("two"), false).unwrap_err();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].manager, "\"one\"");
        assert_eq!(conflicts[0].paths, [".data.a"]);
        let forced = apply(Shape::BuiltIn(""), &live, &wanted, &manager("two"), true).unwrap();
        assert_eq!(forced.object["data"], json!({"a": "9", "b": "2"}));
    }

    #[test]
    fn keyed_lists_merge_by_element() {
        let containers = |list: Value| json!({"spec": {"containers": list}});
        let one = json!([{"name": "a", "image": "1"}]);
        let live = applied(&json!({}), &containers(one), "one");
        let two = json!([{"name": "b", "image": "2"}, {"name": "a", "tty": true}]);
        let live = applied(&live, &containers(two), "two");
        assert_eq!(
            live["spec"]["containers"],
            json!([{"name": "a", "image": "1", "tty": true}, {"name": "b", "image": "2"}])
        );
        let live = applied(
            &live,
            &containers(json!([{"name": "a", "tty": true}])),
            "two",
        );
        assert_eq!(
            live["spec"]["containers"],
            json!([{"name": "a", "image": "1", "tty": true}])
        );
    }
}
