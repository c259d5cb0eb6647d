use std::collections::BTreeMap;

use crate::declaration::{Declaration, Scope};
use gleaner_proto::StepName;
use gleaner_proto::exit_code;
use gleaner_proto::failure::{Failure, FailureCode};
use gleaner_proto::message::{
    Outcome, Outputs, Phase, Problem, StepState, VariableState, problem_type,
};
use serde_json::{Value, json};

use super::{Collector, Examined, Refusal, Verdict};
use crate::render::{Attempts, Values};
use crate::run::Run;

mod answers;
mod model;
mod orders;
mod shown;

const DECLARATION: &str = "\
steps:
  build:
    - {name: digest}
    - {name: report, type: object, when: Always, default: {lines: 0}}
  scan:
    - {name: verdict, default: unknown}
resources:
  - name: img
    spec:
      type: image
      params:
        - {name: url, value: $(params.url)}
        - {name: digest, value: $(steps.build.digest)}
        - {name: lines, value: $(steps.build.report.lines)}
        - {name: verdict, value: $(steps.scan.verdict)}
";

fn collector(submit: &str) -> Collector {
    of(&format!("{DECLARATION}submit: {submit}\n"))
}

fn of(declaration: &str) -> Collector {
    with(Declaration::parse(declaration, &Scope::default()).unwrap())
}

fn with(declaration: Declaration) -> Collector {
    let context = [("taskRun.uid", "u-1"), ("task.name", "build")];
    let context = context.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let run = Run {
        context: context.into(),
        ..Run::default()
    };
    let values = Values {
        params: BTreeMap::from([("url".to_owned(), "registry.example".into())]),
        ..Values::default()
    };
    Collector::new(declaration, run, values, [StepName::new("lint").unwrap()])
}

/// Returns a message with these outputs.
#[allow(clippy::needless_pass_by_value)] // Callers always pass a temporary value.
fn message(exit_code: i32, outputs: Value) -> Outputs {
    serde_json::from_value(json!({"outputs": outputs, "exitCode": exit_code})).unwrap()
}

fn build() -> Outputs {
    message(0, json!({"digest": "sha256:abc"}))
}

fn scan() -> Outputs {
    message(0, json!({"verdict": "clean"}))
}

/// Examines a message that must be new, and accepts it.
fn take(collector: &mut Collector, step: &str, message: Outputs) -> Verdict {
    let examined = collector.examine(step, message).unwrap();
    let Examined::New(admission) = examined else {
        panic!("{step} posted again: {examined:?}")
    };
    collector.accept(admission)
}

/// Completes the submission in progress.
fn commit(collector: &mut Collector) {
    let submitting = collector.submitting().unwrap();
    submitting.commit(committed(), Attempts::new());
}

fn committed() -> Outcome {
    Outcome {
        phase: Phase::Committed,
        pending: Vec::new(),
        resources: Vec::new(),
        results: BTreeMap::new(),
        notes: vec!["blockOwnerDeletion was refused".into()],
    }
}

fn failure() -> Problem {
    let problem = crate::collect::problem::new(
        problem_type::NOT_CREATED,
        424,
        "the resources could not be created",
        "no",
        exit_code::NOT_CREATED,
    );
    let failure = Failure {
        resource: Some("img".into()),
        code: FailureCode::Denied,
        message: "no".into(),
        remedy: None,
    };
    Problem {
        failures: vec![failure],
        ..problem
    }
}

fn variable(collector: &Collector, name: &str) -> (VariableState, Option<Value>) {
    let variables = collector.status().variables;
    let found = variables.into_iter().find(|known| known.name == name);
    let found = found.unwrap();
    (found.state, found.value)
}

fn step(collector: &Collector, name: &str) -> (StepState, Option<i32>) {
    let steps = collector.status().steps;
    let found = steps.into_iter().find(|known| known.name == name).unwrap();
    (found.state, found.exit_code)
}

