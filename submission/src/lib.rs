//! Creates all objects of a run on the API server, or none. The sidecar uses this crate.
//!
//! A submission (`run`) consists of one or more rounds. Each round uses these modules in this order:
//!
//! | module | purpose |
//! | --- | --- |
//! | `discovery` | looks up the kinds in use |
//! | `item` | sets the namespace of each object and serializes its body |
//! | `plan` | dry-runs all objects, and recognizes objects from an earlier attempt |
//! | `dependency` | determines which objects can be dry-run only after an earlier object exists |
//! | `planned` | the data that must outlive the process, stored before the first object is created |
//! | `commit` | creates the objects in order; `ledger` tracks what exists |
//! | `wait` | waits until each object is in the state that its `waitFor` requires, and reads results |
//! | `rollback` | deletes the created objects if the submission fails |
//!
//! These modules handle a single request: `api` sends the request until it succeeds, is refused, or times out; `answer` parses
//! the response; `expected` checks that the response came from the API server; `request` builds requests; `remedy` converts a
//! failed request to an [`error::Reason`] with a remedy.
//!
//! No module logs a request or response body, and at most 2 KiB of each string from the API server is stored.

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

/// The maximum number of concurrent requests. It is large enough to hide the round-trip time, and small enough not to overload
/// the API server.
const PARALLEL: usize = 8;
