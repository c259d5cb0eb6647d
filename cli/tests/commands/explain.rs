//! Tests `gleaner explain` and `gleaner schema`, which describe the fields of the declaration.

use crate::support::{gleaner, repository};

#[track_caller]
fn explained(arguments: &[&str]) -> String {
    let ran = gleaner(&[&["explain"], arguments].concat());
    ran.exits(0);
    assert_eq!(ran.stderr, "");
    ran.stdout
}

#[test]
fn the_schema_matches_the_documentation() {
    let ran = gleaner(&["schema"]);
    ran.exits(0);
    let file = repository().join("docs/schemas/outputs.json");
    assert_eq!(ran.stdout, std::fs::read_to_string(file).unwrap());
}

#[test]
fn the_whole_declaration_is_described() {
    let text = explained(&[]);
    assert!(
        text.starts_with("ANNOTATION: gleaner.dev/outputs\n\nDESCRIPTION:\n    Gleaner outputs: "),
        "{text}"
    );
    let steps =
        "  steps      <map[string][]Output>\n    The outputs of each step, by the step's name.\n\n";
    assert!(text.contains(steps), "{text}");
    let submit = "  submit     <string> (Resolved, Completed, Manual)\n    The time at which the objects are created: ";
    assert!(text.contains(submit), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    assert!(!text.contains("\n\n\n") && !text.ends_with("\n\n"));
}

#[test]
fn explain_shows_the_type_the_default_and_the_subfields_of_a_field() {
    let text = explained(&["objects.resourceTemplate"]);
    assert_eq!(
        text,
        "\
ANNOTATION: gleaner.dev/outputs
FIELD: resourceTemplate <ResourceTemplate>

DESCRIPTION:
    The object. All values except `apiVersion` and `kind` may contain variables.
    A Kubernetes object with the fields of its kind, as `kubectl explain` describes them.

FIELDS:
  apiVersion  <string> -required-
    The API group and version. They must not contain variables.

  kind        <string> -required-
    The kind. It must not contain variables.

  metadata    <object>
    The name (or generateName), namespace, labels and annotations.
"
    );
    let text = explained(&["objects.waitFor.condition"]);
    assert!(
        text.contains("FIELD: condition <string|[]string>\n"),
        "{text}"
    );
    let text = explained(&["resources.name"]);
    assert!(
        text.contains("\nPATTERN: ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$\nMAXIMUM LENGTH: 63\n"),
        "{text}"
    );
}

#[test]
fn all_values_of_an_enumeration_are_described() {
    let text = explained(&["steps.trim"]);
    let begin = "\
ANNOTATION: gleaner.dev/outputs
FIELD: trim <string>
DEFAULT: Newline

ENUM:
  Newline
    One trailing line end, `\\n` or `\\r\\n`, such as the one that `echo` adds.
  Whitespace
";
    assert!(text.starts_with(begin), "{text}");
}

#[test]
fn explain_accepts_a_field_path_as_printed_by_lint() {
    let text = explained(&["steps.trim"]);
    assert_eq!(explained(&["steps.build[0].trim"]), text);
    assert_eq!(explained(&["steps.build.trim"]), text);
    let name = explained(&["resources[0].spec.params[1].value"]);
    assert_eq!(name, explained(&["resources.spec.params.value"]));
    let results = explained(&["objects.results.url"]);
    assert!(
        results.contains("FIELD: url <map[string]string>"),
        "{results}"
    );
}

#[test]
fn all_fields_are_listed() {
    let text = explained(&["--recursive"]);
    let schema: serde_json::Value = serde_json::from_str(&gleaner(&["schema"]).stdout).unwrap();
    let types = schema["$defs"].as_object().unwrap();
    let mut count = schema["properties"].as_object().unwrap().len();
    // Each object type is the type of only one field, so its fields are listed exactly once.
    count += types
        .values()
        .filter_map(|one| one["properties"].as_object())
        .map(serde_json::Map::len)
        .sum::<usize>();
    let (_, fields) = text.split_once("FIELDS:\n").unwrap();
    assert_eq!(fields.lines().count(), count, "{text}");
    assert!(
        fields.contains("  objects    <[]Object>\n    name              <string> -required-\n"),
        "{text}"
    );
    assert!(
        fields
            .contains("      failure        <WaitFailure>\n        condition  <string|[]string>\n"),
        "{text}"
    );
    let part = explained(&["--recursive", "resources.spec"]);
    assert!(
        !part.contains("fromPath") && part.contains("    value  <string> -required-\n"),
        "{part}"
    );
}

#[test]
fn an_unknown_field_is_a_usage_error_with_a_suggestion() {
    for (field, message) in [
        (
            "objcts",
            "unknown field 'objcts' in the declaration; did you mean 'objects'?",
        ),
        (
            "objects.resorceTemplate",
            "unknown field 'resorceTemplate' in objects; did you mean 'resourceTemplate'?",
        ),
        (
            "steps.nam",
            "unknown field 'nam' in steps; did you mean 'name'?",
        ),
        (
            "steps.build.nam",
            "unknown field 'nam' in steps; did you mean 'name'?",
        ),
        (
            "resources.spec.params.text",
            "unknown field 'text' in resources.spec.params; expected one of: name, value",
        ),
        (
            "steps.default.x",
            "unknown field 'x': steps.default has no subfields",
        ),
        (
            "objects.resourceTemplate.spec.replicas",
            "'spec' in objects.resourceTemplate is a field of the created object, not of the declaration; use `kubectl explain`",
        ),
        (
            "objects.resourceTemplate.metdata",
            "unknown field 'metdata' in objects.resourceTemplate; did you mean 'metadata'?",
        ),
        (
            "objects.resourceTemplate.metadata.name",
            "'name' in objects.resourceTemplate.metadata is a field of the created object",
        ),
        (
            "waitFor",
            "unknown field 'waitFor' in the declaration; did you mean 'objects.waitFor'?",
        ),
        ("steps.build.build.name", "unknown field 'build' in steps"),
        ("steps..name", "unknown field '' in steps"),
    ] {
        let ran = gleaner(&["explain", field]);
        ran.exits(64).says(message);
        assert_eq!(ran.stdout, "", "{field}");
    }
}
