//! Runs a real API server for experiments. Prints how to connect to the server, and stops it on Ctrl-C. See `rig/apiserver`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use gleaner_tests::KNATIVE_CRDS;
use gleaner_tests::rig::{self, Missing, Options, Rig};
use gleaner_tests::server::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let programs = match rig::programs() {
        Ok(programs) => programs,
        Err(Missing::Absent(why) | Missing::Failed(why)) => {
            eprintln!("rig: {why}");
            return ExitCode::from(3);
        }
    };
    let server = match start(&programs).await {
        Ok(server) => server,
        Err(why) => {
            eprintln!("rig: {why}");
            return ExitCode::FAILURE;
        }
    };
    println!("export KUBECONFIG={}", server.kubeconfig().display());
    eprintln!(
        "rig: {} is ready, with Tekton's and Knative's kinds; press Ctrl-C to stop it",
        server.url()
    );
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rig: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start(programs: &Path) -> Result<Server, String> {
    let rig = Rig::start(programs, &Options::default())?;
    Ok(Server::real(
        Arc::new(rig),
        &[gleaner_local_apiserver::TEKTON_CRDS, KNATIVE_CRDS],
    )
    .await)
}
