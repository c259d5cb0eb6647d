use super::*;

fn run(context: &[(&str, &str)]) -> Run {
    let context = context
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Run {
        context,
        ..Run::default()
    }
}

#[test]
fn the_pipeline_run_is_the_owner_if_it_exists() {
    let alone = [("taskRun.name", "tr"), ("taskRun.uid", "1")];
    let kind = |run: &Run| run.owner().map(|owner| owner.kind);
    assert_eq!(kind(&run(&alone)).as_deref(), Some("TaskRun"));
    let within = [
        alone[0],
        alone[1],
        ("pipelineRun.name", "pr"),
        ("pipelineRun.uid", "2"),
    ];
    assert_eq!(
        run(&within).owner(),
        Some(OwnerReference {
            api_version: "tekton.dev/v1".into(),
            kind: "PipelineRun".into(),
            name: "pr".into(),
            uid: "2".into(),
        })
    );
    let nobody = Run {
        ownership: Ownership::Nobody,
        ..run(&within)
    };
    assert_eq!(nobody.owner(), None);
    // The downward API provides an empty value for a label that the pod does not have, so an empty UID means no PipelineRun.
    let unlabelled = run(&[alone[0], alone[1], ("pipelineRun.uid", "")]);
    assert_eq!(kind(&unlabelled).as_deref(), Some("TaskRun"));
}

#[test]
fn a_pod_outside_tekton_gets_no_tekton_labels() {
    let job = OwnerReference {
        api_version: "batch/v1".into(),
        kind: "Job".into(),
        name: "job".into(),
        uid: "3".into(),
    };
    let run = Run {
        ownership: Ownership::Other(job.clone()),
        ..run(&[("taskRun.name", "job-x"), ("task.name", "job")])
    };
    assert_eq!(run.owner(), Some(job));
    let managed = (label::MANAGED_BY.to_owned(), label::MANAGER.to_owned());
    assert_eq!(run.labels(), BTreeMap::from([managed]));
}
