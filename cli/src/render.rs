//! `gleaner render`: prints the YAML that a run would create.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use gleaner_core::declaration::{Declaration, undecodable};
use gleaner_core::render::{self, Bounds, OBJECT_MAX, Secrecy, Size, TooLarge, Values};
use gleaner_core::run::Run;
use gleaner_core::variable::{CONTEXT, Reference, Unresolved};
use gleaner_proto::exit_code;
use serde_json::{Map, Value};

use crate::args::{Render, TaskArgs};
use crate::checking;
use crate::failure::Failure;
use crate::files;
use crate::printing::print;
use crate::terminal::{self, error};
use crate::values::{self, Assignment, ParamError, did_you_mean};
use gleaner_core::task::{SelectionError, Task};

/// The limits of rendering. They are the same as in a sidecar without a memory limit, such as the sidecar of `gleaner run`.
/// Without limits, references between resources could expand a short declaration into a huge output.
const RENDERED: Bounds = Bounds {
    object: OBJECT_MAX,
    total: Size {
        json: 32 << 20,
        memory: 64 << 20,
    },
};

/// Prints the YAML and returns the exit code. If there are errors or missing values, prints those instead.
pub(crate) fn main(options: &Render) -> Result<ExitCode, u8> {
    let task = open_task(&options.task)?;
    let (params, mut errors) = read_params(&task, &options.task)?;
    // A missing parameter or key is an error only if a template uses it, so it is reported below, after rendering.
    errors.retain(|error| !matches!(error, ParamError::Missing(_)));
    errors.iter().for_each(error);
    let outputs = values::outputs(&task.declaration, &options.outputs, &options.output_files);
    let outputs = outputs.map_err(|found| {
        found.iter().for_each(error);
        exit_code::USAGE
    })?;
    if !errors.is_empty() {
        return Err(exit_code::USAGE);
    }
    let context = context(&task, &options.variables)?;
    let run = Run {
        context,
        ..Run::default()
    };
    let secrecy = if options.show_secrets {
        Secrecy::Plain
    } else {
        Secrecy::Masked
    };
    let outputs = outputs.into_iter();
    let values = Values {
        params,
        outputs: outputs.map(|(step, own)| (step, Arc::new(own))).collect(),
    };
    let measured = render::measure(&task.declaration, &values, &run, secrecy, &RENDERED, None);
    measured.map_err(|found| {
        error(too_large(&found));
        exit_code::OUTPUT
    })?;
    let (rendered, unresolved) = render::preview(
        &task.declaration,
        &values,
        &run,
        &render::Attempts::new(),
        secrecy,
    );
    if unresolved != Unresolved::default() {
        report(&unresolved);
        return Err(1);
    }
    if refuse_undecodable(&task.declaration, &values, &run) {
        return Err(exit_code::OUTPUT);
    }
    let objects = rendered.into_iter().map(|rendered| rendered.object);
    print(&objects.collect::<Vec<_>>(), options.form)
}

/// Reads the files and selects the Task. On failure, prints the reason and returns the exit code.
pub(crate) fn open_task(options: &TaskArgs) -> Result<Task, u8> {
    let sources = files::read_with_directories(&options.files())?;
    let task = Task::select(&sources, options.task.as_deref()).map_err(|found| match found {
        SelectionError::Invalid(findings) => {
            terminal::print_findings(&findings);
            exit_code::DECLARATION
        }
        other => Failure::usage(other).print(),
    })?;
    checking::pass(&sources, |document| checking::is_task(document, &task.name))?;
    Ok(task)
}

type Params = (BTreeMap<String, Value>, Vec<ParamError>);

/// Returns the parameters from the command line and the parameter file, and the errors in them.
fn read_params(task: &Task, options: &TaskArgs) -> Result<Params, u8> {
    let file = read_param_file(options)?;
    Ok(values::params(&task.spec.params, &options.params, &file))
}

/// Returns the parameters in the parameter file, or an empty map if no file is given.
pub(crate) fn read_param_file(options: &TaskArgs) -> Result<Map<String, Value>, u8> {
    let file = options
        .param_file
        .as_deref()
        .map(values::read_param_file)
        .transpose();
    let file = file.map_err(|error| Failure::usage(error).print())?;
    Ok(file.unwrap_or_default())
}

fn context(task: &Task, variables: &[Assignment]) -> Result<BTreeMap<String, String>, u8> {
    let mut context = BTreeMap::from([
        ("task.name".to_owned(), task.name.clone()),
        ("task.retry-count".to_owned(), "0".to_owned()),
    ]);
    for Assignment { name, value } in variables {
        let bare = name.strip_prefix("context.").unwrap_or(name);
        if !CONTEXT.contains(&bare) {
            let help = did_you_mean(bare, CONTEXT);
            error(format!("unknown context variable '{bare}'{help}"));
            return Err(exit_code::USAGE);
        }
        context.insert(bare.to_owned(), value.clone());
    }
    Ok(context)
}

/// Prints an error for each value in a Secret's `data` that is not valid base64. Returns true if at least one error was
/// printed.
fn refuse_undecodable(declaration: &Declaration, values: &Values, run: &Run) -> bool {
    if !declaration
        .templates
        .iter()
        .any(|template| template.kind == "Secret")
    {
        return false;
    }
    let none = render::Attempts::new();
    let (plain, _) = render::preview(declaration, values, run, &none, Secrecy::Plain);
    let mut is_wrong = false;
    for rendered in &plain {
        for key in undecodable(&rendered.object) {
            is_wrong = true;
            error(format!(
                "the value of data.{key} in '{}' is not valid base64; put it under stringData, which accepts plain text",
                rendered.resource
            ));
        }
    }
    is_wrong
}

fn too_large(found: &TooLarge) -> String {
    let remedy = match found.resource {
        Some(_) => found.remedy(),
        // The usual remedy, a higher memory limit for the sidecar, does not apply, because this command runs no sidecar.
        None => "make the outputs or the templates smaller",
    };
    format!("{found}; {remedy}")
}

fn report(unresolved: &Unresolved) {
    unresolved.absent.iter().for_each(error);
    for reference in &unresolved.pending {
        let remedy = match reference {
            Reference::Param { name, .. } => format!("set it with -p {name}=VALUE"),
            Reference::Output { step, output, .. } => {
                format!(
                    "set it with --output {step}.{output}=VALUE or --output-file {step}.{output}=PATH"
                )
            }
            Reference::Context(name) => format!("set it with --variable {name}=VALUE"),
            Reference::Resource { name, .. } => {
                format!("set the missing values of the resource '{name}'")
            }
        };
        error(format!("$({reference}) has no value; {remedy}"));
    }
}
