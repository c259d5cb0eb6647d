//! Tests the variable language: the content of a value is never interpreted, and substitution changes only the leaf that contains
//! the variable.

use std::borrow::Cow;
use std::collections::BTreeMap;

use gleaner_core::document::{Cursor, Diagnostics, Node, Place, yaml};
use gleaner_core::variable::{
    Lookup, Reference, SubstitutionError, Text, Tree, Unresolved, Variables,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The values of variables. The keys are the variables as text.
struct Known(BTreeMap<String, Value>);

impl Variables for Known {
    fn lookup(&self, reference: &Reference) -> Lookup<'_> {
        match self
            .0
            .get(&reference.root().to_string())
            .map(|value| reference.reach(value))
        {
            Some(Ok(value)) => Lookup::Value(Cow::Borrowed(value)),
            Some(Err(message)) => Lookup::Absent(message),
            None => Lookup::Pending,
        }
    }
}

fn known<const N: usize>(values: [(&str, Value); N]) -> Known {
    Known(
        values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn tree(text: &str) -> Tree {
    let node = yaml::parse(text).unwrap();
    let mut found = Diagnostics::default();
    let tree = Tree::read(&Cursor::root(&node), &mut Vec::new(), &mut found);
    assert_eq!(found.into_vec(), []);
    tree
}

fn substitute(text: &str, known: &Known) -> Value {
    tree(text).substitute(known).unwrap()
}

/// Strings that often break template engines.
const NASTY: [&str; 16] = [
    "\"quoted\" 'both'",
    "two\nlines\n",
    "a: b",
    "# no comment",
    "$(params.x)",
    "$$(params.x)",
    "$(context.taskRun.name)",
    "$",
    "no",
    "1e3",
    "0x1",
    "",
    "😀 ü",
    "{\"a\": 1}",
    "- a\n- b",
    "\u{0}\u{85}\u{2028}",
];

#[test]
fn nasty_values_stay_strings_and_are_not_expanded_again() {
    for nasty in NASTY {
        let known = known([("params.a", nasty.into()), ("params.x", "EXPANDED".into())]);
        assert_eq!(
            substitute(
                "{alone: $(params.a), within: 'x$(params.a)y', other: kept}",
                &known
            ),
            json!({"alone": nasty, "within": format!("x{nasty}y"), "other": "kept"})
        );
    }
}

#[test]
fn a_value_of_16_mib_changes_only_its_leaf() {
    let large = "$(params.a)\n".repeat((16 << 20) / 12);
    let known = known([("params.a", large.as_str().into())]);
    let value = substitute("{spec: {a: $(params.a), b: 1}}", &known);
    assert_eq!(value["spec"]["a"].as_str().map(str::len), Some(large.len()));
    assert_eq!(value["spec"]["b"], 1);
}

#[test]
fn a_variable_alone_keeps_its_type() {
    let known = known([
        ("steps.s.list", json!([1, "two", [3]])),
        ("steps.s.map", json!({"k": {"n": null}})),
        ("steps.s.number", json!(1.5)),
        ("steps.s.flag", json!(true)),
    ]);
    let text = "{list: $(steps.s.list), map: $(steps.s.map), number: $(steps.s.number), flag: $(steps.s.flag), \
                item: '$(steps.s.list[1])', part: $(steps.s.map.k)}";
    assert_eq!(
        substitute(text, &known),
        json!({"list": [1, "two", [3]], "map": {"k": {"n": null}}, "number": 1.5, "flag": true,
               "item": "two", "part": {"n": null}})
    );
    assert_eq!(
        substitute(
            "'n=$(steps.s.number) f=$(steps.s.flag) l=$(steps.s.list)'",
            &known
        ),
        json!("n=1.5 f=true l=[1,\"two\",[3]]")
    );
}

#[test]
fn a_whole_array_in_a_list_becomes_one_item_per_value() {
    for (items, expected) in [
        (json!(["b", "c"]), json!(["a", "b", "c", "d"])),
        (json!([]), json!(["a", "d"])),
        (json!(["$(params.x)"]), json!(["a", "$(params.x)", "d"])),
    ] {
        let known = known([("params.list", items), ("params.x", "EXPANDED".into())]);
        assert_eq!(substitute("[a, '$(params.list[*])', d]", &known), expected);
    }
}

#[test]
fn unknown_variables_are_named_once_and_missing_paths_are_explained() {
    let tree = tree("[$(params.b), $(params.a.k), '$(params.b)$(params.c)']");
    let error = tree
        .substitute(&known([("params.c", "".into())]))
        .unwrap_err();
    let SubstitutionError::Pending(pending) = error else {
        panic!("{error}")
    };
    let names: Vec<String> = pending.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["params.b", "params.a"]);
    let values = known([
        ("params.a", json!({"key": 1})),
        ("params.b", "".into()),
        ("params.c", "".into()),
    ]);
    let error = tree.substitute(&values).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`$(params.a.k)`: the value has no key 'k'"
    );
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        proptest::sample::select(&NASTY[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Returns a template whose item at the index `at` contains a variable, and the expected object with a marker instead of the
/// variable.
fn template(values: &[Value], at: usize) -> (Value, Value) {
    let fixed = |value: &Value| escape(value.clone());
    let with = |leaf: &str| {
        let mut items: Vec<Value> = values.iter().map(fixed).collect();
        items.insert(at.min(values.len()), json!({"leaf": leaf}));
        json!({"spec": {"items": items}})
    };
    let plain = |value: Value| {
        let mut items = values.to_vec();
        items.insert(at.min(values.len()), json!({"leaf": value}));
        json!({"spec": {"items": items}})
    };
    (with("$(params.a)"), plain("MARK".into()))
}

/// Escapes the strings in `value`, so that they are literal text in a template.
fn escape(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$(", "$$(")),
        Value::Array(items) => items.into_iter().map(escape).collect(),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| (key, escape(value)))
                .collect(),
        ),
        other => other,
    }
}

fn from_json(value: &Value) -> Tree {
    // The YAML parser does not accept all JSON escapes of control characters, so the node is created from the value, not from
    // text.
    let node = Node::from(value);
    let mut found = Diagnostics::default();
    let tree = Tree::read(&Cursor::root(&node), &mut Vec::new(), &mut found);
    assert_eq!(found.into_vec(), []);
    tree
}

proptest! {
    #[test]
    fn only_the_leaf_changes(values in proptest::collection::vec(json_value(), 0..4), at in 0_usize..4, value in json_value()) {
        let (template, expected) = template(&values, at);
        let rendered = from_json(&template).substitute(&known([("params.a", value.clone())])).unwrap();
        let mut expected = expected;
        let items = expected["spec"]["items"].as_array_mut().unwrap();
        for item in items.iter_mut().filter(|item| **item == json!({"leaf": "MARK"})) {
            *item = json!({"leaf": value});
        }
        prop_assert_eq!(rendered, expected);
    }

    #[test]
    fn interpolation_is_concatenation(before in "[^$]*", value in ".*", after in "[^$]*") {
        let text = Value::from(format!("{before}$(params.a){after}"));
        let rendered = from_json(&text).substitute(&known([("params.a", value.as_str().into())])).unwrap();
        prop_assert_eq!(rendered, Value::from(format!("{before}{value}{after}")));
    }

    #[test]
    fn escaped_text_is_restored(text in ".*") {
        let literal = text.replace("$(", "$$(");
        let parsed = Text::parse(&literal).unwrap();
        prop_assert_eq!(parsed.as_literal(), Some(text.as_str()));
    }

    #[test]
    fn parsing_never_panics_and_parsed_text_is_written_identically(text in "[a-z.\\[\\]*0-9\"' $()_-]{0,40}") {
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(Reference::parse(&reference.to_string()).unwrap(), reference);
        }
        let _ = Text::parse(&text);
    }

    #[test]
    fn string_gives_the_same_text_as_interpolation(value in json_value()) {
        let tree = from_json(&json!({"alone": "$(string(params.a))", "within": "<$(string(params.a))>", "plain": "<$(params.a)>"}));
        let rendered = tree.substitute(&known([("params.a", value.clone())])).unwrap();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        prop_assert_eq!(&rendered["alone"], &Value::from(text.as_str()));
        prop_assert_eq!(&rendered["within"], &rendered["plain"]);
        prop_assert_eq!(&rendered["within"], &Value::from(format!("<{text}>")));
    }

    #[test]
    fn string_fields_take_text_and_other_fields_do_not_change(value in json_value(), other in json_value()) {
        let template = json!({"text": "$(params.a)", "typed": "$(params.a)", "other": escape(other.clone())});
        let mut tree = from_json(&template);
        tree.take_texts(&Place::root(), &|place| place.ends_with(&["text"]));
        let rendered = tree.substitute(&known([("params.a", value.clone())]));
        let text = match &value {
            Value::Array(_) | Value::Object(_) => {
                let refused = matches!(rendered, Err(SubstitutionError::Absent(_)));
                prop_assert!(refused, "{rendered:?}");
                return Ok(());
            }
            Value::String(_) | Value::Null => value.clone(),
            scalar => Value::from(scalar.to_string()),
        };
        prop_assert_eq!(rendered.unwrap(), json!({"text": text, "typed": value, "other": other}));
    }

    #[test]
    fn unknown_variables_stay_as_written(text in "[a-z]{1,8}") {
        let text = format!("params.{text}");
        let template = json!([format!("$({text})"), format!("$(string({text}))"), format!("<$({text})>")]);
        let mut tree = from_json(&template);
        tree.take_texts(&Place::root(), &|_| true);
        let mut unresolved = Unresolved::default();
        prop_assert_eq!(tree.substitute_partly(&known([]), &mut unresolved), template);
        prop_assert_eq!(unresolved.pending.len(), 1);
    }

    #[test]
    fn substitution_is_idempotent(value in ".*") {
        let tree = from_json(&json!({"a": "$(params.a)", "b": "x$(params.a)"}));
        let known = known([("params.a", value.as_str().into())]);
        prop_assert_eq!(tree.substitute(&known).unwrap(), tree.substitute(&known).unwrap());
        let rendered = tree.substitute(&known).unwrap();
        prop_assert_eq!(&rendered["a"], &Value::from(value.as_str()));
    }
}
