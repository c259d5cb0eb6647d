//! Runs one seed: creates the plan, executes it, and checks the outcome.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use gleaner_tests::fault_proxy::{FaultProxy, Recorded};
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::wait;
use http::Method;
use serde_json::Value;

use crate::check::{self, End};
use crate::foreign::Foreign;
use crate::plan::Plan;
use crate::play::{Player, Steps};

/// The time to wait for delayed requests after the run. This time exceeds the longest delay that a fault causes.
const LATE: Duration = Duration::from_secs(1);
/// The time limit within which a run's processes must exit. The limit is generous, because the machine may be busy.
const GONE: Duration = Duration::from_secs(20);

/// The counts of one run or of several runs.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) committed: usize,
    pub(crate) failed: usize,
    /// The number of failed runs that reported remaining objects.
    pub(crate) left: usize,
    /// The number of failed runs that sent delete requests.
    pub(crate) rolled_back: usize,
    pub(crate) kills: usize,
    pub(crate) exits: usize,
    pub(crate) faults: usize,
    pub(crate) requests: usize,
}

/// Runs a seed.
///
/// # Errors
///
/// Returns a report if the run broke a promise.
pub(crate) async fn play(seed: u64) -> Result<Tally, String> {
    let plan = Plan::new(seed);
    let server = Server::local(&[gleaner_local_apiserver::TEKTON_CRDS]).await;
    let foreign = Foreign::create(&plan, &server).await;
    let proxy = FaultProxy::start(server.client()).await;
    foreign.lie_in_wait(&server, &proxy);
    for rule in &plan.rules {
        rule.apply(&proxy);
    }
    let mut player = Player::new(&plan, &server, &proxy);
    player.begin().await;
    let steps = player.steps().await;
    if steps == Steps::Succeeded && !player.observed.told_success() {
        let what = "the steps succeeded, but no response reported a success";
        player.observed.violation(what.to_owned());
    }
    let ending = player.settled().await;
    player.calm();
    let finished = player.finish().await;
    let before = player.settled().await;
    let is_final =
        |status: &Value| matches!(status["phase"].as_str(), Some("Committed" | "Failed"));
    if is_final(&ending) && !is_same(&ending, &before) {
        let what = format!("the finish step changed the outcome from {ending} to {before}");
        player.observed.violation(what);
    }
    let results = player.run.results();
    player.readable().await;
    player.restart().await;
    let after = player.settled().await;
    if !is_same(&before, &after) {
        let what = format!("the restart changed the outcome from {before} to {after}");
        player.observed.violation(what);
    }
    let again = player.finish().await;
    if again.code != finished.code || player.run.results() != results {
        let what = format!(
            "the finish step exited with {:?} and wrote the results {results:?}, but after a restart with {:?} and {:?}",
            finished.code,
            again.code,
            player.run.results()
        );
        player.observed.violation(what);
    }
    tokio::time::sleep(LATE).await;
    let end = End {
        plan: &plan,
        status: &after,
        existing: server.local_objects(),
        foreign: &foreign,
        results,
    };
    for violation in check::violations(end) {
        player.observed.violation(violation);
    }
    let requests = proxy.requests();
    let events = requests.iter().filter(|one| one.path.ends_with("/events"));
    let events: String = events
        .map(|one| String::from_utf8_lossy(&one.body).into_owned())
        .collect();
    let termination = player.run.termination();
    let log = player.run.log();
    for (place, text) in [
        ("the Events", &events),
        ("the termination message", &termination),
        ("the log", &log),
    ] {
        player.observed.saw(place, text);
    }
    if player.run.was_out_of_memory() {
        let what = "the sidecar was killed because it exceeded its memory limit";
        player.observed.violation(what.to_owned());
    }
    let directory = player.run.directory().to_owned();
    let Player { run, observed, .. } = player;
    drop(run);
    all_gone(&directory).await;
    if !observed.violations.is_empty() {
        return Err(report(
            &plan,
            &observed.violations,
            &observed.events,
            &proxy.requests(),
            &log,
        ));
    }
    let is_committed = after["phase"] == "Committed";
    Ok(Tally {
        committed: usize::from(is_committed),
        failed: usize::from(!is_committed),
        left: usize::from(
            after["problem"]["left"]
                .as_array()
                .is_some_and(|left| !left.is_empty()),
        ),
        rolled_back: usize::from(!is_committed && proxy.count(&Method::DELETE, "") > 0),
        kills: observed.kills,
        exits: observed.exits,
        faults: proxy.faults(),
        requests: proxy.requests().len(),
    })
}

/// Returns true if two statuses report the same outcome.
fn is_same(one: &Value, other: &Value) -> bool {
    ["phase", "problem", "resources"]
        .iter()
        .all(|field| one[*field] == other[*field])
}

async fn all_gone(directory: &Path) {
    let what = format!("the processes of {} exited", directory.display());
    wait::until(&what, GONE, async || {
        Run::processes(directory).is_empty().then_some(())
    })
    .await;
}

/// Returns a report with the broken promises, and with the plan, events, requests and log to find the cause.
fn report(
    plan: &Plan,
    violations: &[String],
    events: &[String],
    requests: &[Recorded],
    log: &str,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "seed {} broke {} promises:",
        plan.seed,
        violations.len()
    );
    for violation in violations {
        let _ = writeln!(text, "- {violation}");
    }
    let _ = writeln!(text, "plan: {plan:#?}");
    let _ = writeln!(text, "declaration: {}", plan.declaration());
    let _ = writeln!(text, "events:\n{}", events.join("\n"));
    let _ = writeln!(text, "requests to the API server:");
    for request in requests {
        let _ = writeln!(
            text,
            "  {} {} {} {:?}",
            request.method,
            request.target(),
            request.name(),
            request.outcome
        );
    }
    let _ = writeln!(text, "log of the sidecar, over all restarts:\n{log}");
    text
}
