//! Selects one Task from the given files, and reads its spec and its declaration.

use crate::declaration::Declaration;
use crate::document::Node;
use crate::document::suggestion::suggestion;
use gleaner_proto::kubernetes::annotation;

use serde_json::Value;

use super::site::{DeclarationSite, given_name, kind_of, metadata_name};
use super::spec::TaskSpec;
use crate::document::{Cursor, Finding, Source};

/// A Task that can be rendered and run.
#[derive(Debug, Clone)]
pub struct Task {
    /// The name of the Task.
    pub name: String,
    /// The TaskSpec.
    pub spec: TaskSpec,
    /// The outputs of the Task's steps, and the objects created from the outputs.
    pub declaration: Declaration,
    /// The declaration as JSON, in the form that is passed to the sidecar.
    pub document: Value,
}

/// An error that prevents the selection of a [`Task`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// The files contain no Task.
    #[error("{0}: no Task found; pass a file with a Task using -f")]
    NoTask(String),
    /// The files contain no Task, but they contain an object with an embedded taskSpec. The second field is the object's title.
    #[error(
        "{0}: {1} has an embedded taskSpec, but a Task is required here; move the taskSpec to a separate file, as the spec of an \
         object of kind Task"
    )]
    Embedded(String, String),
    /// The files contain Tasks, but no Task has the requested name.
    #[error("{file}: Task '{name}' not found{}", help(.suggestion))]
    Unknown {
        /// The searched files, separated by commas.
        file: String,
        /// The requested name.
        name: String,
        /// The remedy, such as a similar name.
        suggestion: Option<String>,
    },
    /// The files contain several Tasks (the second field lists their names), and the user did not select one.
    #[error("{0}: found several Tasks; select one with --task: {names}", names = .1.join(", "))]
    Several(String, Vec<String>),
    /// Two Tasks have the same name.
    #[error("duplicate Task '{name}': {first} and {second}; rename or remove one")]
    Duplicate {
        /// The duplicate name.
        name: String,
        /// File, line and column of the first Task.
        first: String,
        /// File, line and column of the second Task.
        second: String,
    },
    /// The selected Task declares no outputs.
    #[error(
        "{0}: the Task '{1}' declares no outputs; declare them in the annotation {annotation}",
        annotation = annotation::OUTPUTS
    )]
    NoDeclaration(String, String),
    /// The Task or its declaration is invalid.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Invalid(Vec<Finding>),
}

impl Task {
    /// Returns the Task named `name` in `sources`. If `name` is `None`, returns the only Task, or the only Task that declares
    /// outputs.
    ///
    /// # Errors
    /// Returns an error if the Task does not exist, the choice is ambiguous, or the Task is invalid or declares no outputs.
    pub fn select(sources: &[Source], name: Option<&str>) -> Result<Self, SelectionError> {
        let file = || files(sources);
        let all = sources.iter().flat_map(|source| {
            let documents = source.documents.iter();
            documents.map(move |document| (source, document))
        });
        let found: Vec<(&Source, &Node)> =
            all.filter(|(_, node)| kind_of(node) == "Task").collect();
        let tasks: Vec<&Node> = found.iter().map(|(_, task)| *task).collect();
        let source_of = |task: &Node| {
            let source = found.iter().find(|(_, other)| std::ptr::eq(*other, task));
            source.map(|(source, _)| *source)
        };
        let names = || {
            tasks
                .iter()
                .map(|task| metadata_name(task).unwrap_or_default())
        };
        let duplicate = |(first, second): (&Node, &Node)| {
            let position = |task: &Node| {
                let file = source_of(task).map_or("", |source| &source.name);
                format!("{file}:{}:{}", task.at.line, task.at.column)
            };
            SelectionError::Duplicate {
                name: metadata_name(first).unwrap_or_default().to_owned(),
                first: position(first),
                second: position(second),
            }
        };
        if let Some(twins) = twins(&tasks) {
            return Err(duplicate(twins));
        }
        let declares = |task: &&&Node| {
            let mut sites = DeclarationSite::all(task).into_iter();
            sites.any(|site| site.declares())
        };
        let declaring: Vec<&&Node> = tasks.iter().filter(declares).collect();
        let document: &Node = match (name, tasks.as_slice(), declaring.as_slice()) {
            (_, [], _) => return Err(no_task(sources)),
            (Some(name), tasks, _) => {
                let all = || tasks.iter().copied();
                let given = all().find(|task| given_name(task) == Some(name));
                let prefixes = all().filter(|task| metadata_name(task) == Some(name));
                match (given, prefixes.collect::<Vec<_>>().as_slice()) {
                    (Some(task), _) | (None, &[task]) => task,
                    (None, &[first, second, ..]) => return Err(duplicate((first, second))),
                    (None, []) => {
                        return Err(SelectionError::Unknown {
                            file: file(),
                            name: name.to_owned(),
                            suggestion: suggestion(name, names()),
                        });
                    }
                }
            }
            (None, [only], _) => only,
            (None, _, [only]) => only,
            (None, _, _) => {
                let names = names().map(str::to_owned).collect();
                return Err(SelectionError::Several(file(), names));
            }
        };
        let source = source_of(document);
        source.map_or_else(
            || Err(no_task(sources)),
            |source| Self::read(source, document),
        )
    }

