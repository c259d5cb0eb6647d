//! Refusals by a ResourceQuota. The quota refuses the object until other objects are deleted or the quota is raised.

use std::collections::BTreeMap;

/// Returns a readable description of the refusal, with the quota's name and, for each resource, the requested, used and allowed
/// amounts. Returns `None` if the message does not have the API server's format
/// (`k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`).
pub(super) fn describe(message: &str) -> Option<String> {
    let (_, text) = message.split_once("exceeded quota: ")?;
    let (quota, text) = text.split_once(", requested: ")?;
    let (requested, text) = text.split_once(", used: ")?;
    let (used, limited) = text.split_once(", limited: ")?;
    let (requested, used) = (amounts(requested)?, amounts(used)?);
    let lines = amounts(limited)?.into_iter().map(|(resource, limit)| {
        let of = |amounts: &BTreeMap<&str, &str>| {
            amounts.get(resource).map_or("?", |one| *one).to_owned()
        };
        format!(
            "{resource}: {} requested, {} of {limit} used",
            of(&requested),
            of(&used)
        )
    });
    let lines: Vec<String> = lines.collect();
    Some(format!(
        "the ResourceQuota '{quota}' is exceeded ({})",
        lines.join("; ")
    ))
}

/// Parses amounts such as `pods=1,requests.cpu=500m`.
fn amounts(text: &str) -> Option<BTreeMap<&str, &str>> {
    text.trim()
        .split(',')
        .map(|amount| amount.split_once('='))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn a_quota_is_described_by_the_requested_used_and_allowed_amounts() {
        let message = "pods \"a\" is forbidden: exceeded quota: small, requested: pods=1,requests.cpu=500m, used: pods=3,requests.cpu=2, limited: pods=3,requests.cpu=2";
        assert_eq!(
            describe(message).as_deref(),
            Some(
                "the ResourceQuota 'small' is exceeded (pods: 1 requested, 3 of 3 used; requests.cpu: 500m requested, 2 of 2 used)"
            )
        );
        for other in [
            "exceeded quota: q",
            "exceeded quota: q, requested: x, used: y, limited: z",
        ] {
            assert_eq!(describe(other), None, "{other}");
        }
    }
}
