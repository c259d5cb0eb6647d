use gleaner_proto::message::Outputs;
use gleaner_proto::{OutputType, Trim};

use super::*;

fn output(name: &str, kind: OutputType, text: &str) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let content = Content::check(file, text.len() as u64, Trim::None, kind).unwrap();
    Output {
        name: OutputName::new(name).unwrap(),
        content,
    }
}

#[test]
fn a_body_follows_the_contract() {
    let outputs = vec![
        output("digest", OutputType::String, "a\"\\\n\0ä"),
        output("report", OutputType::Object, " {\"n\": 1.50}\n"),
    ];
    let body = Body::new(outputs, 7);
    let mut bytes = Vec::new();
    body.write_to(&mut bytes).unwrap();
    assert_eq!(body.length(), bytes.len() as u64);
    let message: Outputs = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(message.exit_code, 7);
    assert_eq!(message.outputs["digest"], "a\"\\\n\0ä");
    assert_eq!(message.outputs["report"], serde_json::json!({"n": 1.5}));
}

#[test]
fn an_empty_body_has_no_bytes() {
    assert_eq!(Body::default().length(), 0);
}
