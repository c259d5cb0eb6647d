//! Tests the page of a real sidecar in a real browser, in every state of a run.
//!
//! Without Chromium, the tests print a message and are reported as ignored; with `GLEANER_REQUIRE_CHROMIUM=1`, they fail. With
//! `GLEANER_PAGE_IMAGES=DIRECTORY`, the tests save images of the page in that directory (`scripts/page-screenshots`).

mod browser;
mod checks;
mod connection;
mod content;
mod states;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

type Case = (&'static str, fn());

/// Creates an array of [`Case`]s from function names.
macro_rules! cases {
    ($($module:ident::$name:ident),* $(,)?) => {
        [$((stringify!($name), $module::$name as fn())),*]
    };
}

fn main() -> ExitCode {
    let cases: [Case; 14] = cases![
        states::running_steps_are_listed_separately_from_waiting_ones,
        states::variables_and_yaml_fill_in_as_outputs_arrive,
        states::a_failed_step_is_shown_with_its_exit_code,
        states::a_submission_shows_its_stage,
        states::a_wait_for_readiness_is_shown,
        states::a_wait_for_quota_is_shown,
        states::a_commit_shows_objects_and_results,
        states::a_rollback_lists_the_deleted_objects,
        states::a_manual_run_waits_for_a_submit_request,
        connection::the_last_state_of_a_finished_run_remains_after_the_sidecar_exits,
        connection::the_page_reconnects_after_an_interruption,
        connection::the_page_tries_to_reconnect_if_the_sidecar_shuts_down_during_the_run,
        content::hostile_values_are_text,
        content::the_page_can_be_used_with_the_keyboard,
    ];
    let required = std::env::var("GLEANER_REQUIRE_CHROMIUM").is_ok_and(|value| value == "1");
    let missing = browser::program().err();
    if let (Some(why), false) = (&missing, required) {
        eprintln!("SKIPPED: {} tests of the page: {why}", cases.len());
    }
    let trials = cases.map(|(name, body)| match missing.clone() {
        None => Trial::test(name, move || {
            body();
            Ok(())
        }),
        Some(why) if required => Trial::test(name, move || Err(Failed::from(why))),
        Some(_) => Trial::test(name, || Ok(())).with_ignored_flag(true),
    });
    let mut arguments = Arguments::from_args();
    // Each browser uses a few hundred MiB of memory, so by default at most two tests run at the same time.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}
