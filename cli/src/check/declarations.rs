//! Checks that the cluster meets the requirements of the declarations in files: the cluster serves the declared kinds, the
//! injector allows them, and the ServiceAccount has the permissions.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_core::declaration::{AllowedKinds, Declaration, Permission, Template};
use gleaner_core::document::{Node, Source};
use gleaner_core::task::{DeclarationSite, resource_templates};
use gleaner_core::variable::Field;
use serde_json::{Value, json};

use super::cluster::{Cluster, Unread};
use super::injector;
use super::report::{Check, Group};

/// The permission to create Events for a run.
const EVENTS: Permission = Permission {
    verb: "create",
    without: "the run creates no Events for the TaskRun",
    is_required: false,
};

/// The namespace of a created object.
enum Namespace {
    /// A namespace that is known before the run; empty for a cluster-scoped kind.
    Known(String),
    /// A namespace that contains variables, so it is known only during the run.
    Later,
}

/// The ID for checks whether the injector allows the declared kinds.
const KIND_ALLOWED: &str = "kind-allowed";

/// A declaration, and the namespace of its document.
struct Declared {
    title: String,
    namespace: String,
    declaration: Declaration,
}

/// A kind that the cluster serves.
struct Kind {
    plural: String,
    is_namespaced: bool,
}

/// Checks the declarations in the files. `deployment` is the injector's Deployment, if it can be read; without the webhook, no
/// injector restricts the kinds.
pub(super) async fn check(
    cluster: &Cluster<'_>,
    sources: &[Source],
    deployment: Option<&Value>,
    with_webhook: bool,
) -> Group {
    let mut group = Group::new("declarations");
    let mut all = Vec::new();
    for source in sources {
        for document in &source.documents {
            read(cluster, source, document, &mut group, &mut all);
        }
    }
    if group.is_empty() {
        group.add(Check::skipped(
            "declaration",
            "the files declare no outputs",
        ));
    }
    match deployment {
        Some(deployment) => allowed(deployment, &all, &mut group),
        None if all.is_empty() || !with_webhook => {}
        None => group.add(Check::skipped(
            KIND_ALLOWED,
            "the injector's Deployment, which contains the list of allowed kinds, was not read",
        )),
    }
    let mut asker = Asker {
        cluster,
        served: BTreeMap::new(),
        asked: BTreeSet::new(),
        reviews_are_local: false,
        unreadable: BTreeSet::new(),
    };
    for declared in &all {
        asker.declaration(declared, &mut group).await;
    }
    group
}

/// Checks the declarations in a document, and adds the valid ones to `all`.
fn read(
    cluster: &Cluster<'_>,
    source: &Source,
    document: &Node,
    group: &mut Group,
    all: &mut Vec<Declared>,
) {
    const ID: &str = "declaration";
    let created = resource_templates::all(document);
    if !created.is_empty() {
        for item in created {
            read(cluster, source, item.node, group, all);
        }
        return;
    }
    let namespace = document.descend(&["metadata", "namespace"]);
    let namespace = namespace
        .and_then(Node::as_str)
        .unwrap_or(cluster.namespace);
    let sites = DeclarationSite::all(document).into_iter();
    for site in sites.filter(|site| site.is_read() && site.declares()) {
        let title = site.title.clone();
        match site.declaration(source) {
            Ok(Some(read)) => {
                group
                    .add(Check::ok(ID, format!("{title}: the declaration is valid")).about(&title));
                all.push(Declared {
                    title,
                    namespace: namespace.to_owned(),
                    declaration: read.declaration,
                });
            }
            Ok(None) => {}
            Err(errors) => {
                let first = errors.first().map(ToString::to_string).unwrap_or_default();
                let message = format!("{title}: {first}");
                let remedy = format!("`gleaner lint -f {}` lists all errors", source.name);
                group.add(Check::failed(ID, message, remedy).about(title));
            }
        }
    }
}

