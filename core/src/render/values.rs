//! The values of variables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::declaration::{Declaration, Origin};
use crate::variable::{Lookup, Reference, Variables};
use serde_json::Value;

use super::secrecy::{SECRET, Secrecy};
use super::{Drafts, naming};
use crate::run::Run;

/// The values of params and outputs that are known so far.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// The Task's params, by name.
    pub params: BTreeMap<String, Value>,
    /// The outputs, by step and name. Each step's outputs are in an `Arc`, so cloning `Values` does not copy them.
    pub outputs: BTreeMap<String, Arc<BTreeMap<String, Value>>>,
}

/// The values available to one template, including the context variables and the fields of other templates.
pub(super) struct Environment<'a> {
    values: &'a Values,
    declaration: &'a Declaration,
    run: &'a Run,
    others: &'a Drafts<'a>,
    secrecy: Secrecy,
}

impl Values {
    pub(super) const fn for_template<'a>(
        &'a self,
        declaration: &'a Declaration,
        run: &'a Run,
        others: &'a Drafts<'a>,
        secrecy: Secrecy,
    ) -> Environment<'a> {
        Environment {
            values: self,
            declaration,
            run,
            others,
            secrecy,
        }
    }

    /// Returns the value of an output, if it is known.
    pub fn output(&self, step: &str, name: &str) -> Option<&Value> {
        self.outputs.get(step)?.get(name)
    }
}

impl Environment<'_> {
    fn is_masked(&self, step: &str, output: &str) -> bool {
        let output = self.declaration.output(step, output);
        self.secrecy == Secrecy::Masked && output.is_some_and(|output| output.secret)
    }

    fn field_of_other(&self, name: &str, field: &str) -> Option<Value> {
        let other = self.others.get(name)?;
        let object = match (self.secrecy, &other.masked) {
            (Secrecy::Masked, Some(masked)) => masked,
            _ => &other.object,
        };
        let template = self.declaration.template(name)?;
        match field {
            "name" => naming::known_name(object).map(Value::String),
            "namespace" => {
                let given = object.pointer("/metadata/namespace").cloned();
                given.or_else(|| self.run.namespace().map(Into::into))
            }
            "apiVersion" | "kind" => object.get(field).cloned(),
            _ => {
                let Origin::PipelineResource { kind, .. } = &template.origin else {
                    return None;
                };
                let params = object["spec"]["params"].as_array();
                let mut params = params.into_iter().flatten();
                match params.find(|param| param["name"] == field) {
                    Some(param) => param.get("value").cloned(),
                    None => (field == "type").then(|| kind.clone().into()),
                }
            }
        }
    }
}

impl Variables for Environment<'_> {
    fn lookup(&self, reference: &Reference) -> Lookup<'_> {
        let value = match reference {
            Reference::Param { name, .. } => self.values.params.get(name),
            Reference::Output { step, output, .. } if self.is_masked(step, output) => {
                return Lookup::Value(Cow::Owned(SECRET.into()));
            }
            Reference::Output { step, output, .. } => self.values.output(step, output),
            Reference::Context(name) => {
                let value = self.run.context.get(name);
                let value = value.map(|value| Cow::Owned(value.as_str().into()));
                return value.map_or(Lookup::Pending, Lookup::Value);
            }
            Reference::Resource { name, field } => {
                let value = self.field_of_other(name, field).map(Cow::Owned);
                return value.map_or_else(
                    || Lookup::Absent(format!("`$({reference})` has no value")),
                    Lookup::Value,
                );
            }
        };
        match value.map(|value| reference.reach(value)) {
            Some(Ok(part)) => Lookup::Value(Cow::Borrowed(part)),
            Some(Err(sentence)) => Lookup::Absent(sentence),
            None => Lookup::Pending,
        }
    }
}
