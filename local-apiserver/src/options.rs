//! The query parameters of requests. Unknown parameters are ignored, as on a real server.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use crate::cause::{Cause, Fault};
use crate::refusal::Refusal;
use crate::state::Shared;

#[derive(Debug, Clone, Default)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) field_manager: Option<String>,
    pub(crate) force: bool,
}

/// The options of a list request. Unsupported options are rejected; the others have no effect.
pub(crate) struct ListOptions;

impl FromRequestParts<Arc<Shared>> for WriteOptions {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        for (name, value) in pairs(parts)? {
            match name.as_str() {
                "dryRun" if value != "All" => {
                    let fault = Fault::NotSupported {
                        found: value.into(),
                        supported: vec!["All".into()],
                    };
                    let cause = Cause::new("dryRun", fault);
                    return Err(Refusal::invalid("meta.k8s.io", "Options", "", &[cause]));
                }
                "dryRun" => options.dry_run = true,
                "fieldManager" if !value.is_empty() => options.field_manager = Some(value),
                "force" => options.force = is_true(&value),
                _ => {}
            }
        }
        Ok(options)
    }
}

/// Rejects watches and selectors. If selectors were ignored, the client would mistake the complete list for the selected objects.
impl FromRequestParts<Arc<Shared>> for ListOptions {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Refusal> {
        for (name, value) in pairs(parts)? {
            match name.as_str() {
                "watch" if is_true(&value) => return Err(Refusal::method_not_allowed()),
                "labelSelector" | "fieldSelector" if !value.is_empty() => {
                    let message = format!("the local API server does not support {name}");
                    return Err(Refusal::bad_request(message));
                }
                _ => {}
            }
        }
        Ok(Self)
    }
}

fn pairs(parts: &Parts) -> Result<Vec<(String, String)>, Refusal> {
    let Query(pairs) = Query::try_from_uri(&parts.uri)
        .map_err(|rejection| Refusal::bad_request(rejection.body_text()))?;
    Ok(pairs)
}

fn is_true(value: &str) -> bool {
    matches!(value, "true" | "1" | "")
}
