//! The hostile objects, which are up to 3 MiB in size.

use serde_json::{Value, json};

use crate::support::creation;

/// A review that is designed to be expensive.
pub(crate) struct Hostile {
    pub(crate) what: &'static str,
    pub(crate) path: &'static str,
    pub(crate) review: Value,
}

/// Returns a Task with this declaration, these steps and additional spec fields.
#[expect(
    clippy::needless_pass_by_value,
    reason = "each caller creates the value only for this call"
)]
pub(crate) fn task(declaration: &str, steps: Value, fields: Value) -> Value {
    let mut task = json!({
        "apiVersion": "tekton.dev/v1", "kind": "Task",
        "metadata": {"name": "build", "annotations": {"gleaner.dev/outputs": declaration}},
        "spec": {"steps": steps},
    });
    let fields = fields.as_object().unwrap().clone();
    task["spec"].as_object_mut().unwrap().extend(fields);
    task
}

/// Returns `count` items, joined by `separator`.
fn joined(count: usize, separator: &str, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(separator)
}

fn list(count: usize, item: impl Fn(usize) -> Value) -> Value {
    (0..count).map(item).collect()
}

fn steps() -> Value {
    json!([{"name": "a", "image": "i", "command": ["c"]}])
}

/// Returns a declaration with `outputs` outputs of the step `a`, and with a resource that contains `count` variables.
fn uses(outputs: usize, count: usize, variable: impl Fn(usize) -> String) -> String {
    let outputs = joined(outputs, ", ", |number| format!("{{name: o{number}}}"));
    let params = joined(count, ", ", |number| {
        format!("{{name: p{number}, value: $({})}}", variable(number))
    });
    format!(
        "steps: {{a: [{outputs}]}}\nresources: [{{name: r, spec: {{type: image, params: [{params}]}}}}]"
    )
}

/// The number of resources in the longest chain that is accepted. Each resource consists of 14 nodes, and a declaration may
/// contain 25,000 nodes.
const CHAIN: usize = 1750;

/// Returns the resources `r0` to `r{count - 1}`, each with a parameter that has this value.
fn git_resources(count: usize, value: impl Fn(usize) -> String) -> String {
    let resource = |number: usize| {
        let value = value(number);
        format!("- {{name: r{number}, spec: {{type: git, params: [{{name: u, value: {value}}}]}}}}")
    };
    format!("resources:\n{}", joined(count, "\n", resource))
}

fn chain(count: usize) -> String {
    git_resources(count, |number| match number {
        0 => "x".to_owned(),
        _ => format!("$(resources.r{}.u)", number - 1),
    })
}

/// Returns a chain of resources, each of which refers to the next one, so that the last must be created first.
fn reversed_chain(count: usize) -> String {
    git_resources(count, |number| match number + 1 == count {
        true => "x".to_owned(),
        false => format!("$(resources.r{}.u)", number + 1),
    })
}

/// Returns resources whose values double: each value contains the previous resource's value twice.
fn doubling(count: usize) -> String {
    git_resources(count, |number| match number {
        0 => "x".to_owned(),
        _ => format!("$(resources.r{0}.u)$(resources.r{0}.u)", number - 1),
    })
}

