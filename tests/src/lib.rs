//! Support code for the suites in `tests/`.
//!
//! - [`suite`]: cases that run against both a real API server and the local API server that `gleaner run` uses;
//! - [`server`]: the API server of a case;
//! - [`rig`]: etcd and kube-apiserver as local processes;
//! - [`cluster`]: a real cluster with Tekton and Gleaner;
//! - [`fault_proxy`]: a proxy for an API server that drops responses, hangs, or responds with 503, as a test requires;
//! - [`run`]: a TaskRun with the real sidecar and real redirectors;
//! - [`wait`]: waits for conditions, with a time limit.

pub mod cluster;
pub mod fault_proxy;
pub mod rig;
pub mod run;
pub mod server;
pub mod suite;

pub use gleaner_testkit::wait;

/// A minimal CRD for Knative's `Service`, the kind that the proposal's example `build-and-deploy` uses.
pub const KNATIVE_CRDS: &str = include_str!("../fixtures/knative-service-crd.yaml");
