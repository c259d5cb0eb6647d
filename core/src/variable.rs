//! The variables in templates: `$(params.NAME)`, `$(steps.STEP.OUTPUT)`, `$(context.taskRun.name)`,
//! `$(resources.NAME.FIELD)`.
//!
//! ```text
//! text      = { literal | "$$(" | variable }          "$$(" is a literal "$("
//! variable  = "$(" ( value | "string(" value ")" ) ")"
//! value     = root { access }
//! access    = "." word | "[" string "]" | "[" number "]" | "[*]"
//! ```
//!
//! Each string is parsed once, when the declaration is read. Substitution puts *values* into the parsed tree. Substitution
//! never searches a value for variables, so a value is always treated as data.

mod leaves;
pub mod occurrence;
mod reference;
mod text;
mod tree;

pub use leaves::Leaf;
pub use reference::{Access, COMPLETION_INDEX, CONTEXT, Reference, ReferenceError};
pub use text::{Part, Position, Text, TextError};
pub use tree::{Field, Lookup, SubstitutionError, Tree, Unresolved, Use, Variables};
