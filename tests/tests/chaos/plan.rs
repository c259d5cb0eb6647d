//! The plan of a run, which depends only on the seed.

use std::time::Duration;

use crate::declaration::{Object, StepPlan, objects, steps};
use crate::faults::{self, FaultRule};
use crate::random::Random;

/// The names of the crash points at which the sidecar can be made to block. `N` is replaced with the index of an object.
const POINTS: &[&str] = &[
    "accepted",
    "journaled",
    "resolved",
    "rendered",
    "dry-run",
    "creating-N",
    "created-N",
    "rolling-back",
    "rolled-back",
    "committed",
    "outcome-journaled",
];

/// The plan of one run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) steps: Vec<StepPlan>,
    pub(crate) objects: Vec<Object>,
    /// `Resolved` or `Completed`.
    pub(crate) submit: &'static str,
    /// True if the last step's redirector finishes the run, false if a separate step does.
    pub(crate) last_step_finishes: bool,
    pub(crate) rules: Vec<FaultRule>,
    /// The crash points at which the sidecar blocks and is killed, in this order.
    pub(crate) crash_points: Vec<String>,
    pub(crate) disturbances: Vec<Disturbance>,
    /// The time after the start at which all faults and disturbances stop; `None` if the API server fails until the run finishes.
    pub(crate) calm_after: Option<Duration>,
    /// The name of an object that another client creates immediately before the run creates its object with the same name.
    pub(crate) late_holder: Option<String>,
    /// The value of the secret output.
    pub(crate) canary: String,
}

/// A disturbance, and the time at which it is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disturbance {
    pub(crate) at: At,
    pub(crate) act: Act,
}

/// The time of a disturbance.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    /// This many milliseconds after the start.
    Millis(u64),
    /// When the API server has received this many requests.
    Requests(usize),
}

/// The effect of a disturbance.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// SIGKILL to the sidecar, which starts again after this many milliseconds.
    Kill { down: u64 },
    /// SIGSTOP to the sidecar for this many milliseconds.
    Pause { millis: u64 },
    /// The sidecar's disk is full for `millis` milliseconds: no file can grow beyond `bytes` bytes.
    FullDisk { millis: u64, bytes: u64 },
    /// Each fsync takes `delay` milliseconds longer, for `millis` milliseconds.
    SlowDisk { millis: u64, delay: u64 },
    /// Two concurrent messages of this size in MiB, which the sidecar must refuse because they contain an undeclared output.
    Flood { mebibytes: usize },
    /// SIGKILL to the redirector of the running step. The step then fails, as it would in a pod.
    KillStep,
    /// A raw request that posts the outputs of the running step a second time.
    PostTwice,
}

impl Plan {
    /// Creates the plan for a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let random = &mut random;
        let canary = format!("canary{}", random.text(26));
        let steps = steps(random, &canary);
        let objects = objects(random, &steps);
        let outage = random.chance(4);
        let mut rules: Vec<FaultRule> = match outage {
            true => faults::outage(random),
            false => (0..random.count(0, 5))
                .map(|_| faults::random(random))
                .collect(),
        };
        let is_refused = random.chance(40);
        if is_refused {
            rules.push(faults::refusal_midway(random, objects.len()));
        }
        let mut crash_points: Vec<String> = (0..random.count(0, 3).saturating_sub(1))
            .map(|_| {
                let index = random.count(0, objects.len() - 1);
                random.pick(POINTS).replace('N', &index.to_string())
            })
            .collect();
        if is_refused && random.chance(30) {
            crash_points.push(random.pick(&["rolling-back", "rolled-back"]).to_owned());
        }
        let disturbances = (0..random.count(0, 3))
            .map(|_| disturbance(random))
            .collect();
        let fixed = objects
            .iter()
            .filter_map(Object::late_holder_name)
            .next_back();
        let late_holder = fixed.filter(|_| random.chance(25));
        Self {
            seed,
            objects,
            submit: random.pick(&["Resolved", "Resolved", "Completed"]),
            last_step_finishes: random.chance(50),
            rules,
            crash_points,
            disturbances,
            calm_after: (!outage).then(|| Duration::from_millis(random.between(800, 4500))),
            late_holder,
            canary,
            steps,
        }
    }

    /// Returns true if the run cannot succeed because another client's object already has the name of one of the run's objects.
    pub(crate) fn is_blocked(&self) -> bool {
        self.objects.iter().any(Object::is_blocked)
    }
}

fn disturbance(random: &mut Random) -> Disturbance {
    let at = match random.chance(50) {
        true => At::Millis(random.between(0, 1200)),
        false => At::Requests(random.count(1, 14)),
    };
    let act = match random.between(1, 25) {
        1..=9 => Act::Kill {
            down: random.between(0, 500),
        },
        10..=13 => Act::Pause {
            millis: random.between(50, 1500),
        },
        14..=17 => Act::FullDisk {
            millis: random.between(50, 1500),
            bytes: random.pick(&[1, 64, 512, 4096]),
        },
        18..=21 => Act::SlowDisk {
            millis: random.between(200, 2500),
            delay: random.pick(&[30, 200, 700]),
        },
        22..=23 => Act::Flood {
            mebibytes: random.count(1, 40),
        },
        24 => Act::KillStep,
        _ => Act::PostTwice,
    };
    Disturbance { at, act }
}