/// Checks the declared kinds against the injector's `--allow-kind` arguments.
fn allowed(deployment: &Value, all: &[Declared], group: &mut Group) {
    let arguments = injector::arguments(deployment);
    let kinds = arguments.filter_map(|argument| argument.strip_prefix("--allow-kind="));
    let kinds: Vec<String> = kinds.map(str::to_owned).collect();
    // Without `--allow-kind`, the injector uses its default list.
    let kinds = match kinds.is_empty() {
        true => Ok(AllowedKinds::default()),
        false => AllowedKinds::from_arguments(&kinds),
    };
    let Ok(kinds) = kinds else { return };
    for Declared {
        title, declaration, ..
    } in all
    {
        let refused = kinds.check(declaration);
        if refused.is_empty() {
            let message = format!("{title}: the injector allows the declared kinds");
            group.add(Check::ok(KIND_ALLOWED, message).about(title));
        }
        for diagnostic in refused {
            let message = format!("{title}: {}", diagnostic.message);
            let remedy = diagnostic.help.unwrap_or_default();
            group.add(Check::failed(KIND_ALLOWED, message, remedy).about(title));
        }
    }
}

/// Queries each kind and each permission only once.
struct Asker<'a> {
    cluster: &'a Cluster<'a>,
    /// The kinds that the cluster serves, for each group version.
    served: BTreeMap<String, Result<Vec<Value>, Unread>>,
    asked: BTreeSet<String>,
    /// True if the user may not create SubjectAccessReviews, but possibly LocalSubjectAccessReviews.
    reviews_are_local: bool,
    /// The namespaces in which reviews failed, so no further review is attempted; empty for cluster-scoped kinds.
    unreadable: BTreeSet<String>,
}

impl Asker<'_> {
    async fn declaration(&mut self, declared: &Declared, group: &mut Group) {
        let templates = &declared.declaration.templates;
        for (index, template) in templates.iter().enumerate() {
            let before = &templates[..index];
            let Some(kind) = self.kind(template, before, group).await else {
                continue;
            };
            let Namespace::Known(namespace) = placed(template, &kind, &declared.namespace) else {
                let message = format!(
                    "the permissions for '{}' cannot be checked, because its namespace contains variables",
                    template.name
                );
                group.add(Check::skipped("permission", message).about(template.name.as_str()));
                continue;
            };
            for permission in template.permissions() {
                let of_kind = (template.group().unwrap_or_default(), &*kind.plural);
                self.permission(&declared.namespace, of_kind, &namespace, permission, group)
                    .await;
            }
        }
        let of_kind = ("events.k8s.io", "events");
        let namespace = &*declared.namespace;
        self.permission(namespace, of_kind, namespace, EVENTS, group)
            .await;
    }

    /// Returns the served kind of a template. Adds a check to `group` when a kind is looked up for the first time.
    async fn kind(
        &mut self,
        template: &Template,
        before: &[Template],
        group: &mut Group,
    ) -> Option<Kind> {
        const ID: &str = "kind-served";
        let (version, kind) = (&template.api_version, &template.kind);
        let name = format!("{kind} of {version}");
        if !self.served.contains_key(version) {
            let kinds = self.cluster.kinds(version).await;
            self.served.insert(version.clone(), kinds);
        }
        let found = self.served[version].as_ref();
        let found = found.map(|kinds| kinds.iter().find(|one| one["kind"] == kind.as_str()));
        let is_first = self.asked.insert(name.clone());
        let (kind, check) = match found {
            Ok(Some(found)) => {
                let kind = Kind {
                    plural: found["name"].as_str()?.to_owned(),
                    is_namespaced: found["namespaced"] == Value::Bool(true),
                };
                (Some(kind), Check::ok(ID, format!("{name} is served")))
            }
            Ok(None) if before.iter().any(|one| one.may_define(template)) => (
                None,
                Check::skipped(
                    ID,
                    format!("the declaration itself creates the CRD for {name}"),
                ),
            ),
            Ok(None) => {
                let message = format!("the cluster does not serve {name}");
                let remedy = "install its CRD, or correct apiVersion and kind; `kubectl api-resources` lists the valid ones";
                (None, Check::failed(ID, message, remedy))
            }
            Err(unread) => (None, unread.check(ID)),
        };
        if is_first {
            group.add(check.about(name));
        }
        kind
    }

    async fn permission(
        &mut self,
        run_namespace: &str,
        (api_group, plural): (&str, &str),
        namespace: &str,
        permission: Permission,
        group: &mut Group,
    ) {
        let resource = match api_group {
            "" => plural.to_owned(),
            group => format!("{plural}.{group}"),
        };
        let Permission {
            verb,
            without,
            is_required,
        } = permission;
        let asked = Asked {
            verb,
            api_group,
            plural,
            namespace,
            run_namespace,
        };
        let service_account = self.cluster.service_account;
        let remedy = || match resource.as_str() {
            "pipelineresources.tekton.dev" => format!(
                "`kubectl -n {run_namespace} create rolebinding gleaner-outputs --clusterrole=gleaner-outputs \
                 --serviceaccount={run_namespace}:{service_account}`"
            ),
            _ => format!(
                "grant `{verb}` on `{resource}` to the ServiceAccount {service_account} in {run_namespace}"
            ),
        };
        let Some((subject, allowed)) = self.ask(&asked, &resource, group).await else {
            return;
        };
        let may = if allowed { "may" } else { "is not allowed to" };
        let message =
            format!("the ServiceAccount {service_account} in {run_namespace} {may} {subject}");
        let check = match (allowed, is_required) {
            (true, _) => Check::ok("permission", message),
            (false, true) => {
                Check::failed("permission", format!("{message}, so {without}"), remedy())
            }
            (false, false) => {
                Check::warning("permission", format!("{message}, so {without}"), remedy())
            }
        };
        group.add(check.about(subject));
    }

    /// Reviews the permission, and returns its description and the decision. If the permission was already reviewed, or if this
    /// or an earlier review in the namespace failed, returns `None`.
    async fn ask(
        &mut self,
        asked: &Asked<'_>,
        resource: &str,
        group: &mut Group,
    ) -> Option<(String, bool)> {
        let place = match asked.namespace {
            "" => String::new(),
            namespace => format!(" in {namespace}"),
        };
        let subject = format!("{} {resource}{place}", asked.verb);
        let is_first = self
            .asked
            .insert(format!("{} {subject}", asked.run_namespace));
        if !is_first || self.unreadable.contains(asked.namespace) {
            return None;
        }
        let spec = asked.spec(self.cluster.service_account);
        match self.review(asked.namespace, &spec).await {
            Ok(allowed) => Some((subject, allowed)),
            Err(unread) => {
                group.add(unread.skipped("permission"));
                self.unreadable.insert(asked.namespace.to_owned());
                None
            }
        }
    }

    /// Creates a SubjectAccessReview, or a LocalSubjectAccessReview in `namespace` if the user may not create
    /// SubjectAccessReviews. The ClusterRole `admin` permits LocalSubjectAccessReviews in a namespace.
    async fn review(&mut self, namespace: &str, spec: &Value) -> Result<bool, Unread> {
        let is_namespaced = !namespace.is_empty();
        if !(is_namespaced && self.reviews_are_local) {
            let reviewed = self.cluster.review("SubjectAccessReview", None, spec).await;
            match reviewed {
                Err(unread) if unread.is_expected() && is_namespaced => {
                    self.reviews_are_local = true;
                }
                reviewed => return reviewed,
            }
        }
        let kind = "LocalSubjectAccessReview";
        self.cluster.review(kind, Some(namespace), spec).await
    }
}

