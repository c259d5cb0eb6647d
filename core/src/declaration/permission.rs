//! The permissions that a run needs for the objects in its declaration.

use super::model::{Policy, Template};
use crate::variable::Field;

/// A permission for a template's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The verb, as in an RBAC rule.
    pub verb: &'static str,
    /// The consequence of a missing permission, as a clause in which `it` stands for the object.
    pub without: &'static str,
    /// True if the submission fails without the permission.
    pub is_required: bool,
}

impl Template {
    /// Returns the permissions that the run needs for this template's kind.
    pub fn permissions(&self) -> Vec<Permission> {
        let permission = |verb, is_required, without| Permission {
            verb,
            without,
            is_required,
        };
        let write = match self.policy {
            Policy::Create => permission("create", true, "the object cannot be created"),
            Policy::Apply => permission("patch", true, "the object cannot be applied"),
        };
        let get = match &self.wait_for {
            Some(_) => permission("get", true, "the object cannot be waited for"),
            None => permission(
                "get",
                false,
                "the object cannot be recognized if the response to the create request is lost",
            ),
        };
        let without_delete = "the object cannot be rolled back if another object fails";
        let mut permissions = vec![write, get, permission("delete", false, without_delete)];
        if self.policy == Policy::Apply {
            let without = "the object can be applied only if it already exists";
            permissions.push(permission("create", false, without));
        }
        permissions
    }

    /// Returns true if this template is a CRD that may define the kind of `template`. A CRD field with
    /// variables matches any group or kind.
    pub fn may_define(&self, template: &Self) -> bool {
        let is = |path: &[&str], wanted: &str| match self.tree.field(path) {
            Some(Field::Fixed(value)) => value == wanted,
            Some(Field::Variable(_)) => true,
            None => false,
        };
        self.is_crd()
            && is(&["spec", "group"], template.group().unwrap_or_default())
            && is(&["spec", "names", "kind"], &template.kind)
    }

    /// Returns true if this template is a CRD.
    pub(super) fn is_crd(&self) -> bool {
        self.group() == Some("apiextensions.k8s.io") && self.kind == "CustomResourceDefinition"
    }
}
