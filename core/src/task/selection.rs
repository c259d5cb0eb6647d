//! Which of several Tasks is meant, read as a whole.

use crate::declaration::Declaration;
use crate::document::Node;
use crate::document::diagnostic::suggestion;
use gleaner_proto::kubernetes::annotation;

use serde_json::Value;

use super::site::{DeclarationSite, kind_of, metadata_name};
use super::spec::TaskSpec;
use crate::document::{Cursor, Finding, Source};

/// A Task that can be rendered and run.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// What it does.
    pub spec: TaskSpec,
    /// What its steps leave behind, and what becomes of it.
    pub declaration: Declaration,
    /// The declaration as the sidecar gets it.
    pub document: Value,
}

/// Why there is no [`Task`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// No Task at all.
    #[error("{file}: there is no Task in it; give the file that holds one with -f")]
    NoTask {
        /// The file.
        file: String,
    },
    /// No Task, but something with a taskSpec in it.
    #[error(
        "{file}: {title} has an embedded taskSpec, and what is needed here is a Task; put the taskSpec into a file of \
         its own: kind Task, and spec in place of taskSpec"
    )]
    Embedded {
        /// The file.
        file: String,
        /// Kind and name.
        title: String,
    },
    /// None of that name.
    #[error("{file}: there is no Task '{name}' in it{}", help(.suggestion))]
    Unknown {
        /// The file.
        file: String,
        /// The name that was asked for.
        name: String,
        /// What would be right.
        suggestion: Option<String>,
    },
    /// Several, and no telling which.
    #[error("{file}: there are several Tasks in it; say which with --task: {}", .names.join(", "))]
    Several {
        /// The file.
        file: String,
        /// Their names.
        names: Vec<String>,
    },
    /// The Task declares nothing.
    #[error(
        "{file}: the Task '{name}' declares no outputs; say what its steps leave behind in the annotation {}",
        annotation::OUTPUTS
    )]
    NoDeclaration {
        /// The file.
        file: String,
        /// The Task's name.
        name: String,
    },
    /// The Task or its declaration is wrong.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Invalid(Vec<Finding>),
}

impl Task {
    /// The Task called `name` in `source`; without a name the only one, or the only one that declares outputs.
    ///
    /// # Errors
    /// When there is none or no telling which, and when it is wrong.
    pub fn select(source: &Source, name: Option<&str>) -> Result<Self, SelectionError> {
        let file = || source.name.clone();
        let is_task = |document: &&Node| kind_of(document) == "Task";
        let tasks: Vec<&Node> = source.documents.iter().filter(is_task).collect();
        let names = || {
            tasks
                .iter()
                .map(|task| metadata_name(task).unwrap_or_default())
        };
        let declares = |task: &&&Node| {
            DeclarationSite::all(task)
                .iter()
                .any(DeclarationSite::declares)
        };
        let declaring: Vec<&&Node> = tasks.iter().filter(declares).collect();
        let document = match (name, tasks.as_slice(), declaring.as_slice()) {
            (_, [], _) => return Err(no_task(source)),
            (Some(name), tasks, _) => {
                let found = tasks.iter().find(|task| metadata_name(task) == Some(name));
                *found.ok_or_else(|| SelectionError::Unknown {
                    file: file(),
                    name: name.to_owned(),
                    suggestion: suggestion(name, names()),
                })?
            }
            (None, [only], _) => only,
            (None, _, [only]) => only,
            (None, _, _) => {
                return Err(SelectionError::Several {
                    file: file(),
                    names: names().map(str::to_owned).collect(),
                });
            }
        };
        Self::read(source, document)
    }

    fn read(source: &Source, document: &Node) -> Result<Self, SelectionError> {
        let name = metadata_name(document).unwrap_or("task").to_owned();
        let invalid = |found: Vec<_>| {
            let finding = |diagnostic| Finding::error(source.name.clone(), diagnostic);
            SelectionError::Invalid(found.into_iter().map(finding).collect())
        };
        let nothing = || SelectionError::NoDeclaration {
            file: source.name.clone(),
            name: name.clone(),
        };
        let carriers = DeclarationSite::all(document);
        let carrier = carriers.first().ok_or_else(nothing)?;
        let declared = carrier
            .declaration(source)
            .map_err(invalid)?
            .ok_or_else(nothing)?;
        let spec = Cursor::root(document).field("spec").ok_or_else(nothing)?;
        let spec = TaskSpec::read(&spec).map_err(invalid)?;
        Ok(Self {
            name,
            spec,
            declaration: declared.declaration,
            document: declared.document,
        })
    }
}

/// Why none of the documents is a Task.
fn no_task(source: &Source) -> SelectionError {
    let file = source.name.clone();
    let mut carriers = source.documents.iter().flat_map(DeclarationSite::all);
    match carriers.find(DeclarationSite::is_task) {
        Some(DeclarationSite { title, .. }) => SelectionError::Embedded { file, title },
        None => SelectionError::NoTask { file },
    }
}

fn help(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map(|text| format!("; {text}"))
        .unwrap_or_default()
}
