use gleaner_proto::message::Action;
use serde_json::json;

use super::*;
use crate::declaration::{Declaration, Scope};

#[test]
fn results_contain_name_uid_params_and_declared_fields() {
    let text = "resources: [{name: img, spec: {type: image, params: [{name: url, value: u}, {name: name, value: x}]}}]";
    let declaration = Declaration::parse(text, &Scope::default()).unwrap();
    let template = declaration.template("img").unwrap();
    let object = json!({"spec": {"params": [{"name": "url", "value": "u"}, {"name": "name", "value": "x"}]}});
    let created = Created {
        resource: "img".into(),
        api_version: "tekton.dev/v1alpha1".into(),
        kind: "PipelineResource".into(),
        namespace: Some("ns".into()),
        name: "build-image-abcde".into(),
        uid: "1".into(),
        action: Action::Created,
    };
    let long = Map::from_iter([("report".to_owned(), "r".repeat(FIELD_MAX + 1).into())]);
    let result = result(&created, rendered_fields(template, &object), long);
    assert_eq!(
        Value::from(result.fields).to_string(),
        r#"{"name":"build-image-abcde","uid":"1","type":"image","url":"u","report":""}"#
    );
    let note = "'report' of 'img' is empty in the results, because its 1025 bytes exceed the limit of 1024 bytes per field";
    assert!(result.notes[0].contains(note), "{:?}", result.notes);
}
