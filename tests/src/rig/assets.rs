//! Finds or builds etcd, kube-apiserver, helm and check-rules.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The reason why programs are not available.
#[derive(Debug)]
pub enum Missing {
    /// The programs are not installed on this machine, and neither is Go, which is needed to build them.
    Absent(String),
    /// The programs should be available, but building or finding them failed.
    Failed(String),
}

/// Returns the directory that contains etcd and kube-apiserver. Builds them if necessary, which takes minutes.
///
/// # Errors
///
/// Fails with the reason if the programs are not available.
pub fn programs() -> Result<PathBuf, Missing> {
    ask("rig", "etcd and kube-apiserver (KUBEBUILDER_ASSETS)")
}

/// Returns the directory that contains helm. Builds helm if necessary, which takes minutes.
///
/// # Errors
///
/// Fails with the reason if helm is not available.
pub fn helm() -> Result<PathBuf, Missing> {
    ask("helm", "helm")
}

/// Returns the directory that contains check-rules, a program that parses Prometheus rules. Builds check-rules if necessary.
///
/// # Errors
///
/// Fails with the reason if check-rules is not available.
pub fn rules() -> Result<PathBuf, Missing> {
    ask("rules", "check-rules")
}

/// Runs `rig/assets.sh`, and returns the directory that the script prints. `what` names the programs in an error.
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
            "{what} and Go are not installed; install Go to build the programs"
        ))),
        _ => Err(Missing::Failed(format!(
            "{} {wanted} exited with {}",
            script.display(),
            output.status
        ))),
    }
}
