//! The declaration: what a Task's steps leave behind, and what becomes of it.
//!
//! One reader and one validator, used alike at `kubectl apply`, by `gleaner lint` and when the sidecar starts.
//! They report everything that is wrong at once, each with its place and its remedy.
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

mod check;
mod field_path;
mod model;
mod read;
mod read_template;
pub mod schema;

pub use check::{ParamShape, Scope};
pub use field_path::{FieldPath, FieldPathError};
pub use model::{
    Declaration, GIVEN_RESULTS, Naming, Origin, Output, Policy, Preflight, Submit, Template,
    WaitFor, WaitTarget,
};

use crate::document::Node;
use crate::document::diagnostic::Diagnostic;
use crate::document::yaml;

impl Declaration {
    /// Reads and checks the text of the annotation `gleaner.dev/outputs`.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the text; never an empty list.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, Vec<Diagnostic>> {
        let node = yaml::parse(text).map_err(|diagnostic| vec![diagnostic])?;
        Self::read(&node, scope)
    }

    /// Reads and checks a declaration that is already parsed, as in the proposal's own syntax.
    ///
    /// # Errors
    /// As [`Declaration::parse`].
    pub fn read(node: &Node, scope: &Scope) -> Result<Self, Vec<Diagnostic>> {
        let (declaration, mut diagnostics) = read::read(node);
        diagnostics.extend(check::check(&declaration, scope));
        diagnostics.sort_by_key(|diagnostic| diagnostic.at);
        if diagnostics.is_empty() {
            Ok(declaration)
        } else {
            Err(diagnostics)
        }
    }
}
