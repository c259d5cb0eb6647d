//! Submissions that continue with stored plans after the process was killed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use gleaner_core::declaration::Policy;
use gleaner_core::render::Rendered;
use gleaner_proto::failure::{FailureCode, LeftState};
use gleaner_proto::message::Action;
use gleaner_proto::name::ResourceName;
use gleaner_submission::{
    Memory, Planned, PlannedObject, Reason, Settings, Submission, SubmissionError, Submitter,
};
use http::Method;
use serde_json::Value;

use crate::mock::{Fault, Mock, OWNER_UID, REAL, RUN_UID};
use crate::templates::{foreign, image, path, submit};

/// A [`Memory`] that does not write the plans to disk.
#[derive(Default)]
struct Notebook {
    earlier: Vec<Planned>,
    kept: Mutex<Vec<Planned>>,
    /// The number of writes that the API server had received at each call of `keep`.
    writes: Mutex<Vec<usize>>,
    mock: Option<Mock>,
    full: bool,
}

impl Memory for Notebook {
    fn earlier(&self) -> &[Planned] {
        &self.earlier
    }

    fn keep(&self, planned: Planned) -> BoxFuture<'_, io::Result<()>> {
        async move {
            if self.full {
                return Err(io::Error::other("no space left on device"));
            }
            self.kept.lock().unwrap().push(planned);
            if let Some(mock) = &self.mock {
                self.writes.lock().unwrap().push(mock.writes().len());
            }
            Ok(())
        }
        .boxed()
    }
}

fn planned(name: &str) -> PlannedObject {
    PlannedObject {
        secret: None,
        resource: ResourceName::new(name).unwrap(),
        api_version: "tekton.dev/v1alpha1".into(),
        kind: "PipelineResource".into(),
        plural: "pipelineresources".into(),
        namespace: Some("ci".into()),
        name: name.into(),
        applied: false,
        owners: vec![OWNER_UID.into()],
    }
}

fn all() -> Vec<Rendered> {
    ["a", "b", "c"].map(|name| image(name, name, "1")).to_vec()
}

fn plan() -> Planned {
    Planned {
        attempts: BTreeMap::new(),
        objects: ["a", "b", "c"].map(planned).to_vec(),
    }
}

/// Submits as a process does after a restart. `earlier` contains the plans that were stored before the restart.
async fn restarted(
    submitter: Submitter,
    earlier: Vec<Planned>,
    rendered: Vec<Rendered>,
) -> Result<Submission, SubmissionError> {
    let notebook = Notebook {
        earlier,
        ..Notebook::default()
    };
    submit(&submitter.remembering(Arc::new(notebook)), rendered).await
}

fn put(mock: &Mock, names: &[&str]) {
    for name in names {
        mock.put(&path(name), image(name, name, "1").object);
    }
}

fn actions(submission: &Submission) -> Vec<Action> {
    let actions = submission.committed.iter();
    actions.map(|one| one.created.action).collect()
}

fn quota(mock: &Mock) {
    let words = "pipelineresources \"x\" is forbidden: exceeded quota: small, used: 3, limited: 3";
    mock.on(Method::POST, "")
        .fail(Fault::refuse(403, "Forbidden", words));
}

#[tokio::test]
async fn the_plan_is_stored_before_the_first_create() {
    let mock = Mock::start().await;
    let notebook = Arc::new(Notebook {
        mock: Some(mock.clone()),
        ..Notebook::default()
    });
    let submitter = mock.submitter().await.remembering(notebook.clone());
    submit(&submitter, all()).await.unwrap();
    assert_eq!(*notebook.kept.lock().unwrap(), [plan()]);
    assert_eq!(*notebook.writes.lock().unwrap(), [0]);
    assert_eq!(mock.paths().len(), 3);
}

#[tokio::test]
async fn nothing_is_created_if_the_plan_cannot_be_stored() {
    let mock = Mock::start().await;
    let notebook = Notebook {
        full: true,
        ..Notebook::default()
    };
    let submitter = mock.submitter().await.remembering(Arc::new(notebook));
    let error = submit(&submitter, all()).await.unwrap_err();
    assert_eq!(error.failures[0].to_message().code, FailureCode::Internal);
    assert!(error.sentence().contains("no space left"), "{error}");
    assert!(mock.writes().is_empty());
}

#[tokio::test]
async fn complete_objects_are_adopted_even_if_new_ones_are_refused() {
    let mock = Mock::start().await;
    put(&mock, &["a", "b", "c"]);
    quota(&mock);
    let submitter = mock.submitter().await;
    let submission = restarted(submitter, vec![plan()], all()).await.unwrap();
    assert_eq!(actions(&submission), [Action::Adopted; 3]);
    assert_eq!(
        mock.count(&Method::POST, ""),
        0,
        "the existing objects are read first"
    );
    assert_eq!(
        mock.count(&Method::GET, "v1alpha1$"),
        0,
        "no discovery is needed, because the plan contains the kinds"
    );
}

