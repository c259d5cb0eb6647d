//! Computes the `caBundle` fields of a webhook configuration, without side effects.
//!
//! The injectors of an installation own these fields, regardless of the certificate source. While the source changes (`tls.mode`
//! in the chart), replicas with different CAs run at the same time. Therefore, each replica announces its CAs in an annotation of
//! the configuration, with an expiry time that it renews, and does not remove CAs that other replicas announce. It removes CAs
//! that no replica announces.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gleaner_runtime::text::hex;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::content::Certificate;

/// The annotation that contains the announcements. Its value is a JSON object that maps the SHA-256 of each CA to the expiry time
/// of its announcement.
pub const ANNOUNCEMENTS: &str = "gleaner.dev/ca-announcements";
/// The validity period of an announcement. A replica renews the announcement when half of the period remains, so a CA stays in
/// the bundle for up to this time after the last replica that uses it exits.
pub const ANNOUNCED: Duration = Duration::from_secs(24 * 3600);

/// The expiry time of each announcement, by the SHA-256 of the CA.
type Announcements = BTreeMap<String, Timestamp>;

/// The CAs in the `caBundle` of one webhook, or `None` if the `caBundle` is not valid.
type Bundle = Option<Vec<Certificate>>;

/// A change to a webhook configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// A JSON patch that tests the resource version, so that it fails if the configuration has changed since it was read.
    pub patch: Value,
    pub before: Before,
}

/// Which CAs the webhooks trusted before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Every webhook trusted the replica's own CAs.
    Trusted,
    /// The webhooks trusted no CA.
    Nothing,
    /// The webhooks trusted other CAs. Some API servers may still use the old configuration for a short time.
    Others,
}

/// Returns the change that makes every webhook in `configuration` trust exactly the CAs in `own` and the announced CAs.
/// If no change is needed, returns `None`.
pub fn repair(configuration: &Value, own: &[Certificate], now: Timestamp) -> Option<Repair> {
    let webhooks = configuration["webhooks"].as_array().map(Vec::as_slice);
    let webhooks = webhooks.filter(|webhooks| !webhooks.is_empty())?;
    let bundles: Vec<Bundle> = webhooks.iter().map(bundle_of).collect();
    let held = distinct(&bundles);
    let announced = announcements(configuration);
    let is_announced = |authority: &Certificate| {
        let until = announced.get(&fingerprint(authority));
        authority.validity.holds(now) && until.is_some_and(|until| *until > now)
    };
    let others = held.iter().copied();
    let others = others.filter(|authority| !own.contains(authority) && is_announced(authority));
    let wanted: Vec<&Certificate> = own.iter().chain(others).collect();
    let is_distrusted = |bundle: &Bundle| {
        let held = bundle.as_deref().unwrap_or_default();
        !own.iter().all(|authority| held.contains(authority))
    };
    let before = match bundles.iter().any(is_distrusted) {
        false => Before::Trusted,
        true if held.is_empty() => Before::Nothing,
        true => Before::Others,
    };
    let wrong = bundles.iter().enumerate();
    let wrong = wrong.filter(|(_, bundle)| !trusts_exactly(bundle, &wanted));
    let bundle: String = wanted.iter().map(|authority| authority.pem()).collect();
    let bundle = STANDARD.encode(bundle);
    let mut changes: Vec<Value> = wrong
        .map(|(index, _)| {
            // In a JSON patch, `add` also replaces an existing value.
            json!({"op": "add", "path": format!("/webhooks/{index}/clientConfig/caBundle"), "value": bundle})
        })
        .collect();
    if let Some(announcements) = renewed(announced, own, now) {
        changes.extend(announce(configuration, &announcements));
    }
    if changes.is_empty() {
        return None;
    }
    let version = &configuration["metadata"]["resourceVersion"];
    let test = json!({"op": "test", "path": "/metadata/resourceVersion", "value": version});
    Some(Repair {
        patch: std::iter::once(test).chain(changes).collect(),
        before,
    })
}

/// Returns the CAs that API servers trust according to `configuration`.
pub fn authorities(configuration: &Value) -> Vec<Certificate> {
    let webhooks = configuration["webhooks"].as_array();
    let bundles: Vec<Bundle> = webhooks.into_iter().flatten().map(bundle_of).collect();
    distinct(&bundles).into_iter().cloned().collect()
}

/// Returns the distinct CAs of the bundles.
fn distinct(bundles: &[Bundle]) -> Vec<&Certificate> {
    let mut found = Vec::new();
    for authority in bundles.iter().flatten().flatten() {
        if !found.contains(&authority) {
            found.push(authority);
        }
    }
    found
}

/// Returns the CAs in one webhook's bundle. If a part of the bundle is not a certificate, returns `None`.
fn bundle_of(webhook: &Value) -> Bundle {
    let held = webhook["clientConfig"]["caBundle"].as_str();
    Certificate::all(&STANDARD.decode(held.unwrap_or_default()).ok()?)
}

/// Returns true if the bundle contains each of these CAs exactly once, and nothing else. The order does not matter, because
/// replicas may use different orders.
fn trusts_exactly(bundle: &Bundle, wanted: &[&Certificate]) -> bool {
    bundle.as_ref().is_some_and(|held| {
        held.len() == wanted.len() && wanted.iter().all(|authority| held.contains(authority))
    })
}

fn announcements(configuration: &Value) -> Announcements {
    let text = configuration["metadata"]["annotations"][ANNOUNCEMENTS].as_str();
    let times: BTreeMap<String, String> =
        serde_json::from_str(text.unwrap_or_default()).unwrap_or_default();
    let times = times.into_iter();
    times
        .filter_map(|(authority, until)| Some((authority, until.parse().ok()?)))
        .collect()
}

/// Adds or renews the announcements for the CAs in `own`, and returns all valid announcements. If no renewal is due, returns
/// `None`.
fn renewed(before: Announcements, own: &[Certificate], now: Timestamp) -> Option<Announcements> {
    let due = now + ANNOUNCED / 2;
    let is_due = |authority: &Certificate| {
        let until = before.get(&fingerprint(authority));
        until.is_none_or(|until| *until < due)
    };
    if !own.iter().any(is_due) {
        return None;
    }
    let mut all = before;
    all.retain(|_, until| *until > now);
    // Whole seconds are precise enough and easier to read.
    let until = Timestamp::from_second((now + ANNOUNCED).as_second()).unwrap_or(now + ANNOUNCED);
    all.extend(own.iter().map(|authority| (fingerprint(authority), until)));
    Some(all)
}

fn announce(configuration: &Value, announcements: &Announcements) -> Vec<Value> {
    let times: BTreeMap<&String, String> = announcements
        .iter()
        .map(|(authority, until)| (authority, until.to_string()))
        .collect();
    let text = json!(times).to_string();
    let none = (!configuration["metadata"]["annotations"].is_object())
        .then(|| json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    let path = format!("/metadata/annotations/{}", ANNOUNCEMENTS.replace('/', "~1"));
    let text = json!({"op": "add", "path": path, "value": text});
    none.into_iter().chain([text]).collect()
}

fn fingerprint(authority: &Certificate) -> String {
    hex(&Sha256::digest(&authority.der))
}

#[cfg(test)]
mod tests;