    /// Returns the name of the Task in `document`: `metadata.name`, `metadata.generateName`, or `task`.
    pub fn name_of(document: &Node) -> &str {
        metadata_name(document).unwrap_or("task")
    }

    fn read(source: &Source, document: &Node) -> Result<Self, SelectionError> {
        let name = Self::name_of(document).to_owned();
        let invalid = |found: Vec<_>| {
            let finding = |diagnostic| Finding::error(source.name.clone(), diagnostic);
            SelectionError::Invalid(found.into_iter().map(finding).collect())
        };
        let nothing = || SelectionError::NoDeclaration(source.name.clone(), name.clone());
        let carriers = DeclarationSite::all(document);
        let carrier = carriers.first().ok_or_else(nothing)?;
        let declared = carrier.declaration(source).map_err(invalid)?;
        let declared = declared.ok_or_else(nothing)?;
        let spec = Cursor::root(document).field("spec").ok_or_else(nothing)?;
        let spec = TaskSpec::read(&spec).map_err(invalid)?;
        Ok(Self {
            name,
            spec,
            declaration: declared.declaration,
            document: declared.document.to_json(),
        })
    }
}

/// Returns the first two Tasks with the same name and namespace.
fn twins<'a>(tasks: &[&'a Node]) -> Option<(&'a Node, &'a Node)> {
    let key = |task: &Node| {
        let namespace = task.descend(&["metadata", "namespace"]);
        let namespace = namespace.and_then(Node::as_str).map(str::to_owned);
        Some((given_name(task)?.to_owned(), namespace))
    };
    let mut pairs = tasks.iter().enumerate();
    pairs.find_map(|(index, second)| {
        let own = key(second)?;
        let first = tasks[..index]
            .iter()
            .find(|first| key(first).as_ref() == Some(&own))?;
        Some((*first, *second))
    })
}

/// Returns the error for sources that contain no Task.
fn no_task(sources: &[Source]) -> SelectionError {
    let file = files(sources);
    let documents = sources.iter().flat_map(|source| &source.documents);
    let mut carriers = documents.flat_map(DeclarationSite::all);
    match carriers.find(DeclarationSite::is_task) {
        Some(DeclarationSite { title, .. }) => SelectionError::Embedded(file, title),
        None => SelectionError::NoTask(file),
    }
}

/// Returns the names of the files, separated by commas.
fn files(sources: &[Source]) -> String {
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    names.join(", ")
}

fn help(suggestion: &Option<String>) -> String {
    let text = suggestion.as_ref().map(|text| format!("; {text}"));
    text.unwrap_or_default()
}
