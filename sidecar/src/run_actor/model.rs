//! Compares the run actor with a reference model of a run. The random command sequences consist of requests, submission
//! results, disk faults, kills and restarts.

mod comparison;
mod disk;
mod process;
#[path = "../../../core/src/collect/tests/model/reference.rs"]
mod reference;
mod submitter;
mod world;

use proptest::prelude::*;

use reference::{End, Post, SUBMITS, Sequence, Submit};
use world::World;

#[derive(Debug, Clone, Copy)]
enum Command {
    Post(Post),
    Submit,
    Finish,
    /// The submission stores its plan.
    Plan,
    /// The submission finishes with this commit.
    Commits(u8),
    Fails(u8),
    Panics,
    /// The pause is over, so the actor tries again to record the outcome.
    Pause,
    /// One disk operation fails, after `after` successful operations.
    Refuse {
        after: u8,
        torn: usize,
    },
    /// The process is killed during a disk operation, after `after` successful operations.
    Kill {
        after: u8,
        torn: usize,
        power_cut: bool,
    },
    /// The disk fills up, except for this number of bytes.
    Fill(usize),
    Heal,
    Restart {
        power_cut: bool,
    },
}

fn commands() -> impl Strategy<Value = Sequence<Command>> {
    let torn = || prop_oneof![0_usize..40, 0_usize..20_000];
    let command = prop_oneof![
        10 => reference::posts().prop_map(Command::Post),
        3 => Just(Command::Submit),
        3 => Just(Command::Finish),
        2 => Just(Command::Plan),
        3 => (0_u8..200).prop_map(Command::Commits),
        2 => (0_u8..200).prop_map(Command::Fails),
        1 => Just(Command::Panics),
        2 => Just(Command::Pause),
        2 => (0_u8..6, torn()).prop_map(|(after, torn)| Command::Refuse { after, torn }),
        2 => (0_u8..12, torn(), any::<bool>())
            .prop_map(|(after, torn, power_cut)| Command::Kill { after, torn, power_cut }),
        2 => prop_oneof![0_usize..100, 0_usize..40_000].prop_map(Command::Fill),
        2 => Just(Command::Heal),
        2 => any::<bool>().prop_map(|power_cut| Command::Restart { power_cut }),
    ];
    // Most sequences begin with the commands for a submission, because few random sequences would reach one.
    let complete = [Command::Post(Post::Build), Command::Post(Post::Scan)];
    let begin = [&[][..], &[Command::Submit], &[Command::Finish]];
    let begin = begin.map(|last| [&complete[..], last].concat());
    let [resolved, manual, completed] = begin;
    let begin = prop_oneof![
        Just(Vec::new()),
        Just(resolved),
        Just(manual),
        Just(completed)
    ];
    (begin, prop::collection::vec(command, 0..20))
        .prop_map(|(begin, rest)| Sequence([begin, rest].concat()))
}

fn run(submit: Submit, commands: &[Command]) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(submit);
        for command in commands {
            match *command {
                Command::Post(post) => world.post(post).await,
                Command::Submit => world.submit().await,
                Command::Finish => world.finish().await,
                Command::Plan => world.plan().await,
                Command::Commits(number) => world.end(End::Committed(number)).await,
                Command::Fails(number) => world.end(End::Failed(number)).await,
                Command::Panics => world.end(comparison::PANICKED).await,
                Command::Pause => world.pause().await,
                Command::Refuse { after, torn } => world.refuse(after, torn),
                Command::Kill {
                    after,
                    torn,
                    power_cut,
                } => world.kill(after, torn, power_cut),
                Command::Fill(free) => world.fill(free),
                Command::Heal => world.heal(),
                Command::Restart { power_cut } => world.restart(power_cut).await,
            }
            world.check().await;
        }
        world.restart(false).await;
        world.check().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_run_actor_behaves_like_the_reference_model(
        submit in prop::sample::select(&SUBMITS[..]),
        commands in commands(),
    ) {
        run(submit, &commands.0);
    }
}

#[test]
fn a_restarted_sidecar_finds_its_objects_even_if_the_disk_is_full() {
    let restart = Command::Restart { power_cut: false };
    let begin = [Command::Post(Post::Build), Command::Post(Post::Scan)];
    let rest = [
        Command::Plan,
        Command::Fill(0),
        restart,
        Command::Commits(1),
    ];
    run(Submit::Resolved, &[&begin[..], &rest].concat());
}
