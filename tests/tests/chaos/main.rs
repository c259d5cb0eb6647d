//! Chaos tests: run random declarations in real processes, with random API server faults, kills, stops, and full or slow disks.
//! Each run must keep all promises in `docs/reliability.md`.
//!
//! - `cargo test -p gleaner-tests --test chaos` runs a fixed list of seeds for at most a minute;
//! - `GLEANER_CHAOS_SEEDS=1..1000` runs these seeds without a time limit;
//! - `GLEANER_CHAOS_SEED=17` runs one seed.

mod check;
mod declaration;
mod disturb;
mod faults;
mod foreign;
mod observed;
mod one_run;
mod plan;
mod play;
mod random;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gleaner_tests::programs;
use gleaner_tests::run::Programs;
use libtest_mimic::{Arguments, Failed, Trial};
use one_run::Tally;

const PROGRAMS: Programs = programs!();

/// The number of concurrent runs. It may exceed the number of CPUs, because runs mostly wait.
const TOGETHER: usize = 10;
/// The seeds of the normal suite, in order.
const FIXED: std::ops::RangeInclusive<u64> = 1..=160;
/// The time after which the normal suite starts no more runs, unless it has started fewer than [`LEAST`] because the machine is
/// busy.
const TIME: Duration = Duration::from_secs(45);
/// The minimum number of runs, even on a busy machine.
const LEAST: u64 = 20;

/// The seeds to run.
struct Seeds {
    from: u64,
    to: u64,
    /// The time limit for starting runs; `None` to run all seeds.
    time: Option<Duration>,
    least: u64,
}

/// The totals for all runs.
#[derive(Debug, Default)]
struct Sum {
    runs: usize,
    tally: Tally,
    reports: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trial = Trial::test("every_run_keeps_every_promise", chaos);
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}

fn chaos() -> Result<(), Failed> {
    let seeds = seeds()?;
    let started = Instant::now();
    let next = AtomicU64::new(seeds.from);
    let sum = Mutex::<Sum>::default();
    thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_late = seeds.time.is_some_and(|time| started.elapsed() > time);
                    if is_late && seed >= seeds.from + seeds.least {
                        break;
                    }
                    if seed > seeds.to {
                        break;
                    }
                    let outcome = play(seed);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.add(outcome);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    for report in &sum.reports {
        eprintln!("{report}");
    }
    println!("{}, {} s", sum.line(), started.elapsed().as_secs());
    if !sum.reports.is_empty() {
        return Err(format!("{} runs broke a promise", sum.reports.len()).into());
    }
    if (sum.runs as u64) < seeds.least {
        return Err(format!("only {} runs completed", sum.runs).into());
    }
    // If one of these counts is zero after so many runs, the suite tests too little.
    let Tally {
        committed,
        failed,
        rolled_back,
        kills,
        faults,
        ..
    } = sum.tally;
    if seeds.least >= LEAST && [committed, failed, rolled_back, kills, faults].contains(&0) {
        return Err(format!("the runs lack an outcome, kills or faults: {:?}", sum.tally).into());
    }
    Ok(())
}

/// Returns the seeds in `GLEANER_CHAOS_SEED` or `GLEANER_CHAOS_SEEDS`, or [`FIXED`] if neither variable is set.
fn seeds() -> Result<Seeds, String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("invalid seed '{text}'"))
    };
    let all = |from, to| Seeds {
        from,
        to,
        time: None,
        least: to - from + 1,
    };
    if let Ok(text) = std::env::var("GLEANER_CHAOS_SEED") {
        let seed = number(&text)?;
        return Ok(all(seed, seed));
    }
    if let Ok(text) = std::env::var("GLEANER_CHAOS_SEEDS") {
        let range = text.split_once("..");
        let (from, to) = range.ok_or("GLEANER_CHAOS_SEEDS must be FROM..TO, inclusive")?;
        let (from, to) = (number(from)?, number(to)?);
        if from > to {
            return Err(format!("{from}..{to} contains no seeds"));
        }
        return Ok(all(from, to));
    }
    Ok(Seeds {
        from: *FIXED.start(),
        to: *FIXED.end(),
        time: Some(TIME),
        least: LEAST,
    })
}

/// Runs one seed in a separate runtime. A panic is reported like a broken promise, because a run that hangs causes a panic.
fn play(seed: u64) -> Result<Tally, String> {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(one_run::play(seed))
    }));
    let outcome = played.unwrap_or_else(|panic| Err(format!("seed {seed}: {}", text(&*panic))));
    outcome.map_err(|report| {
        format!("{report}\nto repeat the run: GLEANER_CHAOS_SEED={seed} cargo test -p gleaner-tests --test chaos")
    })
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

impl Sum {
    fn add(&mut self, outcome: Result<Tally, String>) {
        match outcome {
            Ok(one) => {
                self.runs += 1;
                let all = &mut self.tally;
                all.committed += one.committed;
                all.failed += one.failed;
                all.left += one.left;
                all.rolled_back += one.rolled_back;
                all.kills += one.kills;
                all.exits += one.exits;
                all.faults += one.faults;
                all.requests += one.requests;
            }
            Err(report) => self.reports.push(report),
        }
    }

    fn line(&self) -> String {
        let Tally {
            committed,
            failed,
            rolled_back,
            left,
            kills,
            exits,
            faults,
            requests,
        } = self.tally;
        format!(
            "chaos: {} runs ({committed} committed, {failed} failed, {rolled_back} of them with a rollback, {left} with remaining objects), {kills} kills, {exits} \
             restarts after an exit, {faults} faults, {requests} API requests, {} violations",
            self.runs,
            self.reports.len()
        )
    }
}
