//! Checks that any file is opened as a complete or truncated journal, or rejected, and that the journal has the same records when
//! it is opened again.
#![no_main]

use gleaner_sidecar::journal::Journal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal"), bytes).unwrap();
    if let Ok((journal, records)) = Journal::open(folder.path(), b"run") {
        // An open journal is locked, so close it before opening it again.
        drop(journal);
        assert_eq!(Journal::open(folder.path(), b"run").unwrap().1, records);
    }
});
