//! Reports states in `waitFor` and fields in `results` that objects of Kubernetes' own kinds never have.

use super::status::{FIELDS, STATUSES, Status, WITHOUT_STATUS};
use super::types::map_of;
use super::{OUTLINE, VERSION, fields};
use crate::declaration::{FieldPath, PathSegment, Template, WaitTarget};
use crate::document::diagnostic::Diagnostic;
use crate::document::suggestion::nearest;
use crate::document::{Diagnostics, Place};
use serde_json::Value;

/// Checks `waitFor` and `results` of a template.
pub(super) fn check(template: &Template, errors: &mut Diagnostics, warnings: &mut Diagnostics) {
    let mut awaited = Awaited {
        template,
        has_status: !WITHOUT_STATUS.iter().any(|(version, kinds)| {
            *version == template.api_version && kinds.contains(&template.kind.as_str())
        }),
        status: STATUSES
            .iter()
            .find(|one| one.version == template.api_version && one.kind == template.kind),
        errors,
        warnings,
    };
    if let Some(wait) = &template.wait_for {
        let place = template.place.key("waitFor");
        awaited.target(&wait.target, &place);
        if let Some(failure) = &wait.failure {
            awaited.target(failure, &place.key("failure"));
        }
    }
    for (name, path) in &template.results {
        awaited.path(path, template.place.key("results").key(name));
    }
}

struct Awaited<'a> {
    template: &'a Template,
    has_status: bool,
    status: Option<&'static Status>,
    errors: &'a mut Diagnostics,
    warnings: &'a mut Diagnostics,
}

impl Awaited<'_> {
    fn target(&mut self, target: &WaitTarget, place: &Place) {
        match target {
            WaitTarget::Rollout => {}
            WaitTarget::Conditions(conditions) => {
                for condition in conditions {
                    self.condition(condition, place.key("condition"));
                }
            }
            WaitTarget::Field { path, value } => {
                if let Some(value) = value {
                    self.phase(path, value, place.key("value"));
                }
                self.path(path, place.key("jsonPath"));
            }
        }
    }

    fn condition(&mut self, condition: &str, place: Place) {
        let kind = &self.template.kind;
        if !self.has_status {
            return self.no_status(place);
        }
        let Some(status) = self.status else {
            return;
        };
        let help = if status.phases.contains(&condition) {
            Some(format!(
                "write jsonPath: .status.phase and value: {condition}"
            ))
        } else {
            status.instead.map(|instead| format!("write {instead}"))
        };
        let Some(known) = status.conditions else {
            let message = format!("the status of a {kind} has no conditions");
            let help = help.unwrap_or_else(|| "use a field with jsonPath".to_owned());
            return self
                .errors
                .push(Diagnostic::new(place, None, message).help(help));
        };
        // Other controllers may set conditions of their own, so an unknown condition causes only a warning, and a condition with
        // a prefix is not checked.
        if known.contains(&condition) || condition.contains('/') {
            return;
        }
        let near = nearest(condition, known.iter().copied());
        let help = near.map(|near| format!("did you mean '{near}'?")).or(help);
        let message = format!("Kubernetes does not set a condition '{condition}' on a {kind}");
        let help = help.unwrap_or_else(|| {
            "make sure that a controller sets it, or use a field with jsonPath".to_owned()
        });
        self.warnings
            .push(Diagnostic::new(place, None, message).help(help));
    }

    fn no_status(&mut self, place: Place) {
        let message = format!("a {} has no status", self.template.kind);
        let help = "remove this field, or use the path of a field that the object has";
        self.errors
            .push(Diagnostic::new(place, None, message).help(help));
    }

    fn phase(&mut self, path: &FieldPath, value: &str, place: Place) {
        let phases = self.status.map_or(&[][..], |status| status.phases);
        if path.to_string() != ".status.phase" || phases.is_empty() || phases.contains(&value) {
            return;
        }
        let message = format!("the phase of a {} is never '{value}'", self.template.kind);
        let help = format!("use one of {}", phases.join(", "));
        self.warnings
            .push(Diagnostic::new(place, None, message).help(help));
    }

    /// Reports the first key of `path` that the kind does not have. Status fields are checked separately, because
    /// `outline.json` does not contain them.
    fn path(&mut self, path: &FieldPath, place: Place) {
        if path.is_below("status") {
            if !self.has_status {
                return self.no_status(place);
            }
            return self.status_field(path, place);
        }
        if path.is_below("metadata") {
            return;
        }
        let kinds = &OUTLINE["kinds"][&self.template.api_version];
        let Some(mut own) = kinds[&self.template.kind].as_str() else {
            return;
        };
        for segment in path.segments() {
            own = match segment {
                PathSegment::Index(_) => match own.strip_prefix("[]") {
                    Some(item) => item,
                    None => return,
                },
                PathSegment::Key(key) => {
                    if let Some((_, value)) = map_of(own) {
                        own = value;
                        continue;
                    }
                    let Some(fields) = fields(own)["fields"].as_object() else {
                        return;
                    };
                    let Some(field) = fields.get(key).and_then(Value::as_str) else {
                        let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                        return self.unknown(key, &known, place);
                    };
                    field
                }
            };
        }
    }

    fn status_field(&mut self, path: &FieldPath, place: Place) {
        let Some(PathSegment::Key(key)) = path.segments().get(1) else {
            return;
        };
        let mut fields = FIELDS.iter().filter(|(version, kind, _)| {
            *version == self.template.api_version && *kind == self.template.kind
        });
        if let Some((_, _, known)) = fields.next()
            && !known.contains(&key.as_str())
        {
            self.unknown(key, known, place);
        }
    }

    /// Reports an unknown field. The finding is an error if the field differs from a known field only in case, and otherwise a
    /// warning, because a later version of Kubernetes may add the field.
    fn unknown(&mut self, key: &str, known: &[&str], place: Place) {
        let kind = &self.template.kind;
        let message = format!("a {kind} has no field '{key}' at this path in Kubernetes {VERSION}");
        let near = nearest(key, known.iter().copied());
        let help = near.map(|near| format!("did you mean '{near}'?"));
        let is_wrong = near.is_some_and(|near| near.eq_ignore_ascii_case(key));
        let found = if is_wrong {
            &mut *self.errors
        } else {
            &mut *self.warnings
        };
        found.push(Diagnostic::new(place, None, message).maybe_help(help));
    }
}
