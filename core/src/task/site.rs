//! Where in a document a declaration stands, and what it may refer to there.

use crate::declaration::{DECLARATION_MAX, Declaration, Scope};
use crate::document::Node;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::kubernetes::annotation;
use indexmap::IndexMap;

use super::param::ParamSpec;
use super::proposal::Proposal;
use super::spec::TaskSpec;
use super::{consistency, name};
use crate::document::{Content, Cursor, Diagnostics, Key, Locate, Place};

/// A part of a document that can carry a declaration.
#[derive(Debug, Clone)]
pub struct DeclarationSite<'a> {
    /// Kind and name, for people: `Task build-and-push`.
    pub title: String,
    /// What is wrong with the document's name.
    misnamed: Vec<Diagnostic>,
    annotation: Option<&'a Node>,
    host: Host<'a>,
}

/// A declaration that was read.
#[derive(Debug, Clone)]
pub struct Declared {
    /// As the rest of Gleaner sees it.
    pub declaration: Declaration,
    /// As it is handed on, whichever syntax it came in: what the annotation would hold.
    pub document: Node,
    /// The TaskSpec, as [`DeclarationSite::task`] reads it; `None` where the host is no Task.
    pub task: Option<TaskSpec>,
}

/// What the declaration belongs to.
#[derive(Debug, Clone)]
enum Host<'a> {
    Task {
        spec: Cursor<'a>,
        /// What it is embedded in, nearest first, as far as it may have parameters.
        around: Vec<&'a Node>,
    },
    Pod {
        spec: &'a Node,
    },
    /// A Pipeline, a run by reference: something whose steps are not to be seen here.
    Unseen {
        warning: Option<&'static str>,
    },
}

/// The most parameters, and keys of object parameters, that an embedded task has of what it is embedded in. Each such task has a copy
/// of all.
const PROPAGATED_MAX: usize = 300;

/// How a declaration is written.
enum Syntax<'a> {
    Annotation(&'a Node),
    Proposal(Proposal),
}

const ON_PIPELINE: &str = "an annotation here reaches the pods of all tasks, and hides their own; put it on the Task, or \
                           below spec.tasks[].taskSpec.metadata.annotations";

