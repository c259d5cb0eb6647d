//! A submission that the test controls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gleaner_core::collect::Collector;
use gleaner_core::collect::problem;
use gleaner_core::render::Attempts;
use gleaner_core::results::Room;
use gleaner_proto::exit_code;
use gleaner_proto::message::{Outcome, Phase, Problem, problem_type};
use gleaner_submission::Planned;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

use super::reference::End;
use crate::events::Notice;
use crate::journal::{Commit, Journal};
use crate::run_actor::on_disk;
use crate::run_actor::submitting::{Ended, Submit};

/// A command for a controlled submission.
#[derive(Debug)]
pub(super) enum Order {
    /// Stores a plan, and responds with true if the plan was stored.
    Plan(oneshot::Sender<bool>),
    End(End),
    Panic,
}

/// The submissions of one process.
#[derive(Clone, Default)]
pub(super) struct Submissions {
    pub(super) state: Arc<Mutex<State>>,
    /// True if an earlier process stored plans.
    pub(super) resumes: bool,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) begun: usize,
    pub(super) orders: Option<mpsc::UnboundedSender<Order>>,
    pub(super) task: Option<AbortHandle>,
}

pub(super) fn outcome_of(number: u8) -> Outcome {
    Outcome {
        phase: Phase::Committed,
        pending: Vec::new(),
        resources: Vec::new(),
        results: BTreeMap::new(),
        notes: vec![format!("commit {number}")],
    }
}

pub(super) fn problem_of(number: u8) -> Problem {
    let (kind, detail) = (problem_type::NOT_CREATED, format!("failure {number}"));
    problem::new(kind, 424, "no", detail, exit_code::NOT_CREATED)
}

impl Submit for Submissions {
    fn begin(
        &self,
        collector: &Collector,
        _: Option<Room>,
        journal: &Arc<Mutex<Journal>>,
    ) -> JoinHandle<Ended> {
        assert!(collector.is_submitting());
        let (sender, mut orders) = mpsc::unbounded_channel();
        let journal = Arc::clone(journal);
        let room = crate::run_actor::ending::room(collector.declaration());
        let task = tokio::spawn(async move {
            while let Some(order) = orders.recv().await {
                match order {
                    Order::Plan(kept) => {
                        let planned = Planned {
                            attempts: BTreeMap::new(),
                            objects: Vec::new(),
                        };
                        let append =
                            move |journal: &mut Journal| journal.append_plan(planned, room);
                        let written = on_disk(Arc::clone(&journal), append).await;
                        let _ = kept.send(written.is_ok());
                    }
                    Order::End(End::Committed(number)) => {
                        let (outcome, attempts) = (outcome_of(number), Attempts::new());
                        let ending = Ok(Commit { outcome, attempts });
                        let notices = Vec::new();
                        return Ended { ending, notices };
                    }
                    Order::End(End::Failed(number)) => {
                        return Ended::failed(problem_of(number), &[]);
                    }
                    Order::End(End::Pending) => unreachable!("a pending submission does not end"),
                    // Unwind without calling the panic hook, which would print the panic.
                    Order::Panic => std::panic::resume_unwind(Box::new(())),
                }
            }
            std::future::pending().await
        });
        let mut state = self.state.lock().unwrap();
        state.begun += 1;
        state.orders = Some(sender);
        state.task = Some(task.abort_handle());
        task
    }

    fn tell(&self, _: Vec<Notice>) -> Option<JoinHandle<()>> {
        None
    }

    fn is_first(&self) -> bool {
        !self.resumes
    }
}
