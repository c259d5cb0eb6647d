//! The kinds of objects that declarations may create. The cluster operator sets this list, because a run's ServiceAccount may
//! have more permissions than the authors of Tasks should be able to use.

use std::fmt;
use std::str::FromStr;

use super::model::{Declaration, Template};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Diagnostics, Place};
use crate::variable::Tree;

/// API groups whose kinds grant permissions or change how the API server works. A pattern with `*` does not match these kinds.
const GUARDED: [&str; 7] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "rbac.authorization.k8s.io",
];
/// The name of the core group in a pattern.
const CORE: &str = "core";
/// The type of Secret that Kubernetes fills with a ServiceAccount's token (`k8s.io/api/core/v1`).
const TOKEN: &str = "kubernetes.io/service-account-token";

/// The kinds that declarations may create. The default is [`AllowedKinds::unguarded`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedKinds(Option<Vec<KindPattern>>);

/// A pattern `GROUP/KIND`, where either part may be `*`. `core` is the API group with the empty name, and `*` alone means
/// `*/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindPattern {
    group: String,
    kind: String,
}

/// An error for a string that is not a valid pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid kind '{0}': use GROUP/KIND, such as apps/Deployment, core/ConfigMap or apps/*, or * for all"
)]
pub struct KindPatternError(String);

// === impl AllowedKinds ===

impl AllowedKinds {
    /// Returns a list that allows all kinds except those that the operator must allow by name. The exceptions are Secrets with
    /// a ServiceAccount token, and the kinds in the API groups for RBAC, admission, API extensions, authentication,
    /// authorization and certificates.
    pub fn unguarded() -> Self {
        Self(Some(vec![KindPattern {
            group: "*".to_owned(),
            kind: "*".to_owned(),
        }]))
    }

    /// Returns a list that allows every kind, for commands that are not subject to a cluster operator's list.
    pub const fn unlimited() -> Self {
        Self(None)
    }

    /// Returns the list as command-line arguments for the sidecar (`gleaner_proto::arguments::ALLOW_KIND`).
    pub fn to_arguments(&self) -> Vec<String> {
        match &self.0 {
            None => Vec::new(),
            Some(patterns) if patterns.is_empty() => vec![String::new()],
            Some(patterns) => patterns.iter().map(ToString::to_string).collect(),
        }
    }

    /// Parses the output of [`AllowedKinds::to_arguments`].
    ///
    /// # Errors
    /// Returns an error for the first text that is not a valid pattern.
    pub fn from_arguments(arguments: &[String]) -> Result<Self, KindPatternError> {
        if arguments.is_empty() {
            return Ok(Self::unlimited());
        }
        let patterns = arguments.iter().filter(|text| !text.is_empty());
        patterns.map(|text| text.parse()).collect()
    }

    /// Returns an error for each template whose kind is not allowed.
    pub fn check(&self, declaration: &Declaration) -> Vec<Diagnostic> {
        let mut found = Diagnostics::default();
        for template in &declaration.templates {
            let (group, kind) = (group(template), template.kind.as_str());
            if !self.allow(group, kind, is_guarded(template)) {
                found.push_with(|_| refused(template, group));
            }
        }
        found.into_vec()
    }

    fn allow(&self, group: &str, kind: &str, guarded: bool) -> bool {
        let Some(patterns) = &self.0 else {
            return true;
        };
        patterns.iter().any(|pattern| {
            let named = pattern.group == group && pattern.kind == kind;
            let group = pattern.group == "*" || pattern.group == group;
            let kind = pattern.kind == "*" || pattern.kind == kind;
            named || (group && kind && !guarded)
        })
    }
}

impl Default for AllowedKinds {
    fn default() -> Self {
        Self::unguarded()
    }
}

impl FromIterator<KindPattern> for AllowedKinds {
    fn from_iter<I: IntoIterator<Item = KindPattern>>(patterns: I) -> Self {
        Self(Some(patterns.into_iter().collect()))
    }
}

// === impl KindPattern ===

impl FromStr for KindPattern {
    type Err = KindPatternError;

    fn from_str(text: &str) -> Result<Self, KindPatternError> {
        let (group, kind) = if text == "*" {
            ("*", "*")
        } else {
            text.split_once('/').unwrap_or_default()
        };
        let valid = |part: &str, others: &str| {
            let letter = |letter: char| letter.is_ascii_alphanumeric() || others.contains(letter);
            part == "*" || (!part.is_empty() && part.chars().all(letter))
        };
        if !valid(group, ".-") || !valid(kind, "") {
            return Err(KindPatternError(text.to_owned()));
        }
        Ok(Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
        })
    }
}

impl fmt::Display for KindPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.group, self.kind)
    }
}

fn group(template: &Template) -> &str {
    template.group().unwrap_or(CORE)
}

