//! Checks that a [`Share`] is the same after it is written and parsed, that calculated sizes are never too low, and that a
//! failure's message is shortened to the available space and does not replace the previous entries.
#![no_main]

use gleaner_redirector::fuzzing::termination_message;
use gleaner_termination::{CONTAINER_MAX, Entry, EntryType, OF_TEKTON, Share, cut_escaped};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut parts = text.splitn(4, '\0');
    let mut part = || parts.next().unwrap_or_default();
    let (share, before, reason, message) = (part(), part(), part(), part());
    let share = share.parse::<Share>().unwrap_or(Share {
        own: 3,
        added: 1,
        compressed: true,
    });
    assert_eq!(share.to_string().parse(), Ok(share));
    let room = share.room();
    assert!(room <= share.room_without() && room <= CONTAINER_MAX);

    let result = Entry {
        key: reason,
        value: message,
        kind: EntryType::TaskRunResult,
    };
    let size = share.size(OF_TEKTON.into_iter().chain([result]));
    let entries: Value = OF_TEKTON
        .into_iter()
        .chain([result])
        .map(Entry::to_json)
        .collect();
    assert!(size.plain >= entries.to_string().len());
    assert_eq!(size.compressed.is_some(), share.compressed);
    assert!(message.starts_with(cut_escaped(message, room)));

    let merged = termination_message(before, reason, message, room);
    let entries: Vec<Value> = serde_json::from_str(&merged).expect("an array");
    let without = termination_message(before, reason, "", room);
    assert!(merged.len() <= room.max(without.len()), "{merged}");
    if let Ok(before) = serde_json::from_str::<Vec<Value>>(before) {
        assert_eq!(
            entries[..before.len()],
            before,
            "the previous entries must stay unchanged"
        );
    }
});