#[tokio::test]
async fn complete_objects_are_adopted_even_if_the_state_is_lost() {
    let mock = Mock::start().await;
    put(&mock, &["a", "b", "c"]);
    quota(&mock);
    let submission = submit(&mock.submitter().await, all()).await.unwrap();
    assert_eq!(actions(&submission), [Action::Adopted; 3]);
    assert!(mock.writes().is_empty());
}

#[tokio::test]
async fn missing_objects_are_created_and_the_others_adopted() {
    let mock = Mock::start().await;
    put(&mock, &["a"]);
    let submitter = mock.submitter().await;
    let submission = restarted(submitter, vec![plan()], all()).await.unwrap();
    let (adopted, created) = (Action::Adopted, Action::Created);
    assert_eq!(actions(&submission), [adopted, created, created]);
}

#[tokio::test]
async fn a_refused_missing_object_rolls_back_the_others() {
    let mock = Mock::start().await;
    put(&mock, &["a", "b"]);
    quota(&mock);
    let submitter = mock.hasty().await;
    let error = restarted(submitter, vec![plan()], all()).await.unwrap_err();
    let [failure] = error.failures.as_slice() else {
        panic!("{error}");
    };
    assert!(
        matches!(failure.reason, Reason::QuotaExceeded(_)),
        "{error}"
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_of_another_owner_is_never_adopted() {
    let mock = Mock::start().await;
    let mut copied = image("a", "a", "1").object;
    copied["metadata"]["ownerReferences"][0]["uid"] = "another".into();
    mock.put(&path("a"), copied);
    quota(&mock);
    for earlier in [vec![], vec![plan()]] {
        let rendered = vec![image("a", "a", "1")];
        let submitter = mock.hasty().await;
        restarted(submitter, earlier, rendered).await.unwrap_err();
        assert_eq!(mock.paths(), [path("a")]);
    }
}

#[tokio::test]
async fn a_planned_object_with_different_content_is_replaced() {
    let mock = Mock::start().await;
    mock.put(&path("a"), image("a", "a", "old").object);
    let submitter = mock.submitter().await;
    let rendered = vec![image("a", "a", "new")];
    let submission = restarted(submitter, vec![plan()], rendered).await.unwrap();
    assert_eq!(actions(&submission), [Action::Replaced]);
    let stored = mock.get(&path("a")).unwrap();
    assert_eq!(stored["spec"]["params"][0]["value"], "new");
}

/// Returns an object that this run applied. `made` is false if the object existed before the run.
fn applied(made: bool) -> (Rendered, Value) {
    let mut rendered = image("a", "a", "1");
    rendered.policy = Policy::Apply;
    let mut object = rendered.object.clone();
    if made {
        object["metadata"]["annotations"]["gleaner.dev/made-by"] = RUN_UID.into();
    }
    (rendered, object)
}

#[tokio::test]
async fn an_applied_object_is_adopted_and_rolled_back_only_if_it_is_new() {
    for made in [true, false] {
        let mock = Mock::start().await;
        let (rendered, object) = applied(made);
        mock.put(&path("a"), object);
        mock.on(Method::PATCH, "")
            .fail(Fault::refuse(403, "Forbidden", "a policy says no"));
        let submitter = mock.submitter().await;
        let only = vec![rendered.clone()];
        let submission = restarted(submitter, vec![plan()], only).await.unwrap();
        assert_eq!(actions(&submission), [Action::Applied]);

        mock.on(Method::POST, REAL)
            .fail(Fault::refuse(422, "Invalid", "no"));
        let both = vec![rendered, image("b", "b", "1")];
        let submitter = mock.submitter().await;
        let error = restarted(submitter, vec![plan()], both).await.unwrap_err();
        assert_eq!(mock.paths().is_empty(), made, "{error}");
        assert_eq!(error.aftermath.kept.is_empty(), made, "{error}");
    }
}

#[tokio::test]
async fn after_an_outage_beyond_the_deadlines_all_objects_that_may_exist_are_reported() {
    let mock = Mock::start().await;
    put(&mock, &["a", "b"]);
    for method in [Method::GET, Method::POST, Method::DELETE] {
        mock.on(method, "").fail(Fault::Close);
    }
    let settings = Settings {
        deadline: Duration::from_millis(300),
        rollback_deadline: Duration::from_millis(300),
        ..Settings::default()
    };
    let submitter = mock.submitter_with(settings).await;
    let error = restarted(submitter, vec![plan()], all()).await.unwrap_err();
    assert!(
        matches!(error.failures[0].reason, Reason::Unreachable { .. }),
        "{error}"
    );
    let mut left: Vec<_> = error
        .aftermath
        .left
        .iter()
        .map(|left| (left.object.name.as_str(), left.state))
        .collect();
    left.sort_unstable_by_key(|(name, _)| *name);
    let state = LeftState::MayExist;
    assert_eq!(left, [("a", state), ("b", state), ("c", state)]);
    assert!(
        error
            .sentence()
            .contains("; may have been created (if so, delete by hand): PipelineResource ci/"),
        "{error}"
    );
}

#[tokio::test]
async fn a_kind_that_cannot_be_discovered_does_not_prevent_the_rollback_of_other_objects() {
    let mock = Mock::start().await;
    put(&mock, &["a"]);
    mock.on(Method::GET, "/api/v1$").fail(Fault::Close);
    let mut note = image("note", "note", "1");
    note.object["apiVersion"] = "v1".into();
    note.object["kind"] = "ConfigMap".into();
    let mut plan = plan();
    plan.objects.truncate(1);
    let rendered = vec![image("a", "a", "1"), note];
    let submitter = mock.hasty().await;
    let error = restarted(submitter, vec![plan], rendered)
        .await
        .unwrap_err();
    assert_eq!(
        error.aftermath.removed,
        ["PipelineResource ci/a"],
        "{error}"
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_that_can_no_longer_be_rendered_is_rolled_back_by_the_plan() {
    let mock = Mock::start().await;
    put(&mock, &["a", "b"]);
    mock.put(&path("c"), foreign("c"));
    let notebook = Notebook {
        earlier: vec![plan()],
        ..Notebook::default()
    };
    let submitter = mock.submitter().await.remembering(Arc::new(notebook));
    let error = submitter
        .submit(|_| Err("unresolved variables: $(steps.a.b)"), &|_| {})
        .await
        .unwrap_err();
    assert_eq!(error.aftermath.removed.len(), 2, "{error}");
    assert_eq!(
        mock.paths(),
        [path("c")],
        "the rollback must not delete the other owner's object"
    );
}

#[tokio::test]
async fn an_object_with_a_name_that_is_no_longer_used_is_deleted() {
    let mock = Mock::start().await;
    put(&mock, &["a", "b"]);
    let rendered = vec![image("a", "a", "1")];
    let submitter = mock.submitter().await;
    let submission = restarted(submitter, vec![plan()], rendered).await.unwrap();
    assert_eq!(actions(&submission), [Action::Adopted]);
    assert_eq!(mock.paths(), [path("a")]);
}

#[tokio::test]
async fn a_restart_begins_with_the_names_of_the_last_plan() {
    let mock = Mock::start().await;
    put(&mock, &["img-1"]);
    let earlier = Planned {
        attempts: BTreeMap::from([(ResourceName::new("img").unwrap(), 1)]),
        objects: vec![PlannedObject {
            name: "img-1".into(),
            ..planned("img")
        }],
    };
    let notebook = Notebook {
        earlier: vec![earlier],
        ..Notebook::default()
    };
    let submitter = mock.submitter().await.remembering(Arc::new(notebook));
    let render = |attempts: &BTreeMap<ResourceName, u32>| {
        let attempt = attempts.get("img").copied().unwrap_or_default();
        let mut img = image("img-1", &format!("img-{attempt}"), "1");
        img.derived_name = true;
        Ok::<_, Infallible>(vec![img])
    };
    let submission = submitter.submit(render, &|_| {}).await.unwrap();
    assert_eq!(actions(&submission), [Action::Adopted]);
    assert_eq!(
        mock.paths(),
        [path("img-1")],
        "the run must not use img-0, although no object has that name"
    );
}

#[tokio::test]
async fn a_pending_create_of_a_killed_process_is_found_when_executed_late() {
    let mock = Mock::start().await;
    put(&mock, &["a"]);
    quota(&mock);
    let late = mock.clone();
    tokio::spawn(async move {
        while late.count(&Method::DELETE, &path("a")) == 0 {
            tokio::task::yield_now().await;
        }
        put(&late, &["b"]);
    });
    let submitter = mock.hasty().await;
    let error = restarted(submitter, vec![plan()], all()).await.unwrap_err();
    assert_eq!(
        error.aftermath.removed,
        ["PipelineResource ci/a", "PipelineResource ci/b"],
        "{error}"
    );
    assert!(mock.paths().is_empty());
}
