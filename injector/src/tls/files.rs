//! A certificate from files: cert-manager's, or the user's own.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use gleaner_runtime::{Shutdown, error_chain};

use super::{Identity, Serving, TlsError};
use crate::metrics::Metrics;

/// The files, and the interval of checks.
///
/// The files are polled and compared by content: the kubelet updates a mounted Secret by replacing a symbolic link to
/// its directory, which a watch on a file in it does not notice.
#[derive(Debug, Clone)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The interval between two reads.
    pub poll: Duration,
}

/// An error in the files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    #[error("{path} cannot be read")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} and its key cannot be served")]
    Content {
        path: PathBuf,
        #[source]
        source: TlsError,
    },
}

type Pair = (Vec<u8>, Vec<u8>);

impl Files {
    /// Reads the files once, without serving the certificate.
    pub(crate) fn present(&self) -> Result<Serving, FilesError> {
        self.serving(&self.read()?)
    }

    /// Reads the files and serves the certificate once.
    pub fn load(&self, identity: &Identity, metrics: &Metrics) -> Result<Pair, FilesError> {
        let pair = self.read()?;
        self.serve(&pair, identity, metrics)?;
        Ok(pair)
    }

    /// Serves the new certificate whenever the files change, until shutdown is requested. If the files are invalid, the
    /// previous certificate stays in use.
    pub(crate) async fn follow(
        self,
        mut last: Pair,
        identity: Identity,
        metrics: Metrics,
        shutdown: Shutdown,
    ) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.poll) => {}
                () = shutdown.requested() => return,
            }
            let now = self.read();
            let changed = match now {
                Ok(pair) if pair == last => continue,
                Ok(pair) => {
                    last = pair;
                    self.serve(&last, &identity, &metrics)
                }
                Err(error) => Err(error),
            };
            match changed {
                Ok(()) => {
                    tracing::info!(file = %self.certificate.display(), "certificate-reloaded")
                }
                Err(error) => {
                    metrics.certificate_check_failed();
                    tracing::warn!(error = error_chain(&error), "certificate-not-reloaded");
                }
            }
        }
    }

    fn read(&self) -> Result<Pair, FilesError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| FilesError::Read {
                path: path.to_owned(),
                source,
            })
        };
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    /// Serves the certificate in the files. If the files are replaced one after the other, they do not match for a moment;
    /// the next check reads them again.
    fn serve(&self, pair: &Pair, identity: &Identity, metrics: &Metrics) -> Result<(), FilesError> {
        let serving = self.serving(pair)?;
        metrics.certificate(serving.validity);
        identity.set(serving);
        Ok(())
    }

    fn serving(&self, (chain, key): &Pair) -> Result<Serving, FilesError> {
        Serving::new(chain, key).map_err(|source| FilesError::Content {
            path: self.certificate.clone(),
            source,
        })
    }
}
