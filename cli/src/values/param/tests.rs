//! Unit tests of `param`.

use serde_json::json;

use super::*;

fn spec(kind: ParamKind, default: Option<Value>) -> ParamSpec {
    ParamSpec {
        name: "p".into(),
        kind,
        default,
        choices: Vec::new(),
        description: None,
    }
}

fn value(spec: &ParamSpec, text: &str) -> Result<Value, String> {
    let given = [Assignment {
        name: "p".into(),
        value: text.into(),
    }];
    let (mut values, errors) = params(std::slice::from_ref(spec), &given, &Map::new());
    match errors.first() {
        Some(error) => Err(error.to_string()),
        None => Ok(values.remove("p").unwrap()),
    }
}

#[test]
fn an_array_is_given_in_short_form_or_as_json() {
    let spec = spec(ParamKind::Array, None);
    assert_eq!(value(&spec, "a, b"), Ok(json!(["a", "b"])));
    assert_eq!(value(&spec, r#"["a,b", 1]"#), Ok(json!(["a,b", "1"])));
    assert_eq!(value(&spec, ""), Ok(json!([])));
    assert_eq!(
        value(&spec, "[a]").unwrap_err(),
        "the parameter 'p' is of type array: invalid JSON: expected value at line 1 column 2"
    );
}

#[test]
fn missing_keys_of_an_object_come_from_its_default() {
    let keys = vec!["url".to_owned(), "digest".to_owned()];
    let spec = spec(ParamKind::Object { keys }, Some(json!({"digest": "d"})));
    assert_eq!(
        value(&spec, "url:http://x:1"),
        Ok(json!({"digest": "d", "url": "http://x:1"}))
    );
    assert_eq!(
        value(&spec, r#"{"url": "a,b"}"#),
        Ok(json!({"digest": "d", "url": "a,b"}))
    );
    assert_eq!(
        value(&spec, "x:y").unwrap_err(),
        "the object parameter 'p' has no value for url"
    );
    assert!(value(&spec, "url").unwrap_err().contains("key:value"));
}

#[test]
fn all_errors_are_reported_together() {
    let specs = [
        ParamSpec {
            name: "imageUrl".into(),
            ..spec(ParamKind::String, None)
        },
        ParamSpec {
            choices: vec!["x".into(), "y".into()],
            ..spec(ParamKind::String, Some(json!("x")))
        },
    ];
    let given = ["imageURL=a", "p=z", "p=x"].map(|text| text.parse().unwrap());
    let (_, errors) = params(&specs, &given, &Map::new());
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "the Task has no parameter 'imageURL'; did you mean 'imageUrl'?",
            "duplicate parameter 'p'; to set several values of an array, use -p p=a,b",
            "the parameter 'imageUrl' has no value; set it with -p imageUrl=VALUE",
            "the parameter 'p' cannot be 'z'; use one of x, y",
        ]
    );
}
