//! Reads a [`Declaration`] from YAML: structure, names and keywords.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::constraint::{self, PATTERNS_MAX, Pattern};
use super::model::{Declaration, Output, Preflight, Submit, Template};
use super::named::NamedList;
use super::read_template;
use crate::document::Node;
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Cursor, Diagnostics};
use crate::variable::Reference;
use gleaner_proto::name::{OutputName, StepName};
use gleaner_proto::output::{OutputSpec, OutputType, Trim, When};

pub(super) const DECLARATION: [&str; 5] = ["steps", "resources", "objects", "submit", "preflight"];
pub(super) const OUTPUT: [&str; 9] = [
    "name", "fromPath", "type", "trim", "default", "nonEmpty", "pattern", "when", "secret",
];

const SUBMITS: [(&str, Submit); 3] = [
    ("Resolved", Submit::Resolved),
    ("Completed", Submit::Completed),
    ("Manual", Submit::Manual),
];
const PREFLIGHTS: [(&str, Preflight); 2] =
    [("Report", Preflight::Report), ("Strict", Preflight::Strict)];

/// The parts of a declaration that could not be read. A variable that may refer to one of these parts is not reported
/// as unknown.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// True if `steps` as a whole, or the name of a step, could not be read.
    steps: bool,
    /// The steps with an output that could not be read.
    outputs: HashSet<String>,
    /// True if an entry of `resources` or `objects` could not be read.
    templates: bool,
}

impl Gaps {
    /// Returns true if `reference` may refer to a part that could not be read.
    pub(super) fn may_hold(&self, reference: &Reference, declaration: &Declaration) -> bool {
        match reference {
            Reference::Output { step, output, .. } => {
                (self.steps && !declaration.steps.contains_key(step.as_str()))
                    || (self.outputs.contains(step) && declaration.output(step, output).is_none())
            }
            Reference::Resource { name, .. } => {
                self.templates && declaration.template(name).is_none()
            }
            Reference::Param { .. } | Reference::Context(_) => false,
        }
    }
}

/// Reads as much of a declaration as possible, and reports the errors.
pub(super) fn read(node: &Node) -> (Declaration, Gaps, Diagnostics) {
    let mut findings = Diagnostics::default();
    let root = Cursor::root(node);
    root.fields(&DECLARATION, &mut findings);
    // An unknown field may be the misspelled name of a missing list, so treat that list as unread.
    let misspelt = !findings.is_empty();
    let lists = |known: &[&str]| known.iter().any(|key| root.field(key).is_none());
    let mut gaps = Gaps {
        steps: misspelt && lists(&["steps"]),
        templates: misspelt && lists(&["resources", "objects"]),
        ..Gaps::default()
    };
    let mut declaration = Declaration::default();
    if let Some(steps) = root.field("steps") {
        declaration.steps = read_steps(&steps, &mut gaps, &mut findings);
    }
    for list in ["resources", "objects"] {
        for item in root.items_at(list, &mut findings) {
            let mut uses = Vec::new();
            let template = if list == "resources" {
                read_template::pipeline_resource(&item, &mut uses, &mut findings)
            } else {
                read_template::object(&item, &mut uses, &mut findings)
            };
            gaps.templates |= template.is_none();
            if let Some(mut template) = template {
                template.take_texts();
                refuse_duplicate(&declaration.templates, &template, &item, &mut findings);
                declaration.templates.push(Template { uses, ..template });
            }
        }
    }
    declaration.submit = root.word_at("submit", &SUBMITS, &mut findings);
    declaration.preflight = root.word_at("preflight", &PREFLIGHTS, &mut findings);
    (declaration, gaps, findings)
}

fn refuse_duplicate(
    earlier: &NamedList<Template>,
    template: &Template,
    item: &Cursor<'_>,
    findings: &mut Diagnostics,
) {
    if let Some(first) = earlier.named(template.name.as_str()) {
        let message = format!(
            "the name '{}' is already taken by {}",
            template.name, first.place
        );
        let help = "rename one of them, because names must be unique across resources and objects";
        let at = item.field("name").map_or(item.node.at, |name| name.node.at);
        findings.push(Diagnostic::new(item.place.key("name"), Some(at), message).help(help));
    }
}

