//! The end of the connection: a run that finished, and interruptions.

use gleaner_testkit::api_server::ApiServer;

use crate::checks::Page;
use crate::states::committed;
use crate::support::{MANUAL, PATIENCE, Setup};

pub(crate) fn a_finished_run_whose_sidecar_has_exited() {
    let cluster = ApiServer::start();
    let sidecar = committed(&cluster);
    sidecar.step("scan").post("/v1/finish", "").ok();
    let mut page = Page::of(&sidecar);
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PATIENCE).code(), Some(0));
    page.has("#link", "The run finished: Committed.");
    page.has("#link", "The sidecar has exited");
    let text = page.browser.text("#link");
    assert!(
        !text.contains("respond") && !text.contains("etrying"),
        "{text}"
    );
    // The last state remains.
    page.has("[data-result=app]", "replicas");
    assert!(page.is_hidden("#links"));
    page.is_sound("gone");
}

pub(crate) fn an_interruption_is_retried_until_the_sidecar_is_back() {
    let setup = Setup::new(MANUAL).with(&ApiServer::start());
    let sidecar = setup.start();
    let mut page = Page::of(&sidecar);
    let address = sidecar.address();
    sidecar.kill();
    page.has("#link", "The sidecar does not respond. Retrying for");
    page.has("#link", "since");
    page.phase("Collecting");
    page.is_readable("interrupted");
    // It is not the time of the last attempt.
    page.has("#link", "Retrying for 3 s");
    let _sidecar = setup.flag(format!("--listen={address}")).start();
    page.browser.until("document.getElementById('link').hidden");
    page.phase("Collecting");
}

pub(crate) fn a_shutdown_before_the_end_is_not_the_end() {
    let sidecar = Setup::new(MANUAL).with(&ApiServer::start()).start();
    let mut page = Page::of(&sidecar);
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PATIENCE).code(), Some(0));
    page.has(
        "#link",
        "The sidecar was shut down before the run finished. Retrying for",
    );
}