impl<'a> DeclarationSite<'a> {
    /// Everything in `document` that can carry a declaration, whether it does or not.
    pub fn all(document: &'a Node) -> Vec<Self> {
        let mut found = Vec::new();
        let kind = document.text_of("kind").unwrap_or_default();
        let name = metadata_name(document).unwrap_or("without a name");
        let title = format!("{kind} {name}");
        let annotation = own_annotation(document);
        let root = Cursor::root(document);
        match kind {
            "Task" => {
                let spec = root.field("spec");
                let around = Vec::new();
                let host = spec.map(|spec| Host::Task { spec, around });
                found.extend(host.map(|host| Self::new(title, annotation, host)));
            }
            "TaskRun" => {
                let around = document.present("spec").into_iter().collect();
                let host = match root.descend(&["spec", "taskSpec"]) {
                    Some(spec) => Host::Task { spec, around },
                    None => Host::Unseen { warning: None },
                };
                found.push(Self::new(title, annotation, host));
            }
            "Pipeline" | "PipelineRun" => {
                let warning = Some(ON_PIPELINE);
                let host = Host::Unseen { warning };
                found.push(Self::new(title.clone(), annotation, host));
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
            _ => {
                let template = match kind {
                    "Pod" => Some(document),
                    _ => pod_template(document),
                };
                found.extend(template.and_then(|template| {
                    let spec = template.present("spec")?;
                    let host = Host::Pod { spec };
                    Some(Self::new(title, own_annotation(template), host))
                }));
            }
        }
        if let (Some(first), "Task" | "TaskRun" | "Pipeline" | "PipelineRun") =
            (found.first_mut(), kind_of(document))
        {
            first.misnamed = name::check(document);
        }
        found
    }

    const fn new(title: String, annotation: Option<&'a Node>, host: Host<'a>) -> Self {
        let misnamed = Vec::new();
        Self {
            title,
            misnamed,
            annotation,
            host,
        }
    }

    /// Whether a declaration stands here.
    pub fn declares(&self) -> bool {
        self.annotation.is_some() || self.proposal().is_some()
    }

    /// Whether the declaration stands here as an annotation.
    pub const fn is_annotated(&self) -> bool {
        self.annotation.is_some()
    }

    /// Whether it is a TaskSpec.
    pub const fn is_task(&self) -> bool {
        self.task_spec().is_some()
    }

    /// The place of the TaskSpec in its document, such as `spec.tasks[0].taskSpec`; none where the host is no Task.
    pub const fn task_spec(&self) -> Option<&Place> {
        match &self.host {
            Host::Task { spec, .. } => Some(&spec.place),
            Host::Pod { .. } | Host::Unseen { .. } => None,
        }
    }

    /// Reads the TaskSpec, with the parameters that it has of what it is embedded in; `None` where the host is no Task.
    ///
    /// # Errors
    /// Everything that is wrong with the part that Gleaner reads.
    pub fn task(&self) -> Result<Option<TaskSpec>, Vec<Diagnostic>> {
        let Host::Task { spec, around } = &self.host else {
            return Ok(None);
        };
        let mut task = TaskSpec::read(spec)?;
        let outer = around.iter().flat_map(|node| node.list_of("params"));
        let outer: usize = outer.map(|param| 1 + ParamSpec::keys_of(param)).sum();
        if outer > PROPAGATED_MAX {
            let message = format!(
                "{outer} parameters of the Pipeline or run, keys of objects included, reach this task"
            );
            let help = format!("at most {PROPAGATED_MAX} are read; join some in an array");
            return Err(vec![spec.diagnostic(message).help(help)]);
        }
        let propagated = ParamSpec::read_around(around, &task.params);
        task.params.extend(propagated);
        Ok(Some(task))
    }

    /// Reads and checks the declaration; `None` when there is none.
    ///
    /// # Errors
    /// Everything that is wrong with it, or with the part of the spec that it refers to.
    pub fn declaration(&self, source: &dyn Locate) -> Result<Option<Declared>, Vec<Diagnostic>> {
        let syntax = match self.syntax() {
            Ok(None) => return Ok(None),
            Ok(Some(syntax)) => syntax,
            Err(diagnostic) => return Err(vec![diagnostic]),
        };
        let parsed = syntax
            .parse(source)
            .map_err(|diagnostic| vec![diagnostic])?;
        let mut found = Diagnostics::default();
        found.extend(self.misnamed.clone());
        let (scope, spec) = self.scope().unwrap_or_else(|wrong| {
            found.extend(wrong);
            Default::default()
        });
        let checked = syntax.read(&parsed, source, &scope, spec.as_ref());
        if let (Ok(declaration), Some(spec)) = (&checked, &spec) {
            found.extend(consistency::results(declaration, spec));
        }
        match checked {
            Ok(declaration) => found.finish(declaration).map(|declaration| {
                Some(Declared {
                    declaration,
                    document: parsed,
                    task: spec,
                })
            }),
            Err(wrong) => {
                found.extend(wrong);
                Err(found.into_vec())
            }
        }
    }

    /// The size of the annotation in bytes; 0 where there is none.
    pub fn annotation_bytes(&self) -> usize {
        let text = self.annotation.and_then(Node::as_str);
        text.map_or(0, str::len)
    }

    /// What is allowed here and probably not meant.
    pub fn warning(&self) -> Option<Diagnostic> {
        let Host::Unseen { warning } = &self.host else {
            return None;
        };
        let place = Place::of_annotation(annotation::OUTPUTS);
        Some(Diagnostic::new(
            place,
            Some(self.annotation?.at),
            (*warning)?,
        ))
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
                Err(Diagnostic::new(Place::root(), Some(node.at), message).help("keep one of them"))
            }
        }
    }

    fn proposal(&self) -> Option<Proposal> {
        match &self.host {
            Host::Task { spec, .. } => Proposal::find(spec),
            Host::Pod { .. } | Host::Unseen { .. } => None,
        }
    }

    /// What the declaration may refer to, and the TaskSpec when it stands beside it.
    fn scope(&self) -> Result<(Scope, Option<TaskSpec>), Vec<Diagnostic>> {
        match &self.host {
            Host::Task { .. } => {
                let spec = self.task()?;
                let scope = Scope {
                    steps: spec.as_ref().map(TaskSpec::step_names),
                    params: spec.as_ref().map(TaskSpec::param_shapes),
                };
                Ok((scope, spec))
            }
            Host::Pod { spec } => {
                let lists = ["initContainers", "containers"].into_iter();
                let containers = lists.filter_map(|key| spec.get(key)?.sequence()).flatten();
                let names = containers.filter_map(|node| Some(node.text_of("name")?.to_owned()));
                // Nothing gives a plain pod parameters.
                let scope = Scope {
                    steps: Some(names.collect()),
                    params: Some(IndexMap::new()),
                };
                Ok((scope, None))
            }
            Host::Unseen { .. } => Ok(Default::default()),
        }
    }
}

