//! Identifies the sender of each request.
//!
//! On a Unix socket, the socket identifies the step, because each step mounts only the directory with its own socket. On the
//! loopback address, the bearer token in that directory identifies the step.
//!
//! In a pod with a shared process namespace, a process that runs as the step's user can bypass both checks (docs/security.md).

use std::net::IpAddr;

use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gleaner_proto::StepName;
use gleaner_proto::message::problem_type;
use gleaner_runtime::text::hex;
use http::{HeaderMap, header};
use indexmap::IndexMap;
use subtle::ConstantTimeEq;

use super::Api;
use super::answer::ApiProblem;

/// The sender of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A client on the loopback address. It may read, and may post if it sends a step's token.
    Loopback,
    /// A probe on the sidecar's own socket. It has the same permissions as a client on the loopback address.
    Probe,
    Step(StepName),
}

/// The bearer token of each step.
#[derive(Debug, Default)]
pub struct Tokens(IndexMap<StepName, String>);

impl Tokens {
    /// Generates a token for each step in `steps`.
    ///
    /// # Errors
    /// Fails if the system cannot provide random bytes.
    pub fn generate<'a>(
        steps: impl Iterator<Item = &'a StepName>,
    ) -> Result<Self, getrandom::Error> {
        let token = |step: &StepName| Ok((step.clone(), random()?));
        Ok(Self(steps.map(token).collect::<Result<_, _>>()?))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&StepName, &str)> {
        self.0.iter().map(|(step, token)| (step, token.as_str()))
    }

    /// Returns the step with this token. The comparison takes the same time for valid and invalid tokens.
    fn step(&self, token: &str) -> Option<&StepName> {
        self.0.iter().fold(None, |found, (step, known)| {
            let same: bool = known.as_bytes().ct_eq(token.as_bytes()).into();
            if same { Some(step) } else { found }
        })
    }
}

/// The step that sends the request, set by [`require_step`].
#[derive(Clone)]
pub(super) struct Speaker(pub(super) StepName);

/// Accepts a request only if a step sends it, identified by the socket or, on the loopback address, by the token.
pub(super) async fn require_step(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    mut request: Request,
    next: Next,
) -> Response {
    let step = match caller {
        Caller::Step(step) => Ok(step),
        Caller::Loopback | Caller::Probe => match bearer(request.headers()) {
            None => Err("a bearer token is missing"),
            Some(token) => {
                let step = api.tokens.step(token).cloned();
                step.ok_or("the bearer token does not belong to a step")
            }
        },
    };
    match step {
        Ok(step) => {
            request.extensions_mut().insert(Speaker(step));
            next.run(request).await
        }
        Err(what) => {
            let detail = format!(
                "{what}; send `Authorization: Bearer TOKEN`, where TOKEN is the content of the file `token` next to the step's \
                 socket, or post through the socket"
            );
            let title = "only a step may post";
            ApiProblem::new(problem_type::UNAUTHORIZED, 401, title, detail).into_response()
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Refuses requests that a website made a browser send (DNS rebinding). On the loopback address, the Host header must be
/// localhost or an IP address.
pub(super) async fn refuse_foreign_hosts(
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    // A Host header that is not valid text cannot be a local name.
    let are_local = hosts.all(|host| host.to_str().is_ok_and(is_local));
    if caller == Caller::Loopback && !are_local {
        let detail = "the Host header must be localhost or an IP address";
        return ApiProblem::new(problem_type::FORBIDDEN, 421, "misdirected request", detail)
            .into_response();
    }
    next.run(request).await
}

fn is_local(host: &str) -> bool {
    let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, digits)) if port(digits) && (!name.contains(':') || name.ends_with(']')) => {
            name
        }
        _ => host,
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// Returns 256 random bits in hexadecimal.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests;