#[test]
fn resolved_submits_when_the_last_variable_is_known() {
    for (first, second) in [("build", "scan"), ("scan", "build")] {
        let say = |step| if step == "build" { build() } else { scan() };
        let mut collector = collector("Resolved");
        assert_eq!(take(&mut collector, first, say(first)), Verdict::Settled);
        assert_eq!(collector.phase(), Phase::Collecting);
        assert_eq!(
            take(&mut collector, second, say(second)),
            Verdict::AwaitCommit
        );
        assert_eq!(collector.phase(), Phase::Submitting);
        // A later step without outputs changes nothing.
        assert_eq!(
            take(&mut collector, "lint", message(0, json!({}))),
            Verdict::Settled
        );
    }
}

#[test]
fn completed_submits_when_the_run_finishes() {
    let mut collector = collector("Completed");
    assert_eq!(take(&mut collector, "build", build()), Verdict::Settled);
    assert_eq!(take(&mut collector, "scan", scan()), Verdict::Settled);
    assert_eq!(collector.phase(), Phase::Resolved);
    assert!(!collector.is_submitting());
    assert_eq!(collector.finish(), Verdict::AwaitCommit);
    assert!(collector.is_submitting());
    assert_eq!(collector.finish(), Verdict::AwaitCommit);
}

#[test]
fn manual_submits_only_on_request_before_or_after_the_run_finishes() {
    for finish_first in [false, true] {
        let mut collector = collector("Manual");
        take(&mut collector, "build", build());
        let problem = collector.examine_request().unwrap_err();
        assert_eq!(problem.kind, problem_type::PENDING);
        assert_eq!(problem.pending, ["steps.scan.verdict"]);
        assert!(problem.detail.contains("'scan'"), "{problem:?}");
        if finish_first {
            assert_eq!(collector.finish(), Verdict::Settled);
            let notes = collector.outcome().unwrap().notes;
            assert!(notes[0].contains("no submit request arrived"), "{notes:?}");
        } else {
            take(&mut collector, "scan", scan());
        }
        assert_eq!(collector.phase(), Phase::Resolved);
        collector.examine_request().unwrap();
        assert_eq!(collector.request_submission(), Verdict::AwaitCommit);
        assert_eq!(collector.phase(), Phase::Submitting);
    }
}

#[test]
fn a_request_with_unknown_variables_changes_nothing() {
    let mut collector = collector("Manual");
    collector.request_submission();
    assert_eq!(collector.phase(), Phase::Collecting);
}

#[test]
fn a_request_does_not_submit_a_completed_run_before_it_finishes() {
    let mut collector = collector("Completed");
    take(&mut collector, "build", build());
    take(&mut collector, "scan", scan());
    assert_eq!(collector.examine_request(), Ok(false));
    collector.request_submission();
    assert_eq!(collector.phase(), Phase::Resolved);
}

#[test]
fn only_a_submission_in_progress_can_complete() {
    let mut collector = collector("Resolved");
    assert!(collector.submitting().is_none());
    take(&mut collector, "scan", scan());
    take(&mut collector, "build", build());
    collector.submitting().unwrap().fail(failure());
    assert!(collector.submitting().is_none());
    assert_eq!(collector.request_submission(), Verdict::AwaitCommit);
    assert_eq!(collector.phase(), Phase::Failed);
}

#[test]
fn variables_that_no_step_provides_are_unreachable() {
    let text = "steps: {build: [{name: digest}]}\nresources: [{name: img, spec: {type: image, params: [{name: a, value: \
                $(params.url)}, {name: b, value: $(context.pipelineRun.name)}, {name: c, value: $(steps.build.digest)}]}}]\n";
    let collector = of(text);
    let unreachable: Vec<String> = collector.unreachable().map(ToString::to_string).collect();
    assert_eq!(unreachable, ["context.pipelineRun.name"]);
}

#[test]
fn a_declaration_without_templates_is_resolved_from_the_start() {
    let text = "steps: {build: [{name: digest}]}\n";
    let mut collector = of(text);
    assert_eq!(collector.phase(), Phase::Submitting);
    commit(&mut collector);
    assert_eq!(take(&mut collector, "build", build()), Verdict::Settled);
    assert_eq!(collector.receipt().phase, Phase::Committed);

    let mut manual = of(&format!("{text}submit: Manual\n"));
    assert_eq!(manual.phase(), Phase::Resolved);
    assert_eq!(manual.finish(), Verdict::Settled);
    let mut completed = of(&format!("{text}submit: Completed\n"));
    assert_eq!(completed.phase(), Phase::Resolved);
    assert_eq!(completed.finish(), Verdict::AwaitCommit);
}

