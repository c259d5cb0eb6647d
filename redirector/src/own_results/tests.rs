use std::fs;

use super::*;

fn reported(share: &str) -> Reported {
    Reported {
        share: Some(share.parse().unwrap()),
        results: vec!["report".to_owned(), "missing".to_owned()],
        step_results: vec!["part".to_owned()],
        step_metadata_dir: None,
    }
}

fn directory(report: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("report"), "r".repeat(report)).unwrap();
    directory
}

#[test]
fn results_that_are_too_large_fail_only_if_they_would_fit_without_gleaner() {
    let fit = |share: &str, report: usize| reported(share).measure(directory(report).path()).fit();
    // For `2+1`, 4096 bytes are available with or without Gleaner's container. For `3+1`, 3072 bytes are available with
    // that container, and 4096 without it.
    assert!(matches!(fit("2+1", 3800), Fit::Fits));
    assert!(matches!(fit("3+1", 2800), Fit::Fits));
    let Fit::CrowdedOut(failure) = fit("3+1", 3000) else {
        panic!("3000 bytes and Tekton's own entries must not fit into 3072 bytes");
    };
    assert_eq!(failure.reason.code(), gleaner_proto::exit_code::NOT_CREATED);
    assert!(
        failure.message.contains("the kubelet keeps only 3072"),
        "{}",
        failure.message
    );
    assert!(
        failure.message.contains("it would keep 4096"),
        "{}",
        failure.message
    );
    assert!(matches!(fit("3+1", 4000), Fit::NeverFits(_)));
}

#[test]
fn results_that_tekton_compresses_are_measured_compressed() {
    let text = reported("3+1,compressed");
    let directory = directory(20_000);
    assert!(matches!(text.measure(directory.path()).fit(), Fit::Fits));
    let own = text.measure(directory.path()).own_results();
    assert!(own.result_bytes.unwrap() > 20_000 && own.compressed_result_bytes.unwrap() < 1000);
}

#[test]
fn results_that_exceed_every_limit_are_not_read_completely() {
    let text = reported("3+1,compressed");
    let directory = directory(64 << 20);
    assert!(matches!(
        text.measure(directory.path()).fit(),
        Fit::NeverFits(_)
    ));
    assert_eq!(text.read(directory.path()).len(), READ_MAX + 1);
}

#[test]
fn without_a_termination_share_nothing_is_measured() {
    let unknown = Reported {
        share: None,
        ..reported("3+1")
    };
    assert!(matches!(
        unknown.measure(directory(9000).path()).fit(),
        Fit::Fits
    ));
    assert_eq!(
        unknown.measure(directory(9000).path()).own_results(),
        OwnResults::default()
    );
}

#[test]
fn step_results_and_artifacts_are_counted() {
    let metadata = tempfile::tempdir().unwrap();
    fs::create_dir_all(metadata.path().join("results")).unwrap();
    fs::create_dir_all(metadata.path().join("artifacts")).unwrap();
    let results = directory(10);
    let reported = Reported {
        step_metadata_dir: Some(metadata.path().to_owned()),
        ..reported("3+1")
    };
    let plain = || {
        reported
            .measure(results.path())
            .own_results()
            .result_bytes
            .unwrap()
    };
    let before = plain();
    fs::write(metadata.path().join("results/part"), "p".repeat(100)).unwrap();
    let with_result = plain();
    assert_eq!(
        with_result - before,
        r#"{"key":"part","value":"","type":4},"#.len() + 100
    );
    fs::write(metadata.path().join("artifacts/provenance.json"), "{}").unwrap();
    assert!(plain() > with_result);
}
