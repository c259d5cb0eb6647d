//! Address and credentials of the API server as flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gleaner_proto::duration;
use http::Uri;

use super::{ApiServer, Bounds, ConnectError, Connection};

/// Address and credentials of the API server, to be flattened into a program's own flags.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API server")]
#[group(skip)]
pub struct Access {
    /// A plain address, instead of the pod's own ServiceAccount
    #[arg(long, env = "GLEANER_API_SERVER", value_parser = address, conflicts_with = "kubeconfig")]
    api_server: Option<Uri>,
    /// A kubeconfig file, instead of the pod's own ServiceAccount
    #[arg(long, env = "GLEANER_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig file
    #[arg(long, env = "GLEANER_KUBE_CONTEXT", requires = "kubeconfig")]
    kube_context: Option<String>,
    /// How long one request to the API server may take
    #[arg(long, env = "GLEANER_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration::parse)]
    request_timeout: Duration,
}

impl Access {
    /// Returns the API server that the flags name, the pod's own without any. It does not connect yet.
    ///
    /// # Errors
    /// A [`ConnectError`] if a file is missing or invalid.
    pub async fn connect(&self) -> Result<ApiServer, ConnectError> {
        let connection = match (&self.api_server, &self.kubeconfig) {
            (Some(url), _) => Connection::Address(url.clone()),
            (None, Some(file)) => Connection::Kubeconfig {
                file: Some(file.clone()),
                context: self.kube_context.clone(),
            },
            (None, None) => Connection::InCluster,
        };
        let bounds = Bounds {
            timeout: self.request_timeout,
            ..Bounds::default()
        };
        ApiServer::connect(&connection, bounds).await
    }
}

/// Parses an address with scheme and host. The client would panic at its first request to any other.
fn address(text: &str) -> Result<Uri, String> {
    let url = text.parse().ok().filter(|url: &Uri| {
        let known = matches!(url.scheme_str(), Some("http" | "https"));
        known && url.host().is_some_and(|host| !host.is_empty())
    });
    url.ok_or_else(|| {
        format!("invalid address '{text}'; write it as http://HOST:PORT or https://HOST:PORT")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_scheme_and_host() {
        assert!(address("https://10.0.0.1:6443").is_ok());
        for text in ["10.0.0.1:6443", "ftp://a", "/x", ""] {
            assert!(address(text).unwrap_err().contains("write it as"), "{text}");
        }
    }
}
