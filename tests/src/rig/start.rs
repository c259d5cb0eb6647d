//! Starts and stops the rig.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gleaner_testkit::process::{Process, tied_to_thread};
use tempfile::TempDir;

use super::access::{Accounts, User};
use super::folder;
use super::probe::Probe;
use crate::wait;

/// The time limit for the start. It usually takes three seconds, but can take much longer on a busy machine.
const START: Duration = Duration::from_secs(90);

/// The file that contains the CA of the server's certificate; its name in the rig's directory.
const AUTHORITY_FILE: &str = "authority.crt";

/// Options of a rig.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Enables the admission plugin OwnerReferencesPermissionEnforcement, as OpenShift does.
    pub owner_references_permission_enforcement: bool,
}

/// A running kube-apiserver with its etcd. Both are stopped on drop.
#[derive(Debug)]
pub struct Rig {
    url: String,
    folder: TempDir,
    authority: String,
    accounts: Accounts,
    /// The keeper thread stops both processes when this sender is dropped.
    stop: Option<mpsc::Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl Rig {
    /// Starts etcd and kube-apiserver from the directory that [`programs`](super::programs) returns.
    ///
    /// # Errors
    ///
    /// Fails if a file or a process cannot be created, or if the programs do not become ready. In the latter case, the error
    /// contains their last output.
    pub fn start(programs: &Path, options: &Options) -> Result<Self, String> {
        let folder =
            folder::create().map_err(|e| format!("cannot create a directory for the rig: {e}"))?;
        let accounts = Accounts::create(folder.path())?;
        let plan = Plan::new(programs, folder.path(), options)?;
        let url = plan.url();
        let admin = accounts.admin().clone();
        let (stop, stopped) = mpsc::channel::<()>();
        let (report, reported) = mpsc::channel();
        // The kernel kills the child processes when the thread that started them exits, so the keeper thread runs until the rig
        // is dropped.
        let keeper = thread::spawn(move || {
            let running = plan.run(&admin);
            let keep = running.is_ok();
            let (authority, processes) = match running {
                Ok((authority, processes)) => (Ok(authority), Some(processes)),
                Err(why) => (Err(why), None),
            };
            if report.send(authority).is_ok() && keep {
                // Wait until the sender is dropped. `recv` then returns an error.
                let _ = stopped.recv();
            }
            drop(processes);
        });
        let authority = reported
            .recv()
            .map_err(|_| "the rig's keeper thread exited".to_owned())??;
        // Write this file only once, because a process may read it at any time through a kubeconfig.
        fs::write(folder.path().join(AUTHORITY_FILE), &authority)
            .map_err(|error| format!("cannot write the CA: {error}"))?;
        Ok(Self {
            url,
            folder,
            authority,
            accounts,
            stop: Some(stop),
            keeper: Some(keeper),
        })
    }

    /// Returns `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the CA of the server's certificate, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the user with all permissions (group `system:masters`).
    #[must_use]
    pub fn admin(&self) -> &User {
        self.accounts.admin()
    }

    /// Returns a user without permissions, to whom a role can be bound. Each call returns a different user.
    ///
    /// # Panics
    ///
    /// Panics if earlier calls have returned all users of the rig.
    #[must_use]
    pub fn restricted_user(&self) -> User {
        self.accounts.next()
    }

    /// Writes a kubeconfig for a user, and returns its path. The file is removed when the rig is dropped.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn kubeconfig(&self, user: &User, namespace: &str) -> std::io::Result<PathBuf> {
        let path = self
            .folder
            .path()
            .join(format!("kubeconfig-{}-{namespace}.json", user.name));
        let authority = self.folder.path().join(AUTHORITY_FILE);
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "rig", "cluster": {"server": self.url, "certificate-authority": authority}}],
            "users": [{"name": user.name, "user": {"token": user.token}}],
            "contexts": [{"name": "rig", "context": {"cluster": "rig", "user": user.name, "namespace": namespace}}],
            "current-context": "rig",
        });
        fs::write(&path, config.to_string())?;
        Ok(path)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(keeper) = self.keeper.take() {
            // Ignore a panic of the keeper thread, which was already reported.
            let _ = keeper.join();
        }
    }
}

