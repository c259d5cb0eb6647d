//! What Gleaner relies on of an API server, asked of both.

use std::process::ExitCode;

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Suite;

fn main() -> ExitCode {
    Suite::new(cases![discovery_lists_the_kinds])
        .crds(&[gleaner_apiserver::TEKTON_CRDS])
        .run()
}

async fn discovery_lists_the_kinds(server: &Server) {
    let list = server
        .get("/apis/tekton.dev/v1alpha1")
        .await
        .expect_status(200)
        .json;
    assert_eq!(list["groupVersion"], "tekton.dev/v1alpha1");
}
