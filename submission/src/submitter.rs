//! The submitter of a run's objects.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use gleaner_core::declaration::Template;
use gleaner_core::render::Rendered;
use gleaner_proto::name::ResourceName;
use gleaner_runtime::Shutdown;
use gleaner_runtime::api_server::ApiServer;

use super::api::Notes;
use super::discovery::Kinds;
use super::error::{Failure, Reason, SubmissionError};
use super::planned::Memory;
use super::preflight::{self, Finding};
use super::progress::{Progress, Report};
use super::run::{Committed, Inner, Run};
use super::settings::Settings;

/// The submitter of one run's objects.
#[derive(Clone)]
pub struct Submitter {
    inner: Arc<Inner>,
    ending: Option<Shutdown>,
    memory: Option<Arc<dyn Memory>>,
}

/// A submission that succeeded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Submission {
    /// The objects that the submission created, applied or adopted, in the order of the declaration.
    pub committed: Vec<Committed>,
    /// Messages for users: warnings from the API server, and notes about fallbacks such as `blockOwnerDeletion: false`.
    pub notes: Vec<String>,
}

// === impl Submitter ===

impl Submitter {
    /// Returns a submitter for the run with this UID. Objects whose templates specify no namespace are created in `namespace`.
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

    /// Interrupts a submission when [`Settings::patience`] has passed since `ending` was requested. The submission is then rolled
    /// back while there is still time, before the process is killed.
    #[must_use]
    pub fn until(mut self, ending: Shutdown) -> Self {
        self.ending = Some(ending);
        self
    }

    /// Stores the planned objects in `memory`. If `memory` already contains plans of a submission, continues that submission.
    #[must_use]
    pub fn remembering(mut self, memory: Arc<dyn Memory>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Returns the API server on which the objects are created.
    pub fn api_server(&self) -> &ApiServer {
        &self.inner.server
    }

    /// Checks for predictable failures: kinds that the cluster does not serve, and missing permissions. The submission may still
    /// fail even if the returned list is empty.
    pub async fn preflight(&self, templates: &[Template]) -> Vec<Finding> {
        let notes = Notes::default();
        let inner = &self.inner;
        let api = inner.api(&notes, &|_| {}, inner.settings.preflight_deadline);
        preflight::preflight(api, &inner.kinds, &inner.namespace, templates).await
    }

    /// Creates all objects that `render` returns, or none.
    ///
    /// `render` receives, for each template, the number of times that its derived name was already in use by another owner's
    /// object. `render` is called again whenever one of these numbers changes, because other templates may contain the name.
    ///
    /// Run the future to completion in a separate task. If it is dropped earlier, nothing is rolled back. A process that was
    /// killed can submit again, because the submission recognizes the objects that already exist. A panic during the submission
    /// is treated as a failure, so the created objects are rolled back.
    ///
    /// # Errors
    /// Returns a [`SubmissionError`] with all failures and the objects that could not be rolled back.
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
            api: self.inner.api(&notes, report, self.inner.settings.deadline),
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