/// The configuration of etcd and kube-apiserver.
struct Plan {
    programs: PathBuf,
    folder: PathBuf,
    admission: &'static str,
    etcd_client: u16,
    etcd_peer: u16,
    apiserver: u16,
}

impl Plan {
    fn new(programs: &Path, folder: &Path, options: &Options) -> Result<Self, String> {
        // Bind all ports at the same time, so that they differ. After they are released here, they remain free for the programs,
        // because other processes on this machine do not request specific ports.
        let listeners: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect::<Result<_, _>>()
            .map_err(|error| format!("cannot bind a free port: {error}"))?;
        let ports: Vec<u16> = listeners
            .iter()
            .filter_map(|l| l.local_addr().ok())
            .map(|a| a.port())
            .collect();
        let &[etcd_client, etcd_peer, apiserver] = ports.as_slice() else {
            return Err("no free port".to_owned());
        };
        let admission = if options.owner_references_permission_enforcement {
            "OwnerReferencesPermissionEnforcement"
        } else {
            ""
        };
        let (programs, folder) = (programs.to_owned(), folder.to_owned());
        Ok(Self {
            programs,
            folder,
            admission,
            etcd_client,
            etcd_peer,
            apiserver,
        })
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.apiserver)
    }

    /// Starts etcd and kube-apiserver, waits until the server is ready, and returns its CA and both processes.
    fn run(&self, admin: &User) -> Result<(String, [Process; 2]), String> {
        let start = |program: &str, arguments: Vec<String>| {
            let mut command = tied_to_thread(&self.programs.join(program));
            command.args(arguments).current_dir(&self.folder);
            Process::spawn(command).map_err(|error| format!("{program}: {error}"))
        };
        let key = rcgen::KeyPair::generate().map_err(|error| error.to_string())?;
        for (name, pem) in [
            ("service-accounts.key", key.serialize_pem()),
            ("service-accounts.pub", key.public_key_pem()),
        ] {
            fs::write(self.folder.join(name), pem).map_err(|error| format!("{name}: {error}"))?;
        }
        let mut etcd = start("etcd", self.etcd_arguments())?;
        let mut apiserver = start("kube-apiserver", self.apiserver_arguments())?;
        let probe = Probe {
            url: self.url(),
            certificate: self.folder.join("certificates/apiserver.crt"),
            admin: admin.clone(),
        };
        let authority = wait::blocking(START, || {
            let running = etcd.check("etcd");
            if let Err(why) = running.and_then(|()| apiserver.check("kube-apiserver")) {
                return Some(Err(why));
            }
            probe.ready().map(Ok)
        })
        .unwrap_or_else(|| {
            Err(format!(
                "kube-apiserver did not become ready within {START:?}:\n{}",
                apiserver.last_lines()
            ))
        })?;
        Ok((authority, [apiserver, etcd]))
    }

    fn etcd_arguments(&self) -> Vec<String> {
        let (client, peer) = (self.etcd_client, self.etcd_peer);
        [
            format!("--data-dir={}", self.folder.join("etcd").display()),
            format!("--listen-client-urls=http://127.0.0.1:{client}"),
            format!("--advertise-client-urls=http://127.0.0.1:{client}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
            format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
            format!("--initial-cluster=default=http://127.0.0.1:{peer}"),
            // The data does not have to survive a power failure.
            "--unsafe-no-fsync=true".to_owned(),
        ]
        .to_vec()
    }

    fn apiserver_arguments(&self) -> Vec<String> {
        let in_folder = |name: &str| self.folder.join(name).display().to_string();
        [
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_client),
            format!("--secure-port={}", self.apiserver),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--cert-dir={}", in_folder("certificates")),
            format!("--token-auth-file={}", in_folder("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            format!("--enable-admission-plugins={}", self.admission),
            // This plugin would reject every pod, because the rig has no controller that creates ServiceAccounts.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!(
                "--service-account-key-file={}",
                in_folder("service-accounts.pub")
            ),
            format!(
                "--service-account-signing-key-file={}",
                in_folder("service-accounts.key")
            ),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        ]
        .to_vec()
    }
}
