//! Unit tests of `paths`.

use super::*;

fn paths() -> Paths {
    let mut paths = Paths::default();
    paths.map("/workspace", Path::new("/tmp/g/workspace"));
    paths.map("/workspace/src", Path::new("/home/me/src"));
    paths.keep(Path::new("/tmp/g"));
    paths
}

#[test]
fn pod_paths_are_mapped_to_this_machine() {
    for (text, mapped) in [
        ("/workspace", "/tmp/g/workspace"),
        (
            "--context=/workspace/src --out=/workspace/x",
            "--context=/home/me/src --out=/tmp/g/workspace/x",
        ),
        ("dir:///workspace/src", "dir:///home/me/src"),
        ("cc -I/workspace/include", "cc -I/tmp/g/workspace/include"),
        ("PATH=/bin:/workspace/bin", "PATH=/bin:/tmp/g/workspace/bin"),
        (
            "echo x >/workspace/d; cat '/workspace/d' \"/workspace/d\"",
            "echo x >/tmp/g/workspace/d; cat '/tmp/g/workspace/d' \"/tmp/g/workspace/d\"",
        ),
    ] {
        assert_eq!(paths().text(text), mapped);
    }
}

#[test]
fn similar_paths_stay_unchanged() {
    for text in [
        "/workspaces",
        "/workspace-2/x",
        "/workspace.txt",
        "https://host/workspace/x",
        "./workspace",
        "$HOME/workspace",
        "${HOME}/workspace",
        "\"$HOME\"/workspace",
        "$(pwd)/workspace",
        "/tmp/g/workspace/x",
    ] {
        assert_eq!(paths().text(text), text);
    }
}
