//! Runs `gleaner check` and examines its report.

use serde_json::Value;

use super::cluster::kubeconfig;
use super::installation::Installation;
use super::{Ran, gleaner};

/// Runs `gleaner check` against the cluster at `url`.
pub(crate) fn check(url: &str, arguments: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(directory.path(), url, "own");
    gleaner(&[&["check", "--kubeconfig", &kubeconfig], arguments].concat())
}

/// Returns the name and status of each check in a report.
pub(crate) fn statuses(report: &Value) -> Vec<(&str, &str)> {
    let groups = report["groups"].as_array().unwrap().iter();
    let checks = groups.flat_map(|group| group["checks"].as_array().unwrap());
    checks
        .map(|check| {
            (
                check["check"].as_str().unwrap(),
                check["status"].as_str().unwrap(),
            )
        })
        .collect()
}

pub(crate) fn checks<'a>(report: &'a Value, name: &str) -> Vec<&'a Value> {
    let groups = report["groups"].as_array().unwrap().iter();
    let checks = groups.flat_map(|group| group["checks"].as_array().unwrap());
    checks.filter(|check| check["check"] == name).collect()
}

/// Applies `change` to a healthy cluster and runs `gleaner check`. Expects a check with the name and status in `expected`, whose
/// message contains `message` and whose remedy contains `remedy`. All other checks, except those in `also`, must be `ok`.
#[track_caller]
pub(crate) fn finds_with(
    arguments: &[&str],
    change: impl FnOnce(&mut Installation),
    expected: (&str, &str),
    message: &str,
    remedy: &str,
    also: &[&str],
) {
    let (name, status) = expected;
    let mut cluster = Installation::sound();
    change(&mut cluster);
    let (code, report) = cluster.report(arguments);
    let found = checks(&report, name);
    assert_eq!(found.len(), 1, "{report:#}");
    assert_eq!(found[0]["status"], status, "{report:#}");
    let text = |key: &str| found[0][key].as_str().unwrap_or_default();
    assert!(text("message").contains(message), "{report:#}");
    assert!(text("remedy").contains(remedy), "{report:#}");
    assert_eq!(
        text("remedy").is_empty(),
        matches!(status, "ok" | "skipped")
    );
    for (other, status) in statuses(&report) {
        if other != name && !also.contains(&other) {
            assert_eq!(status, "ok", "{other}: {report:#}");
        }
    }
    let fails = statuses(&report)
        .iter()
        .any(|(_, status)| *status == "failed");
    assert_eq!(code, i32::from(fails));
    assert_eq!(report["success"], !fails);
}

#[track_caller]
pub(crate) fn finds(
    change: impl FnOnce(&mut Installation),
    expected: (&str, &str),
    message: &str,
    remedy: &str,
) {
    finds_with(&[], change, expected, message, remedy, &[]);
}
