//! Tests the responses to repeated, late and invalid messages, before and after the commit.

use super::*;

#[test]
fn a_repeated_message_changes_nothing() {
    let mut collector = collector("Manual");
    take(&mut collector, "build", build());
    let before = collector.status();
    assert_eq!(
        collector.examine("build", build()),
        Ok(Examined::Repeated(Verdict::Settled))
    );
    assert_eq!(collector.status(), before);
}

#[test]
fn outputs_of_a_repeated_step_replace_the_first_until_the_submission_starts() {
    let mut collector = collector("Manual");
    take(&mut collector, "build", build());
    // An invalid message replaces nothing.
    let misfit = message(0, json!({"no such output": 1}));
    let refusal = collector.examine("build", misfit).unwrap_err();
    assert!(matches!(refusal, Refusal::Outputs(_)), "{refusal:?}");
    take(&mut collector, "build", message(1, json!({})));
    assert_eq!(step(&collector, "build"), (StepState::Failed, Some(1)));
    let digest = variable(&collector, "steps.build.digest");
    assert_eq!(digest.0, VariableState::Pending);
    take(
        &mut collector,
        "build",
        message(0, json!({"digest": "sha256:new"})),
    );
    let digest = variable(&collector, "steps.build.digest");
    assert_eq!(digest, (VariableState::Resolved, Some("sha256:new".into())));
    let note = "step 'build' ran again; its latest outputs are used";
    assert_eq!(collector.notes(), [note]);

    take(&mut collector, "scan", scan());
    collector.request_submission();
    let refusal = collector.examine("build", build()).unwrap_err();
    assert!(matches!(refusal, Refusal::AlreadyWritten(_)), "{refusal:?}");
    let problem = Problem::from(refusal);
    assert_eq!(
        (problem.status, problem.kind.as_str(), problem.exit_code),
        (409, problem_type::ALREADY_WRITTEN, exit_code::OUTPUT)
    );
    assert_eq!(problem.failures[0].code, FailureCode::StepRepeated);
}

#[test]
fn the_messages_of_one_step_are_bounded_in_number_and_memory() {
    let mut collector = collector("Manual");
    let mut bounds = *collector.bounds();
    bounds.outputs = 1 << 20;
    collector.set_bounds(bounds);
    let mut accepted = 0;
    loop {
        let digest = format!("{accepted}{}", "x".repeat(600 << 10));
        let other = message(0, json!({"digest": digest}));
        match collector.examine("build", other) {
            Ok(examined) => {
                // The memory of a replaced message is freed.
                let examined = collector.within_memory(examined, 600 << 10).unwrap();
                let Examined::New(admission) = examined else {
                    panic!("{examined:?}");
                };
                collector.accept(admission);
                accepted += 1;
            }
            Err(refusal) => {
                assert!(matches!(refusal, Refusal::AlreadyWritten(_)), "{refusal:?}");
                break;
            }
        }
    }
    assert_eq!(accepted, 32);
}

#[test]
fn a_number_and_its_text_are_different_messages() {
    let text = "steps: {a: [{name: list, type: array}]}\nsubmit: Manual\n";
    let mut collector = of(text);
    take(&mut collector, "a", message(0, json!({"list": [1]})));
    let other = collector.examine("a", message(0, json!({"list": ["1"]})));
    assert!(matches!(other, Ok(Examined::New(_))), "{other:?}");
}

#[test]
fn a_number_that_kubernetes_changes_is_refused() {
    let declaration =
        "steps: {a: [{name: size, type: number}, {name: o, type: object}]}\nobjects: []";
    let collector = of(declaration);
    for wrong in [
        json!({"size": 18_446_744_073_709_551_615_u64, "o": {}}),
        json!({"size": 1, "o": {"list": [9_223_372_036_854_775_808_u64]}}),
    ] {
        let refused = collector.examine("a", message(0, wrong)).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("Kubernetes would change, because it stores"),
            "{refused}"
        );
    }
    let kept = json!({"size": i64::MAX, "o": {"a": 1e300}});
    assert!(collector.examine("a", message(0, kept)).is_ok());
}

#[test]
fn no_refusal_quotes_a_part_of_a_secret_output() {
    const CANARY: u64 = 18_446_744_073_709_551_557;
    let refused = |secret: bool, kind: &str, value: Value| {
        let text = format!(
            "steps: {{a: [{{name: o, type: {kind}, secret: {secret}}}, {{name: other, when: Success}}]}}\nobjects: []"
        );
        let outputs = json!({"o": value, "other": value});
        let refusals = [0, 1].map(|code| {
            let refusal = of(&text).examine("a", message(code, outputs.clone()));
            refusal.expect_err("the outputs are invalid").to_string()
        });
        refusals.join("\n")
    };
    let canary = CANARY.to_string();
    for value in [
        json!(CANARY),
        json!([CANARY, canary]),
        json!({"a": {"b": CANARY}, canary.as_str(): canary}),
    ] {
        for kind in ["string", "number", "boolean", "array", "object"] {
            let message = refused(true, kind, value.clone());
            assert!(message.contains("output 'o' of step 'a'"), "{message}");
            assert!(
                message.contains("Kubernetes would change, because it stores"),
                "{message}"
            );
            let quoted = message.lines().filter(|line| line.contains("18446744073"));
            for line in quoted {
                // Only the number of the other output, which is not secret, may be quoted.
                let (secret, other) = line
                    .split_once("output 'other'")
                    .expect("the message names both outputs");
                assert!(!secret.contains("18446744073"), "{secret}");
                assert!(other.contains(&canary), "{other}");
            }
        }
        assert!(refused(false, "object", value).contains(&canary));
    }
}

