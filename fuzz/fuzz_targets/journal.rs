//! Checks that any file is a journal, a truncated journal, or rejected, and that a file that was opened can be opened again.
#![no_main]

use gleaner_sidecar::journal::Journal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal"), bytes).unwrap();
    if let Ok((journal, records)) = Journal::open(folder.path(), b"run") {
        // The journal is locked while it is open.
        drop(journal);
        assert_eq!(Journal::open(folder.path(), b"run").unwrap().1, records);
    }
});
