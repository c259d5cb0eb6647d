//! Warns about expressions in other template languages. Gleaner copies such expressions to the object as literal text.
//!
//! An object may contain such text on purpose: a shell script in a ConfigMap, or a template for another controller. In a
//! command or text of several lines, only unmistakable expressions are therefore reported: `${{ }}`, `$[[ ]]`, and paths such
//! as `params.x`.

use std::collections::HashMap;

use super::check::Scope;
use super::model::Declaration;
use crate::document::diagnostic::Part;
use crate::document::{Content, Cursor, Diagnostics, Node};

/// The opening and closing characters of each kind of expression, with the longest opening first.
const FORMS: [(&str, &str, Form); 4] = [
    ("${{", "}}", Form::Unmistakable),
    ("$[[", "]]", Form::Unmistakable),
    ("{{", "}}", Form::Braces),
    ("${", "}", Form::Dollar),
];

/// The maximum length of an expression after its opening characters, in bytes.
const LONGEST: usize = 120;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `${{ }}` (GitHub) or `$[[ ]]` (GitLab).
    Unmistakable,
    /// `{{ }}` (Argo, Helm and others).
    Braces,
    /// `${ }`, which may also be a shell variable.
    Dollar,
}

/// Keys whose values may be read by a program that replaces `${NAME}` itself.
const READ_BY_PROGRAMS: [&str; 5] = ["annotations", "binaryData", "data", "env", "stringData"];

/// Keys whose values are commands for a shell.
const COMMANDS: [&str; 4] = ["command", "args", "script", "run"];

/// Adds a warning for each foreign expression in the templates of the declaration `node`.
pub(super) fn find(
    node: &Node,
    declaration: &Declaration,
    scope: &Scope,
    warnings: &mut Diagnostics,
) {
    let names = Names::new(declaration, scope);
    let root = Cursor::root(node);
    for list in ["resources", "objects"] {
        for item in root.list_of(list) {
            let template = item.field("resourceTemplate");
            let version = template
                .as_ref()
                .and_then(|one| one.node.text_of("apiVersion"));
            let group = version.and_then(|version| version.split_once('/'));
            let context = Context {
                names: &names,
                has_own_templates: group
                    .is_some_and(|(group, _)| group.contains('.') && !group.ends_with(".k8s.io")),
                is_command: false,
                is_read_by_program: false,
            };
            context.walk(&template.unwrap_or(item), warnings);
        }
    }
}

struct Context<'a> {
    names: &'a Names<'a>,
    /// True if the object is a custom resource, whose controller may have its own template language.
    has_own_templates: bool,
    is_command: bool,
    is_read_by_program: bool,
}

impl Context<'_> {
    fn walk(&self, cursor: &Cursor<'_>, warnings: &mut Diagnostics) {
        match &cursor.node.content {
            Content::String(text) => self.check(text, cursor, warnings),
            Content::Sequence(items) => {
                for (index, node) in items.iter().enumerate() {
                    self.walk(&Cursor::new(node, cursor.place.index(index)), warnings);
                }
            }
            Content::Mapping(entries) => {
                for (key, node) in entries {
                    let is_command = self.is_command || COMMANDS.contains(&key.name.as_str());
                    let inner = Context {
                        is_command,
                        is_read_by_program: self.is_read_by_program
                            || READ_BY_PROGRAMS.contains(&key.name.as_str()),
                        ..*self
                    };
                    inner.walk(&Cursor::new(node, cursor.place.key(&key.name)), warnings);
                }
            }
            Content::Null | Content::Boolean(_) | Content::Number(_) => {}
        }
    }

    fn check(&self, text: &str, cursor: &Cursor<'_>, warnings: &mut Diagnostics) {
        let is_prose = self.is_command || text.trim_end().contains('\n');
        let mut from = 0;
        while let Some((start, found)) = next(text, from) {
            let Expression { form, whole, inner } = found;
            from = start + whole.len();
            let meaning = self.names.meaning(inner);
            let is_wrong = match (form, &meaning) {
                (Form::Unmistakable, _) | (_, Meaning::Path(_)) => true,
                (_, Meaning::Name(_)) => !is_prose,
                // `{{ $x }}` is not reported, because it is probably a variable of a Go template, for example in an alerting
                // rule.
                (Form::Braces, Meaning::Other) => {
                    !is_prose && !self.has_own_templates && !inner.starts_with('$')
                }
                (Form::Dollar, Meaning::Other) => {
                    !is_prose
                        && !self.has_own_templates
                        && (is_lower_case_word(inner)
                            || (!self.is_read_by_program && is_variable(inner)))
                }
            };
            if is_wrong {
                warnings.push_with(|_| {
                    let shown: String = whole.chars().take(60).collect();
                    let message =
                        format!("`{shown}` is not a Gleaner variable and stays as literal text");
                    let help = match meaning {
                        Meaning::Path(Some(right)) | Meaning::Name(right) => {
                            format!("write {right}")
                        }
                        Meaning::Path(None) | Meaning::Other => {
                            "write $(params.NAME) or $(steps.STEP.OUTPUT) for a value".to_owned()
                        }
                    };
                    cursor
                        .diagnostic(message)
                        .help(help)
                        .about(Part::Offset(start))
                });
            }
        }
    }
}

