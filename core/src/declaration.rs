//! The declaration: the outputs of a Task's steps, and the objects created from them.
//!
//! The webhook, `gleaner lint` and the sidecar use the same reader and the same validator. All three report all errors at once,
//! each with its place and a remedy.
//!
//! ```
//! use gleaner_core::declaration::{Declaration, Scope};
//!
//! let text = "
//! steps:
//!   kaniko: [{name: digest}]
//! resources:
//!   - name: img
//!     spec:
//!       type: image
//!       params: [{name: digest, value: $(steps.kaniko.digset)}]
//! ";
//! let wrong = Declaration::parse(text, &Scope::default()).unwrap_err();
//! assert_eq!(
//!     wrong[0].to_string(),
//!     "resources[0].spec.params[0].value: the step 'kaniko' declares no output 'digset'; did you mean 'digest'?"
//! );
//! ```

mod allowed_kinds;
mod check;
mod constraint;
mod cycle;
mod duplicate;
mod empty;
mod encoded;
mod expressions;
mod field_path;
mod literal_name;
mod model;
mod named;
mod order;
mod output_path;
mod ownership;
mod permission;
mod read;
mod read_template;
mod read_wait;
pub mod schema;
mod text_field;
mod unreplaced;
mod unused;

pub use allowed_kinds::{AllowedKinds, KindPattern, KindPatternError};
pub(crate) use check::{Finding, param_type};
pub use check::{ParamShape, Scope};
pub use constraint::{PATTERN_MAX, PATTERNS_MAX, Pattern, PatternError, VALUE_MAX, Violation};
pub(crate) use encoded::is_base64;
pub use encoded::undecodable;
pub use field_path::{FieldPath, FieldPathError, PathSegment};
pub use model::{
    Declaration, GIVEN_RESULTS, Naming, Origin, Output, Policy, Preflight, Submit, Template,
    WaitFor, WaitTarget,
};

pub use named::{Named, NamedList};
pub use permission::Permission;

use crate::document::diagnostic::Diagnostic;
use crate::document::yaml;
use crate::document::{Cursor, Diagnostics, Node, Place};

/// The maximum size of a declaration, in bytes: Kubernetes' limit for the annotations of one object (`TotalAnnotationSizeLimitB`
/// in `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`).
pub const DECLARATION_MAX: usize = 256 << 10;

impl Declaration {
    /// Reads and checks the text of the annotation `gleaner.dev/outputs`.
    ///
    /// # Errors
    /// Returns the errors in the order in which they appear in the text. The list is not empty, and its length is limited as in
    /// [`Diagnostics`].
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, Vec<Diagnostic>> {
        let node = Self::parse_document(text).map_err(|found| vec![found])?;
        let (declaration, errors) = read_and_check(&node, Some(text), scope);
        errors.finish(declaration)
    }

    /// Parses the annotation's text, unless the text is larger than [`DECLARATION_MAX`].
    ///
    /// # Errors
    /// Returns an error if the text is too large or is not valid YAML.
    pub fn parse_document(text: &str) -> Result<Node, Diagnostic> {
        if text.len() > DECLARATION_MAX {
            return Err(Self::too_large("the declaration is", text.len()));
        }
        yaml::parse_within(text, yaml::Bounds::DECLARATION)
    }

    /// Returns true if the document `node` is a declaration that stands alone in a file, not in an annotation. Such a document is
    /// a map that contains only fields of a declaration, and its field `steps` is also a map. Files for other programs may
    /// contain a list `steps`, or `resources` without `steps`.
    pub fn is_alone(node: &Node) -> bool {
        let is_field = |name: &str| read::DECLARATION.contains(&name);
        let entries = node.mapping().unwrap_or_default();
        node.get("steps").and_then(Node::mapping).is_some()
            && entries.iter().all(|(key, _)| is_field(&key.name))
    }

    /// Returns the error for a declaration whose size, `bytes`, exceeds [`DECLARATION_MAX`]. `subject` is the beginning
    /// of the message, such as `the declaration is`.
    pub fn too_large(subject: &str, bytes: usize) -> Diagnostic {
        let (kib, max) = (bytes.div_ceil(1 << 10), DECLARATION_MAX >> 10);
        let message = format!("{subject} {kib} KiB, but at most {max} KiB are allowed");
        Diagnostic::new(Place::root(), None, message)
            .help("declare fewer outputs and resources, or split the Task")
    }
}

/// A declaration, with its errors and warnings.
#[derive(Debug)]
pub struct Examined {
    /// The declaration, without the parts that could not be read.
    pub declaration: Declaration,
    /// The errors, in the order in which they appear in the text.
    pub errors: Diagnostics,
    /// Constructs that are allowed but probably not intended.
    pub warnings: Diagnostics,
}

impl Examined {
    /// Examines the declaration `node`. `text` is its source text, or `None` if the declaration is embedded in another document.
    pub fn new(node: &Node, text: Option<&str>, scope: &Scope) -> Self {
        let (declaration, mut errors) = read_and_check(node, text, scope);
        let mut warnings = Diagnostics::default();
        expressions::find(node, &declaration, scope, &mut warnings);
        if errors.is_empty() {
            unused::find(&declaration, &mut warnings);
            encoded::find(&declaration, &mut warnings);
        }
        empty::find(node, &mut warnings);
        let mut without_effect = Diagnostics::default();
        find_without_effect(
            node,
            &declaration,
            scope,
            &mut without_effect,
            &mut warnings,
        );
        without_effect.settle(node, text);
        errors.extend(without_effect.into_vec());
        errors.sort();
        warnings.settle(node, text);
        warnings.sort();
        Self {
            declaration,
            errors,
            warnings,
        }
    }
}

/// Reports well-formed constructs that cannot work at run time. The sidecar does not repeat these checks, because a run
/// with such a construct fails in any case.
fn find_without_effect(
    node: &Node,
    declaration: &Declaration,
    scope: &Scope,
    errors: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    let mut ignored = Diagnostics::default();
    for (_, outputs) in Cursor::root(node).entries_at("steps", &mut ignored) {
        for item in outputs.items(&mut ignored) {
            let name = item.node.text_of("name").unwrap_or("NAME");
            if let Some(path) = item.field("fromPath") {
                output_path::check(&path, name, errors, warnings);
            }
            unreplaced::in_output(&item, errors);
        }
    }
    unreplaced::in_waits(declaration, errors);
    duplicate::check(declaration, errors);
    ownership::check(declaration, scope, errors, warnings);
}

/// Reads and checks the declaration `node`. `text` is its source text, or `None` if the declaration is embedded in another
/// document.
fn read_and_check(node: &Node, text: Option<&str>, scope: &Scope) -> (Declaration, Diagnostics) {
    let (declaration, gaps, mut errors) = read::read(node);
    check::check(&declaration, &gaps, scope, &mut errors);
    errors.settle(node, text);
    errors.sort();
    (declaration, errors)
}

#[cfg(test)]
mod tests;
