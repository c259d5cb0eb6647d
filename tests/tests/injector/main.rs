//! The injector behind a real API server: what it is asked, what becomes of it, and that its certificates are trusted by the
//! one who matters.

mod certificates;
mod objects;
mod webhook;

use std::process::ExitCode;

use gleaner_tests::suite::{Case, Suite};

/// Tekton's Tasks, as far as the webhook's rules need them: Tekton's own schema is for the real cluster.
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
