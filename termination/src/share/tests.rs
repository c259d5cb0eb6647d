use proptest::prelude::*;

use super::*;
use crate::EntryType;

fn share(own: usize, added: usize) -> Share {
    Share {
        own,
        added,
        compressed: false,
    }
}

fn result<'a>(key: &'a str, value: &'a str) -> Entry<'a> {
    Entry {
        key,
        value,
        kind: EntryType::TaskRunResult,
    }
}

#[test]
fn the_maximum_message_size_matches_the_kubelet() {
    let rooms: Vec<usize> = (1..=12).map(|own| share(own, 0).room()).collect();
    assert_eq!(
        rooms,
        [
            4096, 4096, 4096, 3072, 2457, 2048, 1755, 1536, 1365, 1228, 1117, 1024
        ]
    );
    assert_eq!(share(3, 1).room(), 3072);
    assert_eq!(share(3, 1).room_without(), 4096);
}

#[test]
fn only_the_form_that_display_writes_is_parsed() {
    for text in ["3+1", "0+1", "12+2,compressed"] {
        assert_eq!(
            text.parse::<Share>().map(|share| share.to_string()),
            Ok(text.to_owned())
        );
    }
    for text in [
        "",
        "4",
        "+1",
        "3+",
        "-3+1",
        "3++1",
        "3+1,",
        "3+1,packed",
        " 3+1",
        "99999+1",
    ] {
        assert_eq!(text.parse::<Share>(), Err(InvalidShare(text.to_owned())));
    }
}

#[test]
fn repeated_text_fits_if_it_is_compressed() {
    let text = "registry.example.com/team/image@sha256:".repeat(200);
    let plain = share(3, 1);
    let compressed = Share {
        compressed: true,
        ..plain
    };
    assert!(plain.size([result("image", &text)]).bytes() > plain.room());
    assert!(compressed.size([result("image", &text)]).bytes() < compressed.room() / 2);
}

proptest! {
    /// The sidecar adds the size of its results to the reported size of the step's own results, so the sum must not be smaller
    /// than the size of all results together.
    #[test]
    fn sizes_of_parts_are_at_least_the_size_of_the_whole(
        first in proptest::collection::vec(("[a-z]{1,20}", "\\PC{0,300}"), 0..8),
        second in proptest::collection::vec(("[a-z]{1,20}", "[a-f0-9:/{}\"]{0,300}"), 0..8),
        compressed in any::<bool>(),
    ) {
        let share = Share { own: 3, added: 1, compressed };
        let entries = |list: &'static [(String, String)]| list.iter().map(|(key, value)| result(key, value));
        let (first, second): (&'static [_], &'static [_]) = (first.leak(), second.leak());
        let both = entries(first).chain(entries(second));
        let sum = share.size(entries(first)) + share.size(entries(second));
        prop_assert!(sum.plain >= plain_len(both.clone()));
        prop_assert!(sum.compressed.is_none_or(|sum| sum >= packed_len(&message(both))));
    }
}
