//! A TaskRun or PipelineRun that has ended, as `kubectl get -o json` shows it.

use std::fmt;

use serde_json::Value;

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The run itself.
    pub object: Value,
}

impl Ended {
    /// The run itself, which must have succeeded.
    ///
    /// # Panics
    ///
    /// When it failed.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(
            self.condition()["status"],
            "True",
            "should have succeeded: {self}"
        );
        self
    }

    /// The run itself, which must have failed for this reason (Tekton's word for it).
    ///
    /// # Panics
    ///
    /// When it succeeded, or failed otherwise.
    #[track_caller]
    pub fn failed(self, reason: &str) -> Self {
        let condition = self.condition();
        assert_eq!(condition["status"], "False", "should have failed: {self}");
        assert_eq!(
            condition["reason"], reason,
            "should have failed otherwise: {self}"
        );
        self
    }

    /// What its condition says.
    pub fn message(&self) -> &str {
        self.condition()["message"].as_str().unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Its UID.
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// The pod of a TaskRun.
    pub fn pod(&self) -> &str {
        self.text("/status/podName")
    }

    /// How many attempts of a TaskRun have been given up.
    pub fn retries(&self) -> usize {
        self.list("/status/retriesStatus").len()
    }

    /// A step of a TaskRun, by its name.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn step(&self, name: &str) -> &Value {
        let steps = self.list("/status/steps");
        let step = steps.iter().find(|step| step["name"] == name);
        step.unwrap_or_else(|| panic!("no step {name}: {self}"))
    }

    /// The value of a result; none without.
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

/// Its name, and what its condition says.
impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.object["metadata"]["name"];
        write!(out, "{name}: {}", self.condition())
    }
}
