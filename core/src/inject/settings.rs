//! The settings of injection: image, resources, security.

use crate::declaration::AllowedKinds;
use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::kubernetes::annotation;
use serde_json::{Map, Value, json};

use crate::inject::quantity;

/// The settings of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Gleaner's own image, which contains the sidecar and the redirector.
    pub image: String,
    /// The image pull policy. If unset, the cluster's default applies.
    pub image_pull_policy: Option<PullPolicy>,
    /// Requests and limits of the sidecar.
    pub resources: Resources,
    /// The user ID of Gleaner's containers. If unset, they run as the image's user (65532). It must be unset on OpenShift.
    pub run_as_user: Option<i64>,
    /// The kind of sidecar; native sidecars require Kubernetes 1.29 or later (KEP-753).
    pub sidecars: Sidecars,
    /// The log level of the sidecar. If unset, the sidecar's default applies.
    pub log_level: Option<String>,
    /// The URL to which sidecars export traces. If unset, they do not export traces.
    pub traces_endpoint: Option<String>,
    /// The kinds that declarations may create.
    pub kinds: AllowedKinds,
}

/// The image pull policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Pull at each start.
    Always,
    /// Pull if the image is absent.
    IfNotPresent,
    /// Never pull.
    Never,
}

/// Checks an image reference from the command line.
///
/// # Errors
/// Returns an error if the text is empty, or contains a character that is not allowed in an image reference
/// (`distribution/reference`).
pub fn image(text: &str) -> Result<String, String> {
    let is_printable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_printable
        .then(|| text.to_owned())
        .ok_or_else(|| format!("invalid image '{text}': use a form such as ghcr.io/me/gleaner:1"))
}

/// The kind of sidecar container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sidecars {
    /// Init containers with `restartPolicy: Always`.
    Native,
    /// Ordinary containers, which Tekton stops when the steps have finished.
    Tekton,
}

impl Sidecars {
    /// Returns the kind of sidecar that a version of Kubernetes (major and minor number) supports. Native sidecars are enabled by
    /// default in 1.29 and later (KEP-753).
    pub fn supported_by(kubernetes: (u32, u32)) -> Self {
        if kubernetes >= (1, 29) {
            Self::Native
        } else {
            Self::Tekton
        }
    }
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
    /// Returns the settings for one object. The object's annotations may override the sidecar's resources. Fails if an annotation
    /// contains an invalid quantity, or if a request exceeds its limit.
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
        for (what, request, limit) in resources.excess() {
            let place = Place::of_annotation(&format!("gleaner.dev/{what}-request"));
            let message = format!("{request} exceeds the limit of {limit}");
            let help = format!("set gleaner.dev/{what}-limit too");
            wrong.push(Diagnostic::new(place, None, message).help(help));
        }
        if wrong.is_empty() {
            Ok(settings)
        } else {
            Err(wrong)
        }
    }

    /// Returns the security context required by the `restricted` Pod Security Standard (v1.36), with a read-only root filesystem.
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

    /// Returns the image, pull policy, security context and resources of a container that Gleaner adds. `resources` is the name
    /// of the resources field in this kind of object.
    pub(crate) fn container(&self, resources: &str) -> Map<String, Value> {
        let mut container = Map::new();
        self.set_image(&mut container);
        container.insert(resources.to_owned(), self.resources.to_json());
        container.insert("securityContext".to_owned(), self.security_context());
        container
    }

    /// Sets the image and the pull policy of a container that Gleaner adds. A pod gets the image of its injector even if its Task
    /// was injected with a different image, because the injector sets the flags of its own release in the pod, and an older image
    /// may not support them.
    pub(crate) fn set_image(&self, container: &mut Map<String, Value>) {
        let before = container.insert("image".to_owned(), self.image.as_str().into());
        match self.image_pull_policy {
            Some(policy) => {
                container.insert("imagePullPolicy".to_owned(), policy.as_str().into());
            }
            // The container's policy is removed, because it was chosen for another image, or is the API server's default for that
            // image.
            None if before.is_some_and(|image| image != *self.image) => {
                container.shift_remove("imagePullPolicy");
            }
            None => {}
        }
    }
}

impl PullPolicy {
    /// Returns the value of `imagePullPolicy` in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

impl Default for Resources {
    /// Returns resources that cover the sidecar's measured memory use: 6 MiB idle, 40 MiB with 16 MiB of outputs, 77 MiB while it
    /// renders those outputs as YAML.
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
    /// Checks that no request on a command line exceeds its limit.
    ///
    /// # Errors
    /// Returns a message with the flags and the remedy.
    pub fn check_flags(&self) -> Result<(), String> {
        let Some((what, request, limit)) = self.excess().into_iter().next() else {
            return Ok(());
        };
        Err(format!(
            "--{what}-request {request} exceeds --{what}-limit {limit}: set a higher --{what}-limit, or a lower request"
        ))
    }

    /// Returns the requests that exceed their limit: the resource (`cpu` or `memory`), the request and the limit.
    fn excess(&self) -> Vec<(&'static str, &str, &str)> {
        let all = [
            ("cpu", &*self.cpu_request, &*self.cpu_limit),
            ("memory", &*self.memory_request, &*self.memory_limit),
        ];
        let mut all = Vec::from(all);
        all.retain(|(_, request, limit)| quantity::is_more(request, limit));
        all
    }

    fn to_json(&self) -> Value {
        json!({
            "limits": {"cpu": self.cpu_limit, "memory": self.memory_limit},
            "requests": {"cpu": self.cpu_request, "memory": self.memory_request},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_sidecars_are_used_from_kubernetes_1_29_on() {
        for (version, sidecars) in [
            ((1, 28), Sidecars::Tekton),
            ((1, 29), Sidecars::Native),
            ((1, 36), Sidecars::Native),
            ((2, 0), Sidecars::Native),
        ] {
            assert_eq!(Sidecars::supported_by(version), sidecars);
        }
    }
}
