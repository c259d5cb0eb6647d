//! what injection puts into Tasks and pods.

use crate::declaration::AllowedKinds;
use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::kubernetes::annotation;
use serde_json::{Map, Value, json};

use crate::inject::quantity;

/// Settings of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Gleaner's own image: sidecar and redirector.
    pub image: String,
    /// When it is pulled; the cluster's default when none is said.
    pub image_pull_policy: Option<PullPolicy>,
    /// What the sidecar asks for and may take.
    pub resources: Resources,
    /// The user that Gleaner's containers run as; the image's own (65532) when none is said, which OpenShift wants.
    pub run_as_user: Option<i64>,
    /// Whether the cluster has native sidecars (Kubernetes 1.29 or later, KEP-753).
    pub sidecars: Sidecars,
    /// What the sidecar logs; its own default when none is said.
    pub log_level: Option<String>,
    /// The kinds that declarations may create.
    pub kinds: AllowedKinds,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// At each start.
    Always,
    /// When it is not there.
    IfNotPresent,
    /// Never.
    Never,
}

/// Kinds of sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sidecars {
    /// Init containers with `restartPolicy: Always`.
    Native,
    /// Containers beside the steps, which Tekton stops when they have ended.
    Tekton,
}

/// Requests and limits, as Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// `requests.cpu`
    pub cpu_request: String,
    /// `limits.cpu`
    pub cpu_limit: String,
    /// `requests.memory`
    pub memory_request: String,
    /// `limits.memory`
    pub memory_limit: String,
}

// === impl Settings ===

impl Settings {
    /// The settings for the object with these annotations, which may ask for other resources.
    /// Errors: annotations whose values are no quantities.
    pub(crate) fn with_annotations(
        &self,
        metadata: Option<&Value>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
        let mut settings = self.clone();
        let resources = &mut settings.resources;
        let mut wrong = Vec::new();
        for (key, field) in [
            (annotation::CPU_REQUEST, &mut resources.cpu_request),
            (annotation::CPU_LIMIT, &mut resources.cpu_limit),
            (annotation::MEMORY_REQUEST, &mut resources.memory_request),
            (annotation::MEMORY_LIMIT, &mut resources.memory_limit),
        ] {
            let Some(value) = annotations.and_then(|annotations| annotations.get(key)) else {
                continue;
            };
            let place = || Place::of_annotation(key);
            match value.as_str().map(quantity::parse) {
                Some(Ok(quantity)) => *field = quantity,
                Some(Err(message)) => wrong.push(Diagnostic::new(place(), None, message)),
                None => wrong.push(Diagnostic::new(place(), None, "must be a string")),
            }
        }
        for (what, request, limit) in [
            ("cpu", &resources.cpu_request, &resources.cpu_limit),
            ("memory", &resources.memory_request, &resources.memory_limit),
        ] {
            if quantity::is_more(request, limit) {
                let place = Place::of_annotation(&format!("gleaner.dev/{what}-request"));
                let message = format!("{request} is more than the limit, which is {limit}");
                let help = format!("set gleaner.dev/{what}-limit too");
                wrong.push(Diagnostic::new(place, None, message).help(help));
            }
        }
        if wrong.is_empty() {
            Ok(settings)
        } else {
            Err(wrong)
        }
    }

    /// What the standard `restricted` wants of a container (Pod Security Standards, v1.36), and no more root file system than
    /// needed.
    pub(crate) fn security_context(&self) -> Value {
        let mut context = json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"},
        });
        if let (Some(user), Value::Object(context)) = (self.run_as_user, &mut context) {
            context.insert("runAsUser".to_owned(), user.into());
            context.insert("runAsGroup".to_owned(), user.into());
        }
        context
    }

    /// Image, pull policy, security and resources of a container of Gleaner's; resources under the name that its kind of
    /// object has for them.
    pub(crate) fn container(&self, resources: &str) -> Map<String, Value> {
        let mut container = Map::new();
        self.set_image(&mut container);
        container.insert(resources.to_owned(), self.resources.to_json());
        container.insert("securityContext".to_owned(), self.security_context());
        container
    }

    /// Sets image and pull policy of a container of Gleaner's. A pod gets the image of its injector whichever image its Task was
    /// injected with: the flags in the pod are those of the injector's release, which an older image may not know.
    pub(crate) fn set_image(&self, container: &mut Map<String, Value>) {
        let before = container.insert("image".to_owned(), self.image.as_str().into());
        match self.image_pull_policy {
            Some(policy) => {
                container.insert("imagePullPolicy".to_owned(), policy.as_str().into());
            }
            // That of another image, or the API server's default for it.
            None if before.is_some_and(|image| image != *self.image) => {
                container.shift_remove("imagePullPolicy");
            }
            None => {}
        }
    }
}

impl PullPolicy {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

impl Default for Resources {
    /// What the sidecar was measured to need: 6 MiB idle, 40 MiB with 16 MiB of outputs, 77 MiB while it shows their YAML.
    fn default() -> Self {
        Self {
            cpu_request: "10m".to_owned(),
            cpu_limit: "500m".to_owned(),
            memory_request: "16Mi".to_owned(),
            memory_limit: "128Mi".to_owned(),
        }
    }
}

impl Resources {
    fn to_json(&self) -> Value {
        json!({
            "limits": {"cpu": self.cpu_limit, "memory": self.memory_limit},
            "requests": {"cpu": self.cpu_request, "memory": self.memory_request},
        })
    }
}
