//! Generates the text of a first declaration.

use gleaner_core::document::yaml;
use gleaner_core::task::TaskSpec;

/// Returns the lines of a declaration with one output for each step and one ConfigMap, which contains these outputs.
pub(super) fn lines(task: &TaskSpec) -> Vec<String> {
    let mut lines = vec![
        "# The output files of each step, by the step's name. Remove steps that have no outputs."
            .to_owned(),
        "# `gleaner explain` describes all fields.".to_owned(),
        "steps:".to_owned(),
    ];
    let names: Vec<&str> = task.steps.iter().map(|step| step.name.as_str()).collect();
    for (index, name) in names.iter().enumerate() {
        lines.push(format!("  {}:", key(name)));
        lines.push(match index {
            0 => format!("    - name: value  # the file $GLEANER_OUTPUTS/value; $(steps.{name}.value) in templates"),
            _ => "    - name: value".to_owned(),
        });
        if index == 0 {
            lines.push(
                "      # default: none  # the value if the file is missing; without a default, the step fails".to_owned(),
            );
        }
    }
    lines.extend([
        "# The objects to create from the outputs. Gleaner creates all of them or none.".to_owned(),
        "objects:".to_owned(),
        format!(
            "  - name: {}  # also a result of the Task, with the object's name and UID",
            free_name(task)
        ),
        "    resourceTemplate:".to_owned(),
        "      apiVersion: v1".to_owned(),
        "      kind: ConfigMap".to_owned(),
        "      data:".to_owned(),
    ]);
    let data = |name: &&str| format!("        {}: $(steps.{name}.value)", key(name));
    lines.extend(names.iter().map(data));
    lines
}

/// Returns `name` as a YAML key, in quotes if YAML would not parse it as a string, as with `on`.
fn key(name: &str) -> String {
    match yaml::parse(name) {
        Ok(node) if node.as_str() == Some(name) => name.to_owned(),
        _ => format!("{name:?}"),
    }
}

/// Returns a name for the declared object. None of the Task's results has this name.
fn free_name(task: &TaskSpec) -> String {
    let is_free = |name: &String| !task.results.iter().any(|result| result.name == *name);
    let mut numbered = (2..).map(|number| format!("outputs-{number}"));
    let first = Some("outputs".to_owned()).filter(is_free);
    first.or_else(|| numbered.find(is_free)).unwrap_or_default()
}
