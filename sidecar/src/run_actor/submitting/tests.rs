use super::*;

#[tokio::test]
async fn a_submission_that_panics_is_a_failure_without_the_message_of_the_panic() {
    async fn quoting(text: &str) -> Ended {
        assert!(text.is_empty(), "the object holds {text}");
        Ended::failed(problem::internal("it did not panic"), &[])
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
