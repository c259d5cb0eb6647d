//! The position of a string in a Task.

/// The part of a Task that contains a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The step with this index.
    Step(usize),
    /// The step template.
    Template,
    /// A sidecar, a volume, a workspace or a result.
    Other,
}

/// The field of a Task that contains a string.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) owner: Owner,
    /// The owner's field, such as `volumeMounts`.
    pub(super) name: &'a str,
    /// The innermost field, such as `subPath` in `volumeMounts`.
    pub(super) key: &'a str,
}

// === impl Field ===

impl<'a> Field<'a> {
    pub(super) const fn new(owner: Owner, name: &'a str) -> Self {
        Self {
            owner,
            name,
            key: name,
        }
    }

    /// Returns the index of the step, or `None` if no step contains the field.
    pub(super) const fn step(&self) -> Option<usize> {
        match self.owner {
            Owner::Step(index) => Some(index),
            Owner::Template | Owner::Other => None,
        }
    }

    /// Returns true if the field is a list in which an array parameter expands to several items.
    pub(super) fn spreads(&self) -> bool {
        match self.name {
            "command" | "args" => true,
            "when" => self.key == "values",
            _ => false,
        }
    }

    /// Returns true if the field is a parameter that a step passes to a StepAction. If the parameter's whole value is one
    /// variable, the value can become an array or object (`ParamValue.ApplyReplacements` in
    /// `pkg/apis/pipeline/v1/param_types.go`).
    pub(super) fn takes_any_type(&self) -> bool {
        self.step().is_some() && self.name == "params"
    }

    /// Returns true if the field is a script, in which `$(...)` may also be a shell command substitution.
    pub(super) fn is_script(&self) -> bool {
        self.name == "script"
    }

    /// Returns true if Tekton replaces variables for step results in the field. In a step, the entrypoint replaces these
    /// variables (`pkg/entrypoint/entrypointer.go`), except that the controller replaces those in the parameters for a
    /// StepAction. Outside the steps, such variables are replaced only in the `value` of a Task's result.
    pub(super) fn has_step_results(&self) -> bool {
        match self.name {
            name if self.owner == Owner::Other => name == "value",
            "command" | "args" | "when" | "params" => true,
            "env" => self.key == "value",
            _ => false,
        }
    }
}