fn read_steps(
    steps: &Cursor<'_>,
    gaps: &mut Gaps,
    findings: &mut Diagnostics,
) -> IndexMap<StepName, NamedList<Output>> {
    let mut read = IndexMap::new();
    let mut patterns = 0;
    gaps.steps |= steps.node.mapping().is_none();
    for (name, list) in steps.entries(findings) {
        let mut outputs = NamedList::default();
        if list.node.sequence().is_none() {
            gaps.outputs.insert(name.to_owned());
        }
        for item in list.items(findings) {
            let Some(output) = read_output(&item, &mut patterns, findings) else {
                gaps.outputs.insert(name.to_owned());
                continue;
            };
            let name = &output.spec.name;
            if outputs.named(name.as_str()).is_some() {
                let message = format!("the output '{name}' is declared twice");
                findings.refuse(&item, message, "rename one of them");
                continue;
            }
            outputs.push(output);
        }
        match StepName::new(name) {
            Ok(name) => {
                read.insert(name, outputs);
            }
            Err(error) => {
                gaps.steps = true;
                findings.push_with(|_| list.diagnostic(error.to_string()).about(Part::Key));
            }
        }
    }
    read
}

/// Reads one output. `patterns` is the number of patterns that were read in the declaration so far.
fn read_output(
    item: &Cursor<'_>,
    patterns: &mut usize,
    findings: &mut Diagnostics,
) -> Option<Output> {
    item.fields(&OUTPUT, findings);
    let name = item
        .required("name", "digest", findings)?
        .parsed(str::parse::<OutputName>, findings)?;
    let mut spec = OutputSpec::new(name);
    if let Some(path) = item.field("fromPath") {
        spec.path = path.text(findings).map(str::to_owned);
        if spec.path.as_deref() == Some("") {
            let help = format!("omit fromPath to read $GLEANER_OUTPUTS/{}", spec.name);
            findings.refuse(&path, "the path is empty", help);
        }
    }
    spec.kind = item.word_at("type", &OutputType::WORDS, findings);
    spec.trim = item.word_at("trim", &Trim::WORDS, findings);
    spec.when = item.word_at("when", &When::WORDS, findings);
    let secret = item.flag_at("secret", findings);
    // `default: null` is the same as no default.
    let default = item
        .field("default")
        .map(|default| default_value(&default, spec.kind, findings));
    spec.optional = default.is_some();
    let output = Output {
        non_empty: read_non_empty(item, spec.kind, findings),
        pattern: read_pattern(item, spec.kind, patterns, findings),
        spec,
        default,
        secret,
        at: item.at(),
    };
    if let (Some(field), Some(value)) = (item.field("default"), &output.default) {
        let checked = output.check(value);
        if let Err(violation) = checked {
            let help = "change the default, or remove it so that a missing file fails the step";
            findings.refuse(&field, format!("the default {violation}"), help);
        }
    }
    Some(output)
}

fn read_non_empty(item: &Cursor<'_>, kind: OutputType, findings: &mut Diagnostics) -> bool {
    let non_empty = item.flag_at("nonEmpty", findings);
    if let (true, false, Some(field)) = (
        non_empty,
        constraint::can_be_empty(kind),
        item.field("nonEmpty"),
    ) {
        let message = format!("a {} is never empty", kind.as_str());
        let help = "remove nonEmpty, because an empty file already fails the step for this type";
        findings.refuse(&field, message, help);
    }
    non_empty
}

fn read_pattern(
    item: &Cursor<'_>,
    kind: OutputType,
    patterns: &mut usize,
    findings: &mut Diagnostics,
) -> Option<Pattern> {
    let field = item.field("pattern")?;
    *patterns += 1;
    if *patterns > PATTERNS_MAX {
        let message = format!("at most {PATTERNS_MAX} outputs may have a pattern");
        findings.refuse(&field, message, "remove the pattern, or split the Task");
        return None;
    }
    if kind != OutputType::String {
        let message = format!(
            "a pattern requires a string, but the output's type is {}",
            kind.as_str()
        );
        let help = "remove the pattern, or declare type: string";
        findings.refuse(&field, message, help);
        return None;
    }
    field.parsed(Pattern::new, findings)
}

fn default_value(default: &Cursor<'_>, kind: OutputType, findings: &mut Diagnostics) -> Value {
    let value = default.node.to_json();
    if !kind.admits(&value) {
        let (found, kind_name) = (default.node.describe(), kind.as_str());
        let message = format!("the default is {found}, but the output's type is {kind_name}");
        let help = match kind {
            OutputType::String => "put it in quotes, or set the output's type",
            _ => "use a default of the output's type, or change the type",
        };
        findings.refuse(default, message, help);
    }
    value
}
