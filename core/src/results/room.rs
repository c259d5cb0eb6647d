//! The space for results in a termination message, and the fields that are omitted if there is not enough space.
//!
//! An omitted field is cleared, not removed, because Tekton fails a run whose result lacks a declared key
//! (`pkg/apis/pipeline/v1/result_validation.go`). The params of PipelineResources are omitted first, then the declared `results`,
//! then the types of PipelineResources; within each group, the longest field is omitted first. Names and UIDs are never omitted.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use gleaner_termination::{CONTAINER_MAX, OF_TEKTON, POD_MAX, Share, Size};
use serde_json::{Map, Value};

use super::{TYPE, is_given, keys};
use crate::declaration::{Declaration, Template};

/// The results, by resource name.
pub type Results = BTreeMap<String, Map<String, Value>>;

/// A placeholder as long as a UID (RFC 9562). The actual UID is unknown until the object exists.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// The space for Gleaner's results in the termination message of the step that writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The containers that share the space for the pod's termination messages.
    pub share: Share,
    /// The known size of the results that the step itself writes.
    pub taken: Size,
}

/// An error for results whose names and UIDs alone exceed the space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the results of {resources} resources take at least {needed} bytes, but only {room} bytes are free in the step's \
     termination message: {own} containers of the pod and {added} that Gleaner adds share {POD_MAX} bytes, each container may use at \
     most {CONTAINER_MAX} of them, and the Task's own results take {taken}"
)]
pub struct DoesNotFit {
    /// The number of results.
    pub resources: usize,
    /// The minimum size of the results, in bytes.
    pub needed: usize,
    /// The number of free bytes.
    pub room: usize,
    /// The size of the results that the step itself writes, in bytes.
    pub taken: usize,
    /// The number of containers in the pod, not counting Gleaner's.
    pub own: usize,
    /// The number of Gleaner's containers.
    pub added: usize,
}

impl DoesNotFit {
    /// The remedy.
    pub const REMEDY: &'static str = "create fewer resources in one Task, set Tekton's feature flag results-from to sidecar-logs, or let the next \
         task read the objects by their labels";
}

impl Room {
    /// Returns the space for a step that writes only Gleaner's results.
    pub fn new(share: Share) -> Self {
        let taken = share.size(OF_TEKTON);
        Self { share, taken }
    }

    /// Checks, before any object is created, that at least the names and UIDs of the results fit. `objects` maps resource names
    /// to object names.
    ///
    /// # Errors
    /// Returns [`DoesNotFit`] if the names and UIDs do not fit.
    pub fn check<'a>(
        self,
        declaration: &Declaration,
        objects: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), DoesNotFit> {
        let smallest = objects.into_iter().filter_map(|(resource, name)| {
            let template = declaration.template(resource)?;
            Some((resource.to_owned(), smallest(template, name)))
        });
        self.check_results(&smallest.collect())
    }

    /// Clears fields of `results` until the results fit, and returns one message for the user for each cleared field.
    ///
    /// # Errors
    /// Returns [`DoesNotFit`] if the names and UIDs alone do not fit. In this case, `results` is unchanged.
    pub fn fit(
        self,
        declaration: &Declaration,
        results: &mut Results,
    ) -> Result<Vec<String>, DoesNotFit> {
        let order = order(declaration, results);
        let without = |count: usize| {
            let mut results = results.clone();
            for (resource, key) in &order[..count] {
                if let Some(result) = results.get_mut(resource) {
                    result[key] = "".into();
                }
            }
            results
        };
        self.check_results(&without(order.len()))?;
        // Find the smallest number of fields that must be cleared for the results to fit.
        let counts: Vec<usize> = (0..=order.len()).collect();
        let count = counts.partition_point(|count| !self.holds(&without(*count)));
        *results = without(count);
        let share = self.share;
        let notes = order[..count].iter().map(|(resource, key)| {
            format!(
                "'{key}' of '{resource}' is empty in the results, because the {} containers of the pod share 12 KiB for results and only \
                 {} bytes are free in this step; the next task can read it from the object",
                share.own + share.added,
                self.free(),
            )
        });
        Ok(notes.collect())
    }

    fn check_results(self, results: &Results) -> Result<(), DoesNotFit> {
        if self.holds(results) {
            return Ok(());
        }
        Err(DoesNotFit {
            resources: results.len(),
            needed: self.share.size_of_results(results).bytes(),
            room: self.free(),
            taken: self.taken.bytes(),
            own: self.share.own,
            added: self.share.added,
        })
    }

    /// Returns true if `results` fit.
    fn holds(self, results: &Results) -> bool {
        results.is_empty() || self.size_with(results).bytes() <= self.share.room()
    }

    /// Returns the size of a termination message that contains `results`.
    pub(crate) fn size_with(self, results: &Results) -> Size {
        self.taken + self.share.size_of_results(results)
    }

    fn free(self) -> usize {
        self.share.room().saturating_sub(self.taken.bytes())
    }
}

/// Returns the smallest result for an object of `template`: its name and a placeholder UID. All other fields are empty.
pub(crate) fn smallest(template: &Template, name: &str) -> Map<String, Value> {
    let field = |key: String| {
        let value = match key.as_str() {
            "name" => name,
            "uid" => UID,
            _ => "",
        };
        (key, value.into())
    };
    keys(template).into_iter().map(field).collect()
}

/// Returns the fields that may be omitted, in the order in which they are omitted.
fn order(declaration: &Declaration, results: &Results) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for (resource, result) in results {
        let template = declaration.template(resource);
        for (key, value) in result {
            let length = value.as_str().map_or(0, str::len);
            if is_given(key) || length == 0 {
                continue;
            }
            let is_declared = template.is_some_and(|template| template.results.contains_key(key));
            let group = match (is_declared, key.as_str()) {
                (true, _) => 1,
                (false, TYPE) => 2,
                (false, _) => 0,
            };
            fields.push((group, Reverse(length), resource.clone(), key.clone()));
        }
    }
    fields.sort();
    let fields = fields.into_iter();
    fields
        .map(|(_, _, resource, key)| (resource, key))
        .collect()
}

#[cfg(test)]
mod tests;
