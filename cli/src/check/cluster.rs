//! Reads objects and permissions from the cluster, and explains why something could not be read.

use gleaner_runtime::api_server::{ApiServer, RequestError, path};
use gleaner_runtime::error_chain;
use http::Method;
use serde_json::{Value, json};

use super::report::Check;

/// The API server, and the namespace and ServiceAccount of the runs.
pub(super) struct Cluster<'a> {
    pub(super) api: &'a ApiServer,
    pub(super) namespace: &'a str,
    pub(super) service_account: &'a str,
    pub(super) version: (u32, u32),
}

/// The reason why something could not be read.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    /// True if the user is not allowed to read the object, or if the object does not exist; false for any other failure.
    is_expected: bool,
    message: String,
}

impl Unread {
    /// Describes a failed request for `subject`, such as "the Secret a in b".
    fn of(subject: &str, error: &RequestError) -> Self {
        let is_forbidden = error.code().is_some_and(|code| code.as_u16() == 403);
        let reason = error_chain(error);
        let message = match is_forbidden {
            true => format!("you are not allowed to read {subject}: {reason}"),
            false => format!("{subject} cannot be read: {reason}"),
        };
        Self {
            is_expected: is_forbidden,
            message,
        }
    }

    /// Describes something that does not exist.
    pub(super) const fn missing(message: String) -> Self {
        Self {
            is_expected: true,
            message,
        }
    }

    /// Returns true if the user is not allowed to read the object, or if the object does not exist.
    pub(super) const fn is_expected(&self) -> bool {
        self.is_expected
    }

    /// Returns the result of a check that needs the unread data: skipped if the failure is expected, otherwise failed.
    pub(super) fn check(&self, id: &'static str) -> Check {
        if self.is_expected {
            Check::skipped(id, &self.message)
        } else {
            let remedy = "run `gleaner check` again; `kubectl version` shows whether the API server responds";
            Check::failed(id, &self.message, remedy)
        }
    }

    /// Returns a skipped check, with the reason as its message.
    pub(super) fn skipped(&self, id: &'static str) -> Check {
        Check::skipped(id, &self.message)
    }
}

impl Cluster<'_> {
    /// Reads an object. If the object does not exist, returns `None`. `subject` describes the object in error messages.
    pub(super) async fn get(&self, subject: &str, path: &str) -> Result<Option<Value>, Unread> {
        let read = self.api.get(path).await;
        read.map_err(|error| Unread::of(subject, &error))
    }

    /// Reads the objects of a collection. `subject` describes them in error messages.
    pub(super) async fn list(&self, subject: &str, path: &str) -> Result<Vec<Value>, Unread> {
        let read = self.api.list(path, Some).await;
        read.map_err(|error| Unread::of(subject, &error))
    }

    /// Returns the kinds of a group version from discovery, without subresources. Returns an empty list if the cluster does not
    /// serve the group version.
    pub(super) async fn kinds(&self, api_version: &str) -> Result<Vec<Value>, Unread> {
        let subject = format!("the {api_version} kinds");
        let list = self
            .get(&subject, &path::group_version(api_version))
            .await?;
        let mut kinds = match list.map(|mut list| list["resources"].take()) {
            Some(Value::Array(kinds)) => kinds,
            _ => Vec::new(),
        };
        kinds.retain(|kind| {
            kind["name"]
                .as_str()
                .is_some_and(|name| !name.contains('/'))
        });
        Ok(kinds)
    }

    /// Returns true if the user has a permission in the namespace.
    pub(super) async fn may(&self, verb: &str, group: &str, plural: &str) -> Result<bool, Unread> {
        let attributes = json!({
            "namespace": self.namespace, "verb": verb, "group": group, "resource": plural,
        });
        let spec = json!({"resourceAttributes": attributes});
        self.review("SelfSubjectAccessReview", None, &spec).await
    }

    /// Creates an access review of this kind and returns the API server's decision. If the kind is namespaced, `namespace` must
    /// be set.
    pub(super) async fn review(
        &self,
        kind: &str,
        namespace: Option<&str>,
        spec: &Value,
    ) -> Result<bool, Unread> {
        const VERSION: &str = "authorization.k8s.io/v1";
        let metadata = json!({"namespace": namespace});
        let review =
            json!({"apiVersion": VERSION, "kind": kind, "metadata": metadata, "spec": spec});
        let plural = format!("{}s", kind.to_lowercase());
        let path = path::collection(VERSION, &plural, namespace);
        let body = Some(&review);
        let reviewed = self
            .api
            .call(Method::POST, &path, "application/json", body)
            .await;
        let reviewed = reviewed.map_err(|error| Unread::of("permissions", &error))?;
        Ok(reviewed["status"]["allowed"] == Value::Bool(true))
    }
}
