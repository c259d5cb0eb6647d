//! PipelineResources that exist already: in the files, or in the cluster.

use std::cell::RefCell;
use std::collections::BTreeSet;

use gleaner_core::document::diagnostic::{Diagnostic, Location};
use gleaner_core::document::yaml::Node;
use gleaner_core::document::{Finding, Source};
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_KIND;
use gleaner_proto::name::is_dns_label;

use crate::desk::Desk;
use crate::edit::{self, present, text, text_of};
use crate::resource_type::{Need, ResourceType};

/// The existing PipelineResources, and those that were referenced and not found.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    found: Vec<Entry>,
    missing: RefCell<BTreeSet<Missing>>,
    /// The place besides the files that was searched, in the words of a message.
    origin: Option<String>,
}

/// A PipelineResource that a document references and that is in none of the files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The namespace of the document that references it, where the document has one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// PipelineResources from elsewhere than the files.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Their place, in the words of a message: `namespace builds of the cluster old`.
    pub origin: String,
    /// The namespace and the document of each.
    pub resources: Vec<(String, Node)>,
}

/// A PipelineResource and its origin.
#[derive(Debug, Clone)]
struct Entry {
    namespace: Option<String>,
    name: String,
    file: String,
    document: Node,
}

/// What a PipelineResource says.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// Its `spec.type`.
    pub(crate) kind: String,
    /// Its params, and its name when it has one.
    pub(crate) values: Vec<(String, String)>,
}

impl Catalogue {
    /// The catalogue of the PipelineResources in `sources` and those fetched.
    pub(crate) fn new(sources: &[Source], fetched: Option<&Fetched>) -> Self {
        let mut catalogue = Self {
            origin: fetched.map(|fetched| fetched.origin.clone()),
            ..Self::default()
        };
        for source in sources {
            for document in &source.documents {
                if text_of(document, "kind") == Some(PIPELINE_RESOURCE_KIND) {
                    catalogue.add(source.name.clone(), None, document.clone());
                }
            }
        }
        for (namespace, document) in fetched.iter().flat_map(|fetched| &fetched.resources) {
            let name = document
                .get("metadata")
                .and_then(|metadata| text_of(metadata, "name"));
            let name = name.unwrap_or_default();
            let origin = catalogue.origin.as_deref().unwrap_or_default();
            let file = format!("{PIPELINE_RESOURCE_KIND} {name} in {origin}");
            catalogue.add(file, Some(namespace.clone()), document.clone());
        }
        catalogue
    }

    fn add(&mut self, file: String, namespace: Option<String>, document: Node) {
        let metadata = document.get("metadata");
        let said = |key| metadata.and_then(|metadata| text_of(metadata, key));
        self.found.push(Entry {
            namespace: namespace.or_else(|| said("namespace").map(str::to_owned)),
            name: said("name").unwrap_or_default().to_owned(),
            file,
            document,
        });
    }

    /// The PipelineResources that were referenced and not found.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        self.missing.borrow().iter().cloned().collect()
    }

    /// The one called `name`, for a document in `namespace`; complains when there is none, or when it is of no use.
    pub(crate) fn find(
        &self,
        name: &Node,
        namespace: Option<&str>,
        place: &str,
        desk: &mut Desk<'_>,
    ) -> Option<Resource> {
        let wanted = Missing {
            namespace: namespace.map(str::to_owned),
            name: name.as_str().unwrap_or_default().to_owned(),
        };
        if !is_name(&wanted.name) {
            let message = format!("'{}' is not the name of a PipelineResource", wanted.name);
            let help = "write the name itself; only a Pipeline's tasks refer to others with $(resources.NAME) and $(tasks.TASK.OUTPUT)";
            desk.complain(place, name, message, help);
            return None;
        }
        let fits = |entry: &&Entry| {
            let here = &entry.namespace;
            let anywhere = here.is_none() || namespace.is_none();
            entry.name == wanted.name && (anywhere || here.as_deref() == namespace)
        };
        if let Some(entry) = self.found.iter().find(fits) {
            return entry.read(desk);
        }
        let (message, help) = match &self.origin {
            Some(origin) => (
                format!(
                    "there is no PipelineResource '{}', neither in the files nor in {origin}",
                    wanted.name
                ),
                "add the file that holds it with -f",
            ),
            None => (
                format!(
                    "there is no PipelineResource '{}' in the files",
                    wanted.name
                ),
                "add the file that holds it with -f, or take it from a cluster with --context NAME",
            ),
        };
        desk.complain(place, name, message, help);
        self.missing.borrow_mut().insert(wanted);
        None
    }
}

