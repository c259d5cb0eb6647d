//! The sidecar's talk with the API server: all objects of a run, or none.
//!
//! One submission is a `run` of rounds, each of which goes through these, in this order:
//!
//! | module | deed |
//! | --- | --- |
//! | `discovery` | finds the kinds in use, and no others |
//! | `item` | gives each object its namespace and writes its body |
//! | `plan` | tries all of them without effect, and recognises what an earlier attempt has left |
//! | `dependency` | tells which can be tried only when an earlier one of them exists |
//! | `planned` | is what has to outlive the process before the first of them is created |
//! | `commit` | creates them in order; `ledger` knows at every moment what exists |
//! | `wait` | waits for `waitFor` and reads results |
//! | `rollback` | deletes what exists, when any of it failed |
//!
//! Below them, `api` sends one request until it is done, refused or late; `answer` reads what came back, `expected` whether
//! it came from the API server; `request` writes requests; `remedy` turns a refusal into an [`error::Reason`] with what to do
//! about it.
//!
//! Nothing here logs a body, and no text of the API server is kept beyond 2 KiB.

#![allow(
    missing_docs,
    reason = "a program, not a library: docs say what a name cannot"
)]

mod answer;
mod api;
mod commit;
mod dependency;
mod discovery;
pub mod error;
mod existing;
mod expected;
mod gone;
mod item;
mod kind;
mod ledger;
mod namespace;
mod owner_references;
mod plan;
mod planned;
mod preflight;
mod progress;
mod quota;
mod remedy;
mod request;
mod rollback;
mod run;
mod settings;
mod submitter;
mod wait;

pub use self::error::{Aftermath, Failure, Reason, SubmissionError};
pub use self::kind::Subject;
pub use self::planned::{Memory, Planned, PlannedObject};
pub use self::preflight::Finding;
pub use self::progress::{Progress, Report};
pub use self::run::Committed;
pub use self::settings::Settings;
pub use self::submitter::{Submission, Submitter};

/// Requests that are under way at the same time, at most: enough to hide the round trip, too few to notice.
const PARALLEL: usize = 8;
