//! Tests the injector with a real API server: how it reviews objects, and whether the API server trusts its certificates.

mod certificates;
mod objects;
mod webhook;

use std::process::ExitCode;

use gleaner_tests::suite::{Case, Suite};

/// A minimal CRD for Tekton's kind Task. The webhook's rules need only the kind, not Tekton's schema.
const TASKS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tasks.tekton.dev}
spec:
  group: tekton.dev
  scope: Namespaced
  names: {kind: Task, plural: tasks, singular: task}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

fn main() -> ExitCode {
    let cases = [objects::cases(), certificates::cases()];
    let cases = cases.into_iter().flatten().map(Case::real_only).collect();
    Suite::new(cases)
        .crds(&[gleaner_local_apiserver::TEKTON_CRDS, TASKS])
        .run()
}
