//! Unit tests for `substitution`.

use serde_json::json;

use super::*;

fn substitution() -> Substitution {
    let params = json!({"url": "a$(params.b)", "list": ["x", "y z"], "none": [], "o": {"k": "v"}, "a.b": "dots"});
    let params = serde_json::from_value(params).unwrap();
    let mut substitution = Substitution {
        params,
        ..Substitution::default()
    };
    substitution.name("workspaces.src.path", "/src");
    substitution
}

#[test]
fn known_variables_are_replaced_and_all_other_text_is_unchanged() {
    for (text, replaced) in [
        ("--to=$(params.url)", "--to=a$(params.b)"),
        ("$(inputs.params.url)", "a$(params.b)"),
        ("$(params[\"a.b\"]) $(params['a.b'])", "dots dots"),
        ("$(params.list[1]) $(params.o.k)", "y z v"),
        (
            "$(workspaces.src.path) $(workspaces[\"src\"].path)",
            "/src /src",
        ),
        ("$(date) $(echo $(params.o.k)) $(", "$(date) $(echo v) $("),
        ("$$(params.o.k)", "$v"),
    ] {
        assert_eq!(substitution().text(text).as_deref(), Ok(replaced));
    }
}

#[test]
fn an_array_variable_expands_to_several_items() {
    let items = ["$(params.list[*])", "$(params.none)", "$(params.list)!"].map(str::to_owned);
    assert_eq!(substitution().items(&items[..2]).unwrap(), ["x", "y z"]);
    assert_eq!(
        substitution().items(&items),
        Err("`$(params.list)` is an array: use it as a complete item of command or args, or append an index such as [0]".into())
    );
}

#[test]
fn an_unknown_parameter_is_an_error() {
    let error = substitution().text("$(params.ulr)").unwrap_err();
    assert_eq!(
        error,
        "`$(params.ulr)`: the Task has no parameter 'ulr'; did you mean 'url'?"
    );
    assert!(substitution().text("$(params.list[7])").is_err());
    assert!(substitution().text("$(params.o)").is_err());
}

#[test]
fn declared_variables_are_expanded_as_by_the_kubelet() {
    let environment = [
        ("A".to_owned(), "1".to_owned()),
        ("A".to_owned(), "2".to_owned()),
    ];
    assert_eq!(
        expand("$(A) $(B) $$(A) $A 5$", &environment),
        "2 $(B) $(A) $A 5$"
    );
}
