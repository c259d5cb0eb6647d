//! The run actor under test, with its disk and clients, and the reference model.

use std::time::Duration;

use bytes::Bytes;
use gleaner_core::collect::{Collector, Message};
use gleaner_proto::message::{Outcome, Outputs, OwnResults, Phase, Problem, problem_type};
use tokio::sync::oneshot;

use super::comparison::{NO_ROOM, PANICKED, compare, compare_end, open, recovered};
use super::disk::Medium;
use super::process::Process;
use super::reference::{End, Post, Reference, Response, Submit};
use super::submitter::Order;
use crate::message;
use crate::run_actor::Command;

type Received = oneshot::Receiver<Result<Outcome, Problem>>;

pub(super) struct World {
    submit: Submit,
    medium: Medium,
    reference: Reference,
    /// The number of plans that are stored durably.
    plans: usize,
    /// Other states that the disk may contain, because writes failed or were interrupted.
    possible: Vec<(Reference, usize)>,
    /// The outcome of the submission, until it is recorded.
    unrecorded: Option<End>,
    /// True if a disk fault was scheduled since the last restart. A full disk does not count.
    was_refused: bool,
    power_cut: bool,
    waiting: Vec<Received>,
    process: Process,
}

fn body(post: Post) -> Bytes {
    let (_, outputs, exit_code) = post.message();
    let body = serde_json::json!({"outputs": outputs, "exitCode": exit_code});
    body.to_string().into()
}

// === impl World ===

impl World {
    pub(super) fn new(submit: Submit) -> Self {
        let medium = Medium::default();
        let (journal, records) = open(&medium).unwrap();
        Self {
            submit,
            reference: Reference::new(submit),
            plans: 0,
            possible: Vec::new(),
            unrecorded: None,
            was_refused: false,
            power_cut: false,
            waiting: Vec::new(),
            process: Process::start(submit, journal, records),
            medium,
        }
    }

    // --- requests

    pub(super) async fn post(&mut self, post: Post) {
        let (step, ..) = post.message();
        let (response, is_new) = self.reference.examine(post);
        let body = body(post);
        let outputs: Outputs = message::read(&body).unwrap();
        let (reply, received) = oneshot::channel();
        let command = Command::Outputs {
            step: step.to_owned(),
            message: Message::from(outputs),
            body,
            own_results: OwnResults::default(),
            reply,
        };
        let mut after = self.reference.clone();
        if is_new {
            after.accept(post);
        }
        self.request(command, received, response, is_new.then_some(after))
            .await;
    }

    pub(super) async fn submit(&mut self) {
        let (response, begins) = self.reference.examine_request();
        let (reply, received) = oneshot::channel();
        let mut after = self.reference.clone();
        after.request();
        self.request(
            Command::Submit { reply },
            received,
            response,
            begins.then_some(after),
        )
        .await;
    }

    pub(super) async fn finish(&mut self) {
        let (reply, received) = oneshot::channel();
        let own_results = OwnResults::default();
        let mut after = self.reference.clone();
        let response = after.finish();
        let is_first = !self.reference.is_finished();
        let command = Command::Finish { own_results, reply };
        self.request(command, received, response, is_first.then_some(after))
            .await;
    }

    /// Sends a request. Without disk faults, the expected response is `response`, and the resulting state is `after`. If `after`
    /// is `None`, the state does not change.
    async fn request(
        &mut self,
        command: Command,
        mut received: Received,
        response: Response,
        after: Option<Reference>,
    ) {
        let refused = self.medium.refused();
        let sent = self.process.handle.commands.send(command).await;
        assert!(sent.is_ok(), "the actor has exited");
        if !self.settled().await {
            // The process was killed during the write, before it was allowed to respond.
            assert!(
                received.try_recv().is_err(),
                "a response was sent before the request was recorded"
            );
            if let Some(after) = after {
                self.may_be(after.clone());
                if after.phase() == Phase::Submitting {
                    self.may_have_ended(after, NO_ROOM);
                }
            }
            return;
        }
        let refused = self.medium.refused() - refused;
        let reply = received.try_recv();
        if let Ok(Err(problem)) = &reply
            && problem.detail.starts_with("nothing was accepted")
        {
            assert!(
                refused > 0,
                "the request failed without a disk fault: {problem:?}"
            );
            // If the frame could be neither written nor removed, a restarted process may still find it.
            assert!(after.is_some(), "a request that changes no state failed");
            if let (Some(after), 2..) = (after, refused) {
                self.may_be(after);
            }
            return;
        }
        let was_submitting = self.reference.phase() == Phase::Submitting;
        if let Some(after) = after {
            self.reference = after;
            self.possible.clear();
        }
        if !was_submitting {
            self.begin(refused);
        }
        match (response, reply) {
            (Response::Refused(kind), Ok(Err(problem))) => assert_eq!(problem.kind, kind),
            (Response::Receipt, Ok(Ok(outcome))) => {
                assert_eq!(outcome.phase, self.reference.phase());
                if self.reference.end().is_none() {
                    assert_eq!(outcome.pending, self.reference.pending());
                }
            }
            (Response::Waits, Err(oneshot::error::TryRecvError::Empty))
                if self.reference.end().is_none() =>
            {
                self.waiting.push(received);
            }
            (Response::Waits | Response::Outcome, Ok(reply)) => match self.reference.end() {
                Some(end) => compare_end(&reply, end).unwrap(),
                None => assert_eq!(reply.unwrap().phase, self.reference.phase()),
            },
            (response, reply) => panic!("expected {response:?}, got {reply:?}"),
        }
    }

