//! Declaration sites: the parts of a document that can have a declaration, and the names in the scope of each site.

use crate::declaration::{Declaration, Examined, Scope};
use crate::document::Node;
use crate::document::diagnostic::Diagnostic;
use crate::kinds;
use gleaner_proto::kubernetes::annotation;
use indexmap::IndexMap;

use super::param::ParamSpec;
use super::proposal::Proposal;
use super::spec::TaskSpec;
use super::syntax::Syntax;
use super::{consistency, early_creation, name, pod_template};
use crate::document::{Cursor, Diagnostics, Locate, Place};

/// A part of a document that can have a declaration.
#[derive(Debug, Clone)]
pub struct DeclarationSite<'a> {
    /// The kind and the name that messages show, such as `Task build-and-push`.
    pub title: String,
    /// Errors about the document's name.
    misnamed: Vec<Diagnostic>,
    annotation: Option<&'a Node>,
    /// The place of the metadata, which may contain the annotation.
    metadata: Place,
    namespace: Option<String>,
    host: Host<'a>,
}

/// A declaration that has been read.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The parsed declaration.
    pub declaration: Declaration,
    /// The declaration in the form of an annotation, even if the document uses the proposal's syntax. This form is passed to the
    /// sidecar.
    pub document: Node,
    /// The TaskSpec, as read by [`DeclarationSite::task`], or `None` if the site is not a Task.
    pub task: Option<TaskSpec>,
    /// Warnings about constructs that are valid but probably not intended.
    pub warnings: Vec<Diagnostic>,
}

/// The object that the declaration belongs to.
#[derive(Debug, Clone)]
enum Host<'a> {
    Task {
        spec: Cursor<'a>,
        /// The objects that surround the TaskSpec, innermost first. The TaskSpec inherits their parameters.
        around: Vec<&'a Node>,
    },
    /// A Pod, or a pod template.
    Pod { pod: Cursor<'a> },
    /// A Pipeline or PipelineRun, or a TaskRun with a `taskRef`. Such an object has no steps itself, so Gleaner does not read its
    /// annotation.
    Unseen,
}

/// The maximum number of parameters that an embedded task may inherit, counting the keys of object parameters. Each embedded task
/// gets a copy of all of them, so their memory use would otherwise be unbounded.
const PROPAGATED_MAX: usize = 300;

impl<'a> DeclarationSite<'a> {
    /// Returns all declaration sites in `document`, with or without a declaration.
    pub fn all(document: &'a Node) -> Vec<Self> {
        let mut found = Vec::new();
        let kind = kind_of(document);
        let name = metadata_name(document).unwrap_or("without a name");
        let shown = document.text_of("kind").unwrap_or_default();
        let title = format!("{shown} {name}");
        let root = Cursor::root(document);
        match kind {
            "Task" => {
                let spec = root.field("spec");
                let around = Vec::new();
                let host = spec.map(|spec| Host::Task { spec, around });
                found.extend(host.map(|host| Self::new(title, &root, host)));
            }
            "TaskRun" => {
                let around = document.present("spec").into_iter().collect();
                let host = match root.descend(&["spec", "taskSpec"]) {
                    Some(spec) => Host::Task { spec, around },
                    None => Host::Unseen,
                };
                found.push(Self::new(title, &root, host));
            }
            "Pipeline" | "PipelineRun" => {
                found.push(Self::new(title.clone(), &root, Host::Unseen));
                let path: &[&str] = match kind {
                    "Pipeline" => &["spec"],
                    _ => &["spec", "pipelineSpec"],
                };
                if let Some(spec) = root.descend(path) {
                    let run = document.present("spec").filter(|_| kind == "PipelineRun");
                    let around: Vec<&Node> = run.into_iter().collect();
                    found.extend(embedded(&spec, &title, &around));
                }
            }
            "Pod" => {
                let pod = root.field("spec").map(|_| Host::Pod { pod: root.clone() });
                found.extend(pod.map(|host| Self::new(title, &root, host)));
            }
            // Other Tekton kinds do not create pods, so they have no declaration site.
            _ if is_tekton(document) => {}
            _ => found.extend(pod_template::all(&root).into_iter().map(|pod| {
                let host = Host::Pod { pod: pod.clone() };
                Self::new(title.clone(), &pod, host)
            })),
        }
        if let (Some(first), "Task" | "TaskRun" | "Pipeline" | "PipelineRun") =
            (found.first_mut(), kind)
        {
            first.misnamed = name::check(document);
        }
        let namespace = document.descend(&["metadata", "namespace"]);
        let namespace = namespace.and_then(Node::as_str);
        for site in &mut found {
            site.namespace = namespace.map(str::to_owned);
        }
        found
    }

