//! The variables that make Tekton's webhook reject an object, as defined in `pkg/apis/pipeline/v1/task_validation.go`,
//! `container_validation.go`, `pkg/apis/pipeline/v1beta1/stepaction_validation.go` and `pkg/substitution/substitution.go`. Part
//! of the validation of an embedded task happens only when its TaskRun is created.

use crate::variable::occurrence::Occurrence;

use super::field::{Field, Owner};
use super::names::{Kind, Names};

/// The context variables of a step, by the prefix that Tekton searches for.
pub(super) const CONTEXT: [(&str, &[&str]); 2] = [
    ("context.taskRun", &["name", "namespace", "uid"]),
    ("context.task", &["name", "retry-count"]),
];

/// Returns true if Tekton's webhook rejects the variable `one` in this field.
pub(super) fn refuses(names: &Names<'_>, one: Occurrence<'_>, field: &Field<'_>) -> bool {
    is_misused_param(names, one, field)
        || has_unknown_context(names, one.inner, field)
        || is_unknown_result(names, one.inner, field)
        || !names.is_step_action && is_misplaced_step_result(one.inner, field)
}

/// The name that Tekton extracts from a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name<'t> {
    /// The name with its indices.
    Of(&'t str),
    /// More than two parts follow the prefix. Tekton always rejects such a variable.
    TooDeep,
}

/// Extracts the name after `prefix` in the same way as the regular expression `braceMatchingRegex`. Returns `None` if that
/// expression does not match.
fn name_after<'t>(inner: &'t str, prefix: &str) -> Option<Name<'t>> {
    let rest = inner.strip_prefix(prefix)?;
    if rest.contains('\n') {
        return None;
    }
    if let Some(dotted) = rest.strip_prefix('.') {
        let mut parts = dotted.split('.');
        let first = parts.next().unwrap_or_default();
        return Some(match parts.count() {
            0 | 1 => Name::Of(first),
            _ => Name::TooDeep,
        });
    }
    let quotes = [("[\"", "\"]"), ("['", "']")];
    let mut quoted = quotes
        .iter()
        .filter_map(|(open, close)| rest.strip_prefix(open)?.strip_suffix(close));
    quoted.next().map(Name::Of)
}

/// Returns `name` without a final index such as `[0]` or `[*]`. For a name with at most one index, this is what Tekton's
/// `TrimArrayIndex` returns.
fn without_index(name: &str) -> &str {
    let index = |text: &str| text == "*" || text.bytes().all(|byte| byte.is_ascii_digit());
    match name
        .strip_suffix(']')
        .and_then(|open| open.rsplit_once('['))
    {
        Some((bare, inner)) if index(inner) => bare,
        _ => name,
    }
}

/// Returns true if Tekton rejects the name after `prefix`, either because the name has too many parts or because `is_known`
/// returns false.
fn is_unknown(inner: &str, prefix: &str, is_known: impl Fn(&str) -> bool) -> bool {
    match name_after(inner, prefix) {
        Some(Name::Of(name)) => !is_known(without_index(name)),
        Some(Name::TooDeep) => true,
        None => false,
    }
}

/// Returns true if Tekton validates parameters and context variables in this field.
fn is_validated(names: &Names<'_>, field: &Field<'_>) -> bool {
    if !matches!(field.owner, Owner::Step(_)) {
        return false;
    }
    match field.name {
        "image" | "script" | "command" | "args" => true,
        "workingDir" | "onError" => !names.is_step_action,
        "env" => field.key == "value",
        "volumeMounts" if names.is_step_action => field.key == "name",
        "volumeMounts" => ["name", "mountPath", "subPath"].contains(&field.key),
        _ => false,
    }
}

fn is_misused_param(names: &Names<'_>, one: Occurrence<'_>, field: &Field<'_>) -> bool {
    if !is_validated(names, field) {
        return false;
    }
    let Some(found) = name_after(one.inner, "params") else {
        return false;
    };
    if names.is_step_action && field.is_script() {
        return true;
    }
    let Name::Of(written) = found else {
        return true;
    };
    let name = without_index(written);
    let is_whole = name == written || written.ends_with("[*]");
    match names.params.get(name) {
        None => !names.untyped.contains(name),
        // Tekton does not validate a parameter's type in `onError`.
        Some(_) if field.name == "onError" => false,
        Some(Kind::String) => false,
        Some(Kind::Array) if ["command", "args"].contains(&field.name) => is_whole && !one.is_whole,
        Some(Kind::Array) => is_whole,
        Some(Kind::Object(keys)) => {
            let has_key = |key: &str| keys.is_empty() || keys.contains(key);
            let access = one.inner.strip_prefix("params.");
            let access = access.and_then(|access| access.strip_prefix(name));
            match access {
                Some("" | "[*]") => true,
                Some(access) => is_unknown(access, "", has_key),
                None => is_whole,
            }
        }
    }
}

fn has_unknown_context(names: &Names<'_>, inner: &str, field: &Field<'_>) -> bool {
    let is_unknown =
        |(prefix, known): (&str, &[&str])| is_unknown(inner, prefix, |name| known.contains(&name));
    !names.is_step_action && is_validated(names, field) && CONTEXT.into_iter().any(is_unknown)
}

/// Returns true if a step's script refers to an unknown result of the Task, or of the step if the step declares results.
fn is_unknown_result(names: &Names<'_>, inner: &str, field: &Field<'_>) -> bool {
    let Some(step) = field.step().filter(|_| field.is_script()) else {
        return false;
    };
    let own = names.step_results(step);
    let is_own = |name: &str| own.is_some_and(|own| own.contains(name));
    let of_task = |name: &str| match names.is_step_action {
        true => is_own(name),
        false => names.results.contains(name),
    };
    let validates_own = names.is_step_action || own.is_some_and(|own| !own.is_empty());
    is_unknown(inner, "results", of_task)
        || validates_own && is_unknown(inner, "step.results", is_own)
}

/// Returns true if the variable refers to a step's result by the step's name, and Tekton does not allow step results in this
/// field (`errorIfStepResultReferencedInField`).
fn is_misplaced_step_result(inner: &str, field: &Field<'_>) -> bool {
    let is_result = inner
        .strip_prefix("steps.")
        .is_some_and(|rest| !inner.contains('\n') && rest.contains(".results."));
    let forbidden = match field.name {
        "image" | "script" | "imagePullPolicy" | "workingDir" => true,
        "envFrom" => ["prefix", "name"].contains(&field.key),
        "volumeMounts" => ["name", "mountPath", "subPath"].contains(&field.key),
        "volumeDevices" => ["name", "devicePath"].contains(&field.key),
        _ => false,
    };
    is_result && forbidden && field.owner != Owner::Other
}