/// Returns hostile declarations, each with a description.
fn declarations() -> Vec<(&'static str, String)> {
    let names = |number: usize| format!("{}{number:04}", "n".repeat(60));
    let near = joined(150, ", ", |number| format!("{{name: {}}}", names(number)));
    let far = joined(1000, ", ", |number| {
        format!("{{name: p{number}, value: $(steps.a.{})}}", "m".repeat(64))
    });
    let aliases = format!(
        "b: &a [{}]\nc: [{}]",
        vec!["x"; 100].join(", "),
        vec!["*a"; 400].join(", ")
    );
    vec![
        (
            "misspelt references",
            uses(3000, 3000, |number| format!("steps.a.u{number}")),
        ),
        (
            "references",
            uses(3000, 3000, |number| format!("steps.a.o{number}")),
        ),
        (
            "misspelt parameters",
            uses(0, 4900, |number| format!("params.u{number}")),
        ),
        (
            "unknown roots",
            uses(0, 4900, |number| format!("u{number}.x")),
        ),
        ("a chain", chain(CHAIN)),
        ("a chain that is too long", chain(22_000)),
        ("a reversed chain", reversed_chain(CHAIN)),
        ("values that double", doubling(30)),
        ("deep nesting", "[".repeat(200_000)),
        (
            "a giant array",
            format!("steps: [{}]", "1,".repeat(120_000)),
        ),
        (
            "an array within the limits",
            format!("steps: {{a: [{}]}}", "1,".repeat(20_000)),
        ),
        (
            "unknown fields",
            joined(12_000, "\n", |number| format!("x{number}: 1")),
        ),
        (
            "duplicate keys",
            joined(20_000, "\n", |_| "x: 1".to_owned()),
        ),
        (
            "duplicate outputs",
            format!("steps: {{a: [{}]}}", vec!["{name: o}"; 8000].join(", ")),
        ),
        (
            "a long name",
            format!(
                "steps: {{{}: [{{name: {}}}]}}",
                "a".repeat(120_000),
                "b".repeat(120_000)
            ),
        ),
        (
            "long texts",
            joined(100, "\n", |number| {
                format!("x{number}: {}", "y".repeat(2500))
            }),
        ),
        ("aliases", aliases),
        (
            "suggestions",
            format!(
                "steps: {{a: [{near}]}}\nresources: [{{name: r, spec: {{type: image, params: [{far}]}}}}]"
            ),
        ),
        (
            "paths with variables",
            format!(
                "steps: {{a: [{}]}}",
                joined(4900, ", ", |number| format!(
                    "{{name: o{number}, fromPath: /$(params.p{number})}}"
                ))
            ),
        ),
        (
            "many missing steps",
            format!(
                "steps: {{{}}}",
                joined(8_000, ", ", |number| format!("s{number}: []"))
            ),
        ),
    ]
}

/// Returns Tasks with hostile specs.
fn specs() -> Vec<(&'static str, Value)> {
    let declaration = "steps: {a: [{name: o}]}\nresources: [{name: r, spec: {type: image, params: [{name: u, value: $(steps.a.o)}]}}]";
    let text = "x".repeat(1 << 20);
    let script = "$(results.r.path)".repeat(150_000);
    let results = (0..CHAIN).map(|number| json!({"name": format!("r{number}")}));
    let results: Vec<Value> = results.collect();
    vec![
        (
            "many steps",
            task(
                declaration,
                list(
                    15_000,
                    |number| json!({"name": format!("s{number}"), "image": "i"}),
                ),
                json!({}),
            ),
        ),
        ("a million keys", {
            let keys = (0..200_000).map(|number| (format!("k{number}"), json!(1)));
            task(
                declaration,
                steps(),
                json!({"volumes": keys.collect::<serde_json::Map<_, _>>()}),
            )
        }),
        (
            "many values within the limits",
            task(
                declaration,
                steps(),
                json!({"volumes": vec![json!({}); 24_000]}),
            ),
        ),
        (
            "many parameters",
            task(
                declaration,
                steps(),
                json!({"params": list(8_000, |number| json!({"name": format!("p{number}")}))}),
            ),
        ),
        ("a large object parameter", object_parameter(24_000)),
        (
            "an object parameter within the limits",
            object_parameter(4000),
        ),
        (
            "a step template that applies to many steps",
            task(
                declaration,
                list(
                    250,
                    |number| json!({"name": format!("s{number}"), "image": "i"}),
                ),
                json!({"stepTemplate": {"args": [text]}}),
            ),
        ),
        (
            "a template with many variables",
            task(
                declaration,
                list(
                    250,
                    |number| json!({"name": format!("s{number}"), "image": "i"}),
                ),
                json!({"stepTemplate": {"env": list(10_000, |number| json!({"name": format!("v{number}")}))}}),
            ),
        ),
        (
            "a script with results",
            task(
                &chain(CHAIN),
                json!([{"name": "a", "image": "i", "script": script}]),
                json!({"results": results}),
            ),
        ),
        (
            "a line with many unknown variables",
            task(
                declaration,
                json!([{"name": "a", "image": "i", "script": "$(workspaces.w.path)".repeat(130_000)}]),
                json!({}),
            ),
        ),
        (
            "a long script",
            task(
                declaration,
                json!([{"name": "a", "image": "i", "script": "y".repeat(2_900_000)}]),
                json!({}),
            ),
        ),
        ("a long Task name", {
            let mut task = task(declaration, steps(), json!({}));
            task["metadata"]["name"] = "z".repeat(1_500_000).into();
            task
        }),
        (
            "deep values",
            task(
                declaration,
                steps(),
                json!({"volumes": (0..120).fold(json!(1), |inner, _| json!([inner]))}),
            ),
        ),
    ]
}

