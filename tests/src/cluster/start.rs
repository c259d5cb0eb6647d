//! Starts the cluster and installs Gleaner with the scripts in `tests/cluster/`, which can also be run by hand.

use std::io::{self, BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::SystemTime;

use super::kubectl::Output;
use crate::rig::Missing;

/// The default directory in which the script `up` stores the cluster's state; `GLEANER_CLUSTER_DIR` overrides it.
const STATE: &str = "/tmp/gleaner-cluster";

/// The number of lines from a script's standard error that an error message repeats.
const LAST_LINES: usize = 30;

/// The node's address: `address` in `tests/cluster/settings.sh`.
const NODE: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);

/// A cluster with Tekton and Gleaner.
#[derive(Debug)]
pub struct Cluster {
    state: PathBuf,
    /// The kubeconfig of a cluster that `up` did not create; `None` for a cluster that `up` created.
    given: Option<PathBuf>,
    /// Gleaner's image, which the injector and the sidecars run.
    pub image: String,
    /// True if the cluster was already running, and must not be stopped.
    was_up: bool,
}

impl Cluster {
    /// Starts the cluster if it is not running, and installs Gleaner from this checkout. With `GLEANER_CLUSTER_INSTALLED=1`, uses
    /// the installed Gleaner instead.
    ///
    /// If `GLEANER_TEST_KUBECONFIG` is set, uses the cluster in that kubeconfig, for example a cluster that kind created. Tekton
    /// and Gleaner must be installed on that cluster, and kubectl and helm must be on the PATH.
    ///
    /// # Errors
    ///
    /// Fails if the cluster cannot run on this machine, or if a script fails. The scripts print details to standard error.
    pub fn start() -> Result<Self, Missing> {
        let state = std::env::var_os("GLEANER_CLUSTER_DIR").map_or(STATE.into(), PathBuf::from);
        let given = std::env::var_os("GLEANER_TEST_KUBECONFIG").map(PathBuf::from);
        let before = changed(&state);
        if given.is_none() {
            stdout_of(&mut Command::new(script("up")))?;
        }
        let was_up = given.is_some() || before.is_some() && before == changed(&state);
        let cluster = Self {
            state,
            given,
            image: String::new(),
            was_up,
        };
        let image = if cluster.given.is_some() || asks("GLEANER_CLUSTER_INSTALLED") {
            cluster.installed()
        } else {
            stdout_of(without_cargo(&mut cluster.command(&script("install"))))
        };
        match image {
            Ok(image) => Ok(Self { image, ..cluster }),
            Err(missing) => {
                cluster.end();
                Err(missing)
            }
        }
    }

    /// Returns the image of the installed injector.
    fn installed(&self) -> Result<String, Missing> {
        let image = "--output=jsonpath={.spec.template.spec.containers[0].image}";
        let get = ["get", "deployment", "gleaner-injector", image];
        let output = Output::of(self.kubectl("gleaner").args(get), "");
        if output.status.success() {
            return Ok(output.stdout);
        }
        let why = format!(
            "Gleaner is not installed ({}): install it, or unset GLEANER_CLUSTER_INSTALLED",
            output.stderr.trim_end()
        );
        Err(Missing::Failed(why))
    }

    /// Stops the cluster, unless it was already running before the tests or `GLEANER_CLUSTER_KEEP=1` is set.
    pub fn end(&self) {
        if self.was_up || keeps() {
            return;
        }
        let down = Command::new(script("down")).status();
        if !down.is_ok_and(|status| status.success()) {
            eprintln!("tests/cluster/down failed; run this script by hand");
        }
    }

    /// Returns a kubectl command for a namespace.
    pub fn kubectl(&self, namespace: &str) -> Command {
        let mut kubectl = self.command(&self.program("kubectl"));
        kubectl.arg(format!("--namespace={namespace}"));
        kubectl
    }

