//! The configuration of a run.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use gleaner_core::declaration::{Declaration, Scope};
use serde_json::Value;

use super::{MemoryLimit, Programs, Run};
use crate::fault_proxy::FaultProxy;
use crate::server::Server;

impl<'a> Run<'a> {
    /// Creates a run of a Task `build` with this declaration, in the case's namespace. The TaskRun has a unique name.
    ///
    /// # Panics
    ///
    /// Panics if the declaration is invalid.
    pub fn new(programs: Programs, server: &'a Server, declaration: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let parsed = Declaration::parse(declaration, &Scope::default());
        let declaration_read = parsed.unwrap_or_else(|findings| panic!("{findings:#?}"));
        let folder = tempfile::Builder::new()
            .prefix("gleaner-run-")
            .tempdir()
            .expect("a directory for the run");
        std::fs::create_dir(folder.path().join("results")).expect("a directory for results");
        std::fs::write(folder.path().join("termination"), "").expect("a termination message");
        let api = if server.is_real() {
            format!("--kubeconfig={}", server.kubeconfig().display())
        } else {
            format!("--api-server={}", server.url())
        };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            programs,
            server,
            folder,
            text: declaration.to_owned(),
            declaration: declaration_read,
            task: "build".to_owned(),
            task_run: format!("build-run-{number}"),
            uid: format!("uid-{}-{number}", server.namespace()),
            api: vec![api],
            flags: Vec::new(),
            environment: Vec::new(),
            sidecar: None,
            memory: None,
            killed: String::new(),
        }
    }

    /// Sets the name of the Task.
    #[must_use]
    pub fn task(mut self, name: &str) -> Self {
        self.task = name.to_owned();
        self
    }

    /// Sets the name of the TaskRun.
    #[must_use]
    pub fn task_run(mut self, name: &str) -> Self {
        self.task_run = name.to_owned();
        self
    }

    /// Makes this run a new attempt at the same TaskRun as `earlier`, as if Tekton had created the pod again and the journal were
    /// lost.
    #[must_use]
    pub fn again_as(mut self, earlier: &Run<'_>) -> Self {
        self.task.clone_from(&earlier.task);
        self.task_run.clone_from(&earlier.task_run);
        self.uid.clone_from(&earlier.uid);
        self
    }

    /// Makes the TaskRun part of a PipelineRun.
    #[must_use]
    pub fn pipeline_run(self, name: &str, uid: &str) -> Self {
        self.flag(&format!("--context=pipelineRun.name={name}"))
            .flag(&format!("--context=pipelineRun.uid={uid}"))
    }

    /// Adds a parameter of type string.
    #[must_use]
    pub fn param(self, name: &str, value: &str) -> Self {
        self.flag(&format!("--param={name}={value}"))
    }

    /// Adds a parameter of type array or object.
    #[must_use]
    pub fn param_json(self, name: &str, value: &Value) -> Self {
        self.flag(&format!("--param-json={name}={value}"))
    }

    /// Connects the sidecar to the API server through this proxy.
    #[must_use]
    pub fn through(mut self, proxy: &FaultProxy) -> Self {
        self.api = vec![format!("--api-server={}", proxy.url())];
        self
    }

    /// Connects the sidecar to the API server with this kubeconfig.
    #[must_use]
    pub fn kubeconfig(mut self, file: &Path) -> Self {
        self.api = vec![format!("--kubeconfig={}", file.display())];
        self
    }

    /// Runs the sidecar with a memory limit.
    #[must_use]
    pub fn within(mut self, memory: Option<MemoryLimit>) -> Self {
        self.memory = memory;
        self
    }

    /// Adds a flag to the sidecar's command line.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }
}