#[test]
fn a_missing_output_of_a_successful_step_takes_its_default_immediately() {
    let mut collector = collector("Manual");
    take(&mut collector, "build", build());
    let report = variable(&collector, "steps.build.report");
    assert_eq!(
        report,
        (VariableState::Defaulted, Some(json!({"lines": 0})))
    );
    let verdict = variable(&collector, "steps.scan.verdict");
    assert_eq!(verdict, (VariableState::Pending, None));
}

#[test]
fn finish_takes_the_defaults_of_steps_that_did_not_run() {
    let mut collector = collector("Resolved");
    assert_eq!(take(&mut collector, "build", build()), Verdict::Settled);
    assert_eq!(collector.finish(), Verdict::AwaitCommit);
    let verdict = variable(&collector, "steps.scan.verdict");
    assert_eq!(verdict, (VariableState::Defaulted, Some("unknown".into())));
    assert_eq!(step(&collector, "scan"), (StepState::Skipped, None));
    assert_eq!(step(&collector, "build"), (StepState::Received, Some(0)));
}

#[test]
fn finish_without_a_value_or_a_default_fails_and_names_the_step() {
    for submit in ["Resolved", "Completed"] {
        let mut collector = collector(submit);
        take(&mut collector, "scan", scan());
        assert_eq!(collector.finish(), Verdict::Settled);
        let problem = collector.outcome().unwrap_err();
        assert_eq!(
            (problem.kind.as_str(), problem.status),
            (problem_type::PENDING, 409)
        );
        assert_eq!(problem.exit_code, exit_code::NOT_CREATED);
        assert_eq!(problem.pending, ["steps.build.digest"]);
        assert!(problem.detail.contains("step 'build'"), "{problem:?}");
        assert!(!problem.detail.contains("step 'scan'"), "{problem:?}");
        assert_eq!(collector.status().problem, Some(problem));
    }
}

#[test]
fn a_failed_step_provides_outputs_with_when_always_and_their_defaults() {
    let mut collector = collector("Manual");
    take(
        &mut collector,
        "build",
        message(1, json!({"report": {"lines": 9}})),
    );
    assert_eq!(step(&collector, "build"), (StepState::Failed, Some(1)));
    let report = variable(&collector, "steps.build.report");
    assert_eq!(report, (VariableState::Resolved, Some(json!({"lines": 9}))));
    // The output `verdict` has `when: Success`, so after the step fails, the default is used only when the run finishes.
    take(&mut collector, "scan", message(2, json!({})));
    assert_eq!(
        variable(&collector, "steps.scan.verdict").0,
        VariableState::Pending
    );
    assert_eq!(
        collector.pending_names(),
        ["steps.build.digest", "steps.scan.verdict"]
    );

    let mut silent = self::collector("Manual");
    take(&mut silent, "build", message(1, json!({})));
    assert_eq!(
        variable(&silent, "steps.build.report").0,
        VariableState::Defaulted
    );
}

#[test]
fn a_failed_step_cannot_provide_outputs_with_when_success() {
    let collector = collector("Resolved");
    let refused = collector.examine("build", message(1, json!({"digest": "x"})));
    let Err(Refusal::Outputs(wrong)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains("when: Always"), "{wrong:?}");
}

#[test]
fn a_preview_masks_secrets_without_changing_the_values() {
    let mut collector = of("\
steps: {login: [{name: token, secret: true}]}
objects:
  - name: credentials
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {name: credentials}
      stringData: {token: $(steps.login.token)}
submit: Manual
");
    take(
        &mut collector,
        "login",
        message(0, json!({"token": "s3cret"})),
    );
    let rendered = collector.masked_preview(None).unwrap();
    assert_eq!(rendered[0].object["stringData"]["token"], "(secret)");
    assert_eq!(
        variable(&collector, "steps.login.token"),
        (VariableState::Secret, None)
    );
}
