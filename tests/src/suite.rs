//! Cases that run against a real API server and the local one alike.
//!
//! A suite is a test binary with `harness = false`:
//!
//! ```ignore
//! fn main() -> std::process::ExitCode {
//!     Suite::new(cases![a_lost_reply_creates_one_object]).crds(&[TEKTON_CRDS]).run()
//! }
//!
//! async fn a_lost_reply_creates_one_object(server: &Server) { /* ... */ }
//! ```
//!
//! Each case becomes two tests, `real::NAME` and `local::NAME`. Where no real server can be had, the former are
//! reported as ignored, and loudly so; with `GLEANER_REQUIRE_APISERVER=1` they fail.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::rig::{self, Missing, Rig};
use crate::server::Server;

/// Where cases can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Both,
    RealOnly,
    LocalOnly,
}

/// One case: a function of a server. Made by [`cases!`](crate::cases) or [`Case::new`].
pub struct Case {
    name: &'static str,
    place: Place,
    crds: &'static [&'static str],
    /// Set: the case gets a rig of its own, with these options.
    own_rig: Option<rig::Options>,
    body: Arc<Body>,
}

type Body = dyn Fn(Where, &'static [&'static str]) + Send + Sync;

/// Where one test runs.
enum Where {
    Real(Arc<Rig>),
    Local,
}

/// All cases of one test binary.
#[must_use = "call `run`"]
pub struct Suite {
    cases: Vec<Case>,
    crds: &'static [&'static str],
    /// Finds what the cases on a real server need besides it.
    also: Option<Find>,
}

type Find = fn() -> Result<PathBuf, Missing>;

/// The rig that the cases of this binary share; taken out at the end, so that it stops before the process does.
type SharedRig = Arc<Mutex<Option<Result<Arc<Rig>, String>>>>;

impl Case {
    /// A case under its name, best a sentence.
    pub fn new<F>(name: &'static str, body: F) -> Self
    where
        F: AsyncFn(&Server) + Send + Sync + 'static,
    {
        let run = move |place: Where, crds: &'static [&'static str]| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let server = match place {
                    Where::Real(rig) => Server::real(rig, crds).await,
                    Where::Local => Server::local(crds).await,
                };
                body(&server).await;
            });
        };
        Self {
            name,
            place: Place::Both,
            crds: &[],
            own_rig: None,
            body: Arc::new(run),
        }
    }

    /// Only against a real server: what the local one says that it lacks.
    #[must_use]
    pub fn real_only(self) -> Self {
        Self {
            place: Place::RealOnly,
            ..self
        }
    }

    /// Only against the local server: where nothing depends on the server's kind.
    #[must_use]
    pub fn local_only(self) -> Self {
        Self {
            place: Place::LocalOnly,
            ..self
        }
    }

    /// Needs these CRDs besides the suite's. A case with such kinds of its own gets a rig of its own, for CRDs are
    /// there for all cases of a rig, and others may rely on their absence.
    #[must_use]
    pub fn crds(self, crds: &'static [&'static str]) -> Self {
        let own_rig = Some(self.own_rig.unwrap_or_default());
        Self {
            crds,
            own_rig,
            ..self
        }
    }

    /// Needs a real server started with these options.
    #[must_use]
    pub fn rig(self, options: rig::Options) -> Self {
        Self {
            own_rig: Some(options),
            ..self
        }
    }
}

/// A list of [`Case`]s from the names of functions `async fn(&Server)`.
#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        vec![$($crate::suite::Case::new(stringify!($name), $name)),*]
    };
}

impl Suite {
    /// A suite of these cases.
    pub fn new(cases: Vec<Case>) -> Self {
        Self {
            cases,
            crds: &[],
            also: None,
        }
    }

    /// Adds cases that are not plain.
    pub fn case(mut self, case: Case) -> Self {
        self.cases.push(case);
        self
    }

    /// CRDs (YAML) that all cases find installed.
    pub fn crds(mut self, crds: &'static [&'static str]) -> Self {
        self.crds = crds;
        self
    }

    /// Cases on a real server need this too, and without it count as ignored like those without a server.
    pub fn needs(mut self, find: Find) -> Self {
        self.also = Some(find);
        self
    }

    /// Runs what the command line asks for; the exit code is that of a test binary.
    pub fn run(self) -> ExitCode {
        let arguments = Arguments::from_args();
        // Finding the programs may build them: not for a list.
        let programs = if arguments.list {
            Ok(PathBuf::new())
        } else {
            let also = self.also.map_or(Ok(PathBuf::new()), |find| find());
            also.and_then(|_| rig::programs())
        };
        let required = std::env::var("GLEANER_REQUIRE_APISERVER").is_ok_and(|v| v == "1");
        let shared: SharedRig = Arc::default();
        let mut trials = Vec::new();
        let mut skipped = 0;
        for case in self.cases {
            let Case {
                name,
                place,
                crds,
                own_rig,
                body,
            } = case;
            // Leaked once a process: a list of CRDs that lives as long as its tests.
            let crds: &'static [&'static str] =
                Box::leak([self.crds, crds].concat().into_boxed_slice());
            if place != Place::RealOnly {
                let body = Arc::clone(&body);
                trials.push(Trial::test(format!("local::{name}"), move || {
                    body(Where::Local, crds);
                    Ok(())
                }));
            }
            if place == Place::LocalOnly {
                continue;
            }
            let real = format!("real::{name}");
            match &programs {
                Ok(programs) => {
                    let (programs, shared) = (programs.clone(), Arc::clone(&shared));
                    trials.push(Trial::test(real, move || {
                        let rig = match own_rig {
                            Some(options) => Arc::new(Rig::start(&programs, &options)?),
                            None => shared_rig(&shared, &programs)?,
                        };
                        body(Where::Real(rig), crds);
                        Ok(())
                    }));
                }
                Err(Missing::Absent(why)) if !required => {
                    eprintln!("SKIPPED: {real}: {why}");
                    skipped += 1;
                    trials.push(Trial::test(real, || Ok(())).with_ignored_flag(true));
                }
                Err(Missing::Absent(why) | Missing::Failed(why)) => {
                    let why = why.clone();
                    trials.push(Trial::test(real, move || Err(Failed::from(why))));
                }
            }
        }
        let conclusion = libtest_mimic::run(&arguments, trials);
        if skipped > 0 {
            eprintln!("SKIPPED: {skipped} cases against a real API server, for there is none here");
        }
        drop(shared.lock().unwrap_or_else(PoisonError::into_inner).take());
        conclusion.exit_code()
    }
}

/// The rig of this binary, started by the first case that needs it. One that failed to start is not tried again.
fn shared_rig(shared: &SharedRig, programs: &Path) -> Result<Arc<Rig>, Failed> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let rig =
        shared.get_or_insert_with(|| Rig::start(programs, &rig::Options::default()).map(Arc::new));
    Ok(rig.clone()?)
}
