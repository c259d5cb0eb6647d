//! PipelineResources that exist already: in the files, or in the cluster.

use std::cell::RefCell;
use std::collections::BTreeSet;

use gleaner_core::document::Location;
use gleaner_core::document::Node;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Source};
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_KIND;
use gleaner_proto::name::is_dns_label;

use super::desk::Desk;
use super::edit::{self, present, text, text_of};
use super::resource_type::{Need, ResourceType};

/// All PipelineResources that are known, and those that were asked for in vain.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    found: Vec<Entry>,
    missed: RefCell<BTreeSet<Wanted>>,
    /// Whether the cluster was asked for what the files do not have, and where.
    pub(super) cluster: Option<String>,
}

/// A PipelineResource that is referred to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    /// The namespace of what refers to it, when that is said.
    pub(super) namespace: Option<String>,
    /// Its name.
    pub(super) name: String,
}

/// A PipelineResource and where it came from.
#[derive(Debug, Clone)]
struct Entry {
    wanted: Wanted,
    file: String,
    document: Node,
}

/// What a PipelineResource says.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    /// Its `spec.type`.
    pub(super) kind: String,
    /// Its params, and its name when it has one.
    pub(super) values: Vec<(String, String)>,
}

impl Catalogue {
    /// Those in files.
    pub(super) fn of_files(sources: &[Source]) -> Self {
        let mut catalogue = Self::default();
        for source in sources {
            for document in &source.documents {
                if text_of(document, "kind") == Some(PIPELINE_RESOURCE_KIND) {
                    catalogue.add(source.name.clone(), None, document.clone());
                }
            }
        }
        catalogue
    }

    fn add(&mut self, file: String, namespace: Option<String>, document: Node) {
        let metadata = document.get("metadata");
        let said = |key| metadata.and_then(|metadata| text_of(metadata, key));
        let wanted = Wanted {
            namespace: namespace.or_else(|| said("namespace").map(str::to_owned)),
            name: said("name").unwrap_or_default().to_owned(),
        };
        self.found.push(Entry {
            wanted,
            file,
            document,
        });
    }

    /// Adds one that comes from `namespace` of `cluster`.
    pub(super) fn add_fetched(&mut self, cluster: &str, namespace: String, document: Node) {
        let metadata = document.get("metadata");
        let name = metadata.and_then(|metadata| text_of(metadata, "name"));
        let name = name.unwrap_or_default();
        let file = format!("{PIPELINE_RESOURCE_KIND} {name} in {cluster}");
        self.add(file, Some(namespace), document);
    }

    /// What was asked for in vain.
    pub(super) fn missed(&self) -> Vec<Wanted> {
        self.missed.borrow().iter().cloned().collect()
    }

    /// The one called `name`, for a document in `namespace`; complains when there is none, or when it is of no use.
    pub(super) fn find(
        &self,
        name: &Node,
        namespace: Option<&str>,
        place: &str,
        desk: &mut Desk<'_>,
    ) -> Option<Resource> {
        let wanted = Wanted {
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
            let here = &entry.wanted.namespace;
            let anywhere = here.is_none() || namespace.is_none();
            entry.wanted.name == wanted.name && (anywhere || here.as_deref() == namespace)
        };
        if let Some(entry) = self.found.iter().find(fits) {
            return entry.read(desk);
        }
        let (message, help) = match &self.cluster {
            Some(cluster) => (
                format!(
                    "there is no PipelineResource '{}', neither in the files nor in {cluster}",
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
        self.missed.borrow_mut().insert(wanted);
        None
    }
}

impl Resource {
    /// Reads a `spec` that stands at `place` of `file`, of the resource `name` if it has one.
    pub(super) fn read(
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
    pub(super) fn value(&self, at: Location) -> Node {
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
        let name = Some(self.wanted.name.as_str());
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
