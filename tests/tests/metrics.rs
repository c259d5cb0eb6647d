//! Checks that the metrics of the injector and the sidecar follow the OpenMetrics conventions, and that the alerts and the
//! dashboard use only metrics that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use http_body_util::BodyExt;

/// The OpenMetrics base units that the project's metrics use. The metrics must not use [`OTHER_UNITS`].
const BASE_UNITS: [&str; 2] = ["seconds", "bytes"];
const OTHER_UNITS: [&str; 8] = [
    "ms",
    "milliseconds",
    "minutes",
    "days",
    "kilobytes",
    "kib",
    "mib",
    "percent",
];

/// Returns the metrics of the injector and of the sidecar, as exposed before the first request.
async fn expositions() -> [String; 2] {
    let injector = gleaner_injector::metrics::Metrics::default().response();
    let sidecar = gleaner_sidecar::metrics::Metrics::default().response();
    let mut texts = Vec::new();
    for response in [injector, sidecar] {
        let body = response.into_body().collect().await.expect("a body");
        texts.push(String::from_utf8(body.to_bytes().to_vec()).expect("UTF-8"));
    }
    texts.try_into().expect("two texts")
}

/// Returns the values of the lines `# KEYWORD NAME VALUE`, by name.
fn described<'a>(text: &'a str, keyword: &str) -> BTreeMap<&'a str, &'a str> {
    let prefix = format!("# {keyword} ");
    let lines = text.lines().filter_map(|line| line.strip_prefix(&prefix));
    lines.filter_map(|line| line.split_once(' ')).collect()
}

/// Returns the names of all time series.
fn series(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect()
}

/// Returns the text of a file in the chart.
fn chart(path: &str) -> String {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/gleaner");
    fs::read_to_string(chart.join(path)).expect("a file in the chart")
}

/// Returns the words of `text` that begin with `gleaner_`.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("gleaner_"))
        .collect()
}

#[tokio::test]
async fn every_metric_has_the_suffix_of_its_type_a_base_unit_and_a_help_text() {
    for text in expositions().await {
        let (types, helps, units) = (
            described(&text, "TYPE"),
            described(&text, "HELP"),
            described(&text, "UNIT"),
        );
        assert!(types.len() >= 3, "{text}");
        for (name, kind) in types {
            let help = helps.get(name).copied().unwrap_or_default();
            let begins = help.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
            assert!(begins && help.len() > 10, "{name}: {help:?}");
            let last = name.rsplit('_').next().unwrap_or_default();
            // The OpenMetrics format adds these suffixes to the names of the time series, so a metric's name must not end with
            // any of them.
            let suffixes = ["total", "count", "sum", "bucket", "info", "created"];
            assert!(!suffixes.contains(&last), "{name}");
            assert!(!OTHER_UNITS.contains(&last), "{name}");
            if BASE_UNITS.contains(&last) {
                assert_eq!(units.get(name), Some(&last), "{name}");
            } else {
                assert_eq!(units.get(name), None, "{name}");
            }
            assert!(
                ["counter", "gauge", "histogram", "info"].contains(&kind),
                "{name}"
            );
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_use_metrics_that_exist() {
    let [injector, _] = expositions().await;
    let exposed = series(&injector);
    for (file, least) in [
        ("files/dashboard.json", 10),
        ("templates/prometheusrule.yaml", 7),
    ] {
        let text = chart(file);
        let names = names(&text);
        assert!(names.len() >= least, "{file}: {names:?}");
        let unknown: Vec<_> = names.difference(&exposed).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}\n{injector}");
    }
}

#[tokio::test]
async fn the_time_series_that_alerts_select_exist_from_the_start() {
    let [injector, sidecar] = expositions().await;
    let rule = chart("templates/prometheusrule.yaml");
    let selected = rule.split("outcome=").skip(1);
    let values: BTreeSet<&str> = selected
        .flat_map(|rest| rest.split('"').nth(1).expect("a value").split('|'))
        .collect();
    assert_eq!(values, BTreeSet::from(["changed", "refused"]));
    for value in values {
        let series = format!(
            r#"gleaner_injector_reviews_total{{resource="tasks",outcome="{value}",reason=""}} 0"#
        );
        assert!(injector.contains(&series), "{series}\n{injector}");
    }
    for result in ["committed", "failed"] {
        let series = format!(r#"gleaner_submissions_total{{result="{result}"}} 0"#);
        assert!(sidecar.contains(&series), "{series}\n{sidecar}");
    }
}
