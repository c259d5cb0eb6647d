//! `gleaner explain` and `gleaner schema`: describe the fields of the declaration, using its JSON Schema.

mod field;

use std::fmt::Write as _;
use std::process::ExitCode;

use gleaner_core::declaration::schema;
use gleaner_core::document::suggestion::nearest;
use gleaner_proto::kubernetes::annotation;

use crate::args::Explain;
use crate::failure::Failure;
use crate::printing;
use crate::terminal::{STRONG, paint};
use crate::values::did_you_mean;
use field::Field;

/// The maximum number of paths in a suggestion.
const PLACES: usize = 4;

/// The maximum width of a line, in columns.
const WIDTH: usize = 100;

/// Prints the description of a field and its subfields.
pub(crate) fn main(options: &Explain) -> Result<ExitCode, u8> {
    let schema = schema::schema().to_value();
    let path = options.field.as_deref().unwrap_or_default();
    let field = find(Field::root(&schema), path).map_err(|error| Failure::usage(error).print())?;
    let text = explain(field, path, options.recursive);
    printing::write_colored(&text).map_err(Failure::print)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the JSON Schema of the declaration.
pub(crate) fn print_schema() -> Result<ExitCode, u8> {
    printing::write(&schema::to_text()).map_err(Failure::print)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the field at `path`, such as `objects.waitFor` or `steps.build[0].name`. For an empty path, returns the whole
/// declaration.
fn find<'a>(root: Field<'a>, path: &str) -> Result<Field<'a>, String> {
    let mut segments = path.split('.').filter(|_| !path.is_empty()).peekable();
    let mut field = root;
    let mut known: Vec<&str> = Vec::new();
    let mut was_key = false;
    while let Some(segment) = segments.next() {
        let (name, is_indexed) = match segment.split_once('[') {
            Some((name, _)) => (name, true),
            None => (segment, false),
        };
        if let Some((_, own)) = field.fields().find(|(own, _)| *own == name) {
            field = own;
            known.push(name);
            was_key = false;
            continue;
        }
        let may_be_key = field.is_map() && !was_key && !name.is_empty();
        was_key = may_be_key
            && (is_indexed || segments.peek().is_some() || field.fields().next().is_none());
        if !was_key {
            return Err(unknown(root, field, name, &known));
        }
    }
    Ok(field)
}

/// Returns the error message for the unknown field `name` in `field`. `known` is the path from `root` to `field`.
fn unknown(root: Field<'_>, field: Field<'_>, name: &str, known: &[&str]) -> String {
    let at = known.join(".");
    let names: Vec<&str> = field.fields().map(|(name, _)| name).collect();
    if field.is_open() && nearest(name, names.iter().copied()).is_none() {
        return format!(
            "'{name}' in {at} is a field of the created object, not of the declaration; use `kubectl explain` for the object's fields"
        );
    }
    if names.is_empty() && !at.is_empty() {
        return format!("unknown field '{name}': {at} has no subfields");
    }
    let place = match at.as_str() {
        "" => "the declaration",
        at => at,
    };
    let mut elsewhere = Vec::new();
    paths(root, name, "", &mut elsewhere);
    let hint = match elsewhere.as_slice() {
        paths @ [_, ..] if paths.len() <= PLACES => {
            format!("; did you mean '{}'?", paths.join("' or '"))
        }
        _ => did_you_mean(name, names),
    };
    format!("unknown field '{name}' in {place}{hint}")
}

/// Appends the paths of all fields below `field` that are named `name`. `at` is the path of `field`.
fn paths(field: Field<'_>, name: &str, at: &str, found: &mut Vec<String>) {
    for (own, subfield) in field.fields() {
        let path = match at {
            "" => own.to_owned(),
            at => format!("{at}.{own}"),
        };
        paths(subfield, name, &path, found);
        if own == name {
            found.push(path);
        }
    }
}

fn explain(field: Field<'_>, path: &str, is_recursive: bool) -> String {
    let mut out = String::new();
    let heading = |name: &str| paint(STRONG, format_args!("{name}:"));
    line(&mut out, &heading("ANNOTATION"), annotation::OUTPUTS);
    if !path.is_empty() {
        let name = path.rsplit('.').next().unwrap_or(path);
        let type_name = field.type_name();
        line(
            &mut out,
            &heading("FIELD"),
            &format!("{name} <{type_name}>"),
        );
    }
    for (name, value) in field.constraints() {
        line(&mut out, &heading(name), &value);
    }
    out.push('\n');
    let choices = field.choices();
    if !choices.is_empty() {
        out.push_str(&format!("{}\n", heading("ENUM")));
        for choice in choices {
            out.push_str(&format!("  {}\n", paint(STRONG, choice.value)));
            wrap(&mut out, choice.description, 4);
        }
        out.push('\n');
    }
    out.push_str(&format!("{}\n", heading("DESCRIPTION")));
    for description in field.descriptions() {
        wrap(&mut out, description, 4);
    }
    if field.fields().next().is_some() {
        out.push_str(&format!("\n{}\n", heading("FIELDS")));
        fields(&mut out, field, 2, is_recursive);
    }
    out
}

/// Appends the subfields of `field`. If `is_recursive` is true, appends all levels, without descriptions. Otherwise, appends one
/// level, with descriptions.
fn fields(out: &mut String, field: Field<'_>, indent: usize, is_recursive: bool) {
    let longest = field.fields().map(|(name, _)| name.len()).max();
    let width = longest.unwrap_or_default();
    for (name, own) in field.fields() {
        let required = match field.requires(name) {
            true => " -required-",
            false => "",
        };
        let (padded, type_name) = (format!("{name:width$}"), own.type_name());
        let choices = own.choices();
        let choices: Vec<&str> = choices.iter().map(|choice| choice.value).collect();
        let choices = match choices.as_slice() {
            [] => String::new(),
            choices => format!(" ({})", choices.join(", ")),
        };
        let _ = writeln!(
            out,
            "{:indent$}{}  <{type_name}>{choices}{required}",
            "",
            paint(STRONG, padded)
        );
        if is_recursive {
            fields(out, own, indent + 2, true);
        } else {
            wrap(out, own.description(), indent + 2);
            out.push('\n');
        }
    }
    if !is_recursive && out.ends_with("\n\n") {
        out.pop();
    }
}

fn line(out: &mut String, heading: &str, text: &str) {
    let _ = writeln!(out, "{heading} {text}");
}

/// Appends `text`, wrapped at [`WIDTH`] columns.
fn wrap(out: &mut String, text: &str, indent: usize) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length <= WIDTH {
            out.push(' ');
            column += 1 + length;
        } else {
            if column > 0 {
                out.push('\n');
            }
            let _ = write!(out, "{:indent$}", "");
            column = indent + length;
        }
        out.push_str(word);
    }
    if column > 0 {
        out.push('\n');
    }
}
