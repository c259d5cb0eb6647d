//! Selects the proxy for an API server from the variables that `kubectl` reads (Go's `golang.org/x/net/http/httpproxy`). kube
//! differs from `kubectl`: it uses `HTTPS_PROXY` for every address, and compares `NO_PROXY` with the proxy's host.

use std::net::IpAddr;

use http::Uri;

/// Returns the proxy for requests to `url`. Returns `None` if no proxy is set, if the host is a loopback address, or if
/// `NO_PROXY` lists the host.
///
/// # Errors
/// The name of the variable, if its value is not a valid URL.
pub(super) fn of(
    url: &Uri,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, &'static str> {
    let either = |upper: &'static str, lower: &'static str| {
        let given = |name: &'static str| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            Some((name, value))
        };
        given(upper).or_else(|| given(lower))
    };
    let (proxy, port) = match url.scheme_str() {
        Some("https") => (either("HTTPS_PROXY", "https_proxy"), 443),
        _ => (either("HTTP_PROXY", "http_proxy"), 80),
    };
    let Some((name, proxy)) = proxy else {
        return Ok(None);
    };
    let port = url.port_u16().unwrap_or(port);
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    let is_local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    let exceptions = either("NO_PROXY", "no_proxy").map(|(_, value)| value);
    let mut exceptions = exceptions.iter().flat_map(|value| value.split(','));
    if is_local || exceptions.any(|exception| matches(exception, &host, address, port)) {
        return Ok(None);
    }
    let whole = if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    };
    let parsed = whole.parse().ok();
    let parsed = parsed.filter(|proxy: &Uri| proxy.host().is_some_and(|host| !host.is_empty()));
    parsed.map(Some).ok_or(name)
}

/// Returns true if an item of `NO_PROXY` matches the host. An item is `*`, an address, a network, a domain (which includes its
/// subdomains) or `.domain` (only its subdomains). An address or domain may include a port.
fn matches(exception: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    let exception = exception.trim().to_ascii_lowercase();
    if exception == "*" {
        return true;
    }
    if let Some((network, bits)) = exception.split_once('/') {
        let network = network.parse().ok();
        let within = network.zip(bits.parse().ok()).zip(address);
        return within.is_some_and(|((network, bits), address)| is_within(address, network, bits));
    }
    let (named, own_port) = with_port(&exception);
    if named.is_empty() || own_port.is_some_and(|own| own != port) {
        return false;
    }
    if let Ok(named) = named.parse::<IpAddr>() {
        return address == Some(named);
    }
    let named = named
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(named);
    match named.strip_prefix('.') {
        Some(_) => host.ends_with(named),
        None => {
            host == named
                || host
                    .strip_suffix(named)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

/// Splits `host`, `host:port`, `[::1]:port` or `::1` into host and port.
fn with_port(text: &str) -> (&str, Option<u16>) {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').unwrap_or((rest, ""));
        return (
            host,
            port.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
        _ => (text, None),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, all) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (
            u128::from(u32::from(address)),
            u128::from(u32::from(network)),
            32,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.into(), network.into(), 128),
        _ => return false,
    };
    // For `::/0`, the shift by 128 bits overflows. The result counts as 0, because `::/0` matches every address.
    bits <= all && (address ^ network).checked_shr(all - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let mut all = variables.iter();
            let (_, value) = all.find(|(own, _)| *own == name)?;
            Some((*value).to_owned())
        };
        let found = of(&url.parse().unwrap(), variable).expect("a proxy");
        found.map(|proxy| proxy.to_string())
    }

    const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://proxy.example:3128");

    #[test]
    fn the_scheme_of_the_address_selects_the_variable() {
        let expected = Some("http://proxy.example:3128/".to_owned());
        assert_eq!(proxy("https://a.example", &[PROXY]), expected);
        assert_eq!(proxy("http://a.example", &[PROXY]), None);
        assert_eq!(
            proxy("http://a.example", &[("http_proxy", "proxy.example:3128")]),
            expected
        );
        assert_eq!(
            proxy(
                "https://a.example",
                &[("HTTPS_PROXY", ""), ("https_proxy", "proxy.example:3128")]
            ),
            expected
        );
        assert_eq!(proxy("https://a.example", &[]), None);
        let wrong = of(&"https://a.example".parse().unwrap(), |name| {
            (name == "HTTPS_PROXY").then(|| "http://".to_owned())
        });
        assert_eq!(wrong, Err("HTTPS_PROXY"));
    }

    #[test]
    fn loopback_addresses_never_use_a_proxy() {
        for url in [
            "https://127.0.0.1:6443",
            "https://localhost:6443",
            "https://[::1]:6443",
            "https://127.9.9.9",
        ] {
            assert_eq!(proxy(url, &[PROXY]), None, "{url}");
        }
    }

    #[test]
    fn no_proxy_excludes_hosts_domains_networks_and_ports() {
        let cases = [
            ("https://a.example:6443", "*", true),
            ("https://a.example:6443", "x, a.example ,y", true),
            ("https://A.Example:6443", "a.eXample", true),
            ("https://b.a.example", "a.example", true),
            ("https://ba.example", "a.example", false),
            ("https://a.example", ".a.example", false),
            ("https://b.a.example", ".a.example", true),
            ("https://b.a.example", "*.a.example", true),
            ("https://a.example", "*.a.example", false),
            ("https://a.example:6443", "a.example:6443", true),
            ("https://a.example:6443", "a.example:443", false),
            ("https://a.example", "a.example:443", true),
            ("https://10.1.2.3:6443", "10.0.0.0/8", true),
            ("https://11.1.2.3:6443", "10.0.0.0/8", false),
            ("https://10.1.2.3", "0.0.0.0/0", true),
            ("https://10.1.2.3", "10.1.2.3", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true),
            ("https://10.1.2.3:6443", "10.1.2.3:1", false),
            ("https://[fd00::5]:6443", "fd00::/8", true),
            ("https://[fe00::5]:6443", "fd00::/8", false),
            ("https://[fd00::5]:6443", "::/0", true),
            ("https://[fd00::5]:6443", "fd00::5", true),
            ("https://[fd00::5]:6443", "[fd00::5]:6443", true),
            ("https://[fd00::5]:6443", "[fd00::5]:1", false),
            ("https://a.example", "10.0.0.0/8,10.0.0.0/99,/,:,", false),
        ];
        for (url, exceptions, is_direct) in cases {
            for name in ["NO_PROXY", "no_proxy"] {
                let found = proxy(url, &[PROXY, (name, exceptions)]);
                assert_eq!(found.is_none(), is_direct, "{url} {exceptions}");
            }
        }
    }
}
