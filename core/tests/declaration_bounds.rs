//! Tests the limits on the size of a declaration, on the number of reported errors, and on the time to parse it.

use gleaner_core::declaration::{Declaration, Scope};

#[test]
fn errors_above_the_limit_are_only_counted_and_only_the_first_errors_have_suggestions() {
    let uses = (0..500).map(|number| format!("{{name: p{number}, value: $(steps.a.digset)}}"));
    let uses: Vec<String> = uses.collect();
    let text = format!(
        "steps: {{a: [{{name: digest}}]}}\nresources: [{{name: r, spec: {{type: image, params: [{}]}}}}]",
        uses.join(", ")
    );
    let found = Declaration::parse(&text, &Scope::default()).unwrap_err();
    assert_eq!(found.len(), 21);
    assert_eq!(found[20].to_string(), "and 480 more errors");
    let refusal = gleaner_core::inject::Refusal::from(found.clone()).to_string();
    assert!(refusal.starts_with("500 errors:\n"), "{refusal}");
    let suggested = found.iter().filter(|wrong| {
        let help = wrong.help.as_deref().unwrap_or_default();
        help == "did you mean 'digest'?"
    });
    assert_eq!(suggested.count(), 10);
}

#[test]
fn a_declaration_larger_than_an_annotation_is_refused_before_it_is_read() {
    // The text is not valid YAML, but its size is checked before it is parsed.
    let text = "[".repeat((256 << 10) + 1);
    let found = Declaration::parse(&text, &Scope::default()).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "the declaration is 257 KiB, but at most 256 KiB are allowed; declare fewer outputs and resources, or split the Task"
    );
    assert_eq!(found.len(), 1);
}

#[test]
fn aliases_count_against_the_limits_at_each_use() {
    let items = vec!["x"; 300].join(", ");
    let lists = vec!["*a"; 300].join(", ");
    let many = format!("b: &a [{items}]\nc: [{lists}]\n");
    let text = "y".repeat(1000);
    let long = format!("b: &a {text}\nc: [{}]\n", vec!["*a"; 600].join(", "));
    for text in [many, long] {
        let found = Declaration::parse(&text, &Scope::default()).unwrap_err();
        let found = found[0].to_string();
        assert!(
            found.contains("at most 40 levels, 25000 nodes and 512 KiB"),
            "{found}"
        );
    }
}

/// A function that returns a declaration with this number of items.
type Text<'a> = &'a dyn Fn(usize) -> String;

/// Measures the time to parse the declaration that `text` returns for `count` items.
fn time(count: usize, text: impl Fn(usize) -> String) -> std::time::Duration {
    let text = text(count);
    let start = std::time::Instant::now();
    let read = Declaration::parse(&text, &Scope::default());
    drop(read);
    start.elapsed()
}

/// Four times as many items take four times as long to parse if the time is linear, and sixteen times as long if it is quadratic.
/// The limit of ten times is halfway between these values. Each time is the shortest of three measurements.
#[test]
fn the_time_to_parse_a_declaration_grows_linearly_with_its_size() {
    let outputs = |count: usize| {
        let names = (0..count).map(|number| format!("{{name: o{number}}}"));
        names.collect::<Vec<_>>().join(", ")
    };
    let used = |count: usize, name: &dyn Fn(usize) -> String| {
        let uses =
            (0..count).map(|number| format!("{{name: p{number}, value: $({})}}", name(number)));
        let uses = uses.collect::<Vec<_>>().join(", ");
        format!(
            "steps: {{a: [{}]}}\nresources: [{{name: r, spec: {{type: image, params: [{uses}]}}}}]",
            outputs(count)
        )
    };
    let typos = |count: usize| used(count, &|number| format!("steps.a.u{number}"));
    let right = |count: usize| used(count, &|number| format!("steps.a.o{number}"));
    let chain = |count: usize| {
        let item = |number: usize| {
            let before = number.saturating_sub(1);
            format!(
                "- {{name: r{number}, spec: {{type: git, params: [{{name: u, value: $(resources.r{before}.u)}}]}}}}\n"
            )
        };
        let items: String = (1..count).map(item).collect();
        format!(
            "resources:\n- {{name: r0, spec: {{type: git, params: [{{name: u, value: x}}]}}}}\n{items}"
        )
    };
    let unknown = |count: usize| (0..count).map(|number| format!("x{number}: 1\n")).collect();
    let cases: [(&str, usize, Text<'_>); 4] = [
        ("misspelt references", 700, &typos),
        ("references", 700, &right),
        ("a chain of resources", 400, &chain),
        ("unknown fields", 2500, &unknown),
    ];
    for (what, count, text) in cases {
        let fastest = |count: usize| (0..3).map(|_| time(count, text)).min().unwrap();
        let (small, large) = (fastest(count), fastest(4 * count));
        assert!(
            large < small * 10,
            "{what}: {small:?}, four times as much: {large:?}"
        );
    }
}

/// Measures lookups without parsing, because parsing takes longer and would hide a slow lookup.
#[test]
fn the_time_to_find_an_output_or_a_resource_does_not_depend_on_their_number() {
    let declaration = |count: usize| {
        let outputs = (0..count).map(|number| format!("{{name: o{number}}}"));
        let resources =
            (0..count).map(|number| format!("- {{name: r{number}, spec: {{type: git}}}}\n"));
        let outputs = outputs.collect::<Vec<_>>().join(", ");
        let resources: String = resources.collect();
        let text = format!("steps: {{a: [{outputs}]}}\nresources:\n{resources}");
        Declaration::parse(&text, &Scope::default()).unwrap()
    };
    let time = |count: usize| {
        let declaration = declaration(count);
        let names: Vec<(String, String)> = (0..count)
            .map(|number| (format!("o{number}"), format!("r{number}")))
            .collect();
        let round = || {
            let start = std::time::Instant::now();
            for (output, resource) in &names {
                assert!(declaration.output("a", output).is_some());
                assert!(declaration.template(resource).is_some());
            }
            start.elapsed()
        };
        (0..5).map(|_| round()).min().unwrap()
    };
    let (small, large) = (time(600), time(2400));
    assert!(
        large < small * 10,
        "{small:?}, four times as many: {large:?}"
    );
}