    /// Returns a helm command for a namespace.
    pub fn helm(&self, namespace: &str) -> Command {
        let mut helm = self.command(&self.program("helm"));
        for folder in ["cache", "config", "data"] {
            let variable = format!("HELM_{}_HOME", folder.to_uppercase());
            helm.env(variable, self.state.join("helm").join(folder));
        }
        helm.arg(format!("--namespace={namespace}"));
        helm
    }

    /// Runs a script in `tests/cluster/` until it exits.
    pub fn script(&self, name: &str, arguments: &[&str]) -> Output {
        Output::of(
            without_cargo(&mut self.command(&script(name))).args(arguments),
            "",
        )
    }

    /// Returns the image digest that the replacement for kaniko reports after a push. An image with this digest exists in the
    /// cluster, so a pod with this image can start.
    ///
    /// # Panics
    ///
    /// Panics if `up` has not written the digest.
    pub fn pushed_digest(&self) -> String {
        let file = self.state.join("images/knative-route-demo.digest");
        let digest = std::fs::read_to_string(file).expect("`up` should have written the digest");
        digest.trim_end().to_owned()
    }

    /// Returns a command that runs a program with the cluster's kubeconfig. If the command runs kubectl, kubectl caches the
    /// results of discovery in the cluster's directory.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("KUBECACHEDIR", self.state.join("kube-cache"));
        command
    }

    /// Returns the address at which pods reach servers of this process, or `None` if `up` did not create the cluster.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.given.is_none().then_some(NODE)
    }

    /// Returns the administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        let own = || self.state.join("kubeconfig");
        self.given.clone().unwrap_or_else(own)
    }

    /// Returns the path of a program that `up` fetched. If `up` did not create the cluster, returns the program's name, so that
    /// the program is found on the PATH.
    fn program(&self, name: &str) -> PathBuf {
        match self.given {
            Some(_) => PathBuf::from(name),
            None => self.state.join("programs").join(name),
        }
    }
}

/// Returns true if the cluster must be kept running for inspection.
pub(super) fn keeps() -> bool {
    asks("GLEANER_CLUSTER_KEEP")
}

/// Returns true if an environment variable is set to 1.
pub(super) fn asks(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

/// Removes from a command's environment the variables that cargo sets for this test. Their values differ from crate to crate. If
/// the command runs cargo, cargo would otherwise rebuild every crate whose build depends on these variables (ring, and all crates
/// that use it).
pub fn without_cargo(command: &mut Command) -> &mut Command {
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    command
}

/// Returns the path of a file in the repository.
pub fn repository(path: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("a repository").join(path)
}

fn script(name: &str) -> PathBuf {
    repository("tests/cluster").join(name)
}

/// If the directory contains a cluster, returns the time at which the cluster was created.
fn changed(state: &Path) -> Option<SystemTime> {
    std::fs::metadata(state.join("kubeconfig"))
        .and_then(|file| file.modified())
        .ok()
}

/// Runs a script and returns its standard output. Prints the script's standard error, and repeats the last lines in the error.
fn stdout_of(command: &mut Command) -> Result<String, Missing> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = output_of(command).map_err(|error| Missing::Failed(format!("{name}: {error}")))?;
    let progress = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = progress.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    match output.status.code() {
        Some(0) => Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()),
        Some(3) => Err(Missing::Absent(format!(
            "{name} lacks a requirement:\n{last}"
        ))),
        _ => Err(Missing::Failed(format!(
            "{name} exited with {}:\n{last}",
            output.status
        ))),
    }
}

/// Runs a command until it exits, and prints its standard error while it runs.
fn output_of(command: &mut Command) -> io::Result<process::Output> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take().expect("a pipe");
    let printed = std::thread::spawn(move || {
        let mut printed = Vec::new();
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            eprintln!("{}", String::from_utf8_lossy(&line));
            printed.extend(line);
            printed.push(b'\n');
        }
        printed
    });
    let output = child.wait_with_output()?;
    let stderr = printed.join().expect("the thread should not panic");
    Ok(process::Output { stderr, ..output })
}
