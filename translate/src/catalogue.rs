//! Existing PipelineResources, either in the files or fetched by the caller.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Diagnostics, Finding, Location, Node};
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_KIND;
use gleaner_proto::name::is_dns_subdomain;
use serde_json::{Map, Value};

use crate::resource_lists::Direction;
use crate::resource_type::ResourceType;

/// The remedy for a PipelineResource without a spec.
pub(crate) const NO_SPEC: &str = "add spec: {type: git, params: [...]}";

/// The existing PipelineResources, and the names that were referenced but not found.
#[derive(Debug)]
pub(crate) struct Catalogue {
    entries: Vec<Entry>,
    /// The number of entries from files. These entries come before the fetched ones.
    files: usize,
    /// A description of where the PipelineResources were fetched from, for messages.
    origin: Option<String>,
    missing: RefCell<BTreeSet<Missing>>,
}

/// A PipelineResource that a document references, but that was not found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The namespace of the document that references the PipelineResource, if the document specifies one.
    pub namespace: Option<String>,
    /// The name of the PipelineResource.
    pub name: String,
}

/// PipelineResources that the caller fetched, for example from a cluster.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// A description of the source for messages. It contains the namespace and the context of a kubeconfig, for example
    /// `namespace builds of the cluster old`.
    pub origin: String,
    /// The PipelineResources, each with its namespace.
    pub resources: Vec<(String, Node)>,
}

/// The object that references a PipelineResource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Referrer<'a> {
    pub(crate) namespace: Option<&'a str>,
    /// If this object is embedded in a document, such as a TriggerTemplate, the index of that document.
    pub(crate) outer: Option<usize>,
}

#[derive(Debug)]
struct Entry {
    namespace: Option<String>,
    /// The index of the containing document, as in [`Referrer::outer`]. A PipelineResource in a TriggerTemplate exists only for
    /// the runs in the same TriggerTemplate.
    outer: Option<usize>,
    name: String,
    /// True if a document references the PipelineResource. Findings are reported only for referenced PipelineResources.
    is_referenced: Cell<bool>,
    resource: Result<Resource, Vec<Finding>>,
}

/// The content of a PipelineResource.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) kind: String,
    /// The values of the PipelineResource's params and, unless the PipelineResource is inline, its name.
    pub(crate) values: Map<String, Value>,
}

// === impl Catalogue ===

impl Catalogue {
    /// Creates a catalogue with the fetched PipelineResources.
    pub(crate) fn new(fetched: Option<&Fetched>) -> Self {
        let resources = fetched
            .into_iter()
            .flat_map(|Fetched { origin, resources }| {
                resources.iter().map(move |(namespace, document)| {
                    let title = |name: &str| format!("{PIPELINE_RESOURCE_KIND} {name} in {origin}");
                    Entry::new(
                        &Cursor::root(document),
                        Some(namespace.clone()),
                        None,
                        title,
                    )
                })
            });
        Self {
            entries: resources.collect(),
            files: 0,
            origin: fetched.map(|fetched| fetched.origin.clone()),
            missing: RefCell::default(),
        }
    }

    /// Adds the PipelineResource `document` from a file. PipelineResources from files take precedence over fetched
    /// PipelineResources.
    pub(crate) fn add(&mut self, document: &Cursor<'_>, file: &str, outer: Option<usize>) {
        let namespace = document.node.descend(&["metadata", "namespace"]);
        let namespace = namespace.and_then(Node::as_str).map(str::to_owned);
        let entry = Entry::new(document, namespace, outer, |_| file.to_owned());
        let files = self.files;
        self.entries.insert(files, entry);
        self.files += 1;
    }

    /// Returns the PipelineResources that were referenced but not found.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        self.missing.borrow().iter().cloned().collect()
    }

    /// Returns the findings about referenced PipelineResources.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        let entries = self.entries.iter();
        let referenced = entries.filter(|entry| entry.is_referenced.get());
        let findings = referenced.filter_map(|entry| entry.resource.as_ref().err());
        findings.flatten().cloned()
    }

    /// Returns true if `referrer` can reference a PipelineResource `name`.
    pub(crate) fn has(&self, name: &str, referrer: Referrer<'_>) -> bool {
        self.entry(name, referrer).is_some()
    }

    fn entry(&self, name: &str, referrer: Referrer<'_>) -> Option<&Entry> {
        let Referrer { namespace, outer } = referrer;
        let entries = self.entries.iter().filter(|entry| {
            let anywhere = entry.namespace.is_none() || namespace.is_none();
            let is_seen = entry.outer.is_none() || entry.outer == outer;
            is_seen && entry.name == name && (anywhere || entry.namespace.as_deref() == namespace)
        });
        let (own, others): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.outer.is_some());
        own.into_iter().chain(others).next()
    }

    /// Returns the PipelineResource `name` that `referrer` references. If the PipelineResource does not exist, reports an error.
    pub(crate) fn find(
        &self,
        name: &Cursor<'_>,
        referrer: Referrer<'_>,
        found: &mut Diagnostics,
    ) -> Option<&Resource> {
        let wanted = name.node.as_str().unwrap_or_default();
        if let Some(entry) = self.entry(wanted, referrer) {
            entry.is_referenced.set(true);
            return entry.resource.as_ref().ok();
        }
        if referrer.outer.is_some() && wanted.contains("$(") {
            let message = format!(
                "the name of the PipelineResource, '{wanted}', is known only when the trigger fires"
            );
            let help = "specify the values here, with resourceSpec";
            found.push(name.diagnostic(message).help(help));
            return None;
        }
        if !is_dns_subdomain(wanted) {
            let message = format!("'{wanted}' is not a valid PipelineResource name");
            let help = "use a literal name, because only a Pipeline's tasks can use $(resources.NAME) and $(tasks.TASK.OUTPUT)";
            found.push(name.diagnostic(message).help(help));
            return None;
        }
        let message = format!("PipelineResource '{wanted}' not found");
        let add = "add its file with -f";
        found.push(match &self.origin {
            Some(origin) => {
                let message = format!("{message} in the files or in {origin}");
                name.diagnostic(message).help(add)
            }
            None => {
                let help = format!("{add}, or read it from a cluster with --context NAME");
                name.diagnostic(format!("{message} in the files"))
                    .help(help)
            }
        });
        self.missing.borrow_mut().insert(Missing {
            namespace: referrer.namespace.map(str::to_owned),
            name: wanted.to_owned(),
        });
        None
    }
}

