//! Checks for failures that can be detected before the first step runs: kinds that the cluster does not serve, and
//! missing permissions.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use gleaner_core::declaration::{Permission, Template};
use gleaner_core::variable::{Field, Tree};
use gleaner_proto::failure::{Failure, FailureCode};
use serde_json::Value;

use super::PARALLEL;
use super::api::Api;
use super::discovery::Kinds;
use super::error::Reason;
use super::kind::{Kind, KindName};
use super::remedy::{grant, plain};
use super::request::Call;

/// A predicted failure of the submission.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The predicted failure, with the name of the resource.
    pub failure: Failure,
    /// True if the predicted failure makes the submission fail.
    pub blocking: bool,
    /// False if the check has no result, for example because the API server did not respond. The check must then be repeated.
    pub answered: bool,
}

/// The namespace in a template.
#[derive(Debug, PartialEq, Eq)]
enum Namespace<'a> {
    /// The template has no namespace, so the object is created in the run's namespace.
    Unsaid,
    Literal(&'a str),
    /// The namespace contains variables, so it is not known yet.
    Later,
}

/// For each template, checks the kind and the necessary permissions.
pub(super) async fn preflight(
    api: Api<'_>,
    kinds: &Kinds,
    run_namespace: &str,
    templates: &[Template],
) -> Vec<Finding> {
    let name = |template: &Template| KindName::new(&template.api_version, &template.kind);
    let wanted: std::collections::HashSet<_> = templates.iter().map(name).collect();
    let found = kinds.find(api, wanted).await;
    let mut findings = Vec::new();
    let mut reviews = Vec::new();
    for (index, template) in templates.iter().enumerate() {
        let before = &templates[..index];
        let Some(kind) = found.get(&name(template)) else {
            continue;
        };
        match kind {
            Err(Reason::KindNotServed { .. })
                if before.iter().any(|one| one.may_define(template)) => {}
            Err(reason) => findings.push(Finding::of(template, reason)),
            Ok(kind) => match placed(template, kind, run_namespace) {
                Ok(Some(namespace)) => reviews.push((template, Arc::clone(kind), namespace)),
                Ok(None) => {}
                Err(reason) => findings.push(Finding::of(template, &reason)),
            },
        }
    }
    findings.extend(review(api, reviews).await);
    findings
}

/// Returns the namespace of the object (empty for a cluster-scoped kind), or `None` if the namespace is not known yet.
fn placed<'a>(
    template: &'a Template,
    kind: &Kind,
    run_namespace: &'a str,
) -> Result<Option<&'a str>, Reason> {
    let given = match namespace(&template.tree) {
        Namespace::Later => return Ok(None),
        Namespace::Unsaid => None,
        Namespace::Literal(given) => Some(given),
    };
    super::namespace::check(kind, given, template.owned, run_namespace)?;
    Ok(Some(if kind.namespaced {
        given.unwrap_or(run_namespace)
    } else {
        ""
    }))
}

fn namespace(tree: &Tree) -> Namespace<'_> {
    match tree.field(&["metadata", "namespace"]) {
        Some(Field::Fixed(namespace)) => namespace
            .as_str()
            .map_or(Namespace::Unsaid, Namespace::Literal),
        Some(Field::Variable(_)) => Namespace::Later,
        None => Namespace::Unsaid,
    }
}

/// Checks every permission that the templates need. A permission that several templates need is checked only once.
async fn review(api: Api<'_>, templates: Vec<(&Template, Arc<Kind>, &str)>) -> Vec<Finding> {
    let mut asked = BTreeSet::new();
    let mut questions = Vec::new();
    for (template, kind, namespace) in templates {
        for need in template.permissions() {
            if asked.insert((need.verb, kind.resource(), namespace)) {
                questions.push((template, Arc::clone(&kind), namespace, need));
            }
        }
    }
    // Collected before streaming, because the compiler cannot prove that a lazy map of borrowing futures is `Send`.
    let answers: Vec<_> = questions
        .into_iter()
        .map(|(template, kind, namespace, need)| async move {
            match is_allowed(api, need.verb, &kind, namespace).await {
                Ok(true) => None,
                Ok(false) => Some(Finding {
                    failure: missing(need, template, &kind, namespace),
                    blocking: need.is_required,
                    answered: true,
                }),
                Err(reason) => Some(Finding::of(template, &reason)),
            }
        })
        .collect();
    let findings: Vec<Option<Finding>> = futures::stream::iter(answers)
        .buffered(PARALLEL)
        .collect()
        .await;
    findings.into_iter().flatten().collect()
}

/// Returns true if the run has the permission. Also returns true if the review gives no result; a missing permission is then
/// reported only when the object is created.
///
/// # Errors
/// Returns a reason if the API server did not respond.
async fn is_allowed(
    api: Api<'_>,
    verb: &str,
    kind: &Kind,
    namespace: &str,
) -> Result<bool, Reason> {
    let call = Call::access_review(verb, kind.name.group(), &kind.plural, namespace);
    match api.call(&call).await {
        Ok(reply) => Ok(reply.done.value["status"]["allowed"] != Value::Bool(false)),
        Err(error) if error.is_late() => Err(plain(error.end)),
        Err(error) => {
            tracing::debug!(verb, kind = %kind.name, ?error, "permission-unknown");
            Ok(true)
        }
    }
}

/// Returns the failure that the missing permission will cause.
fn missing(need: Permission, template: &Template, kind: &Kind, namespace: &str) -> Failure {
    let place = match namespace {
        "" => String::new(),
        namespace => format!(" in namespace '{namespace}'"),
    };
    let message = format!(
        "the run is not allowed to {} {}{place}, so {}",
        need.verb,
        kind.resource(),
        need.without
    );
    Failure {
        resource: Some(template.name.to_string()),
        code: FailureCode::Forbidden,
        message,
        remedy: Some(grant(need.verb, kind)),
    }
}

// === impl Finding ===

impl Finding {
    /// Returns a finding. If the check has a result, the finding blocks the submission.
    fn of(template: &Template, reason: &Reason) -> Self {
        // Repeat the check after these failures, because the API server, the credentials or the CA certificate may become
        // available later.
        let answered = !matches!(
            reason,
            Reason::Unreachable { .. }
                | Reason::Deadline { .. }
                | Reason::Unauthorized(_)
                | Reason::Broken(_)
        );
        Self {
            failure: Failure {
                resource: Some(template.name.to_string()),
                ..reason.to_message()
            },
            blocking: answered,
            answered,
        }
    }
}
