//! The page of the real sidecar in a real browser, in every state of a run.
//!
//! Without Chromium the cases are reported as ignored, with a message; with `GLEANER_REQUIRE_CHROMIUM=1` they fail. With
//! `GLEANER_PAGE_IMAGES=DIRECTORY`, the main states are saved as images there (`scripts/page-screenshots`).

mod browser;
mod checks;
mod connection;
mod content;
mod states;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

type Case = (&'static str, fn());

/// Creates a list of [`Case`]s from the names of functions.
macro_rules! cases {
    ($($module:ident::$name:ident),* $(,)?) => {
        [$((stringify!($name), $module::$name as fn())),*]
    };
}

fn main() -> ExitCode {
    let cases: [Case; 14] = cases![
        states::a_running_step_is_apart_from_waiting_ones,
        states::variables_and_yaml_fill_in_as_outputs_arrive,
        states::a_failed_step_is_shown_with_its_exit_code,
        states::a_submission_shows_its_stage,
        states::the_readiness_of_an_object_is_waited_for,
        states::room_in_a_quota_is_waited_for,
        states::a_commit_shows_objects_and_results,
        states::a_rollback_names_what_was_deleted,
        states::a_manual_run_waits_for_its_request,
        connection::a_finished_run_whose_sidecar_has_exited,
        connection::an_interruption_is_retried_until_the_sidecar_is_back,
        connection::a_shutdown_before_the_end_is_not_the_end,
        content::hostile_values_are_text,
        content::the_page_is_used_with_the_keyboard,
    ];
    let required = std::env::var("GLEANER_REQUIRE_CHROMIUM").is_ok_and(|value| value == "1");
    let missing = browser::program().err();
    if let (Some(why), false) = (&missing, required) {
        eprintln!("SKIPPED: {} cases of the page: {why}", cases.len());
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
    // Each browser takes a few hundred MiB.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}
