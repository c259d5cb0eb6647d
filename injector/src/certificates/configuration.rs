//! The webhook configuration, and how long it has contained this replica's CAs.

use std::time::Duration;

use gleaner_runtime::api_server::{ApiServer, RequestError, path};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::FIELD_MANAGER;
use super::content::Certificate;
use super::trust::{self, Before};
use crate::metrics::Metrics;

/// The MutatingWebhookConfiguration whose `caBundle` fields this replica maintains.
pub struct Configuration {
    server: ApiServer,
    name: String,
    /// The maximum time until all API servers have seen a change to the configuration.
    settle: Duration,
    metrics: Metrics,
    trusted: Option<Trusted>,
}

/// This replica's CAs in the configuration, and the time at which the replica first saw or wrote them.
struct Trusted {
    authorities: Vec<Certificate>,
    since: Instant,
    /// True if the configuration contained other CAs before, so other replicas may still serve certificates that those CAs
    /// signed.
    replaced: bool,
}

/// An error from [`Configuration::trust`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    #[error(transparent)]
    Api(#[from] RequestError),
    #[error(
        "MutatingWebhookConfiguration '{0}' does not exist; set --webhook-configuration to the configuration that calls this injector"
    )]
    Missing(String),
}

impl Configuration {
    /// Returns a handle for the configuration with this name. Sends no request.
    pub fn new(server: ApiServer, name: String, settle: Duration, metrics: Metrics) -> Self {
        Self {
            server,
            name,
            settle,
            metrics,
            trusted: None,
        }
    }

    /// Reads the configuration. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// Fails if the API server cannot be reached or refuses the request.
    pub async fn read(&self) -> Result<Option<Value>, RequestError> {
        self.server.get(&self.path()).await
    }

    /// Updates the configuration so that it trusts the CAs in `own`, and records when it began to trust them. `read` is the
    /// object from [`read`](Self::read).
    ///
    /// # Errors
    /// Fails if the configuration does not exist or cannot be written.
    pub async fn trust(
        &mut self,
        own: &[Certificate],
        read: Option<&Value>,
    ) -> Result<(), TrustError> {
        let Some(configuration) = read else {
            self.trusted = None;
            return Err(TrustError::Missing(self.name.clone()));
        };
        let mut before = Before::Trusted;
        if let Some(repair) = trust::repair(configuration, own, Timestamp::now()) {
            before = repair.before;
            if before != Before::Trusted {
                self.trusted = None;
            }
            if !self.patch(&repair.patch).await? {
                return Ok(());
            }
        }
        let noted = self.trusted.as_ref();
        if noted.is_none_or(|trusted| trusted.authorities != own) {
            self.trusted = Some(Trusted {
                authorities: own.to_owned(),
                since: Instant::now(),
                replaced: before == Before::Others,
            });
        }
        Ok(())
    }

    /// Returns how long this replica has known that the configuration trusts the CAs in `own`. If the configuration does not
    /// trust them, returns `None`.
    pub fn settled(&self, own: &[Certificate]) -> Option<Duration> {
        let trusted = self.trusted.as_ref()?;
        (trusted.authorities == own).then(|| trusted.since.elapsed())
    }

    /// Returns true if every API server has had time to see that the configuration trusts the CAs in `own`.
    pub fn is_settled(&self, own: &[Certificate]) -> bool {
        self.settled(own)
            .is_some_and(|settled| settled >= self.settle)
    }

    /// Returns true if API servers may send reviews to this replica: immediately if no CA was trusted before, and otherwise after
    /// every API server has had time to see the change.
    pub fn may_be_called(&self) -> bool {
        self.trusted
            .as_ref()
            .is_some_and(|trusted| !trusted.replaced || trusted.since.elapsed() >= self.settle)
    }

    /// Applies a JSON patch to the configuration. Returns false if another replica changed the configuration first. In that case,
    /// the next check reads the new version.
    async fn patch(&self, patch: &Value) -> Result<bool, RequestError> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}", self.path());
        let kind = "application/json-patch+json";
        let patched = self
            .server
            .call(Method::PATCH, &path, kind, Some(patch))
            .await;
        match patched {
            Ok(_) => {
                self.metrics.certificate_step("trust");
                tracing::info!(configuration = self.name, "ca-bundle-written");
                Ok(true)
            }
            Err(error)
                if matches!(
                    error.code(),
                    Some(StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY)
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn path(&self) -> String {
        path::object(
            "admissionregistration.k8s.io/v1",
            "mutatingwebhookconfigurations",
            None,
            &self.name,
        )
    }
}
