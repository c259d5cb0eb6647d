//! What Gleaner promises, by its real programs: the sidecar and redirectors as processes, against a real API server and
//! the embedded one alike.

mod proposal;

use std::process::ExitCode;

use gleaner_tests::programs;
use gleaner_tests::run::Programs;
use gleaner_tests::suite::Suite;

const PROGRAMS: Programs = programs!();

fn main() -> ExitCode {
    let cases = [proposal::cases()];
    Suite::new(cases.into_iter().flatten().collect())
        .crds(&[gleaner_apiserver::TEKTON_CRDS])
        .run()
}
