//! Cases that run against both a real API server and the local API server of `gleaner run`.
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
//! Each case becomes two tests, `real::NAME` and `local::NAME`. If no real server can run on this machine, the `real` tests are
//! reported as ignored, with a message; if `GLEANER_REQUIRE_APISERVER=1` is set, they fail.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::rig::{self, Missing, Rig};
use crate::server::Server;

/// The servers on which a case runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Both,
    RealOnly,
    LocalOnly,
}

/// A case: a named test function that receives a server. [`cases!`](crate::cases) and [`Case::new`] create cases.
pub struct Case {
    name: &'static str,
    place: Place,
    crds: &'static [&'static str],
    /// The options of a separate rig for this case; `None` if the case uses the shared rig.
    own_rig: Option<rig::Options>,
    body: Arc<Body>,
}

type Body = dyn Fn(Where, &'static [&'static str]) + Send + Sync;

/// The server on which a test runs.
enum Where {
    Real(Arc<Rig>),
    Local,
}

/// All cases of one test binary.
#[must_use = "call `run`"]
pub struct Suite {
    cases: Vec<Case>,
    crds: &'static [&'static str],
    /// Finds the program, if any, that the cases need in addition to a real API server.
    also: Option<Find>,
}

type Find = fn() -> Result<PathBuf, Missing>;

/// The rig that the cases of this binary share. It is dropped after the last case, so that the rig stops before the process
/// exits.
type SharedRig = Arc<Mutex<Option<Result<Arc<Rig>, String>>>>;

impl Case {
    /// Creates a case. The name should be a statement.
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

    /// Makes the case run only on a real server, for features that the local server does not support.
    #[must_use]
    pub fn real_only(self) -> Self {
        Self {
            place: Place::RealOnly,
            ..self
        }
    }

    /// Makes the case run only on the local server, for behavior that does not depend on the server.
    #[must_use]
    pub fn local_only(self) -> Self {
        Self {
            place: Place::LocalOnly,
            ..self
        }
    }

    /// Installs these CRDs in addition to the suite's CRDs. The case gets a separate rig, because CRDs are visible to all cases
    /// on a rig, and other cases may require that these CRDs do not exist.
    #[must_use]
    pub fn crds(self, crds: &'static [&'static str]) -> Self {
        let own_rig = Some(self.own_rig.unwrap_or_default());
        Self {
            crds,
            own_rig,
            ..self
        }
    }

    /// Runs the case on a real server in a separate rig with these options, instead of the shared rig.
    #[must_use]
    pub fn rig(self, options: rig::Options) -> Self {
        Self {
            own_rig: Some(options),
            ..self
        }
    }
}

/// Creates a list of [`Case`]s from the names of functions that have the signature `async fn(&Server)`.
#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        vec![$($crate::suite::Case::new(stringify!($name), $name)),*]
    };
}

impl Suite {
    /// Creates a suite of these cases.
    pub fn new(cases: Vec<Case>) -> Self {
        Self {
            cases,
            crds: &[],
            also: None,
        }
    }

    /// Adds a case that has options.
    pub fn case(mut self, case: Case) -> Self {
        self.cases.push(case);
        self
    }

    /// Sets the CRDs (YAML) that are installed for all cases.
    pub fn crds(mut self, crds: &'static [&'static str]) -> Self {
        self.crds = crds;
        self
    }

    /// Adds a requirement for the cases on a real server. If the requirement is not met, these cases are ignored, as if no real
    /// server were available.
    pub fn needs(mut self, find: Find) -> Self {
        self.also = Some(find);
        self
    }

    /// Runs the cases selected on the command line, and returns the exit code of a test binary.
    pub fn run(self) -> ExitCode {
        let arguments = Arguments::from_args();
        // Finding the programs may build them, so skip this if the tests are only listed.
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
            // Leak the list of CRDs, because each test needs a static reference. Each case is created only once per process, so
            // little memory is leaked.
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
            eprintln!("SKIPPED: {skipped} cases on a real API server, because none is available");
        }
        drop(shared.lock().unwrap_or_else(PoisonError::into_inner).take());
        conclusion.exit_code()
    }
}

/// Returns the rig of this binary, and starts it on the first call. If the start failed, later calls return the same error.
fn shared_rig(shared: &SharedRig, programs: &Path) -> Result<Arc<Rig>, Failed> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let rig =
        shared.get_or_insert_with(|| Rig::start(programs, &rig::Options::default()).map(Arc::new));
    Ok(rig.clone()?)
}
