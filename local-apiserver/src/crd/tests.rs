use super::*;

#[test]
fn the_crds_of_the_crate_parse() {
    let kinds = parse(crate::TEKTON_CRDS).unwrap();
    let names: Vec<String> = kinds
        .iter()
        .map(|k| format!("{} {}", k.api_version(), k.plural))
        .collect();
    assert_eq!(
        names,
        [
            "tekton.dev/v1alpha1 pipelineresources",
            "tekton.dev/v1 taskruns",
            "tekton.dev/v1 pipelineruns"
        ]
    );
    assert!(kinds.iter().all(|k| k.namespaced && k.has_status));
}

#[test]
fn a_document_that_is_not_a_crd_is_reported() {
    let error = parse("---\nkind: ConfigMap\napiVersion: v1\n").unwrap_err();
    assert!(error.to_string().contains("`ConfigMap`"), "{error}");
}