    /// Creates a site whose annotation is in the metadata of `owner`.
    fn new(title: String, owner: &Cursor<'a>, host: Host<'a>) -> Self {
        let misnamed = Vec::new();
        Self {
            title,
            misnamed,
            annotation: own_annotation(owner.node),
            metadata: owner.place.key("metadata"),
            namespace: None,
            host,
        }
    }

    /// Returns the place of the metadata, which may contain the annotation.
    pub const fn metadata(&self) -> &Place {
        &self.metadata
    }

    /// Returns true if Gleaner reads an annotation at this site.
    pub const fn is_read(&self) -> bool {
        !matches!(self.host, Host::Unseen)
    }

    /// Returns the place of the Pod or pod template in its document, or `None` for other sites.
    pub const fn pod(&self) -> Option<&Place> {
        match &self.host {
            Host::Pod { pod } => Some(&pod.place),
            Host::Task { .. } | Host::Unseen => None,
        }
    }

    /// Returns the TaskSpec as written, or `None` if the site is not a Task.
    pub const fn task_cursor(&self) -> Option<&Cursor<'a>> {
        match &self.host {
            Host::Task { spec, .. } => Some(spec),
            Host::Pod { .. } | Host::Unseen => None,
        }
    }

    /// Returns the objects that surround the TaskSpec, innermost first. The TaskSpec inherits their parameters and workspaces.
    pub(super) fn around(&self) -> &[&'a Node] {
        match &self.host {
            Host::Task { around, .. } => around,
            Host::Pod { .. } | Host::Unseen => &[],
        }
    }

    /// Returns true if the TaskSpec is embedded in a Pipeline. In this case, at least two objects surround it: the pipeline task
    /// and the PipelineSpec.
    pub(super) fn is_in_pipeline(&self) -> bool {
        self.around().len() > 1
    }

    /// Returns true if the site has a declaration.
    pub fn declares(&self) -> bool {
        self.annotation.is_some() || self.proposal().is_some()
    }

    /// Returns true if the declaration is an annotation.
    pub const fn is_annotated(&self) -> bool {
        self.annotation.is_some()
    }

    /// Returns true if the site is a TaskSpec.
    pub const fn is_task(&self) -> bool {
        self.task_spec().is_some()
    }

    /// Returns the place of the TaskSpec in its document, such as `spec.tasks[0].taskSpec`, or `None` if the site is not a Task.
    pub const fn task_spec(&self) -> Option<&Place> {
        match &self.host {
            Host::Task { spec, .. } => Some(&spec.place),
            Host::Pod { .. } | Host::Unseen => None,
        }
    }

    /// Reads the TaskSpec, with the parameters that it inherits. Returns `None` if the site is not a Task.
    ///
    /// # Errors
    /// Returns all errors in the fields that Gleaner reads.
    pub fn task(&self) -> Result<Option<TaskSpec>, Vec<Diagnostic>> {
        let Host::Task { spec, around } = &self.host else {
            return Ok(None);
        };
        let mut task = TaskSpec::read(spec)?;
        let outer = around.iter().flat_map(|node| node.list_of("params"));
        let outer: usize = outer.map(|param| 1 + ParamSpec::keys_of(param)).sum();
        if outer > PROPAGATED_MAX {
            let message = format!(
                "this task inherits {outer} parameters from the Pipeline or run, including the keys of object parameters, but at most {PROPAGATED_MAX} are allowed"
            );
            let help = "combine some of them in an array";
            return Err(vec![spec.diagnostic(message).help(help)]);
        }
        let propagated = ParamSpec::read_around(around, &task.params);
        task.params.extend(propagated);
        Ok(Some(task))
    }

    /// Reads and checks the declaration. Returns `None` if the site has no declaration.
    ///
    /// # Errors
    /// Returns all errors in the declaration, and in the fields of the TaskSpec that Gleaner reads.
    pub fn declaration(&self, source: &dyn Locate) -> Result<Option<Declared>, Vec<Diagnostic>> {
        let syntax = match self.syntax() {
            Ok(None) => return Ok(None),
            Ok(Some(syntax)) => syntax,
            Err(diagnostic) => return Err(vec![diagnostic]),
        };
        let annotation = self.place_of_annotation();
        let located = |diagnostic| syntax.locate(diagnostic, &annotation, source);
        let parsed = syntax
            .parse(&annotation)
            .map_err(|diagnostic| vec![located(diagnostic)])?;
        let mut found = Diagnostics::default();
        found.extend(self.misnamed.clone());
        let (scope, spec) = self.scope().unwrap_or_else(|wrong| {
            found.extend(wrong);
            Default::default()
        });
        let mut examined = Examined::new(&parsed, syntax.text(), &scope);
        kinds::check(&parsed, syntax.text(), &scope, &mut examined);
        found.extend(syntax.diagnostics().iter().cloned());
        let is_sound = examined.errors.is_empty();
        let declaration = examined.declaration;
        found.extend(examined.errors.into_vec().into_iter().map(located));
        if is_sound {
            let mut variables = Diagnostics::default();
            if self.is_read() {
                consistency::context(&declaration, self.is_task(), &mut variables);
            }
            consistency::paths(&declaration, spec.as_ref(), &mut variables);
            variables.settle(&parsed, syntax.text());
            found.extend(variables.into_vec().into_iter().map(located));
        }
        if let (true, Some(spec)) = (is_sound, &spec) {
            found.extend(consistency::results(&declaration, spec));
            if parsed.get("submit").is_none() {
                let mut early = Diagnostics::default();
                early.extend(early_creation::warning(&declaration, spec));
                early.settle(&parsed, syntax.text());
                examined.warnings.extend(early.into_vec());
            }
        }
        let warnings = examined.warnings.into_vec().into_iter();
        let warnings = warnings.map(located).collect();
        found.finish(declaration).map(|declaration| {
            Some(Declared {
                declaration,
                document: parsed,
                task: spec,
                warnings,
            })
        })
    }

    /// Converts a diagnostic whose place and position are relative to the declaration, so that they are relative to the document.
    #[must_use]
    pub fn locate(&self, diagnostic: Diagnostic, source: &dyn Locate) -> Diagnostic {
        match self.syntax() {
            Ok(Some(syntax)) => syntax.locate(diagnostic, &self.place_of_annotation(), source),
            Ok(None) | Err(_) => diagnostic,
        }
    }

    /// Returns the place of the annotation that may contain the declaration.
    pub fn place_of_annotation(&self) -> Place {
        self.metadata.key("annotations").key(annotation::OUTPUTS)
    }

    /// Returns the size of the annotation in bytes, or 0 if the annotation is absent.
    pub fn annotation_bytes(&self) -> usize {
        let text = self.annotation.and_then(Node::as_str);
        text.map_or(0, str::len)
    }

    fn syntax(&self) -> Result<Option<Syntax<'a>>, Diagnostic> {
        match (self.annotation, self.proposal()) {
            (None, None) => Ok(None),
            (Some(node), None) => Ok(Some(Syntax::Annotation(node))),
            (None, Some(proposal)) => Ok(Some(Syntax::Proposal(proposal))),
            (Some(node), Some(_)) => {
                let message = format!(
                    "the outputs are declared twice: in the annotation {} and in the spec (outputs, steps[].outputs)",
                    annotation::OUTPUTS
                );
                let place = self.place_of_annotation();
                Err(Diagnostic::new(place, Some(node.at), message).help("keep one of them"))
            }
        }
    }

    fn proposal(&self) -> Option<Proposal> {
        match &self.host {
            Host::Task { spec, .. } => Proposal::find(spec),
            Host::Pod { .. } | Host::Unseen => None,
        }
    }

    /// Returns the scope of the declaration, and the TaskSpec if the site is a Task.
    fn scope(&self) -> Result<(Scope, Option<TaskSpec>), Vec<Diagnostic>> {
        match &self.host {
            Host::Task { .. } => {
                let spec = self.task()?;
                let scope = Scope {
                    steps: spec.as_ref().map(TaskSpec::step_names),
                    params: spec.as_ref().map(TaskSpec::param_shapes),
                    is_pod: false,
                    namespace: self.namespace.clone(),
                };
                Ok((scope, spec))
            }
            Host::Pod { pod } => {
                let spec = pod.node.get("spec").unwrap_or(pod.node);
                let lists = ["initContainers", "containers"].into_iter();
                let containers = lists.filter_map(|key| spec.get(key)?.sequence()).flatten();
                let names = containers.filter_map(|node| Some(node.text_of("name")?.to_owned()));
                let scope = Scope {
                    steps: Some(names.collect()),
                    params: Some(IndexMap::new()),
                    is_pod: true,
                    namespace: self.namespace.clone(),
                };
                Ok((scope, None))
            }
            Host::Unseen => Ok(Default::default()),
        }
    }
}

