//! Tests the redirector's memory use. The memory counts toward the memory limit of the step's container, so it must not depend on
//! the size of the outputs.

use std::fs;
use std::time::Duration;

use crate::support::{Ended as _, Ran, Reply, Running, Sidecar, Step};

/// The maximum resident memory of the redirector, in KiB.
const PEAK: u64 = 4 << 10;
const MIB: usize = 1 << 20;
/// The limit on the heap, the stack and the static data of a redirector that finishes a run, in bytes. Together with the pages of
/// the statically linked program, this is less than [`PEAK`].
const DATA: usize = 2 * MIB;

/// Runs a step with these outputs, and asserts that the redirector's peak memory does not exceed [`PEAK`]. The sidecar crashes at
/// the first message, so the redirector sends the message again.
fn assert_lean(outputs: &[(&str, &[u8])]) {
    let accepted = Reply::accepted();
    let Reply::Raw(bytes) = accepted else {
        panic!("expected `Reply::Raw`");
    };
    // The response is delayed, so that the test has time to measure the memory.
    let late = Reply::Late(Duration::from_secs(1), bytes);
    let sidecar = Sidecar::replying(&[Reply::Die, late]);
    let mut step = Step::new(&sidecar);
    for (spec, content) in outputs {
        let (_, name) = spec.split_once('=').unwrap();
        fs::write(step.path(name), content).unwrap();
        step = step.output(spec);
    }
    let running = Running::start(step.wrapping(&["true"]));
    sidecar.wait_for(2);
    assert_peak(running.pid());
    running.wait().assert_ended(0, "");
}

/// Asserts that the peak memory of the running redirector does not exceed [`PEAK`].
fn assert_peak(pid: u32) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    let peak: u64 = peak.parse().unwrap();
    assert!(peak <= PEAK, "{peak} KiB");
}

/// Finishes a run with a sidecar that sends this response. The redirector's memory is limited to [`DATA`] bytes, so that the
/// process aborts if it needs more.
fn lean_finish(status: u16, body: &str) -> (Ran, usize) {
    assert!(body.len() > 4 * DATA, "{} bytes", body.len());
    let sidecar = Sidecar::replying(&[Reply::json(status, body)]);
    let limit = format!("--data={DATA}");
    let step = Step::new(&sidecar).started_by(&["prlimit", &limit]);
    fs::create_dir(step.path("results")).unwrap();
    let ran = step.finish();
    let results = fs::read_dir(step.path("results")).unwrap().count();
    (ran, results)
}