// === impl Entry ===

impl Entry {
    fn new(
        document: &Cursor<'_>,
        namespace: Option<String>,
        outer: Option<usize>,
        file: impl FnOnce(&str) -> String,
    ) -> Self {
        let name = document.node.descend(&["metadata", "name"]);
        let name = name.and_then(Node::as_str).unwrap_or_default();
        let resource = match document.field("spec") {
            Some(spec) => Resource::read(&spec, Some(name)),
            None => Err(vec![
                document
                    .diagnostic("the PipelineResource has no spec")
                    .help(NO_SPEC),
            ]),
        };
        let file = file(name);
        let finding = |diagnostic: Diagnostic| {
            // Documents fetched from a cluster have no line numbers, so omit their location.
            let at = diagnostic.at.filter(|at| *at != Location::default());
            Finding::error(file.clone(), Diagnostic { at, ..diagnostic })
        };
        Self {
            namespace,
            outer,
            name: name.to_owned(),
            is_referenced: Cell::new(false),
            resource: resource.map_err(|found| found.into_iter().map(finding).collect()),
        }
    }
}

// === impl Resource ===

impl Resource {
    /// Reads the spec of a PipelineResource. If the PipelineResource is inline, `name` is `None`.
    ///
    /// # Errors
    /// Returns errors about fields that are invalid or have no equivalent in Tekton v1.
    pub(crate) fn read(spec: &Cursor<'_>, name: Option<&str>) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Diagnostics::default();
        spec.fields(&["type", "params", "secrets", "description"], &mut found);
        if let Some(secrets) = spec.field("secrets") {
            let message = "PipelineResource values from a Secret have no equivalent in Tekton v1";
            let help = "store git credentials in a Secret with the annotation tekton.dev/git-0, and add the Secret to the ServiceAccount";
            found.push(secrets.diagnostic(message).help(help));
        }
        let kind = match spec.field("type") {
            Some(kind) => ResourceType::read(&kind, Direction::Input, &mut found),
            None => {
                let message = "the PipelineResource has no type";
                found.push(spec.diagnostic(message).help("use git or image"));
                None
            }
        };
        let Some(kind) = kind else {
            return Err(found.into_vec());
        };
        let mut values = Map::new();
        values.extend(name.map(|name| ("name".to_owned(), name.into())));
        for param in spec.items_at("params", &mut found) {
            param.fields(&["name", "value"], &mut found);
            let Some(key) = param.name(&mut found) else {
                continue;
            };
            let value = param.text_at("value", &mut found).unwrap_or_default();
            // Tekton compared the names of params case-insensitively (`strings.EqualFold`).
            let mut keys = kind.keys().into_iter();
            let own = keys.find(|own| own.eq_ignore_ascii_case(&key));
            let key = own.map_or(key, str::to_owned);
            if kind != ResourceType::Git || !is_clone_setting(&key, &value, &param, &mut found) {
                values.insert(key, value.into());
            }
        }
        let [required, optional] = kind.keys();
        if values.get(required).is_none_or(|value| value == "") {
            let message = format!("the PipelineResource has no param '{required}'");
            let help = format!("a resource of type {} requires it", kind.as_str());
            found.push(spec.diagnostic(message).help(help));
        }
        values.entry(optional).or_insert_with(|| "".into());
        let kind = kind.as_str().to_owned();
        found.finish(Self { kind, values })
    }
}

/// Returns true if the param is a setting of Tekton's former clone step, not a value of the resource. The translated clone step
/// has no settings, so a value that differs from its fixed behavior is reported.
fn is_clone_setting(key: &str, value: &str, param: &Cursor<'_>, found: &mut Diagnostics) -> bool {
    const SETTINGS: [(&str, &[&str]); 7] = [
        ("submodules", &["", "true"]),
        ("depth", &["", "1"]),
        ("sslVerify", &["", "true"]),
        ("refspec", &[""]),
        ("httpProxy", &[""]),
        ("httpsProxy", &[""]),
        ("noProxy", &[""]),
    ];
    let mut settings = SETTINGS.iter();
    let Some((name, harmless)) = settings.find(|(name, _)| name.eq_ignore_ascii_case(key)) else {
        return false;
    };
    if !harmless.contains(&value) {
        let message = match *name {
            "submodules" => "the clone step always fetches submodules".to_owned(),
            name => format!("the clone step has no setting {name}"),
        };
        let help = "remove the param, or clone the repository in your own step";
        found.push(param.diagnostic(message).help(help));
    }
    true
}
