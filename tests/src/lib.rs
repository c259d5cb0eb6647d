//! Support code of the suites in `tests/`.
//!
//! - [`suite`]: cases that run against both a real API server and the local one;
//! - [`server`]: the API server of a case;
//! - [`rig`]: etcd and kube-apiserver as local processes;
//! - [`cluster`]: a real cluster with Tekton and Gleaner on it;
//! - [`fault_proxy`]: an API server that loses replies, hangs, or responds with 503, on demand;
//! - [`run`]: a TaskRun with the real sidecar and real redirectors;
//! - [`wait`]: waits for conditions, with a time limit.

pub mod cluster;
pub mod fault_proxy;
pub mod rig;
pub mod run;
pub mod server;
pub mod suite;

pub use gleaner_testkit::wait;

/// A minimal CRD of Knative's `Service`: the kind of the proposal's `build-and-deploy` example.
pub const KNATIVE_CRDS: &str = include_str!("../fixtures/knative-service-crd.yaml");