#[test]
fn an_outcome_with_thousands_of_resources_and_results_is_streamed() {
    let numbers = || 0..9000;
    let resources = numbers().map(|number| {
        format!(
            r#"{{"resource":"object-{number}","apiVersion":"v1","kind":"ConfigMap","namespace":"a-namespace",
            "name":"task-object-{number}-pbtqf","uid":"a1bcc4ac-6b4b-47c6-801b-225388a74129","action":"Created"}}"#
        )
    });
    let field = "x".repeat(1000);
    let results = numbers().map(|number| format!(r#""object-{number}":{{"url":"{field}"}}"#));
    let notes = numbers().map(|number| format!(r#""'url' of 'object-{number}' is long""#));
    let outcome = format!(
        r#"{{"phase":"Committed","resources":[{}],"results":{{{}}},"notes":[{}]}}"#,
        resources.collect::<Vec<_>>().join(","),
        results.collect::<Vec<_>>().join(","),
        notes.collect::<Vec<_>>().join(","),
    );
    let (ran, results) = lean_finish(200, &outcome);
    assert_eq!(
        (ran.code, ran.signal, results),
        (Some(0), None, 9000),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stdout.lines().count(), 2 * 9000);
}

#[test]
fn one_large_result_is_streamed() {
    let field = "x".repeat(1000);
    let fields: Vec<String> = (0..9000)
        .map(|number| format!(r#""field-{number}":"{field}""#))
        .collect();
    let fields = format!("{{{}}}", fields.join(","));
    let outcome = format!(r#"{{"phase":"Committed","results":{{"img":{fields}}}}}"#);
    let (ran, results) = lean_finish(200, &outcome);
    assert_eq!(
        (ran.code, ran.signal, results),
        (Some(0), None, 1),
        "{}",
        ran.stderr
    );
}

#[test]
fn thousands_of_causes_of_a_failed_run_are_streamed() {
    let causes: Vec<String> = (0..9000)
        .map(|number| {
            let message = "m".repeat(500);
            let remedy = "r".repeat(500);
            format!(r#"{{"resource":"object-{number}","code":"Denied","message":"{message}","remedy":"{remedy}"}}"#)
        })
        .collect();
    let causes = causes.join(",");
    let problem = format!(
        r#"{{"type":"/problems/not-created","title":"no","status":424,"detail":"do that","exitCode":73,"failures":[{causes}]}}"#
    );
    let (ran, _) = lean_finish(424, &problem);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(73), "gleaner: step 'gleaner': no: do that\n")
    );
}

#[test]
fn large_strings_are_streamed() {
    let text = vec![b'x'; 16 * MIB];
    assert_lean(&[
        ("a=a", &text),
        ("b=b", &text),
        ("c=c", &text),
        ("d=d", &text),
    ]);
}

#[test]
fn large_values_of_other_types_are_streamed() {
    let string = format!("[\"{}\"]", "\\u0041".repeat(2 * MIB));
    let numbers = format!("[{}1]", "12345678,".repeat(MIB));
    let keys: String = (0..MIB).map(|key| format!("\"{key}\":0,")).collect();
    let keys = format!("{{{keys}\"\":0}}");
    assert_lean(&[
        ("s,array=s", string.as_bytes()),
        ("n,array=n", numbers.as_bytes()),
        ("k,object=k", keys.as_bytes()),
    ]);
}

#[test]
fn control_characters_are_escaped_without_additional_memory() {
    let text = vec![1; 8 * MIB];
    assert_lean(&[("a=a", &text)]);
}

#[test]
fn the_total_size_of_all_files_is_limited_too() {
    let sidecar = Sidecar::content();
    let mut step = Step::new(&sidecar);
    for name in ["a", "b", "c", "d", "e"] {
        let file = fs::File::create(step.path(name)).unwrap();
        file.set_len(16 * MIB as u64).unwrap();
        step = step.output(&format!("{name}={name}"));
    }
    step.run(&["true"]).assert_ended(
        65,
        "the outputs 'a' (16777216), 'b' (16777216), 'c' (16777216), 'd' (16777216), 'e' (16777216) have a total size of \
         83886080 bytes, which exceeds --max-outputs-size (67108864); write less, or output references to the data",
    );
    for name in ["a", "b", "c", "d", "e"] {
        fs::write(step.path(name), "1234").unwrap();
    }
    let step = step.flags(&["--max-outputs-size=20"]);
    step.run(&["true"]).assert_ended(0, "");
    fs::write(step.path("e"), "12345").unwrap();
    assert_eq!(step.run(&["true"]).code, Some(65));
}

#[test]
fn a_file_that_changes_while_it_is_sent_fails_the_step_and_is_never_accepted() {
    let sidecar = Sidecar::replying(&[Reply::Die]);
    let step = Step::new(&sidecar).output("a=a");
    fs::write(step.path("a"), vec![b'x'; MIB]).unwrap();
    let running = Running::start(step.wrapping(&["true"]));
    sidecar.wait_for(1);
    fs::write(step.path("a"), vec![b'y'; MIB]).unwrap();
    let ran = running.wait();
    let line = "the file of an output changed while it was being sent; before the command exits, stop all processes that write to the file";
    ran.assert_ended(65, line);
    for body in sidecar.bodies() {
        assert!(
            body.contains('x') || !body.ends_with('}'),
            "a body with the changed content must be incomplete"
        );
    }
}
