//! A finished TaskRun or PipelineRun, as printed by `kubectl get -o json`.

use std::fmt;

use serde_json::Value;

/// A finished run.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The TaskRun or PipelineRun.
    pub object: Value,
}

impl Ended {
    /// Returns the run after asserting that it succeeded.
    ///
    /// # Panics
    ///
    /// Panics if the run did not succeed.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(
            self.condition()["status"],
            "True",
            "should have succeeded: {self}"
        );
        self
    }

    /// Returns the run after asserting that it failed for `reason`, which is one of Tekton's condition reasons.
    ///
    /// # Panics
    ///
    /// Panics if the run succeeded, or failed for a different reason.
    #[track_caller]
    pub fn failed(self, reason: &str) -> Self {
        let condition = self.condition();
        assert_eq!(condition["status"], "False", "should have failed: {self}");
        assert_eq!(
            condition["reason"], reason,
            "should have failed for the reason {reason}: {self}"
        );
        self
    }

    /// Returns the message of the run's condition.
    pub fn message(&self) -> &str {
        self.condition()["message"].as_str().unwrap_or_default()
    }

    /// Returns the run's name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Returns the run's UID.
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// Returns the pod of a TaskRun.
    pub fn pod(&self) -> &str {
        self.text("/status/podName")
    }

    /// Returns the number of a TaskRun's failed attempts.
    pub fn retries(&self) -> usize {
        self.list("/status/retriesStatus").len()
    }

    /// Returns a step of a TaskRun by name.
    ///
    /// # Panics
    ///
    /// Panics if the step does not exist.
    #[track_caller]
    pub fn step(&self, name: &str) -> &Value {
        let steps = self.list("/status/steps");
        let step = steps.iter().find(|step| step["name"] == name);
        step.unwrap_or_else(|| panic!("the step {name} does not exist: {self}"))
    }

    /// Returns the value of a result, or `None` if the result does not exist.
    pub fn result(&self, name: &str) -> Option<&Value> {
        let results = self.list("/status/results");
        let result = results.iter().find(|result| result["name"] == name)?;
        result.get("value")
    }

    fn condition(&self) -> &Value {
        let conditions = self.list("/status/conditions");
        let condition = conditions
            .iter()
            .find(|condition| condition["type"] == "Succeeded");
        condition.unwrap_or(&Value::Null)
    }

    fn list(&self, pointer: &str) -> &[Value] {
        let list = self.object.pointer(pointer).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    #[track_caller]
    fn text(&self, pointer: &str) -> &str {
        let text = self.object.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no {pointer}: {self}"))
    }
}

/// Formats the run's name and its condition.
impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.object["metadata"]["name"];
        write!(out, "{name}: {}", self.condition())
    }
}
