//! Documents in which a value has the wrong type. The translation must not panic, whether it accepts or rejects them.

use gleaner_core::document::{Content, Node, Place};
use serde_json::{Value, json};

use crate::{settings, source};

/// Returns the places of a node and of all nodes in it.
fn places(node: &Node, place: &Place) -> Vec<Place> {
    let below: Vec<Place> = match &node.content {
        Content::Sequence(items) => {
            let items = items.iter().enumerate();
            items
                .flat_map(|(index, item)| places(item, &place.index(index)))
                .collect()
        }
        Content::Mapping(entries) => {
            let entries = entries.iter();
            entries
                .flat_map(|(key, value)| places(value, &place.key(&key.name)))
                .collect()
        }
        _ => Vec::new(),
    };
    [vec![place.clone()], below].concat()
}

/// Asserts that a translated document has the version v1 and does not contain the old lists of resources.
fn assert_native(document: &Value) {
    let kind = document["kind"].as_str().unwrap_or_default();
    if !["Task", "TaskRun", "Pipeline", "PipelineRun"].contains(&kind) {
        return;
    }
    if let Some(version) = document["apiVersion"].as_str()
        && version.starts_with("tekton.dev/")
    {
        assert_eq!(version, "tekton.dev/v1");
        for key in ["resources", "inputs", "outputs"] {
            assert_eq!(document["spec"].get(key), None, "{key}: {document:#}");
        }
    }
}

#[test]
fn a_wrong_type_never_causes_a_panic() {
    for text in [
        include_str!("../../../examples/build-and-test.yaml"),
        include_str!("../../../examples/pipeline-v1beta1.yaml"),
    ] {
        let mut source = source(text);
        for (index, document) in source.documents.clone().iter().enumerate() {
            for place in places(document, &Place::root()) {
                for other in [
                    json!(null),
                    json!(5),
                    json!("x"),
                    json!([]),
                    json!([5]),
                    json!({}),
                    json!({"name": "x"}),
                ] {
                    let node = source.documents[index].find_mut(&place).unwrap();
                    *node = Node::derived(node.at, other);
                    let sources = std::slice::from_ref(&source);
                    let translated = gleaner_translate::translate(sources, None, &settings());
                    if let Ok(translation) = translated {
                        translation.documents.iter().for_each(assert_native);
                    }
                    source.documents[index] = document.clone();
                }
            }
        }
    }
}