/// Returns a Task with an object parameter that has `keys` keys, most of which are used.
fn object_parameter(keys: usize) -> Value {
    let uses = uses(0, keys.min(4900), |number| format!("params.p.k{number}"));
    let keys = (0..keys).map(|number| (format!("k{number}"), json!("")));
    let default = keys.collect::<serde_json::Map<_, _>>();
    let param = json!([{"name": "p", "type": "object", "default": default}]);
    task(&uses, steps(), json!({"params": param}))
}

fn pipelines() -> Vec<(&'static str, Value)> {
    let embedded = |count: usize, declaration: &str, params: usize| {
        let task = |number: usize| {
            json!({
                "name": format!("t{number}"),
                "taskSpec": {"metadata": {"annotations": {"gleaner.dev/outputs": declaration}}, "steps": steps()},
            })
        };
        json!({
            "apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "p"},
            "spec": {"params": list(params, |number| json!({"name": format!("p{number}")})), "tasks": list(count, task)},
        })
    };
    let declaration = "steps: {a: [{name: o}]}";
    vec![
        ("many embedded tasks", embedded(1800, declaration, 0)),
        (
            "many embedded tasks with many parameters",
            embedded(100, declaration, 300),
        ),
        ("many embedded tasks with a large object parameter", {
            let mut pipeline = embedded(100, declaration, 0);
            let keys = (0..20_000).map(|number| (format!("k{number}"), json!("")));
            let default = keys.collect::<serde_json::Map<_, _>>();
            pipeline["spec"]["params"] =
                json!([{"name": "p", "type": "object", "default": default}]);
            pipeline
        }),
        (
            "more parameters than the limit",
            embedded(100, declaration, 8_000),
        ),
        (
            "large declarations that together exceed the limit",
            embedded(
                12,
                &uses(3000, 3000, |number| format!("steps.a.u{number}")),
                0,
            ),
        ),
        (
            "large declarations within the limits",
            embedded(
                12,
                &uses(350, 350, |number| format!("steps.a.u{number}")),
                0,
            ),
        ),
    ]
}

fn pods() -> Vec<(&'static str, Value)> {
    let pod = |declaration: &str, containers: Value| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "annotations": {"gleaner.dev/outputs": declaration}},
            "spec": {"restartPolicy": "Never", "containers": containers},
        })
    };
    let container =
        |number: usize| json!({"name": format!("c{number}"), "image": "i", "command": ["c"]});
    let all = |count: usize| {
        format!(
            "submit: Manual\nsteps: {{{}}}",
            joined(count, ", ", |number| format!("c{number}: [{{name: o}}]"))
        )
    };
    vec![
        (
            "a pod with many containers",
            pod(&all(9000), list(9000, container)),
        ),
        (
            "a pod with the maximum number of containers",
            pod(&all(500), list(500, container)),
        ),
        (
            "a pod with a chain of resources",
            pod(
                &format!("steps: {{c0: [{{name: o}}]}}\n{}", chain(CHAIN)),
                list(1, container),
            ),
        ),
        (
            "a pod with long arguments",
            pod(
                &all(1),
                json!([{"name": "c0", "image": "i", "command": ["c"], "args": ["z".repeat(2_900_000)]}]),
            ),
        ),
    ]
}

/// Returns all hostile objects.
pub(crate) fn all() -> Vec<Hostile> {
    let hostile = |path, review: fn(&Value) -> Value| {
        move |(what, object): (&'static str, Value)| Hostile {
            what,
            path,
            review: review(&object),
        }
    };
    let tasks = declarations()
        .into_iter()
        .map(|(what, text)| (what, task(&text, steps(), json!({}))));
    let tasks = tasks.chain(specs()).map(hostile("/mutate/tekton", |task| {
        creation("tekton.dev", "Task", task)
    }));
    let pipelines = pipelines().into_iter();
    let pipelines = pipelines.map(hostile("/mutate/tekton", |pipeline| {
        creation("tekton.dev", "Pipeline", pipeline)
    }));
    let pods = pods()
        .into_iter()
        .map(hostile("/mutate/pods", |pod| creation("", "Pod", pod)));
    tasks.chain(pipelines).chain(pods).collect()
}