/// A permission, for which the command asks whether the runs' ServiceAccount has it.
struct Asked<'a> {
    verb: &'a str,
    api_group: &'a str,
    plural: &'a str,
    /// The namespace of the object; empty for cluster-scoped kinds.
    namespace: &'a str,
    /// The namespace of the ServiceAccount.
    run_namespace: &'a str,
}

impl Asked<'_> {
    /// Returns the `spec` of the SubjectAccessReview.
    fn spec(&self, service_account: &str) -> Value {
        let own = self.run_namespace;
        json!({
            "user": format!("system:serviceaccount:{own}:{service_account}"),
            "groups": [
                "system:serviceaccounts",
                format!("system:serviceaccounts:{own}"),
                "system:authenticated",
            ],
            "resourceAttributes": {
                "namespace": self.namespace,
                "verb": self.verb,
                "group": self.api_group,
                "resource": self.plural,
            },
        })
    }
}

fn placed(template: &Template, kind: &Kind, run_namespace: &str) -> Namespace {
    if !kind.is_namespaced {
        return Namespace::Known(String::new());
    }
    match template.tree.field(&["metadata", "namespace"]) {
        Some(Field::Variable(_)) => Namespace::Later,
        Some(Field::Fixed(namespace)) => {
            let namespace = namespace.as_str().unwrap_or(run_namespace);
            Namespace::Known(namespace.to_owned())
        }
        None => Namespace::Known(run_namespace.to_owned()),
    }
}
