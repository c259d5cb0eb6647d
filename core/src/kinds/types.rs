//! Checks the types of a template's fields.

use gleaner_proto::output::OutputType;
use serde_json::Value;

use super::values::{self, Wrong, simple};
use super::{VERSION, fields};
use crate::declaration::{Declaration, ParamShape, Scope, Template, is_base64};
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::suggestion::nearest;
use crate::document::{Content, Cursor, Diagnostics};
use crate::variable::{Access, Reference, Text};

/// A check of a declaration's templates against the types in `outline.json`.
pub(super) struct Types<'a> {
    declaration: &'a Declaration,
    /// The parsed template, or `None` if the template has errors.
    pub(super) template: Option<&'a Template>,
    scope: &'a Scope,
    pub(super) errors: &'a mut Diagnostics,
    warnings: &'a mut Diagnostics,
}

impl<'a> Types<'a> {
    pub(super) fn new(
        declaration: &'a Declaration,
        scope: &'a Scope,
        errors: &'a mut Diagnostics,
        warnings: &'a mut Diagnostics,
    ) -> Self {
        Self {
            declaration,
            template: None,
            scope,
            errors,
            warnings,
        }
    }
}

impl Types<'_> {
    /// Checks an object against the type of its kind.
    pub(super) fn check_object(&mut self, own: &str, object: &Cursor<'_>, kind: &str) {
        let fields = fields(own);
        for (key, field) in entries(object) {
            match fields["fields"][key].as_str() {
                Some(_) if key == "metadata" => self.check_metadata(&field, true),
                Some(own) => self.check(own, &field),
                // `status` is not reported as unknown. `outline.json` does not contain it, because the API server ignores it at
                // creation.
                None if key == "status" => {}
                None => self.unknown(key, &field, fields, &format!("a {kind}"), true),
            }
        }
        self.required(fields, object);
    }

    pub(super) fn check(&mut self, own: &str, cursor: &Cursor<'_>) {
        match &cursor.node.content {
            Content::Null => {}
            Content::String(text) => self.check_text(own, text, cursor),
            Content::Sequence(items) => match own.strip_prefix("[]") {
                Some(item) => {
                    for (index, node) in items.iter().enumerate() {
                        self.check_item(item, &Cursor::new(node, cursor.place.index(index)));
                    }
                }
                None if own == "any" => {}
                None => cursor.expected(described(own), self.errors),
            },
            Content::Mapping(_) => self.check_map(own, cursor),
            Content::Number(number) => {
                let is_whole = number.is_i64() || number.is_u64();
                let fits = match simple(own) {
                    "integer" | "int-or-string" => is_whole,
                    "number" | "quantity" | "any" => true,
                    _ => false,
                };
                self.plain(fits, own, cursor);
                if fits {
                    self.judge(values::number(own, number), cursor, Part::Whole);
                }
            }
            Content::Boolean(_) => self.plain(matches!(own, "boolean" | "any"), own, cursor),
        }
    }

    /// Reports an unquoted number or boolean, unless it `fits` the type.
    fn plain(&mut self, fits: bool, own: &str, cursor: &Cursor<'_>) {
        match simple(own) {
            _ if fits => {}
            "string" | "bytes" => {
                cursor.text(self.errors);
            }
            _ => cursor.expected(described(own), self.errors),
        }
    }

    fn check_item(&mut self, own: &str, item: &Cursor<'_>) {
        let spread = item.node.as_str().and_then(|text| Text::parse(text).ok());
        let spread = spread.as_ref().and_then(Text::as_variable);
        match spread.filter(|reference| reference.is_spread()) {
            // Only the items of a parameter are checked. They are strings; the items of an output are known only at run time.
            Some(reference @ Reference::Param { .. }) => {
                let kind = self.kind_of(reference);
                if kind == Some(OutputType::Array) {
                    self.check_kind(own, OutputType::String, reference, item);
                }
            }
            Some(_) => {}
            None => self.check(own, item),
        }
    }

    fn check_map(&mut self, own: &str, map: &Cursor<'_>) {
        if let Some((_, value)) = map_of(own) {
            self.check_keys(own, map);
            for (_, field) in entries(map) {
                self.check(value, &field);
            }
        } else if own.parse::<usize>().is_ok() {
            let fields = fields(own);
            for (key, field) in entries(map) {
                match fields["fields"][key].as_str() {
                    Some(own) => self.check(own, &field),
                    None => self.unknown(key, &field, fields, "this object", false),
                }
            }
            self.required(fields, map);
        } else if !matches!(own, "any" | "object") {
            map.expected(described(own), self.errors);
        }
    }

    fn check_text(&mut self, own: &str, text: &str, cursor: &Cursor<'_>) {
        if own == "any" {
            return;
        }
        // Errors in a variable were already reported.
        let Ok(parsed) = Text::parse(text) else {
            return;
        };
        if let Some(reference) = parsed.as_variable() {
            if let Some(kind) = self.kind_of(reference) {
                self.check_kind(own, kind, reference, cursor);
            }
            return;
        }
        if let Some(literal) = parsed.as_literal() {
            self.judge(values::text(own, literal), cursor, Part::Whole);
        }
        match simple(own) {
            "string" | "quantity" | "int-or-string" => {}
            "bytes" if parsed.as_literal().is_none_or(is_base64) => {}
            "bytes" => {
                let message = "this is not valid base64";
                let help = "encode it, or put it unencoded under stringData if this is a Secret";
                self.errors.refuse(cursor, message, help);
            }
            _ => {
                let message = format!("expected {}, found a string", described(own));
                let unquoted = match simple(own) {
                    "integer" => text.parse::<i64>().is_ok(),
                    "number" => text.parse::<f64>().is_ok(),
                    "boolean" => matches!(text, "true" | "false"),
                    _ => false,
                };
                let help = unquoted.then(|| "remove the quotes".to_owned());
                self.errors.add(cursor, message, help);
            }
        }
    }

    /// Checks a field whose value is a single variable of a known type.
    fn check_kind(
        &mut self,
        own: &str,
        kind: OutputType,
        reference: &Reference,
        cursor: &Cursor<'_>,
    ) {
        let own = simple(own);
        let is_map = own == "object" || map_of(own).is_some() || own.parse::<usize>().is_ok();
        let fits = match kind {
            OutputType::String => {
                matches!(
                    own,
                    "string" | "bytes" | "quantity" | "int-or-string" | "any"
                )
            }
            OutputType::Number => {
                matches!(
                    own,
                    "integer" | "number" | "quantity" | "int-or-string" | "any"
                )
            }
            OutputType::Boolean => matches!(own, "boolean" | "any"),
            OutputType::Array => own.starts_with("[]") || own == "any",
            OutputType::Object => is_map || own == "any",
        };
        let is_text = self.template.is_some_and(|template| {
            let inside = cursor.place.within(&template.place);
            inside.is_some_and(|inside| template.is_text(&inside))
        });
        // In the fields that `is_text` recognizes, a number becomes a string, and other types were already rejected when the
        // declaration was read.
        if fits || own == "string" && is_text {
            return;
        }
        let needed = described(own);
        let message = format!(
            "`$({reference})` is of type {}, but {needed} is required here",
            kind.as_str()
        );
        let help = match (own, kind) {
            ("string", _) => Some(format!(
                "write $(string({reference})) to convert it to text"
            )),
            ("bytes", OutputType::Number | OutputType::Boolean) => {
                Some("put it under stringData if this is a Secret".to_owned())
            }
            ("integer" | "number", OutputType::String) => {
                Some("use an output with type: number".to_owned())
            }
            ("boolean", OutputType::String) => Some("use an output with type: boolean".to_owned()),
            _ => None,
        };
        self.errors.push_with(|_| {
            let diagnostic = cursor.diagnostic(message).about(Part::Offset(0));
            diagnostic.maybe_help(help)
        });
    }

    /// Returns the type of a variable, if it is known before the run.
    fn kind_of(&self, reference: &Reference) -> Option<OutputType> {
        match reference {
            Reference::Context(_) | Reference::Resource { .. } => Some(OutputType::String),
            Reference::Output {
                step,
                output,
                access,
            } => {
                let kind = self.declaration.output(step, output)?.spec.kind;
                let is_whole = matches!(access.as_slice(), [] | [Access::All]);
                is_whole.then_some(kind)
            }
            Reference::Param { name, access } => {
                let shape = self.scope.params.as_ref()?.get(name)?;
                match (shape, access.as_slice()) {
                    (ParamShape::String, [])
                    | (ParamShape::Array, [Access::Index(_)])
                    | (ParamShape::Object(_), [Access::Key(_)]) => Some(OutputType::String),
                    (ParamShape::Array, [] | [Access::All]) => Some(OutputType::Array),
                    (ParamShape::Object(_), [] | [Access::All]) => Some(OutputType::Object),
                    _ => None,
                }
            }
        }
    }

    /// Checks the keys of a map, and the values of labels.
    pub(super) fn check_keys(&mut self, own: &str, map: &Cursor<'_>) {
        let Some((form, _)) = map_of(own) else {
            return;
        };
        for (key, field) in entries(map) {
            self.judge(values::key(form, key), &field, Part::Key);
            if form == "label"
                && let Some(value) = literal(&field)
            {
                self.judge(values::label(&value), &field, Part::Whole);
            }
        }
    }

    fn judge(&mut self, judged: Result<(), Wrong>, cursor: &Cursor<'_>, part: Part) {
        let Err(wrong) = judged else { return };
        let found = if wrong.is_doubtful {
            &mut *self.warnings
        } else {
            &mut *self.errors
        };
        found.push_with(|_| {
            let at = (part != Part::Key).then_some(cursor.node.at);
            let diagnostic = Diagnostic::new(&cursor.place, at, wrong.message).help(wrong.help);
            diagnostic.about(part)
        });
    }

    /// Reports an unknown field. If the field is deep in an object and its name is not similar to a known name, the finding is
    /// only a warning, because a later version of Kubernetes may define the field.
    pub(super) fn unknown(
        &mut self,
        key: &str,
        field: &Cursor<'_>,
        fields: &Value,
        owner: &str,
        is_settled: bool,
    ) {
        let known = fields["fields"].as_object().into_iter().flatten();
        let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        let near = nearest(key, known);
        let found = if is_settled || near.is_some() {
            &mut *self.errors
        } else {
            &mut *self.warnings
        };
        found.push_with(|_| {
            let message =
                format!("unknown field '{key}': {owner} has no such field in Kubernetes {VERSION}");
            let help = near.map(|right| format!("did you mean '{right}'?"));
            let diagnostic = Diagnostic::new(&field.place, None, message).maybe_help(help);
            diagnostic.about(Part::Key)
        });
    }

    fn required(&mut self, fields: &Value, map: &Cursor<'_>) {
        let required = fields["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            // `metadata` may be missing, because Gleaner adds it.
            if name != "metadata" && map.field(name).is_none() {
                self.errors.add(
                    map,
                    format!("'{name}' is missing, but Kubernetes requires it"),
                    None,
                );
            }
        }
    }
}

/// Splits a map type into the form of its keys and the type of its values.
pub(super) fn map_of(own: &str) -> Option<(&str, &str)> {
    own.strip_prefix('{')?.split_once('}')
}

/// Returns the text of a string, or `None` if it contains variables.
pub(super) fn literal(cursor: &Cursor<'_>) -> Option<String> {
    let parsed = Text::parse(cursor.node.as_str()?).ok()?;
    parsed.as_literal().map(str::to_owned)
}

pub(super) fn entries<'a>(map: &Cursor<'a>) -> Vec<(&'a str, Cursor<'a>)> {
    match map.node.mapping() {
        Some(_) => map.entries(&mut Diagnostics::default()),
        None => Vec::new(),
    }
}

/// Describes a type for error messages.
fn described(own: &str) -> &'static str {
    match simple(own) {
        "string" | "bytes" => "a string",
        "quantity" => "a quantity",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "true or false",
        "int-or-string" => "an integer or a string",
        list if list.starts_with("[]") => "a list",
        _ => "a map",
    }
}