#[test]
fn a_value_that_violates_the_declaration_is_rejected_and_not_shown_if_secret() {
    let collector = of("
steps:
  a:
    - {name: digest, pattern: '^sha256:[0-9a-f]+$', default: 'sha256:0'}
    - {name: files, type: array, nonEmpty: true, when: Always}
    - {name: token, pattern: '^t-', secret: true}
objects: []
");
    let wrong = json!({"digest": "", "files": [], "token": "hunter2"});
    let refused = collector.examine("a", message(0, wrong)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "output 'digest' of step 'a' is empty, which does not match the pattern '^sha256:[0-9a-f]+$'; output 'files' of step \
         'a' is empty, but nonEmpty: true is set; output 'token' of step 'a' does not match the pattern '^t-'"
    );
    let problem = Problem::from(refused);
    assert_eq!(
        (problem.status, problem.exit_code),
        (422, exit_code::OUTPUT)
    );
    // The constraints also apply if the step failed.
    let refused = collector.examine("a", message(1, json!({"files": []})));
    assert!(matches!(refused, Err(Refusal::Outputs(_))), "{refused:?}");
    // For a value of the wrong type, only the type is reported.
    let refused = collector.examine("a", message(0, json!({"files": {}, "token": "t-1"})));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "output 'files' of step 'a' is not of the declared type array"
    );
    let right = json!({"digest": "sha256:ab", "files": ["x"], "token": "t-1"});
    assert!(collector.examine("a", message(0, right)).is_ok());
}

#[test]
fn after_the_run_finishes_only_repeated_messages_are_accepted() {
    let mut collector = collector("Completed");
    take(&mut collector, "build", build());
    collector.finish();
    let late = collector.examine("scan", scan()).unwrap_err();
    assert!(matches!(late, Refusal::Finished { .. }), "{late:?}");
    assert_eq!(Problem::from(late).status, 409);
    assert_eq!(
        collector.examine("build", build()),
        Ok(Examined::Repeated(Verdict::Settled))
    );
}

#[test]
fn an_unknown_step_gets_a_suggestion() {
    let collector = collector("Resolved");
    let refusal = collector.examine("biuld", build()).unwrap_err();
    assert!(
        refusal.to_string().contains("did you mean 'build'"),
        "{refusal}"
    );
    assert_eq!(Problem::from(refusal).status, 404);
}

#[test]
fn the_completing_step_gets_the_failure_and_earlier_steps_get_a_receipt() {
    let mut collector = collector("Resolved");
    take(&mut collector, "scan", scan());
    take(&mut collector, "build", build());
    assert_eq!(
        collector.examine("build", build()),
        Ok(Examined::Repeated(Verdict::AwaitCommit))
    );
    assert_eq!(
        collector.examine("scan", scan()),
        Ok(Examined::Repeated(Verdict::Settled))
    );
    collector.submitting().unwrap().fail(failure());
    assert_eq!(collector.outcome(), Err(failure()));
    assert_eq!(collector.receipt().phase, Phase::Failed);
    // A step that posts later need not wait either.
    assert_eq!(
        take(&mut collector, "lint", message(0, json!({}))),
        Verdict::Settled
    );
    let error = collector.status().resources[0].error.clone().unwrap();
    assert_eq!(
        (error.resource, error.code, error.message.as_str()),
        (None, FailureCode::Denied, "no")
    );
}

#[test]
fn after_the_commit_every_request_gets_the_outcome() {
    let mut collector = collector("Resolved");
    take(&mut collector, "scan", scan());
    take(&mut collector, "build", build());
    commit(&mut collector);
    assert_eq!(collector.outcome(), Ok(committed()));
    assert_eq!(collector.receipt(), committed());
    assert_eq!(collector.status().notes, committed().notes);
    assert_eq!(collector.finish(), Verdict::Settled);
    assert_eq!(collector.outcome(), Ok(committed()));
}

#[test]
fn object_names_are_shown_once_all_variables_are_known() {
    let name = |collector: &Collector| collector.status().resources[0].name.clone();
    let mut collector = collector("Resolved");
    take(&mut collector, "build", build());
    assert_eq!(name(&collector), None);
    take(&mut collector, "scan", scan());
    assert_eq!(collector.phase(), Phase::Submitting);
    let shown = name(&collector).expect("a name");
    collector.submitting().unwrap().fail(failure());
    assert_eq!(collector.phase(), Phase::Failed);
    assert_eq!(name(&collector), Some(shown));
}
