//! A mock API server, and submitters that use it.

use std::ops::Deref;
use std::time::Duration;

use gleaner_runtime::api_server::{self, Bounds};
use gleaner_submission::{Settings, Submitter};
use gleaner_testkit::api_server::ApiServer;
pub(crate) use gleaner_testkit::fault::{Fault, refusal};

pub(crate) const NAMESPACE: &str = "ci";
pub(crate) const RUN_UID: &str = "run-1";
pub(crate) const OWNER_UID: &str = "owner-1";

/// Matches the path of a create request that is not a dry run.
pub(crate) const REAL: &str = r"pipelineresources\?fieldManager";

/// The mock API server.
#[derive(Clone)]
pub(crate) struct Mock(ApiServer);

impl Mock {
    pub(crate) async fn start() -> Self {
        Self(ApiServer::start())
    }

    /// Returns a submitter whose time limits are never reached in a test.
    pub(crate) async fn submitter(&self) -> Submitter {
        self.submitter_with(Settings {
            unauthorised_pause: Duration::from_millis(10),
            ..Settings::default()
        })
        .await
    }

    /// Returns a submitter whose time limits are short, so that a test can wait until the limits are reached.
    pub(crate) async fn hasty(&self) -> Submitter {
        let settings = Settings {
            deadline: Duration::from_secs(1),
            vanish_timeout: Duration::from_millis(200),
            results_timeout: Duration::from_millis(300),
            ..Settings::default()
        };
        let bounds = Bounds {
            timeout: Duration::from_millis(300),
            ..Bounds::default()
        };
        self.submitter_within(bounds, settings).await
    }

    pub(crate) async fn submitter_with(&self, settings: Settings) -> Submitter {
        self.submitter_within(Bounds::default(), settings).await
    }

    /// Returns a submitter whose requests have these bounds.
    pub(crate) async fn submitter_within(&self, bounds: Bounds, settings: Settings) -> Submitter {
        let server = api_server::ApiServer::at(self.url().parse().unwrap(), bounds).unwrap();
        Submitter::new(server, NAMESPACE.into(), RUN_UID.into(), settings)
    }
}

impl Deref for Mock {
    type Target = ApiServer;

    fn deref(&self) -> &ApiServer {
        &self.0
    }
}
