//! The ServiceMonitor, the PrometheusRule and the dashboard are rendered only on request, and Prometheus's parser accepts all
//! queries.

use std::io::Write;
use std::process::{Command, Stdio};

use gleaner_tests::cases;
use gleaner_tests::rig;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::helm::{find, render};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        monitoring_is_off_by_default,
        prometheus_parses_every_alert,
        prometheus_parses_every_query_of_the_dashboard,
        the_alerts_select_the_target_of_the_service_monitor,
        a_rule_with_an_invalid_expression_is_refused,
    ]
    .into_iter()
    .map(Case::real_only)
    .collect()
}

const ENABLED: [&str; 3] = [
    "metrics.serviceMonitor.enabled=true",
    "metrics.prometheusRule.enabled=true",
    "metrics.dashboard.enabled=true",
];

/// Parses rules (the `spec` of a PrometheusRule) with Prometheus's parser, and returns the number of rules.
fn parse(rules: &Value) -> Result<usize, String> {
    let program = rig::rules().expect("check-rules").join("check-rules");
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("check-rules runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(rules.to_string().as_bytes())
        .expect("check-rules reads");
    drop(stdin);
    let output = child.wait_with_output().expect("an output");
    if output.status.success() {
        let count = String::from_utf8_lossy(&output.stdout);
        Ok(count.trim().parse().expect("a number"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

async fn monitoring_is_off_by_default(_: &Server) {
    let kinds = ["ServiceMonitor", "PrometheusRule"];
    for object in render("gleaner", &[]) {
        let kind = object["kind"].as_str().unwrap_or_default();
        assert!(!kinds.contains(&kind), "{object}");
        assert_eq!(
            object["metadata"]["labels"]["grafana_dashboard"],
            json!(null)
        );
    }
}

async fn prometheus_parses_every_alert(_: &Server) {
    let objects = render("gleaner", &ENABLED);
    let rule = find(&objects, "PrometheusRule", "gleaner-injector");
    let alerts = rule["spec"]["groups"][0]["rules"]
        .as_array()
        .expect("rules");
    assert!(alerts.len() >= 8, "{} alerts", alerts.len());
    assert_eq!(parse(&rule["spec"]), Ok(alerts.len()));
    for alert in alerts {
        let severity = alert["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("critical" | "warning")), "{alert}");
        for annotation in ["summary", "description"] {
            assert!(alert["annotations"][annotation].is_string(), "{alert}");
        }
    }
}

async fn prometheus_parses_every_query_of_the_dashboard(_: &Server) {
    let objects = render("gleaner", &ENABLED);
    let map = find(&objects, "ConfigMap", "gleaner-injector-dashboard");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let text = map["data"]["gleaner.json"].as_str().expect("a text");
    let dashboard: Value = serde_json::from_str(text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let rules: Vec<Value> = targets
        .enumerate()
        .map(|(index, target)| {
            let query = target["expr"].as_str().expect("a query");
            // Replace this variable with a duration, as Grafana does. All other variables are within quotes, so the parser
            // accepts them.
            let query = query.replace("$__rate_interval", "5m");
            json!({"record": format!("query:{index}"), "expr": query})
        })
        .collect();
    let count = rules.len();
    assert!(count > panels.len(), "{count} queries");
    let group = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    assert_eq!(parse(&group), Ok(count));
}

async fn the_alerts_select_the_target_of_the_service_monitor(_: &Server) {
    let mut values = ENABLED.to_vec();
    values.push("fullnameOverride=other");
    let objects = render("ns", &values);
    find(&objects, "Service", "other-injector");
    find(&objects, "ServiceMonitor", "other-injector");
    let rule = find(&objects, "PrometheusRule", "other-injector");
    let alerts = rule["spec"]["groups"][0]["rules"]
        .as_array()
        .expect("rules");
    for alert in alerts {
        let expression = alert["expr"].as_str().expect("an expression");
        let selectors = expression.matches('{').count();
        let own = expression.matches(r#"{namespace="ns", job="other-injector""#);
        assert!(selectors > 0 && own.count() == selectors, "{expression}");
    }
}

async fn a_rule_with_an_invalid_expression_is_refused(_: &Server) {
    for (rule, complaint) in [
        (
            json!({"alert": "A", "expr": "sum(("}),
            "could not parse expression",
        ),
        (
            json!({"alert": "A", "expr": "up", "annotations": {"summary": "{{ $labels. }}"}}),
            "template",
        ),
        (json!({"alert": "A", "expr": "up", "form": "5m"}), "form"),
    ] {
        let group = json!({"groups": [{"name": "a", "rules": [rule]}]});
        let error = parse(&group).expect_err("an error");
        assert!(error.contains(complaint), "{error}");
    }
}