    /// If a submission is due, checks that it starts, or that it fails immediately because the journal has no space for the
    /// outcome.
    fn begin(&mut self, refused: usize) {
        if self.reference.phase() != Phase::Submitting || self.process.begun() == 1 {
            return;
        }
        assert!(
            refused > 0,
            "the submission did not start, although no disk fault occurred"
        );
        assert!(
            !self.process.submissions.resumes,
            "a submission that resumes an earlier one must start even without space"
        );
        if self.live().phase() == Phase::Failed {
            self.reference.settle(NO_ROOM);
        } else {
            self.set_unrecorded(NO_ROOM);
        }
    }

    fn set_unrecorded(&mut self, end: End) {
        self.unrecorded = Some(end);
        self.may_have_ended(self.reference.clone(), end);
    }

    fn may_be(&mut self, reference: Reference) {
        self.possible.push((reference, self.plans));
    }

    fn may_have_ended(&mut self, mut reference: Reference, end: End) {
        reference.settle(end);
        self.may_be(reference);
    }

    // --- the submission

    fn is_running(&self) -> bool {
        self.reference.phase() == Phase::Submitting
            && self.process.begun() == 1
            && self.unrecorded.is_none()
    }

    pub(super) async fn plan(&mut self) {
        if !self.is_running() {
            return;
        }
        let refused = self.medium.refused();
        let (reply, mut received) = oneshot::channel();
        self.process.order(Order::Plan(reply));
        let kept = tokio::select! {
            kept = &mut received => kept.unwrap(),
            () = self.medium.killed() => {
                self.possible.push((self.reference.clone(), self.plans + 1));
                return;
            }
        };
        if kept {
            self.plans += 1;
            self.possible.clear();
        } else {
            let refused = self.medium.refused() - refused;
            assert!(
                refused > 0,
                "the plan was not stored, although no disk fault occurred"
            );
            if refused > 1 {
                self.possible.push((self.reference.clone(), self.plans + 1));
            }
        }
    }

    pub(super) async fn end(&mut self, end: End) {
        if !self.is_running() {
            return;
        }
        self.process.order(match end {
            PANICKED => Order::Panic,
            end => Order::End(end),
        });
        self.record(end).await;
    }

    pub(super) async fn pause(&mut self) {
        tokio::time::advance(Duration::from_secs(1)).await;
        if let Some(end) = self.unrecorded.take() {
            self.record(end).await;
        }
    }

    /// Waits until the outcome is recorded or the write fails, and compares the responses to waiting clients with the reference.
    async fn record(&mut self, end: End) {
        let refused = self.medium.refused();
        for attempt in 0.. {
            assert!(
                attempt < 500,
                "the outcome of the submission was neither recorded nor refused by the disk"
            );
            // Read the state before calling `settled`, because all replies that belong to this state arrive before `settled`
            // returns.
            let is_over = self.live().phase() != Phase::Submitting;
            let is_refused = self.medium.refused() > refused;
            if !self.settled().await {
                for waiting in &mut self.waiting {
                    assert!(
                        waiting.try_recv().is_err(),
                        "a response was sent before the outcome was recorded"
                    );
                }
                self.may_have_ended(self.reference.clone(), end);
                return;
            }
            if is_over {
                self.reference.settle(end);
                self.possible.clear();
                break;
            }
            if is_refused {
                assert!(
                    self.was_refused || end == NO_ROOM,
                    "the outcome does not fit into the reserved space"
                );
                self.set_unrecorded(end);
                break;
            }
        }
        for mut waiting in std::mem::take(&mut self.waiting) {
            let reply = waiting
                .try_recv()
                .expect("waiting clients must have received a response");
            match self.reference.end() {
                Some(end) => compare_end(&reply, end).unwrap(),
                None => assert_eq!(reply.unwrap_err().kind, problem_type::BUSY),
            }
        }
    }