impl Resource {
    /// Reads a `spec` that stands at `place` of `file`, of the resource `name` if it has one.
    pub(crate) fn read(
        spec: &Node,
        place: &str,
        file: &str,
        name: Option<&str>,
        desk: &mut Desk<'_>,
    ) -> Option<Self> {
        let before = desk.findings.len();
        let read = Self::read_spec(spec, place, name, desk);
        for finding in &mut desk.findings[before..] {
            file.clone_into(&mut finding.file);
            // What comes from a cluster, or from the command line, has no lines.
            let at = &mut finding.diagnostic.at;
            *at = at.filter(|at| *at != Location::default());
        }
        read.filter(|_| desk.findings.len() == before)
    }

    fn read_spec(
        spec: &Node,
        place: &str,
        name: Option<&str>,
        desk: &mut Desk<'_>,
    ) -> Option<Self> {
        desk.only(spec, place, &["type", "params", "secrets", "description"]);
        if let Some(secrets) = present(spec, "secrets") {
            let message =
                "values of a PipelineResource that come from a Secret have no equal".to_owned();
            let help = "git finds credentials in a Secret of the ServiceAccount, annotated tekton.dev/git-0";
            desk.complain(&format!("{place}.secrets"), secrets, message, help);
        }
        let kind = desk.text(spec, "type", place);
        let Some(kind) = kind else {
            let message = "the PipelineResource has no type".to_owned();
            desk.complain(place, spec, message, "use git or image");
            return None;
        };
        let known = ResourceType::of_input(&kind);
        let known = known.map_err(|(message, help)| {
            let node = spec.get("type").unwrap_or(spec);
            desk.complain(&format!("{place}.type"), node, message, &help);
        });
        let known = known.ok()?;
        let mut values = Vec::new();
        values.extend(name.map(|name| ("name".to_owned(), name.to_owned())));
        let params = desk.list(spec, "params", place);
        for (index, param) in params.iter().enumerate() {
            let place = format!("{place}.params[{index}]");
            desk.only(param, &place, &["name", "value"]);
            let Some(key) = desk.name(param, &place) else {
                continue;
            };
            let value = desk.text(param, "value", &place).unwrap_or_default();
            // Tekton compared the names without regard to case (`strings.EqualFold`).
            let own = known.keys().into_iter().map(|(own, _)| own);
            let own = own.into_iter().find(|own| own.eq_ignore_ascii_case(&key));
            let key = own.map_or(key, str::to_owned);
            if !is_setting(known, &key, &value, param, &place, desk) {
                values.push((key, value));
            }
        }
        for (key, need) in known.keys() {
            let has = values
                .iter()
                .any(|(name, value)| name == key && !value.is_empty());
            match need {
                Need::Always if !has => {
                    let message = format!("the PipelineResource has no param '{key}'");
                    let help = format!("a resource of type {kind} cannot do without");
                    desk.complain(place, spec, message, &help);
                }
                Need::Sometimes if !has => {
                    values.retain(|(name, _)| name != key);
                    values.push((key.to_owned(), String::new()));
                }
                _ => {}
            }
        }
        Some(Self { kind, values })
    }

    /// The value of the object parameter that takes its place.
    pub(crate) fn value(&self, at: Location) -> Node {
        let entries = self.values.iter();
        edit::map(
            at,
            entries.map(|(key, value)| (key.as_str(), text(at, value.as_str()))),
        )
    }
}

impl Entry {
    fn read(&self, desk: &mut Desk<'_>) -> Option<Resource> {
        let Some(spec) = present(&self.document, "spec") else {
            let at = Some(self.document.at);
            let diagnostic = Diagnostic::new(
                gleaner_core::document::Place::root(),
                at,
                "the PipelineResource has no spec",
            );
            desk.findings
                .push(Finding::error(self.file.clone(), diagnostic));
            return None;
        };
        let name = Some(self.name.as_str());
        Resource::read(spec, "spec", &self.file, name, desk)
    }
}

/// Whether Kubernetes would take it as the name of an object.
fn is_name(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

/// Whether the param is a setting of Tekton's clone, which is no value of the resource. The step of today has none; complains,
/// unless it asks for what that does anyway.
fn is_setting(
    kind: ResourceType,
    key: &str,
    value: &str,
    param: &Node,
    place: &str,
    desk: &mut Desk<'_>,
) -> bool {
    const SETTINGS: [(&str, &[&str]); 7] = [
        ("submodules", &["false"]),
        ("depth", &["", "1"]),
        ("sslVerify", &["", "true"]),
        ("refspec", &[""]),
        ("httpProxy", &[""]),
        ("httpsProxy", &[""]),
        ("noProxy", &[""]),
    ];
    let setting = SETTINGS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(key));
    let (ResourceType::Git, Some((name, harmless))) = (kind, setting) else {
        return false;
    };
    if !harmless.contains(&value) {
        let message = format!("the step that clones has no setting {name}");
        let help = "remove it, and let a step of your own do what it did";
        desk.complain(place, param, message, help);
    }
    true
}
