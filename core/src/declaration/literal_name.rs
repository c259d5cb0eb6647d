//! Reports literal names, and literal parts of names, that the API server would reject.

use super::model::{Naming, Template};
use crate::document::Diagnostics;
use crate::document::diagnostic::Diagnostic;
use crate::render::SUFFIX;
use crate::variable::{Part, Tree};
use gleaner_proto::name::is_dns_subdomain;

/// The maximum length of a `generateName` prefix, in bytes: the maximum length of a DNS label, minus the length of the suffix.
/// A longer prefix is truncated.
const PREFIX_MAX: usize = 63 - SUFFIX;

/// The rule that the names of a kind must follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A path segment, for RBAC kinds, whose names have no further restrictions (`k8s.io/kubernetes/pkg/apis/rbac/validation`).
    Segment,
    /// A DNS label (RFC 1123), without dots.
    Label,
    /// A DNS subdomain.
    Subdomain,
}

impl Form {
    fn of(template: &Template) -> Self {
        if template
            .api_version
            .starts_with("rbac.authorization.k8s.io/")
        {
            Self::Segment
        } else if template.is("v1", "Namespace") || template.is("v1", "Service") {
            Self::Label
        } else {
            Self::Subdomain
        }
    }

    /// Returns true if `name` is a valid name of this form.
    fn admits(self, name: &str) -> bool {
        match self {
            Self::Segment => {
                !name.is_empty() && name != "." && name != ".." && self.admits_part(name)
            }
            Self::Label => is_dns_subdomain(name) && !name.contains('.'),
            Self::Subdomain => is_dns_subdomain(name),
        }
    }

    /// Returns true if `text` may occur next to a variable in a name of this form.
    fn admits_part(self, text: &str) -> bool {
        let is_label = |part: &str| part.is_empty() || is_dns_subdomain(&format!("x{part}x"));
        match self {
            Self::Segment => !text.contains(['/', '%']),
            Self::Label => !text.contains('.') && is_label(text),
            Self::Subdomain => text.split('.').all(is_label),
        }
    }

    /// Returns true if no name of this form may begin or end with `letter`.
    fn refuses_end(self, letter: Option<char>) -> bool {
        self != Self::Segment && letter.is_some_and(|letter| matches!(letter, '-' | '.'))
    }

    /// Returns the remedy. If `suffix` is not empty, it is added to the name, so the remedy does not restrict the last character.
    fn help(self, suffix: &str) -> String {
        let letters = match self {
            Self::Label => "digits and '-'",
            Self::Segment | Self::Subdomain => "digits, '-' and '.'",
        };
        let end = if suffix.is_empty() {
            "begin and end"
        } else {
            "begin"
        };
        format!("use lower-case letters, {letters}, and {end} with a letter or digit")
    }
}

/// Reports the name of `template` if Kubernetes would reject it.
pub(super) fn check(template: &Template, found: &mut Diagnostics) {
    let (key, tree, suffix) = match &template.naming {
        Naming::Static(tree) => ("name", tree, ""),
        Naming::Prefix(tree) => ("generateName", tree, "x"),
        Naming::Derived => return,
    };
    let form = Form::of(template);
    let (message, help) = match tree {
        Tree::Text(text) => {
            let parts = text.parts();
            let refused = parts.iter().find_map(|part| match part {
                Part::Literal(literal) if !form.admits_part(literal) => Some(literal),
                _ => None,
            });
            let message = match (refused, parts.first(), parts.last()) {
                (Some(refused), ..) => {
                    format!("Kubernetes rejects a name that contains '{refused}'")
                }
                (None, Some(Part::Literal(first)), _) if form.refuses_end(first.chars().next()) => {
                    format!("Kubernetes rejects a name that begins with '{first}'")
                }
                (None, _, Some(Part::Literal(last)))
                    if suffix.is_empty() && form.refuses_end(last.chars().last()) =>
                {
                    format!("Kubernetes rejects a name that ends with '{last}'")
                }
                _ => return,
            };
            (message, form.help(suffix))
        }
        _ => {
            let Some(name) = tree.as_literal() else {
                return;
            };
            let longest = longest(template);
            // Gleaner truncates a long prefix, so only the remaining part is checked.
            let whole = match suffix {
                "" => name,
                _ => name.get(..PREFIX_MAX).unwrap_or(name),
            };
            let help = if suffix.is_empty() && name.len() > longest && form != Form::Segment {
                format!(
                    "the name of a {} may have at most {longest} characters",
                    template.kind
                )
            } else if form.admits(&format!("{whole}{suffix}")) {
                return;
            } else {
                form.help(suffix)
            };
            (format!("Kubernetes rejects the name '{name}'"), help)
        }
    };
    let place = template.metadata().key(key);
    found.push(Diagnostic::new(place, None, message).help(help));
}

/// Returns the maximum length of the name, in characters. The maximum is lower for StatefulSets and CronJobs, because their
/// names become part of a label of their pods.
fn longest(template: &Template) -> usize {
    let is = |api_version, kind| template.is(api_version, kind);
    if is("apps/v1", "StatefulSet") || is("batch/v1", "CronJob") {
        52
    } else if is("v1", "Namespace") || is("v1", "Service") || is("batch/v1", "Job") {
        63
    } else {
        253
    }
}