fn is_guarded(template: &Template) -> bool {
    let group = group(template);
    GUARDED.contains(&group)
        || (group == CORE && template.kind == "Secret" && may_hold_token(&template.tree))
}

/// Returns true for a Secret of the token type, or of a type that is known only at run time.
fn may_hold_token(secret: &Tree) -> bool {
    match secret {
        Tree::Fixed(secret) => secret["type"] == TOKEN,
        Tree::Map(fields) => fields
            .get("type")
            .is_some_and(|kind| kind.as_literal().is_none_or(|kind| kind == TOKEN)),
        Tree::Text(_) | Tree::String(_) | Tree::List(_) => false,
    }
}

fn refused(template: &Template, group: &str) -> Diagnostic {
    let (name, kind) = (&template.name, &template.kind);
    let what = match (group, kind.as_str()) {
        (CORE, "Secret") => {
            format!("a Secret of type {TOKEN}, or of a type that contains variables,")
        }
        _ => format!("the kind {kind} of the group {group}"),
    };
    let place: Place = template.place.key("resourceTemplate").key("kind");
    Diagnostic::new(place, template.at, format!("'{name}': {what} is not allowed in this cluster")).help(format!(
        "use another kind, or ask the cluster's administrator to add {group}/{kind} to the chart's outputs.allowedKinds (--allow-kind of the injector)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::Scope;

    fn refused(patterns: &[&str], object: &str) -> Option<String> {
        let patterns = patterns
            .iter()
            .map(|text| text.parse::<KindPattern>().unwrap());
        let kinds: AllowedKinds = patterns.collect();
        let text = format!("objects: [{{name: it, resourceTemplate: {object}}}]");
        let declaration = Declaration::parse(&text, &Scope::default()).unwrap();
        kinds.check(&declaration).first().map(ToString::to_string)
    }

    #[test]
    fn kinds_that_grant_permissions_must_be_allowed_by_name() {
        let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding}";
        let webhook =
            "{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration}";
        let crd = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}";
        let csr = "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest}";
        let review = "{apiVersion: authentication.k8s.io/v1, kind: TokenRequest}";
        let service = "{apiVersion: apiregistration.k8s.io/v1, kind: APIService}";
        let token = "{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token}";
        let hidden = "{apiVersion: v1, kind: Secret, type: $(params.type)}";
        for object in [role, webhook, crd, csr, review, service, token, hidden] {
            let wide = [
                "*",
                "core/*",
                "*/Secret",
                "rbac.authorization.k8s.io/*",
                "*/ClusterRoleBinding",
            ];
            assert!(refused(&wide, object).is_some(), "{object}");
        }
        assert_eq!(
            refused(&["*"], role).unwrap(),
            "objects[0].resourceTemplate.kind: 'it': the kind ClusterRoleBinding of the group rbac.authorization.k8s.io is not \
             allowed in this cluster; use another kind, or ask the cluster's administrator to add \
             rbac.authorization.k8s.io/ClusterRoleBinding to the chart's outputs.allowedKinds (--allow-kind of the injector)"
        );
        assert_eq!(
            refused(&["rbac.authorization.k8s.io/ClusterRoleBinding"], role),
            None
        );
        assert_eq!(refused(&["core/Secret"], token), None);
    }

    #[test]
    fn a_list_allows_only_the_kinds_that_it_names() {
        let config = "{apiVersion: v1, kind: ConfigMap}";
        let secret = "{apiVersion: v1, kind: Secret, type: Opaque, stringData: {a: $(params.a)}}";
        let job = "{apiVersion: batch/v1, kind: Job}";
        for object in [config, secret, job] {
            assert_eq!(refused(&["*"], object), None, "{object}");
            assert!(refused(&[], object).is_some(), "{object}");
        }
        assert_eq!(refused(&["core/*"], config), None);
        assert_eq!(refused(&["apps/Deployment", "batch/*"], job), None);
        assert!(refused(&["core/ConfigMap"], secret).is_some());
        assert!(refused(&["batch/Job", "apps/*"], config).is_some());
    }

    #[test]
    fn a_list_is_restored_from_the_sidecars_arguments() {
        let named: AllowedKinds = ["apps/*", "core/ConfigMap"]
            .map(|text| text.parse().unwrap())
            .into_iter()
            .collect();
        for kinds in [
            AllowedKinds::unlimited(),
            AllowedKinds::unguarded(),
            AllowedKinds::from_iter([]),
            named,
        ] {
            assert_eq!(
                AllowedKinds::from_arguments(&kinds.to_arguments()),
                Ok(kinds)
            );
        }
    }

    #[test]
    fn an_invalid_kind_pattern_is_rejected() {
        for text in [
            "",
            "ConfigMap",
            "/ConfigMap",
            "core/",
            "v1/a/b",
            "apps/Dep*",
            "a b/C",
        ] {
            assert!(text.parse::<KindPattern>().is_err(), "{text}");
        }
    }
}
