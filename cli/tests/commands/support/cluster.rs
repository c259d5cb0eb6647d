//! A local API server and a kubeconfig for it, to test commands that use a cluster.

use std::path::Path;

use gleaner_local_apiserver::{Builder, LocalApiServer};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::file;

/// A local API server that runs in the background while commands use it.
pub(crate) struct Cluster {
    pub(crate) directory: TempDir,
    pub(crate) server: LocalApiServer,
    runtime: Runtime,
}

impl Cluster {
    pub(crate) fn start(builder: Builder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            directory: tempfile::tempdir().unwrap(),
            server: runtime.block_on(builder.start()).unwrap(),
            runtime,
        }
    }

    /// Returns the path of a [`kubeconfig`] for this server.
    pub(crate) fn kubeconfig(&self, context: &str) -> String {
        kubeconfig(self.directory.path(), &self.server.url(), context)
    }

    pub(crate) fn end(self) {
        self.runtime.block_on(self.server.shutdown());
    }
}

/// Writes a kubeconfig to `directory` and returns its path. The only context is `context`, with the namespace `builds`.
pub(crate) fn kubeconfig(directory: &Path, url: &str, context: &str) -> String {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {context}\nclusters: [{{name: c, cluster: {{server: \"{url}\"}}}}]\n\
         contexts: [{{name: {context}, context: {{cluster: c, user: u, namespace: builds}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    file(directory, "kubeconfig", &text)
}
