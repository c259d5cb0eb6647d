//! Unit tests of `remedy`.

use gleaner_core::render::Disclosure;
use http::{HeaderMap, Method};

use super::*;
use crate::answer::{self, Answer};
use crate::kind::KindName;

fn reason(code: u16, words: &str) -> Reason {
    let kind = Kind {
        name: KindName::new("tekton.dev/v1alpha1", "PipelineResource"),
        plural: "pipelineresources".into(),
        namespaced: true,
    };
    let body = serde_json::json!({"kind": "Status", "code": code, "message": words}).to_string();
    let code = StatusCode::from_u16(code).unwrap();
    let answer = answer::read(
        &Method::POST,
        code,
        &HeaderMap::new(),
        body.as_bytes(),
        &Disclosure::Full,
    );
    let Answer::Refused(refusal) = answer else {
        panic!("{answer:?}");
    };
    let purpose = Purpose {
        verb: "create",
        kind: &kind,
    };
    purpose.refused(refusal)
}

#[test]
fn the_error_about_a_missing_permission_names_the_permission_to_grant() {
    let words = "pipelineresources.tekton.dev is forbidden: User \"system:serviceaccount:ci:default\" cannot create resource \"pipelineresources\" in API group \"tekton.dev\" in the namespace \"ci\"";
    assert_eq!(
        reason(403, words).to_string(),
        format!(
            "{words}; grant `create` on `pipelineresources.tekton.dev` to the ServiceAccount of the run"
        )
    );
}

#[test]
fn a_refusal_with_another_cause_is_not_reported_as_a_missing_permission() {
    let quota = "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1";
    assert!(matches!(reason(403, quota), Reason::QuotaExceeded(_)));
    let webhook = "admission webhook \"w.example.com\" denied the request: no";
    assert!(matches!(reason(400, webhook), Reason::Denied { .. }));
    let namespace = "namespaces \"ci\" not found";
    assert!(matches!(reason(404, namespace), Reason::NoNamespace { .. }));
}

#[test]
fn a_refusal_without_a_known_remedy_is_reported_with_its_code() {
    assert_eq!(
        reason(405, "no such verb").to_string(),
        "the API server responded with 405: no such verb"
    );
}
