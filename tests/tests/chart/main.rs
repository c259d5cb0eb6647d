//! Tests the chart's objects with Helm and a real API server.

mod cycle;
mod guard;
mod helm;
mod immutability;
mod kind;
mod modes;
mod monitoring;
mod rendering;
mod roles;
mod webhooks;

use std::process::ExitCode;

use gleaner_tests::rig;
use gleaner_tests::suite::Suite;

fn main() -> ExitCode {
    let cases = [
        rendering::cases(),
        kind::cases(),
        immutability::cases(),
        webhooks::cases(),
        guard::cases(),
        roles::cases(),
        cycle::cases(),
        modes::cases(),
        monitoring::cases(),
    ];
    Suite::new(cases.into_iter().flatten().collect())
        .crds(&[kind::CRD])
        .needs(|| rig::rules().and_then(|_| rig::helm()))
        .run()
}
