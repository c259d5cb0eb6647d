//! Tests the page after it has lost the connection to the sidecar.

use gleaner_testkit::api_server::ApiServer;

use crate::checks::Page;
use crate::states::committed;
use crate::support::{MANUAL, PATIENCE, Setup};

pub(crate) fn the_last_state_of_a_finished_run_remains_after_the_sidecar_exits() {
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
        !text.contains("respond") && !text.contains("Retrying"),
        "{text}"
    );
    // The page still shows the last state.
    page.has("[data-result=app]", "replicas");
    assert!(page.is_hidden("#links"));
    page.is_sound("gone");
}

pub(crate) fn the_page_reconnects_after_an_interruption() {
    let setup = Setup::new(MANUAL).with(&ApiServer::start());
    let sidecar = setup.start();
    let mut page = Page::of(&sidecar);
    let address = sidecar.address();
    sidecar.kill();
    page.has("#link", "The sidecar does not respond. Disconnected for");
    page.has("#link", "since");
    page.phase("Collecting");
    page.is_readable("interrupted");
    // The time counts from the interruption, not from the last attempt to reconnect.
    page.browser.until(
        "/Disconnected for ([3-9]|\\d\\d+) s/.test(document.getElementById('link').innerText)",
    );
    let _sidecar = setup.flag(format!("--listen={address}")).start();
    page.browser.until("document.getElementById('link').hidden");
    page.phase("Collecting");
}

pub(crate) fn the_page_tries_to_reconnect_if_the_sidecar_shuts_down_during_the_run() {
    let sidecar = Setup::new(MANUAL).with(&ApiServer::start()).start();
    let mut page = Page::of(&sidecar);
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PATIENCE).code(), Some(0));
    page.has(
        "#link",
        "The sidecar was shut down before the run finished. Disconnected for",
    );
}