    // --- faults

    pub(super) fn refuse(&mut self, after: u8, torn: usize) {
        self.was_refused = true;
        self.medium.refuse(after, torn);
    }

    pub(super) fn kill(&mut self, after: u8, torn: usize, power_cut: bool) {
        self.power_cut = power_cut;
        self.medium.kill(after, torn);
    }

    pub(super) fn fill(&self, free: usize) {
        self.medium.fill(free);
    }

    pub(super) fn heal(&self) {
        self.medium.heal();
    }

    pub(super) async fn restart(&mut self, power_cut: bool) {
        self.medium.crash(power_cut);
        let submit = self.submit;
        let (journal, records) = match open(&self.medium) {
            Ok(opened) => opened,
            Err(error) => {
                assert!(self.medium.refused() > 0, "{error}");
                self.medium.heal();
                open(&self.medium).unwrap()
            }
        };
        let (collector, plans) = recovered(submit, records.clone());
        self.adopt(&collector, plans);
        self.was_refused = self.medium.is_armed();
        self.unrecorded = None;
        self.waiting.clear();
        let refused = self.medium.refused();
        let process = Process::start(submit, journal, records);
        std::mem::replace(&mut self.process, process).stop().await;
        if self.settled().await {
            self.begin(self.medium.refused() - refused);
        } else if self.reference.phase() == Phase::Submitting {
            self.may_have_ended(self.reference.clone(), NO_ROOM);
        }
    }

    /// Adopts the state that a restarted process restored, if it is one of the possible states.
    fn adopt(&mut self, collector: &Collector, plans: usize) {
        let known = (self.reference.clone(), self.plans);
        let mut errors = Vec::new();
        for (reference, number) in std::iter::once(known).chain(std::mem::take(&mut self.possible))
        {
            match compare(collector, &reference) {
                Ok(()) if number == plans => {
                    self.reference = reference;
                    self.plans = plans;
                    return;
                }
                Ok(()) => errors.push(format!("{plans} plans, not {number}")),
                Err(error) => errors.push(error),
            }
        }
        panic!("unexpected state after a restart: {}", errors.join("; "));
    }

    // --- comparison

    fn live(&self) -> Collector {
        self.process.handle.snapshots.borrow().state.clone()
    }

    /// Waits until the actor has processed all commands. Returns false if the process was killed.
    async fn settled(&self) -> bool {
        let (reply, received) = oneshot::channel();
        let command = Command::Outputs {
            step: "a barrier".to_owned(),
            message: message::read(br#"{"outputs": {}}"#).unwrap().into(),
            body: Bytes::new(),
            own_results: OwnResults::default(),
            reply,
        };
        let sent = self.process.handle.commands.send(command).await;
        assert!(sent.is_ok(), "the actor has exited");
        tokio::select! {
            reply = received => assert_eq!(reply.unwrap().unwrap_err().kind, problem_type::NOT_FOUND),
            () = self.medium.killed() => return false,
        }
        true
    }

    /// Compares the actor's state, and the state that a restarted process would restore, with the reference.
    pub(super) async fn check(&mut self) {
        if self.medium.is_killed() {
            self.restart(self.power_cut).await;
            // A fault that was scheduled for the killed process must not affect the restarted process.
            assert!(!self.medium.is_killed());
        }
        compare(&self.live(), &self.reference).unwrap();
        assert!(self.process.begun() <= 1, "two submissions");
        let [bytes, synced] = self.medium.survivors();
        let differ = (bytes != synced).then_some(synced);
        for bytes in std::iter::once(bytes).chain(differ) {
            let (_, records) = open(&Medium::of(bytes)).unwrap();
            let (collector, plans) = recovered(self.submit, records);
            let possible = self.possible.clone();
            let known = (self.reference.clone(), self.plans);
            self.adopt(&collector, plans);
            (self.reference, self.plans) = known;
            self.possible = possible;
        }
        for waiting in &mut self.waiting {
            let reply = waiting.try_recv();
            assert!(
                matches!(reply, Err(oneshot::error::TryRecvError::Empty)),
                "{reply:?}"
            );
        }
    }
}
