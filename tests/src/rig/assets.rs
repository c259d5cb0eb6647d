//! Where etcd, kube-apiserver and helm are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The programs cannot be had.
#[derive(Debug)]
pub enum Missing {
    /// Neither they nor Go to build them are here: no fault of the project.
    Absent(String),
    /// They should be here, but building or finding them failed.
    Failed(String),
}

/// The folder that holds etcd and kube-apiserver; builds them first when need be, which takes minutes.
///
/// # Errors
///
/// When they cannot be had, and why.
pub fn programs() -> Result<PathBuf, Missing> {
    ask("rig", "etcd and kube-apiserver (KUBEBUILDER_ASSETS)")
}

/// The folder that holds helm; builds it first when need be, which takes minutes.
///
/// # Errors
///
/// When it cannot be had, and why.
pub fn helm() -> Result<PathBuf, Missing> {
    ask("helm", "helm")
}

/// Asks the script for a folder of programs, `what` they are in words.
fn ask(wanted: &str, what: &str) -> Result<PathBuf, Missing> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("rig/assets.sh");
    let output = Command::new(&script)
        .arg(wanted)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Missing::Failed(format!("{}: {error}", script.display())))?;
    match output.status.code() {
        Some(0) => Ok(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim_end(),
        )),
        Some(3) => Err(Missing::Absent(format!(
            "neither {what} nor Go to build that are here"
        ))),
        _ => Err(Missing::Failed(format!(
            "{} {wanted} ended with {}",
            script.display(),
            output.status
        ))),
    }
}
