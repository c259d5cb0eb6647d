//! Tests all event sequences up to a certain length, and pseudorandom longer sequences.

use super::*;

/// An event that reaches the collector.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Build,
    BuildOtherwise,
    BuildFailed,
    Scan,
    Submit,
    Finish,
    Committed,
    Failed,
}

const EVENTS: [Event; 8] = [
    Event::Build,
    Event::BuildOtherwise,
    Event::BuildFailed,
    Event::Scan,
    Event::Submit,
    Event::Finish,
    Event::Committed,
    Event::Failed,
];

/// Handles an event as the sidecar does. Returns true if the sidecar would write the event to its journal.
fn happen(collector: &mut Collector, event: Event) -> bool {
    let (step, message) = match event {
        Event::Build => ("build", build()),
        Event::BuildOtherwise => ("build", message(0, json!({"digest": "sha256:other"}))),
        Event::BuildFailed => ("build", message(1, json!({}))),
        Event::Scan => ("scan", scan()),
        Event::Submit => {
            let due = matches!(collector.examine_request(), Ok(true));
            if due {
                collector.request_submission();
            }
            return due;
        }
        Event::Finish => {
            let due = !collector.is_finished();
            collector.finish();
            return due;
        }
        Event::Committed | Event::Failed if !collector.is_submitting() => return false,
        Event::Committed => {
            commit(collector);
            return true;
        }
        Event::Failed => {
            collector.submitting().unwrap().fail(failure());
            return true;
        }
    };
    match collector.examine(step, message) {
        Ok(Examined::New(admission)) => {
            collector.accept(admission);
            true
        }
        _ => false,
    }
}

fn is_over(collector: &Collector) -> bool {
    matches!(collector.phase(), Phase::Committed | Phase::Failed)
}

/// Checks the collector after each of the events. Returns true if the last event had an effect.
fn check(declaration: &Declaration, events: &[Event]) -> bool {
    let submit = declaration.submit.as_str();
    let mut collector = with(declaration.clone());
    let mut journal = Vec::new();
    let mut end = None;
    let mut effective = false;
    for event in events {
        effective = happen(&mut collector, *event);
        if effective {
            journal.push(*event);
        }
        let context = || format!("{submit}: {events:?} at {event:?}");
        if collector.is_submitting() {
            assert_eq!(collector.pending_names(), [] as [&str; 0], "{}", context());
        }
        if collector.is_finished() && submit != "Manual" {
            let phase = collector.phase();
            let open = matches!(phase, Phase::Collecting | Phase::Resolved);
            assert!(!open, "{}: {phase:?}", context());
        }
        // A final state does not change.
        if let Some(end) = &end {
            assert_eq!(*end, collector.outcome(), "{}", context());
        } else if is_over(&collector) {
            end = Some(collector.outcome());
        }
    }
    let mut recovered = with(declaration.clone());
    for event in &journal {
        assert!(
            happen(&mut recovered, *event),
            "{submit}: {journal:?} at {event:?}"
        );
    }
    let context = format!("{submit}: {events:?}");
    assert_eq!(recovered.status(), collector.status(), "{context}");
    assert_eq!(recovered.outcome(), collector.outcome(), "{context}");
    assert_eq!(recovered.receipt(), collector.receipt(), "{context}");
    for (step, message) in [("build", build()), ("scan", scan())] {
        let examined = collector.examine(step, message.clone());
        assert_eq!(recovered.examine(step, message), examined, "{context}");
    }
    effective
}

fn declarations() -> [Declaration; 3] {
    ["Resolved", "Completed", "Manual"].map(|submit| collector(submit).declaration().clone())
}

#[test]
fn the_end_of_every_event_sequence_is_final_and_can_be_recovered() {
    for declaration in declarations() {
        let mut sequences = vec![Vec::new()];
        for _ in 0..5 {
            let longer = |events: &Vec<Event>| EVENTS.map(|event| [&events[..], &[event]].concat());
            sequences = sequences.iter().flat_map(longer).collect();
            // Drop a sequence if its last event had no effect: the same sequence without this event has the same continuations.
            sequences.retain(|events| check(&declaration, events));
        }
    }
}

#[test]
fn the_end_of_long_event_sequences_is_final_and_can_be_recovered() {
    // Xorshift with a fixed seed generates the same sequences in each run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        EVENTS[usize::try_from(state % 8).unwrap()]
    };
    for declaration in declarations() {
        for _ in 0..300 {
            let events: Vec<Event> = (0..16).map(|_| next()).collect();
            check(&declaration, &events);
        }
    }
}