/// The Tekton kinds that can contain TaskSpecs.
pub(crate) const TEKTON: [&str; 4] = ["Task", "TaskRun", "Pipeline", "PipelineRun"];

/// Returns the kind of a document. Returns an empty string for a kind that has the name of a Tekton kind but belongs to a
/// different API group.
pub fn kind_of(document: &Node) -> &str {
    let kind = document.text_of("kind").unwrap_or_default();
    let version = document.text_of("apiVersion").unwrap_or_default();
    let foreign = !version.is_empty() && !version.starts_with("tekton.dev/");
    if TEKTON.contains(&kind) && foreign {
        ""
    } else {
        kind
    }
}

/// Returns true if the document's API group is `tekton.dev`.
pub(crate) fn is_tekton(document: &Node) -> bool {
    let version = document.text_of("apiVersion").unwrap_or_default();
    version.starts_with("tekton.dev/")
}

/// Returns the name in a document's metadata, or the prefix from which the API server generates the name.
pub fn metadata_name(document: &Node) -> Option<&str> {
    let metadata = document.present("metadata")?;
    let name = metadata.present("name");
    let name = name.or_else(|| metadata.present("generateName"))?;
    Some(name.as_str()?.trim_end_matches('-'))
}

/// Returns the name in a document's metadata, or `None` if the API server would generate the name.
pub fn given_name(document: &Node) -> Option<&str> {
    document.descend(&["metadata", "name"])?.as_str()
}

fn own_annotation(object: &Node) -> Option<&Node> {
    object.descend(&["metadata", "annotations", annotation::OUTPUTS])
}

/// Returns the sites of the tasks that a PipelineSpec embeds, including the tasks of embedded pipelines. `outer` lists the
/// objects around the PipelineSpec.
fn embedded<'a>(
    pipeline: &Cursor<'a>,
    title: &str,
    outer: &[&'a Node],
) -> Vec<DeclarationSite<'a>> {
    let mut found = Vec::new();
    for list in ["tasks", "finally"] {
        // A field that is not a list is skipped, because Tekton rejects it.
        for item in pipeline.list_of(list) {
            let name = item.node.text_of("name").unwrap_or("without a name");
            let title = format!("{title}, task {name}");
            let around = [&[item.node, pipeline.node], outer].concat();
            if let Some(spec) = item.field("taskSpec") {
                let host = Host::Task {
                    spec: spec.clone(),
                    around,
                };
                found.push(DeclarationSite::new(title, &spec, host));
            } else if let Some(spec) = item.field("pipelineSpec") {
                found.extend(embedded(&spec, &title, &around));
            }
        }
    }
    found
}
