//! The submitter of a run's objects, and its time limits.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use gleaner_core::declaration::Template;
use gleaner_core::render::Rendered;
use gleaner_proto::message::Created;
use gleaner_proto::name::ResourceName;
use gleaner_runtime::Shutdown;
use gleaner_runtime::api_server::ApiServer;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::api::{Api, Notes, later};
use super::discovery::Kinds;
use super::error::{Failure, Reason, SubmissionError};
use super::planned::Memory;
use super::preflight::{self, Finding};
use super::progress::{Progress, Report};
use super::run::Run;

/// How patient a submission is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The field manager of everything that is written. Never change it: an object applied under one name cannot
    /// be applied under another without a conflict.
    pub field_manager: String,
    /// Everything up to the last create, retries included; not `waitFor`. Default 60 s.
    pub deadline: Duration,
    /// The roll-back, after that. Default 30 s.
    pub rollback_deadline: Duration,
    /// How much longer a submission may go on once the process is to end. Default 10 s.
    pub patience: Duration,
    /// The roll-back of a submission that was cut off; with the patience less than the 25 s that a sidecar takes to end.
    /// Default 10 s.
    pub last_rollback: Duration,
    /// The preflight, retries included. Default 10 s.
    pub preflight_deadline: Duration,
    /// How long an object in the way that is being deleted may take to go. Default 15 s.
    pub vanish_timeout: Duration,
    /// How long a declared result may take to appear on an object without `waitFor`. Default 30 s.
    pub results_timeout: Duration,
    /// The pause before the one retry after a 401. Default 1 s.
    pub unauthorised_pause: Duration,
}

/// Submits the objects of one run.
#[derive(Clone)]
pub struct Submitter {
    inner: Arc<Inner>,
    ending: Option<Shutdown>,
    memory: Option<Arc<dyn Memory>>,
}

/// What all submissions of a submitter share.
pub(super) struct Inner {
    server: ApiServer,
    pub(super) namespace: String,
    pub(super) run_uid: String,
    pub(super) settings: Settings,
    pub(super) kinds: Kinds,
}

/// A submission that succeeded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Submission {
    /// What exists now, in the order of the declaration.
    pub committed: Vec<Committed>,
    /// Sentences for a person: warnings of the API server, and what had to be done another way.
    pub notes: Vec<String>,
}

/// An object that exists, with its results.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Committed {
    pub created: Created,
    /// Its declared result fields, each as a string; a field that holds none as compact JSON.
    pub results: Map<String, Value>,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            field_manager: gleaner_proto::kubernetes::label::MANAGER.to_owned(),
            deadline: Duration::from_secs(60),
            rollback_deadline: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            last_rollback: Duration::from_secs(10),
            preflight_deadline: Duration::from_secs(10),
            vanish_timeout: Duration::from_secs(15),
            results_timeout: Duration::from_secs(30),
            unauthorised_pause: Duration::from_secs(1),
        }
    }
}

// === impl Submitter ===

impl Submitter {
    /// A submitter for the run with this UID, whose objects go to `namespace` unless they name another one.
    pub fn new(server: ApiServer, namespace: String, run_uid: String, settings: Settings) -> Self {
        let inner = Arc::new(Inner {
            server,
            namespace,
            run_uid,
            settings,
            kinds: Kinds::default(),
        });
        Self {
            inner,
            ending: None,
            memory: None,
        }
    }

    /// Gives submissions only [`Settings::patience`] more once `ending` is requested; what is not complete then is rolled
    /// back, while there is still time for it.
    #[must_use]
    pub fn until(mut self, ending: Shutdown) -> Self {
        self.ending = Some(ending);
        self
    }

    /// Keeps what is about to be created in `memory`, and continues what it holds.
    #[must_use]
    pub fn remembering(mut self, memory: Arc<dyn Memory>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Looks for what is bound to go wrong: kinds that are not served, permissions that are missing. Empty when
    /// nothing was found, which is no promise.
    pub async fn preflight(&self, templates: &[Template]) -> Vec<Finding> {
        let notes = Notes::default();
        let inner = &self.inner;
        let api = inner.api(&notes, inner.settings.preflight_deadline);
        preflight::preflight(api, &inner.kinds, &inner.namespace, templates).await
    }

    /// Creates all objects that `render` returns, or none.
    ///
    /// `render` is called with how often the derived name of each template was found taken by something foreign,
    /// and again whenever that changes, because other templates may mention the name.
    ///
    /// Run it to its end, in a task of its own: a future that is dropped half-way rolls nothing back. (A process
    /// that is killed half-way may simply submit again: what it has left is recognised.) A panic in it is a failure like any
    /// other.
    ///
    /// # Errors
    /// A [`SubmissionError`] with everything that is wrong, and what could not be rolled back.
    pub async fn submit<R, E>(
        &self,
        render: R,
        report: Report<'_>,
    ) -> Result<Submission, SubmissionError>
    where
        R: Fn(&BTreeMap<ResourceName, u32>) -> Result<Vec<Rendered>, E> + Send + Sync,
        E: Display,
    {
        let notes = Notes::default();
        let render = |attempts: &BTreeMap<ResourceName, u32>| {
            render(attempts).map_err(|error| {
                SubmissionError::new(vec![Failure::general(Reason::Render(error.to_string()))])
            })
        };
        let run = Run {
            inner: &self.inner,
            api: self.inner.api(&notes, self.inner.settings.deadline),
            report,
            ending: self.ending.clone(),
            memory: self.memory.as_deref(),
        };
        let committed = run.submit(&render).await;
        report(Progress::Done);
        Ok(Submission {
            committed: committed?,
            notes: notes.take(),
        })
    }
}

impl Inner {
    fn api<'a>(&'a self, notes: &'a Notes, limit: Duration) -> Api<'a> {
        let started = Instant::now();
        Api {
            server: &self.server,
            settings: &self.settings,
            notes,
            started,
            deadline: later(started, limit),
        }
    }
}