impl Syntax<'_> {
    /// Parses the declaration, unless it is too large as it stands or as the sidecar gets it: as JSON, with each alias
    /// written out.
    fn parse(&self, source: &dyn Locate) -> Result<Node, Diagnostic> {
        let parsed = match self {
            Self::Proposal(proposal) => proposal.tree().clone(),
            Self::Annotation(node) => match node.as_str() {
                Some(text) => Declaration::parse_document(text)
                    .map_err(|diagnostic| source.locate(node, diagnostic))?,
                None => return Err(not_a_string(node)),
            },
        };
        let bytes = json_bytes(&parsed);
        if bytes > DECLARATION_MAX {
            let diagnostic = Declaration::too_large("as JSON, the declaration has", bytes);
            return Err(match self {
                Self::Annotation(node) => source.locate(node, diagnostic),
                Self::Proposal(_) => Diagnostic {
                    at: Some(parsed.at),
                    ..diagnostic
                },
            });
        }
        Ok(parsed)
    }

    fn read(
        &self,
        parsed: &Node,
        source: &dyn Locate,
        scope: &Scope,
        spec: Option<&TaskSpec>,
    ) -> Result<Declaration, Vec<Diagnostic>> {
        let declaration = self.declaration(parsed, source, scope)?;
        let found = spec.map(|spec| consistency::paths(&declaration, spec));
        let found = found.unwrap_or_default();
        if found.is_empty() {
            return Ok(declaration);
        }
        let located = found.into_iter().map(|diagnostic| match self {
            Self::Annotation(node) => source.locate(node, diagnostic),
            Self::Proposal(proposal) => proposal.locate(diagnostic),
        });
        Err(located.collect())
    }

    fn declaration(
        &self,
        parsed: &Node,
        source: &dyn Locate,
        scope: &Scope,
    ) -> Result<Declaration, Vec<Diagnostic>> {
        match self {
            Self::Proposal(proposal) => proposal.declaration(scope),
            Self::Annotation(node) => Declaration::read(parsed, scope).map_err(|found| {
                let found = found.into_iter();
                found
                    .map(|diagnostic| source.locate(node, diagnostic))
                    .collect()
            }),
        }
    }
}

fn not_a_string(annotation: &Node) -> Diagnostic {
    let found = annotation.describe();
    let message = format!("an annotation must be a string, this is {found}");
    let place = Place::of_annotation(annotation::OUTPUTS);
    let help = "put a '|' behind the colon to make one of the lines below";
    Diagnostic::new(place, Some(annotation.at), message).help(help)
}

/// The length of `node` as compact JSON, but for escapes in its texts.
fn json_bytes(node: &Node) -> usize {
    match &node.content {
        Content::Null => 4,
        Content::Boolean(flag) => 5 - usize::from(*flag),
        Content::Number(number) => number.to_string().len(),
        Content::String(text) => text.len() + 2,
        Content::Sequence(items) => {
            2 + items.iter().map(|item| json_bytes(item) + 1).sum::<usize>()
        }
        Content::Mapping(entries) => {
            let entry = |(key, value): &(Key, Node)| key.name.len() + 4 + json_bytes(value);
            2 + entries.iter().map(entry).sum::<usize>()
        }
    }
}

/// The kind of a document; nothing for a Task and so on that is not Tekton's.
pub fn kind_of(document: &Node) -> &str {
    const TEKTON: [&str; 4] = ["Task", "TaskRun", "Pipeline", "PipelineRun"];
    let text = |key| document.text_of(key).unwrap_or_default();
    let (kind, version) = (text("kind"), text("apiVersion"));
    let foreign = !version.is_empty() && !version.starts_with("tekton.dev/");
    if TEKTON.contains(&kind) && foreign {
        ""
    } else {
        kind
    }
}

/// The name in a document's metadata, or the prefix that becomes one.
pub fn metadata_name(document: &Node) -> Option<&str> {
    let metadata = document.present("metadata")?;
    let name = metadata.present("name");
    let name = name.or_else(|| metadata.present("generateName"))?;
    Some(name.as_str()?.trim_end_matches('-'))
}

fn own_annotation(object: &Node) -> Option<&Node> {
    object.descend(&["metadata", "annotations", annotation::OUTPUTS])
}

/// The tasks that a PipelineSpec embeds, those of pipelines embedded in it included. `outer` is what the PipelineSpec
/// itself is embedded in.
fn embedded<'a>(
    pipeline: &Cursor<'a>,
    title: &str,
    outer: &[&'a Node],
) -> Vec<DeclarationSite<'a>> {
    let mut found = Vec::new();
    for list in ["tasks", "finally"] {
        // A list of another type is Tekton's to refuse.
        for item in pipeline.items_at(list, &mut Diagnostics::default()) {
            let name = item.node.text_of("name").unwrap_or("without a name");
            let title = format!("{title}, task {name}");
            let around = [&[item.node, pipeline.node], outer].concat();
            if let Some(spec) = item.field("taskSpec") {
                let annotation = own_annotation(spec.node);
                let host = Host::Task { spec, around };
                found.push(DeclarationSite::new(title, annotation, host));
            } else if let Some(spec) = item.field("pipelineSpec") {
                found.extend(embedded(&spec, &title, &around));
            }
        }
    }
    found
}

/// The pod template of a Job, CronJob, Deployment and so on.
fn pod_template(document: &Node) -> Option<&Node> {
    document
        .descend(&["spec", "template"])
        .or_else(|| document.descend(&["spec", "jobTemplate", "spec", "template"]))
        .filter(|template| template.descend(&["spec", "containers"]).is_some())
}
