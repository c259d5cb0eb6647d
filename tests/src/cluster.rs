//! A real cluster with Tekton and Gleaner on it, as cases see it: what a user does with kubectl, and what comes of it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`suite`] | the cases of a test binary: side by side first, then those that change the cluster, one by one |
//! | [`start`] | brings the cluster up, and Gleaner onto it |
//! | [`namespace`] | a namespace of a case's own |
//! | [`ended`] | a run that has ended |
//! | [`kubectl`] | runs kubectl and other programs |
//! | `report` | what a person would look at when a case has failed |

pub mod ended;
pub mod kubectl;
pub mod namespace;
mod report;
pub mod start;
pub mod suite;

pub use ended::Ended;
pub use kubectl::Output;
pub use namespace::Namespace;
pub use start::Cluster;
pub use suite::Suite;
