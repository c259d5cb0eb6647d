//! The report of `gleaner check`: groups of checks, printed as text or JSON.

use serde_json::{Value, json};

use crate::terminal::{BAD, CAUTION, FAINT, GOOD, STRONG, paint, visible};

/// The width of the status column: the length of the longest [`Status`], plus a space.
const COLUMN: usize = 8;

/// The status of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// The check found no problem.
    Ok,
    /// Gleaner works, but with a limitation.
    Warning,
    /// Runs with outputs would fail.
    Failed,
    /// The check was not possible; the message contains the reason.
    Skipped,
}

/// The result of one check, printed as one line.
#[derive(Debug, Clone)]
pub(super) struct Check {
    /// The stable identifier of the check.
    id: &'static str,
    status: Status,
    message: String,
    /// The remedy for a warning or failure.
    remedy: Option<String>,
    /// The object that the check is about, if the check runs for several objects.
    subject: Option<String>,
}

/// The checks of one part of the cluster.
#[derive(Debug)]
pub(super) struct Group {
    name: &'static str,
    checks: Vec<Check>,
}

/// All groups, and the context, namespace and ServiceAccount that were checked.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) context: Option<String>,
    pub(super) namespace: String,
    pub(super) service_account: String,
    pub(super) groups: Vec<Group>,
}

impl Status {
    const ALL: [Self; 4] = [Self::Failed, Self::Warning, Self::Skipped, Self::Ok];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Check {
    pub(super) fn ok(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Status::Ok, message)
    }

    pub(super) fn skipped(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Status::Skipped, message)
    }

    pub(super) fn warning(
        id: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(id, Status::Warning, message).with(remedy)
    }

    pub(super) fn failed(
        id: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(id, Status::Failed, message).with(remedy)
    }

    fn new(id: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self {
            id,
            status,
            message: message.into(),
            remedy: None,
            subject: None,
        }
    }

    fn with(self, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { remedy, ..self }
    }

    /// Sets the object that the check is about.
    pub(super) fn about(self, subject: impl Into<String>) -> Self {
        let subject = Some(subject.into());
        Self { subject, ..self }
    }

    fn to_text(&self) -> String {
        let style = match self.status {
            Status::Ok => GOOD,
            Status::Warning => CAUTION,
            Status::Failed => BAD,
            Status::Skipped => FAINT,
        };
        let status = self.status.as_str();
        let (column, message) = (" ".repeat(COLUMN - status.len()), visible(&self.message));
        let line = format!("  {}{column}{message}\n", paint(style, status));
        match &self.remedy {
            Some(remedy) => format!(
                "{line}  {}remedy: {}\n",
                " ".repeat(COLUMN),
                visible(remedy)
            ),
            None => line,
        }
    }

    fn to_json(&self) -> Value {
        let mut check = json!({
            "check": self.id,
            "status": self.status.as_str(),
            "message": self.message,
        });
        let optional = [("remedy", &self.remedy), ("subject", &self.subject)];
        for (key, text) in optional {
            if let Some(text) = text {
                check[key] = text.as_str().into();
            }
        }
        check
    }
}

impl Group {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            checks: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }
}

impl Report {
    /// Returns true if no check failed.
    pub(super) fn is_success(&self) -> bool {
        self.count(Status::Failed) == 0
    }

    fn count(&self, status: Status) -> usize {
        let checks = self.groups.iter().flat_map(|group| &group.checks);
        checks.filter(|check| check.status == status).count()
    }

    /// Returns the report as text: for each group its name, its checks and their remedies, then a summary.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for group in &self.groups {
            text += &format!("{}\n", paint(STRONG, group.name));
            text.extend(group.checks.iter().map(Check::to_text));
            text.push('\n');
        }
        let counts =
            Status::ALL.map(|status| format!("{} {}", self.count(status), status.as_str()));
        text + &counts.join(", ") + "\n"
    }

    /// Returns the report as JSON, with the fields that docs/check.md describes.
    pub(super) fn to_json(&self) -> String {
        let group = |group: &Group| {
            let checks: Vec<Value> = group.checks.iter().map(Check::to_json).collect();
            json!({"group": group.name, "checks": checks})
        };
        let groups: Vec<Value> = self.groups.iter().map(group).collect();
        let report = json!({
            "success": self.is_success(),
            "context": self.context,
            "namespace": self.namespace,
            "serviceAccount": self.service_account,
            "groups": groups,
        });
        format!("{report:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_from_the_cluster_are_not_printed_to_the_terminal() {
        let text = Check::failed("id", "a \u{1b}[2J", "b \u{7}").to_text();
        assert!(text.contains("a \u{241b}[2J\n"), "{text:?}");
        assert!(text.ends_with("remedy: b \u{2407}\n"), "{text:?}");
    }
}
