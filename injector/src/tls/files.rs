//! A certificate in files, which cert-manager or the user provides.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use gleaner_runtime::{Shutdown, error_chain};

use super::{Identity, Serving, TlsError};
use crate::metrics::Metrics;

/// The paths of the files, and the polling interval.
///
/// The injector polls the files and compares their content. A file watch would not detect the update of a mounted Secret, because
/// the kubelet replaces a symbolic link to the directory that contains the files.
#[derive(Debug, Clone)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The interval between two reads.
    pub poll: Duration,
}

/// An error from reading or parsing the files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    #[error("{path} cannot be read")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the certificate in {path} and its key cannot be used")]
    Content {
        path: PathBuf,
        #[source]
        source: TlsError,
    },
}

type Pair = (Vec<u8>, Vec<u8>);

impl Files {
    /// Reads the files once, but does not serve the certificate.
    pub(crate) fn present(&self) -> Result<Serving, FilesError> {
        self.serving(&self.read()?)
    }

    /// Reads the files once, and serves the certificate.
    pub fn load(&self, identity: &Identity, metrics: &Metrics) -> Result<Pair, FilesError> {
        let pair = self.read()?;
        self.serve(&pair, identity, metrics)?;
        Ok(pair)
    }

    /// Polls the files until shutdown is requested, and serves the new certificate when they change. If the files become invalid,
    /// the previous certificate is still served.
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

    /// Serves the certificate in the files. Fails if the key does not match the certificate, for example because only one of the
    /// files was replaced so far. In that case, the next check reads both files again.
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
