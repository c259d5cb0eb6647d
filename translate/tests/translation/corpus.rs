//! Translates all YAML in the repository, and documents with each pair of old constructs. Checks that no old construct remains,
//! and that a second translation changes nothing.

use std::path::Path;

use gleaner_core::document::{Source, writer};
use serde_json::Value;

use crate::settings;

/// The fields of v1alpha1 and v1beta1 that v1 does not have, one list for each type of object.
const OF_SPECS: [&str; 4] = ["inputs", "outputs", "resources", "containerTemplate"];
const OF_RUNS: [&str; 9] = [
    "resources",
    "serviceAccount",
    "serviceAccountNames",
    "stepOverrides",
    "sidecarOverrides",
    "nodeSelector",
    "tolerations",
    "trigger",
    "results",
];
const OF_PIPELINE_RUNS: [&str; 3] = ["serviceAccountName", "podTemplate", "timeout"];
const OF_CONTAINERS: [&str; 2] = ["resources", "workingdir"];
const OF_PIPELINE_TASKS: [&str; 3] = ["resources", "conditions", "bundle"];
const VARIABLES: [&str; 6] = [
    "$(inputs.",
    "$(outputs.",
    "$(resources.",
    "${inputs.",
    "${outputs.",
    "${params.",
];

/// Returns the old constructs in a translated document, with their places.
fn old(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

fn walk(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let kind = fields
                .get("kind")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let version = fields
                .get("apiVersion")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if version.starts_with("tekton.dev/")
                && fields.get("spec").is_some_and(Value::is_object)
            {
                object(kind, version, &fields["spec"], place, found);
            } else {
                for (key, value) in fields {
                    walk(value, &format!("{place}.{key}"), found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{place}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn object(kind: &str, version: &str, spec: &Value, place: &str, found: &mut Vec<String>) {
    if !["Task", "TaskRun", "Pipeline", "PipelineRun"].contains(&kind) {
        return;
    }
    if version != "tekton.dev/v1" {
        found.push(format!("{place}: {version}"));
    }
    let place = format!("{place}.spec");
    match kind {
        "Task" => task(spec, &place, found),
        "Pipeline" => pipeline(spec, &place, found),
        _ => {
            fields(spec, &OF_RUNS, &place, found);
            if kind == "PipelineRun" {
                fields(spec, &OF_PIPELINE_RUNS, &place, found);
            }
            task(&spec["taskSpec"], &format!("{place}.taskSpec"), found);
            pipeline(
                &spec["pipelineSpec"],
                &format!("{place}.pipelineSpec"),
                found,
            );
        }
    }
    variables(spec, &place, found);
}

fn task(spec: &Value, place: &str, found: &mut Vec<String>) {
    fields(spec, &OF_SPECS, place, found);
    for list in ["steps", "sidecars"] {
        for container in spec[list].as_array().into_iter().flatten() {
            fields(container, &OF_CONTAINERS, &format!("{place}.{list}"), found);
            fields(container, &["outputs"], &format!("{place}.{list}"), found);
        }
    }
    fields(
        &spec["stepTemplate"],
        &OF_CONTAINERS,
        &format!("{place}.stepTemplate"),
        found,
    );
    fields(
        &spec["stepTemplate"],
        &["name"],
        &format!("{place}.stepTemplate"),
        found,
    );
}

fn pipeline(spec: &Value, place: &str, found: &mut Vec<String>) {
    fields(spec, &["resources"], place, found);
    for list in ["tasks", "finally"] {
        for task in spec[list].as_array().into_iter().flatten() {
            let place = format!("{place}.{list}");
            fields(task, &OF_PIPELINE_TASKS, &place, found);
            fields(&task["taskRef"], &["bundle"], &place, found);
            self::task(&task["taskSpec"], &place, found);
            pipeline(&task["pipelineSpec"], &place, found);
        }
    }
}

fn fields(object: &Value, old: &[&str], place: &str, found: &mut Vec<String>) {
    let old = old.iter().filter(|key| object.get(**key).is_some());
    found.extend(old.map(|key| format!("{place}.{key}")));
}

fn variables(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let old = VARIABLES
                .iter()
                .filter(|variable| text.contains(**variable));
            found.extend(old.map(|variable| format!("{place}: {variable}")));
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                // Skip text for users, and the declaration, in which `$(resources...)` is a variable of Gleaner.
                if !["description", "displayName", "annotations"].contains(&key.as_str()) {
                    variables(value, &format!("{place}.{key}"), found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| variables(item, place, found)),
        _ => {}
    }
}

/// Translates `text`. Returns false if the text is not YAML or is refused. Panics if an old construct remains.
fn check(name: &str, text: &str) -> bool {
    let Ok(source) = Source::parse(name.to_owned(), text.to_owned()) else {
        return false;
    };
    let Ok(once) = gleaner_translate::translate(&[source], None, &settings()) else {
        return false;
    };
    for document in &once.documents {
        assert_eq!(old(document), Vec::<String>::new(), "{name}: {document:#}");
    }
    let yaml = writer::to_yaml(&once.documents);
    let again = Source::parse(name.to_owned(), yaml).expect("the translation must be YAML");
    let twice = gleaner_translate::translate(&[again], None, &settings());
    let twice = twice.unwrap_or_else(|refusal| panic!("{name}: {:#?}", refusal.findings));
    let without_empty = |documents: &[Value]| -> Vec<Value> {
        let documents = documents.iter().filter(|document| !document.is_null());
        documents.cloned().collect()
    };
    assert_eq!(
        without_empty(&twice.documents),
        without_empty(&once.documents),
        "{name}"
    );
    true
}

fn files(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            files(&path, found);
        } else if ["yaml", "yml", "rs", "md"]
            .iter()
            .any(|end| path.extension().is_some_and(|own| own == *end))
        {
            found.push(path);
        }
    }
}

/// Returns the YAML in a file: all of a YAML file, the code blocks of a page, or the string literals of a test.
fn texts(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    match path.extension().and_then(|own| own.to_str()) {
        Some("md") => {
            let blocks = text.split("```yaml\n").skip(1);
            blocks
                .map(|block| block.split("```").next().unwrap_or_default().to_owned())
                .collect()
        }
        Some("rs") => {
            let literals = text.split("\"\\\n").skip(1);
            let ends = literals.filter_map(|literal| literal.split("\n\"").next());
            ends.map(|literal| {
                format!(
                    "{}\n",
                    literal
                        .replace("\\\"", "\"")
                        .replace("{{", "{")
                        .replace("}}", "}")
                )
            })
            .collect()
        }
        _ => vec![text],
    }
}

#[test]
fn no_old_construct_remains_in_any_file_of_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut paths = Vec::new();
    for directory in [
        "examples",
        "docs",
        "translate/tests",
        "cli/tests",
        "tests",
        "core",
    ] {
        files(&root.join(directory), &mut paths);
    }
    let mut translated = 0;
    for path in &paths {
        for text in texts(path) {
            translated += usize::from(check(&path.display().to_string(), &text));
        }
    }
    assert!(translated > 20, "only {translated} texts were translated");
}

/// Fields with old constructs, for use in a TaskSpec.
const PARTS: [&str; 16] = [
    "inputs: {params: [{name: a, default: b}], resources: [{name: src, type: git, targetPath: 'x/$(inputs.params.a)'}]}",
    "outputs: {resources: [{name: img, type: image}]}",
    "resources: {inputs: [{name: src, type: git}], outputs: [{name: img, type: image}]}",
    "resources: [{name: img, type: image, optional: true}]",
    "params: [{name: a, type: array, default: [$(inputs.resources.src.path)]}]",
    "containerTemplate: {name: x, resources: {}, workingdir: $(inputs.resources.src.path)}",
    "stepTemplate: {env: [{name: A, value: $(outputs.resources.img.url)}]}",
    "steps: [{image: i, args: ['$(inputs.params.a)', '${inputs.params.a}'], ports: [], resources: {limits: {cpu: 1}}}]",
    "Steps: [{name: s, image: $(resources.inputs.img.url), script: 'cd $(resources.inputs.src.path) && ${HOME}'}]",
    "steps: [{name: s, image: $(resources.img.url), outputs: [{name: o}]}]\n    outputs: {objects: [{name: n, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: n}, data: {o: $(steps.s.o)}}}]}",
    "sidecars: [{name: c, image: i, resources: {}, volumeMounts: [{name: v, mountPath: $(inputs.resources.src.path)}]}]",
    "volumes: [{name: v, configMap: {name: $(inputs.resources.img.name)}}]",
    "workspaces: [{name: w, mountPath: $(inputs.resources.src.path)/w}]",
    "results: [{name: r, value: $(resources.inputs.img.digest)}]",
    "description: of $(inputs.resources.src.url)",
    "steps: [{image: i}]",
];

/// Documents in which a test replaces `SPEC` with a TaskSpec.
const HOSTS: [&str; 5] = [
    "kind: Task\nmetadata: {name: t}\nspec:\n    SPEC\n",
    "kind: TaskRun\nmetadata: {name: t}\nspec:\n  serviceAccount: a\n  taskSpec:\n    SPEC\n",
    "kind: Pipeline\nmetadata: {name: t}\nspec:\n  resources: [{name: src, type: git}, {name: img, type: image}]\n  tasks:\n  - name: a\n    params: [{name: p, value: $(resources.inputs.src.path)}]\n    resources: {inputs: [{name: src, resource: src}], outputs: [{name: img, resource: img}]}\n    taskSpec:\n    SPEC\n",
    "kind: PipelineRun\nmetadata: {name: t}\nspec:\n  timeout: 1h\n  serviceAccountNames: [{taskName: a, serviceAccountName: b}]\n  pipelineSpec:\n   tasks:\n   - name: a\n     taskSpec:\n    SPEC\n",
    "kind: TaskRun\nmetadata: {name: t}\nspec:\n  podTemplate: {}\n  resources: {inputs: [{name: src, resourceSpec: {type: git, params: [{name: url, value: u}]}}], outputs: [{name: img, resourceSpec: {type: image, params: [{name: url, value: v}]}}]}\n  params: [{name: a, value: [$(inputs.resources.src.url)]}]\n  taskSpec:\n    SPEC\n",
];

#[test]
fn no_old_construct_remains_in_generated_documents() {
    let mut translated = 0;
    for version in ["v1alpha1", "v1beta1"] {
        for host in HOSTS {
            for (index, one) in PARTS.iter().enumerate() {
                for other in &PARTS[index..] {
                    // Indent a TaskSpec under `tasks` more deeply than a TaskSpec elsewhere.
                    let indent = if host.contains("   tasks:") {
                        "       "
                    } else if host.contains("  tasks:") {
                        "      "
                    } else {
                        "    "
                    };
                    let steps = if [one, other]
                        .iter()
                        .any(|part| part.to_lowercase().starts_with("steps"))
                    {
                        String::new()
                    } else {
                        format!("{indent}steps: [{{image: i}}]\n")
                    };
                    let lines = format!("{one}\n    {}", if one == other { "" } else { other });
                    let spec = lines.replace("\n    ", &format!("\n{indent}"));
                    let text = host.replace("    SPEC\n", &format!("{indent}{spec}\n{steps}"));
                    let text = format!("apiVersion: tekton.dev/{version}\n{text}");
                    translated += usize::from(check(&text, &text));
                }
            }
        }
    }
    assert!(
        translated > 150,
        "only {translated} documents were translated"
    );
}
