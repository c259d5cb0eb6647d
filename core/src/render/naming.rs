//! Names of objects: static, or derived from the run's UID.
//!
//! A name that the API server makes up (`generateName`) is another one at every try, so that a create whose
//! answer was lost becomes a second object. A derived name is the same at every try.

use crate::declaration::{Naming, Origin, Template};
use crate::variable::{Unresolved, Variables};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::run::Run;

/// Letters and digits that cannot form words and are not mistaken for each other: the API server's own choice
/// for `generateName` (`k8s.io/apimachinery/pkg/util/rand`).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// The length of a derived name's suffix.
pub(crate) const SUFFIX: usize = 5;
/// The longest derived name: a DNS label, as with `generateName` (`k8s.io/apiserver/pkg/storage/names`).
const NAME_MAX: usize = 63;
/// The longest name of a kind whose controller adds 11 characters and uses the result as a label: a CronJob's Jobs
/// (`pkg/apis/batch/validation`), a StatefulSet's `controller-revision-hash`.
const NAME_MAX_EXTENDED: usize = 52;
/// What stands for a suffix where no run is there to derive it from.
const UNKNOWN: &str = "?????";

/// The five characters for `resource` of the run `uid`; another five for each attempt.
pub fn derived_suffix(uid: &str, resource: &str, attempt: u32) -> String {
    let mut hash = Sha256::new();
    for part in [uid, resource, &attempt.to_string()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let base = ALPHABET.len() as u64;
    let letter = |place: usize| {
        let digit = number / base.pow(u32::try_from(place).unwrap_or_default()) % base;
        char::from(ALPHABET[usize::try_from(digit).unwrap_or_default()])
    };
    (0..SUFFIX).map(letter).collect()
}

pub(super) const fn is_derived(template: &Template) -> bool {
    !matches!(template.naming, Naming::Static(_))
}

/// The key (`name`, or `generateName` where no run gives a name) and its value.
pub(super) fn name(
    template: &Template,
    run: &Run,
    attempt: u32,
    variables: &dyn Variables,
    unresolved: &mut Unresolved,
) -> (&'static str, Value) {
    let prefix = match &template.naming {
        Naming::Static(tree) => return ("name", tree.substitute_partly(variables, unresolved)),
        Naming::Prefix(tree) => {
            let prefix = tree.substitute_partly(variables, unresolved);
            prefix.as_str().unwrap_or_default().to_owned()
        }
        Naming::Derived => {
            let kind = match &template.origin {
                Origin::PipelineResource { kind, .. } => kind,
                Origin::Object => &template.kind,
            };
            let index = run.completion_index().map(|index| format!("-{index}"));
            let task = format!("{}{}", run.task(), index.unwrap_or_default());
            fitted(template, &task, &kind.to_lowercase())
        }
    };
    let prefix = shortened(&prefix, longest(template) - SUFFIX);
    match run.uid() {
        Some(uid) => {
            let suffix = derived_suffix(uid, template.name.as_str(), attempt);
            ("name", format!("{prefix}{suffix}").into())
        }
        None => ("generateName", prefix.into()),
    }
}

/// The name of an object, as far as it has one, for `$(resources.NAME.name)`.
pub(super) fn known_name(object: &Value) -> Option<String> {
    let metadata = object.get("metadata")?;
    match metadata.get("name").and_then(Value::as_str) {
        Some(name) => Some(name.to_owned()),
        None => metadata
            .get("generateName")?
            .as_str()
            .map(|prefix| format!("{prefix}{UNKNOWN}")),
    }
}

/// The longest name that an object of this kind may have, of those that are derived.
fn longest(template: &Template) -> usize {
    let extended = [("apps/v1", "StatefulSet"), ("batch/v1", "CronJob")];
    if extended.contains(&(template.api_version.as_str(), template.kind.as_str())) {
        NAME_MAX_EXTENDED
    } else {
        NAME_MAX
    }
}

/// The prefix `<task>-<kind>-`, as the names of the kind have to be: a Task's name may have dots and begin with a digit.
fn fitted(template: &Template, task: &str, kind: &str) -> String {
    let prefix = format!("{task}-{kind}-");
    let is_service = template.kind == "Service"
        && (template.api_version == "v1"
            || template.api_version.starts_with("serving.knative.dev/"));
    let is_namespace = template.api_version == "v1" && template.kind == "Namespace";
    if !is_service && !is_namespace {
        return prefix;
    }
    let prefix = prefix.replace('.', "-");
    // A Service's name begins with a letter (RFC 1035), as its record in the DNS.
    if is_service && prefix.starts_with(|first: char| !first.is_ascii_lowercase()) {
        format!("t{prefix}")
    } else {
        prefix
    }
}

fn shortened(prefix: &str, longest: usize) -> &str {
    let end = prefix
        .char_indices()
        .map(|(start, _)| start)
        .take_while(|start| *start <= longest)
        .last();
    if prefix.len() <= longest {
        prefix
    } else {
        &prefix[..end.unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_depends_on_run_resource_and_attempt_only() {
        let suffix = derived_suffix("uid", "img", 0);
        assert_eq!(suffix, derived_suffix("uid", "img", 0));
        assert_eq!(suffix.len(), SUFFIX);
        assert!(suffix.bytes().all(|byte| ALPHABET.contains(&byte)));
        for other in [
            derived_suffix("uid2", "img", 0),
            derived_suffix("uid", "img2", 0),
            derived_suffix("uid", "img", 1),
        ] {
            assert_ne!(suffix, other);
        }
    }

    #[test]
    fn a_long_prefix_leaves_room_for_the_suffix() {
        assert_eq!(shortened(&"a".repeat(80), 58).len(), 58);
        assert_eq!(shortened("short-", 58), "short-");
    }
}
