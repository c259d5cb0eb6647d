//! The environment variables with which the injector configures traces in the sidecar.

/// The URL to which the sidecar exports spans; OpenTelemetry's exporter specification defines this variable. If it is unset, the
/// sidecar exports no traces.
pub const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// The context of the run's parent span, which is the value of the pod's annotation
/// [`SPAN_CONTEXT`](crate::kubernetes::annotation::SPAN_CONTEXT).
pub const SPAN_CONTEXT: &str = "GLEANER_SPAN_CONTEXT";
/// The name of the pod.
pub const POD_NAME: &str = "POD_NAME";

/// Checks an endpoint's URL.
///
/// # Errors
/// Returns a message with the remedy if the text is not an HTTP or HTTPS URL with a host and a path. Also rejects `$`, because
/// the kubelet replaces `$(NAME)`, and credentials, because they would be visible in every pod.
pub fn endpoint(text: &str) -> Result<String, String> {
    let mut schemes = ["http://", "https://"].iter();
    let rest = schemes.find_map(|scheme| text.strip_prefix(scheme));
    let parts = rest.and_then(|rest| rest.split_once('/'));
    let is_plain = |part: &str| {
        let strange = |byte: u8| b"\"#$<>@\\^`{|}".contains(&byte);
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !strange(byte))
    };
    match parts {
        Some((host, path)) if is_plain(host) && is_plain(path) => Ok(text.to_owned()),
        _ => Err(
            "use the full URL for OTLP over HTTP, without credentials, such as \
             http://otel-collector.observability:4318/v1/traces"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_full_url() {
        for url in [
            "http://jaeger-collector.jaeger.svc.cluster.local:4318/v1/traces",
            "https://otlp.example/v1/traces?tenant=a",
            "http://[fd00::1]:4318/v1/traces",
        ] {
            assert_eq!(endpoint(url).as_deref(), Ok(url));
        }
        for wrong in [
            "",
            "collector:4318",
            "grpc://collector:4317/v1/traces",
            "http://collector:4318",
            "http://collector:4318/",
            "http:///v1/traces",
            "http://user:secret@collector/v1/traces",
            "http://$(HOST)/v1/traces",
            "http://collector/v1/traces\n",
            "http://collector/v1 traces",
        ] {
            let error = endpoint(wrong).unwrap_err();
            assert!(error.contains("/v1/traces"), "{wrong}: {error}");
        }
    }
}
