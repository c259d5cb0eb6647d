//! The sidecar's communication with the API server: creates all objects of a run, or none.
//!
//! A submission is a `run` of rounds, each of which uses these modules, in this order:
//!
//! | module | purpose |
//! | --- | --- |
//! | `discovery` | finds the kinds in use, and no others |
//! | `item` | gives each object its namespace and writes its body |
//! | `plan` | dry-runs all of them, and recognizes objects of an earlier attempt |
//! | `dependency` | determines which can be dry-run only after an earlier one of them exists |
//! | `planned` | the data that must outlive the process before the first of them is created |
//! | `commit` | creates them in order; `ledger` tracks what exists |
//! | `wait` | waits for `waitFor` and reads results |
//! | `rollback` | deletes the existing ones if any of it failed |
//!
//! On a lower level, `api` sends one request until it is done, refused or late; `answer` parses the response,
//! `expected` checks that it came from the API server; `request` builds requests; `remedy` converts a refusal to an
//! [`error::Reason`] with a remedy.
//!
//! Nothing here logs a body, and at most 2 KiB of the API server's text is kept.

#![allow(
    missing_docs,
    reason = "a program, not a library: only unclear names need docs"
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

/// The maximum number of concurrent requests: enough to hide the round trip, too few to be noticed.
const PARALLEL: usize = 8;
