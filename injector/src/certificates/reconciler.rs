//! The reconciler. It reads the Secret and the webhook configuration, performs the rotation steps that are due, and writes the
//! results.

use std::sync::Arc;

use gleaner_runtime::Shutdown;
use gleaner_runtime::api_server::{ApiServer, RequestError, path};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::configuration::{Configuration, TrustError};
use super::content::{Certificate, Content, ContentError};
use super::issue::IssueError;
use super::rotation::{self, Step};
use super::{Checks, FIELD_MANAGER, Managed, trust};
use crate::metrics::Metrics;
use crate::server::Readiness;
use crate::tls::{Identity, TlsError};

/// The maximum number of steps per check. A rotation normally takes one step per check.
const STEPS: usize = 4;

/// A task that keeps an installation's CA and certificate valid.
#[must_use = "no certificate is served before `run` is called"]
pub struct Reconciler {
    server: ApiServer,
    managed: Managed,
    identity: Identity,
    readiness: Arc<Readiness>,
    metrics: Metrics,
    configuration: Configuration,
    /// The CAs in the Secret at the last check. API servers must still trust them if the Secret is deleted or can no longer be
    /// read.
    known: Vec<Certificate>,
}

/// An error during a check.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    #[error(transparent)]
    Api(#[from] RequestError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

struct Seen {
    configuration: Option<Value>,
    secret: Option<Value>,
}

impl Seen {
    /// Returns the content of the Secret, or `None` if the Secret does not exist or its content is not valid.
    fn content(&self) -> Option<Content> {
        let data = &self.secret.as_ref()?["data"];
        match Content::read(data) {
            Ok(content) => Some(content),
            // A missing entry is normal: the chart creates an empty Secret, so that the injector does not need permission to
            // create Secrets.
            Err(ContentError::Missing(_)) => None,
            Err(error) => {
                tracing::warn!(%error, "secret-unusable");
                None
            }
        }
    }
}

impl Reconciler {
    /// Returns a reconciler for the objects in `managed`. It must be started with [`run`](Self::run).
    pub fn new(
        server: ApiServer,
        managed: Managed,
        identity: Identity,
        readiness: Arc<Readiness>,
        metrics: Metrics,
    ) -> Self {
        let configuration = Configuration::new(
            server.clone(),
            managed.configuration.clone(),
            managed.policy.settle,
            metrics.clone(),
        );
        Self {
            server,
            managed,
            identity,
            readiness,
            metrics,
            configuration,
            known: Vec::new(),
        }
    }

    /// Runs checks until shutdown is requested.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut checks = Checks::new(self.managed.poll, self.metrics.clone(), shutdown);
        while checks.run(self.check()).await {}
    }

    /// Reads the configuration and the Secret, performs the steps that are due, and serves the resulting certificate.
    async fn check(&mut self) -> Result<(), CheckError> {
        let mut stepped = Ok(());
        for _ in 0..STEPS {
            let seen = self.look().await?;
            let content = seen.content();
            let settled = content
                .as_ref()
                .and_then(|content| self.configuration.settled(&content.authorities));
            let step = rotation::next(
                content.as_ref(),
                Timestamp::now(),
                settled,
                &self.managed.policy,
            );
            if let Some(step) = step {
                stepped = self.step(step, content.as_ref(), &seen).await;
                if stepped.is_ok() {
                    continue;
                }
            }
            // Serve the existing certificate even if the step failed.
            let Some(content) = content else { break };
            let trusted = self.trust(&content, seen.configuration.as_ref()).await;
            self.serve(&content)?;
            trusted?;
            break;
        }
        stepped
    }

    /// Reads the configuration first, and then the Secret. A later write to the configuration succeeds only if the configuration
    /// has not changed since it was read. If the write succeeds, no other replica has written a newer bundle since then, so the
    /// Secret, which was read after the configuration, contains the newest bundle. In the opposite order, a slow replica could
    /// remove a new CA from the caBundle.
    ///
    /// When the installation switches to a different certificate source, a replica that will soon be replaced can lose the
    /// permission to read the Secret. It then continues to serve its certificate and to announce its CAs.
    async fn look(&mut self) -> Result<Seen, CheckError> {
        let configuration = self.configuration.read().await?;
        match self.server.get(&self.secret_path()).await {
            Ok(secret) => Ok(Seen {
                configuration,
                secret,
            }),
            Err(error) => {
                if !self.known.is_empty() {
                    let trust = self
                        .configuration
                        .trust(&self.known, configuration.as_ref());
                    trust.await?;
                }
                Err(error.into())
            }
        }
    }

    /// Performs a step, and writes the result to the Secret unless the Secret has changed since it was read.
    async fn step(
        &mut self,
        step: Step,
        content: Option<&Content>,
        seen: &Seen,
    ) -> Result<(), CheckError> {
        let now = Timestamp::now();
        // If the Secret was deleted, other replicas may still serve certificates that its CAs signed, so the new Secret includes
        // the CAs that API servers trust.
        let trusted = seen.configuration.iter().flat_map(trust::authorities);
        let known = self
            .known
            .iter()
            .cloned()
            .chain(trusted)
            .collect::<Vec<_>>();
        let next = rotation::take(step, content, &known, now, &self.managed.policy)?;
        let written = match &seen.secret {
            Some(secret) => {
                let mut secret = secret.clone();
                secret["data"] = next.data();
                self.write(Method::PUT, &self.secret_path(), &secret).await
            }
            None => {
                let secret = self.secret(&next);
                self.write(Method::POST, &self.secrets_path(), &secret)
                    .await
            }
        };
        match written {
            Ok(()) => {
                self.metrics.certificate_step(step.as_str());
                let until = next.leaf.validity.until;
                tracing::info!(step = step.as_str(), authorities = next.authorities.len(), %until, "certificate-step");
                Ok(())
            }
            // Another replica wrote the Secret first. The next check reads its result.
            Err(error) if error.code() == Some(StatusCode::CONFLICT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn write(&self, method: Method, path: &str, object: &Value) -> Result<(), RequestError> {
        let path = format!("{path}?fieldManager={FIELD_MANAGER}");
        self.server
            .call(method, &path, "application/json", Some(object))
            .await
            .map(drop)
    }

    /// Adds the CAs in `content` to the webhook configuration, and marks this replica as trusted when API servers may call it.
    async fn trust(
        &mut self,
        content: &Content,
        configuration: Option<&Value>,
    ) -> Result<(), CheckError> {
        self.known.clone_from(&content.authorities);
        let trust = self
            .configuration
            .trust(&content.authorities, configuration);
        trust.await?;
        if self.configuration.may_be_called() {
            self.readiness.trusted();
        }
        Ok(())
    }

    /// Serves the certificate in `content`. If API servers trust the current certificate but might not trust the new one yet,
    /// continues to serve the current certificate.
    fn serve(&self, content: &Content) -> Result<(), TlsError> {
        let now = Timestamp::now();
        if let Some(served) = self.identity.get() {
            if served.chain().first() == Some(&content.leaf.der) {
                return Ok(());
            }
            let settled = self.configuration.is_settled(&content.authorities);
            let leaf = served.chain().first().cloned().and_then(Certificate::new);
            let is_of = |leaf: &Certificate| {
                let mut known = self.known.iter();
                known.any(|known| leaf.is_of(known, &self.managed.policy.names, now))
            };
            let of_known = leaf.as_ref().is_some_and(is_of);
            // If the Secret was deleted and created again, some API servers might not trust the new CA yet, but they all trust
            // the current certificate.
            if of_known && !settled {
                return Ok(());
            }
        }
        let serving = content.serving()?;
        self.metrics.certificate(serving.validity);
        tracing::info!(until = %serving.validity.until, "certificate-served");
        self.identity.set(serving);
        Ok(())
    }

    /// Returns the Secret object to create.
    fn secret(&self, content: &Content) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.managed.secret.name,
                "namespace": self.managed.secret.namespace,
                "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
            },
            "type": "kubernetes.io/tls",
            "data": content.data(),
        })
    }

    fn secrets_path(&self) -> String {
        path::collection("v1", "secrets", Some(&self.managed.secret.namespace))
    }

    fn secret_path(&self) -> String {
        let secret = &self.managed.secret;
        path::object("v1", "secrets", Some(&secret.namespace), &secret.name)
    }
}
