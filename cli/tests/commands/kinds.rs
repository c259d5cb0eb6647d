//! Checks that the field types of the built-in kinds in `gleaner-core` match those of the local API server.

use crate::support::repository;

/// To update `outline.json`, run `GLEANER_UPDATE_KINDS=1 cargo test -p gleaner --test kinds`.
#[test]
fn the_types_match_the_local_api_server() {
    let path = repository().join("core/src/kinds/outline.json");
    let expected = format!("{}\n", gleaner_local_apiserver::outline());
    if std::env::var_os("GLEANER_UPDATE_KINDS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found == expected, "{} is out of date", path.display());
    assert!(
        found.len() < 200 << 10,
        "each program would contain {} bytes of types",
        found.len()
    );
}
