//! A real cluster with Tekton and Gleaner, for test cases that use kubectl as a user does and check the result.
//!
//! | module | holds |
//! | --- | --- |
//! | [`suite`] | the cases of a test binary: first concurrent cases, then cases that change the cluster, one at a time |
//! | [`start`] | starts the cluster and installs Gleaner |
//! | [`namespace`] | the namespace of a case |
//! | [`ended`] | a finished run |
//! | [`kubectl`] | runs kubectl and other programs |
//! | `report` | collects diagnostics of a failed case |

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
