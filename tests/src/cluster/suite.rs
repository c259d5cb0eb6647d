//! The test cases that need a whole cluster.
//!
//! ```ignore
//! fn main() -> std::process::ExitCode {
//!     Suite::new(on_cluster![a_digest_becomes_a_resource]).alone(on_cluster![without_the_injector_pods_start]).run()
//! }
//!
//! fn a_digest_becomes_a_resource(namespace: &Namespace) { /* kubectl apply, wait, check */ }
//! ```
//!
//! If no cluster can run on this machine, cases are reported as ignored, with a message; if `GLEANER_REQUIRE_CLUSTER=1` is set,
//! they fail. If a cluster can run but does not start, cases always fail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Conclusion, Failed, Trial};

use super::namespace::Namespace;
use super::start::{self, Cluster};
use crate::rig::Missing;

/// The number of concurrent cases. It may exceed the number of CPUs, because cases mostly wait for the kubelet.
const THREADS: usize = 8;

/// The name of a case, which should be a statement, and the function that runs the case in a separate namespace.
pub type Case = (&'static str, fn(&Namespace));

/// Creates a list of cases from the names of functions of type `fn(&Namespace)`.
#[macro_export]
macro_rules! on_cluster {
    ($($name:ident),* $(,)?) => {
        vec![$((stringify!($name), $name as fn(&$crate::cluster::Namespace))),*]
    };
}

/// All cases of one test binary.
#[must_use = "call `run`"]
pub struct Suite {
    together: Vec<Case>,
    alone: Vec<Case>,
}

/// The cluster that all cases share. The first case starts it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Option<Started>>>);

/// The started cluster, or the reason why it could not be started.
type Started = Result<Arc<Cluster>, Unusable>;

/// The reason why no cluster is available.
#[derive(Clone)]
enum Unusable {
    Absent(String),
    Failed(String),
}

impl Suite {
    /// Creates a suite of these cases, which run concurrently.
    pub fn new(cases: Vec<Case>) -> Self {
        Self {
            together: cases,
            alone: Vec::new(),
        }
    }

    /// Adds cases that change parts of the cluster on which other cases depend. They run last, one at a time, and must restore
    /// the cluster.
    pub fn alone(mut self, cases: Vec<Case>) -> Self {
        self.alone.extend(cases);
        self
    }

    /// Runs the cases selected on the command line, and returns the exit code of a test binary.
    pub fn run(self) -> ExitCode {
        let arguments = Arguments::from_args();
        let shared = Shared::default();
        let trials = |cases: Vec<Case>| -> Vec<Trial> {
            cases.into_iter().map(|case| shared.trial(case)).collect()
        };
        if arguments.list {
            let all = [self.together, self.alone].concat();
            return libtest_mimic::run(&arguments, trials(all)).exit_code();
        }
        let threads = |count| Arguments {
            test_threads: Some(count),
            ..arguments.clone()
        };
        let together = threads(arguments.test_threads.unwrap_or(THREADS));
        let first = libtest_mimic::run(&together, trials(self.together));
        let second = libtest_mimic::run(&threads(1), trials(self.alone));
        shared.end(&[&first, &second]);
        if first.has_failed() {
            first.exit_code()
        } else {
            second.exit_code()
        }
    }
}

impl Shared {
    fn trial(&self, (name, body): Case) -> Trial {
        let shared = self.clone();
        Trial::ignorable_test(name, move || match shared.cluster() {
            Ok(cluster) => play(cluster, name, body).map(|()| Completion::Completed),
            Err(Unusable::Absent(why)) if !required() => {
                eprintln!("SKIPPED: {name}: {why}");
                Ok(Completion::ignored_with(why))
            }
            Err(Unusable::Absent(why) | Unusable::Failed(why)) => Err(why.into()),
        })
    }

    /// Returns the cluster, and starts it on the first call. If the start failed, later calls return the same error.
    fn cluster(&self) -> Started {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || match Cluster::start() {
            Ok(cluster) => Ok(Arc::new(cluster)),
            Err(Missing::Absent(why)) => Err(Unusable::Absent(why)),
            Err(Missing::Failed(why)) => Err(Unusable::Failed(why)),
        };
        shared.get_or_insert_with(start).clone()
    }

    fn end(&self, phases: &[&Conclusion]) {
        let ignored: u64 = phases.iter().map(|phase| phase.num_ignored).sum();
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Ok(cluster)) => cluster.end(),
            Some(Err(Unusable::Absent(why))) if ignored > 0 => {
                eprintln!("SKIPPED: {ignored} cases on a real cluster: {why}");
            }
            Some(Err(_)) | None => {}
        }
    }
}

/// Runs a case in a separate namespace. If the case fails, the error includes diagnostics.
fn play(cluster: Arc<Cluster>, name: &str, body: fn(&Namespace)) -> Result<(), Failed> {
    let namespace = Namespace::new(cluster, name);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        namespace.create();
        body(&namespace);
    }));
    let result = outcome.map_err(|panic| {
        let report = namespace.report();
        Failed::from(format!("{}\n{report}", words(&*panic)))
    });
    if result.is_err() && start::keeps() {
        eprintln!("kept: namespace {}", namespace.name());
    } else {
        namespace.delete();
    }
    result
}

fn required() -> bool {
    start::asks("GLEANER_REQUIRE_CLUSTER")
}

/// Returns the message from a panic.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
