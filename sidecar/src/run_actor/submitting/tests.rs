use super::*;

#[tokio::test]
async fn a_panic_of_the_submission_is_reported_without_its_message() {
    async fn quoting(text: &str) -> Ended {
        assert!(text.is_empty(), "the object contains {text}");
        Ended::failed(problem::internal("the submission did not panic"), &[])
    }
    let mut submission = Some(tokio::spawn(quoting("swordfish")));
    let problem = ended(&mut submission).await.ending.unwrap_err();
    let text = serde_json::to_string(&problem).unwrap();
    assert!(
        text.contains("panicked") && !text.contains("swordfish"),
        "{text}"
    );
    assert_eq!(problem.exit_code, exit_code::NOT_CREATED);
}