struct Expression<'a> {
    form: Form,
    whole: &'a str,
    inner: &'a str,
}

/// Finds the next expression in `text`, starting at the byte offset `from`.
fn next(text: &str, from: usize) -> Option<(usize, Expression<'_>)> {
    let mut at = from;
    loop {
        at += text.get(at..)?.find(['$', '{'])?;
        let rest = &text[at..];
        let is_escaped = at > from && text[..at].ends_with('$');
        for (open, close, form) in FORMS {
            let Some(after) = rest.strip_prefix(open) else {
                continue;
            };
            let near = &after.as_bytes()[..after.len().min(LONGEST)];
            let mut ends = near.windows(close.len());
            let end = ends.position(|window| window == close.as_bytes());
            if let Some(end) = end.filter(|_| !(is_escaped && form == Form::Dollar)) {
                let whole = &rest[..open.len() + end + close.len()];
                let inner = after[..end].trim();
                return Some((at, Expression { form, whole, inner }));
            }
        }
        // All adjacent braces are skipped at once. A string may consist of braces alone, and restarting at each of them would
        // take quadratic time.
        at += rest.len() - rest.trim_start_matches(['$', '{']).len();
    }
}

/// Returns true if `text` can be the name of an environment variable.
fn is_variable(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_lower_case_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The meaning of an expression's content.
enum Meaning {
    /// A path such as `params.x` or `steps.s.outputs.x`, with the Gleaner variable to use instead, if known.
    Path(Option<String>),
    /// The bare name of a parameter or output, with the Gleaner variable to use instead.
    Name(String),
    Other,
}

/// The names of the parameters and outputs to which an expression may refer.
struct Names<'a> {
    declaration: &'a Declaration,
    scope: &'a Scope,
    /// For each output, the step that declares it, or `None` if several steps have an output of this name.
    steps: HashMap<&'a str, Option<&'a str>>,
}

impl<'a> Names<'a> {
    fn new(declaration: &'a Declaration, scope: &'a Scope) -> Self {
        let mut steps = HashMap::new();
        for (step, outputs) in &declaration.steps {
            for output in outputs {
                steps
                    .entry(output.spec.name.as_str())
                    .and_modify(|step| *step = None)
                    .or_insert(Some(step.as_str()));
            }
        }
        Self {
            declaration,
            scope,
            steps,
        }
    }

    fn has_param(&self, name: &str) -> bool {
        let params = self.scope.params.as_ref();
        params.is_some_and(|params| params.contains_key(name))
    }

    fn meaning(&self, inner: &str) -> Meaning {
        let path = inner.trim_start_matches(['.', '$']);
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let end = path.find(|letter| !is_part(letter)).unwrap_or(path.len());
        let words: Vec<&str> = path[..end].split('.').collect();
        match words.as_slice() {
            ["steps" | "tasks" | "needs" | "jobs", step, rest @ ..] if !rest.is_empty() => {
                let fill = ["outputs", "parameters", "results", "result"];
                let output = rest.iter().find(|word| !fill.contains(word));
                let output =
                    output.filter(|output| self.declaration.output(step, output).is_some());
                Meaning::Path(output.map(|output| format!("$(steps.{step}.{output})")))
            }
            ["inputs" | "workflow", "parameters" | "params", name, ..]
            | [
                "params" | "parameters" | "inputs" | "Values" | "values",
                name,
                ..,
            ] => {
                let known = self.scope.params.is_none() || self.has_param(name);
                Meaning::Path(known.then(|| format!("$(params.{name})")))
            }
            ["context", _, ..] => Meaning::Path(Some(format!("$({})", &path[..end]))),
            ["resources", _, _] => Meaning::Path(Some(format!("$({})", &path[..end]))),
            [name] if self.has_param(name) => Meaning::Name(format!("$(params.{name})")),
            [name] => match self.steps.get(name) {
                Some(Some(step)) => Meaning::Name(format!("$(steps.{step}.{name})")),
                _ => Meaning::Other,
            },
            _ => Meaning::Other,
        }
    }
}
