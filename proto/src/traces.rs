//! The settings of traces that the injector passes to the sidecar in environment variables.

/// The URL to which spans are sent, as in OpenTelemetry's specification of exporters. Without it, there are no traces.
pub const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// The span context of the run's parent: the value of the pod's annotation
/// [`SPAN_CONTEXT`](crate::kubernetes::annotation::SPAN_CONTEXT).
pub const SPAN_CONTEXT: &str = "GLEANER_SPAN_CONTEXT";
/// The name of the pod.
pub const POD_NAME: &str = "POD_NAME";

/// Checks the URL of an endpoint.
///
/// # Errors
/// Returns a message with the remedy if the text is not an HTTP URL with a host and a path, or contains a character that the
/// kubelet expands, or credentials, which would appear in every pod.
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
            "use the whole URL for OTLP over HTTP, without credentials, such as \
             http://otel-collector.observability:4318/v1/traces"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_whole_url() {
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
