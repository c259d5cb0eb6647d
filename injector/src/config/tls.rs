//! The command-line flags for the certificate.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};
use gleaner_proto::duration;

use crate::certificates::given::Given;
use crate::certificates::{Managed, ObjectName, Policy};
use crate::tls::files::Files;

/// The flags that select the source of the certificate.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Certificate")]
#[command(group = ArgGroup::new("authority").args(["tls_secret", "tls_ca"]))]
pub struct Tls {
    /// Certificate and its chain, in PEM format; read again when the file changes
    #[arg(
        long,
        env = "GLEANER_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM format
    #[arg(
        long,
        env = "GLEANER_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// CA of the certificate, in PEM format; it is written into the webhook configuration before the certificate is served.
    /// Without this flag, you must set the caBundle
    #[arg(
        long,
        env = "GLEANER_TLS_CA",
        value_name = "FILE",
        requires = "tls_cert",
        requires = "webhook_configuration"
    )]
    tls_ca: Option<PathBuf>,
    /// Create and renew the certificate, and store it in this Secret, which all replicas share
    #[arg(
        long,
        env = "GLEANER_TLS_SECRET",
        value_name = "NAMESPACE/NAME",
        conflicts_with = "tls_cert"
    )]
    #[arg(requires = "service", requires = "webhook_configuration")]
    tls_secret: Option<ObjectName>,
    /// Service that API servers call; it must be in the Secret's namespace
    #[arg(
        long,
        env = "GLEANER_SERVICE",
        value_name = "NAME",
        requires = "tls_secret"
    )]
    service: Option<String>,
    /// MutatingWebhookConfiguration that calls the injector; the CA becomes the caBundle of all its webhooks
    #[arg(
        long,
        env = "GLEANER_WEBHOOK_CONFIGURATION",
        value_name = "NAME",
        requires = "authority"
    )]
    webhook_configuration: Option<String>,
    /// Additional DNS name or IP address for the certificate, if the webhook is called by URL
    #[arg(
        long = "certificate-name",
        env = "GLEANER_CERTIFICATE_NAMES",
        value_delimiter = ','
    )]
    #[arg(value_name = "NAME", requires = "tls_secret")]
    certificate_names: Vec<String>,
    /// Validity period of a certificate, which is renewed when a third of the period remains
    #[arg(long, env = "GLEANER_CERTIFICATE_VALIDITY", default_value = "720h", value_parser = validity)]
    certificate_validity: Duration,
    /// Validity period of the CA, which is replaced when a third of the period remains
    #[arg(long, env = "GLEANER_AUTHORITY_VALIDITY", default_value = "17520h", value_parser = validity)]
    authority_validity: Duration,
    /// Time to wait after adding a CA to the caBundle before serving a certificate signed by that CA, so that all API servers see
    /// the new CA first
    #[arg(long, env = "GLEANER_AUTHORITY_SETTLE", default_value = "15s", value_parser = duration::parse)]
    authority_settle: Duration,
    /// Interval between checks of the files, the Secret and the caBundle
    #[arg(long, env = "GLEANER_CERTIFICATE_POLL", default_value = "5s", value_parser = poll)]
    certificate_poll: Duration,
}

/// The source of the certificate.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A certificate in files. The injector does not write its CA into the webhook configuration.
    Files(Files),
    Given(Given),
    Managed(Managed),
}

// === impl Tls ===

impl Tls {
    pub(crate) fn source(self) -> Source {
        let Self {
            tls_cert,
            tls_key,
            tls_ca,
            tls_secret,
            service,
            webhook_configuration,
            certificate_names,
            certificate_validity,
            authority_validity,
            authority_settle,
            certificate_poll,
        } = self;
        let invariant = "invariant: clap requires both files, or the Secret with its related flags";
        let files = || Files {
            certificate: tls_cert.expect(invariant),
            key: tls_key.expect(invariant),
            poll: certificate_poll,
        };
        match (tls_secret, tls_ca) {
            (None, None) => Source::Files(files()),
            (None, Some(authorities)) => Source::Given(Given {
                files: files(),
                authorities,
                configuration: webhook_configuration.expect(invariant),
                settle: authority_settle,
            }),
            (Some(secret), _) => Source::Managed(Managed {
                policy: Policy {
                    names: Policy::names(
                        &service.expect(invariant),
                        &secret.namespace,
                        certificate_names,
                    ),
                    leaf: certificate_validity,
                    authority: authority_validity,
                    settle: authority_settle,
                },
                secret,
                configuration: webhook_configuration.expect(invariant),
                poll: certificate_poll,
            }),
        }
    }
}

/// Parses a validity period. The period must be at least 3 s, because X.509 times have a precision of one second, and at most 100
/// years.
fn validity(text: &str) -> Result<Duration, String> {
    let validity = duration::parse(text).map_err(|error| error.to_string())?;
    let bounds = Duration::from_secs(3)..=Duration::from_secs(100 * 365 * 24 * 3600);
    let within = bounds.contains(&validity);
    within
        .then_some(validity)
        .ok_or_else(|| format!("'{text}' is not a valid period; use 3s to 876000h"))
}

fn poll(text: &str) -> Result<Duration, String> {
    let poll = duration::parse(text).map_err(|error| error.to_string())?;
    let within = poll >= Duration::from_millis(100);
    within
        .then_some(poll)
        .ok_or_else(|| format!("'{text}' is too short; use 100ms or more"))
}
