//! The order of a Pipeline's tasks (`validateGraph`).

use std::collections::{HashMap, HashSet};

use crate::document::{Cursor, Diagnostics};
use crate::variable::occurrence::{key, parts, root};

use super::{CHECKED, Pipeline, containers, texts};

impl<'a> Pipeline<'a> {
    /// Checks the order of the tasks: `runAfter`, and results of other tasks.
    pub(super) fn order(&self, spec: &Cursor<'_>, tasks: &[Cursor<'_>], found: &mut Diagnostics) {
        let mut later: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut open: HashMap<&str, usize> = HashMap::new();
        for item in tasks {
            let Some(name) = item.node.text_of("name") else {
                continue;
            };
            let earlier = self.earlier(item, found);
            *open.entry(name).or_default() += earlier.len();
            for task in earlier {
                later.entry(task).or_default().push(name);
            }
        }
        let mut free = Vec::new();
        for (name, count) in &open {
            if *count == 0 {
                free.push(*name);
            }
        }
        while let Some(task) = free.pop() {
            open.remove(task);
            for name in later.remove(task).unwrap_or_default() {
                if let Some(count) = open.get_mut(name) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(name);
                    }
                }
            }
        }
        if !open.is_empty() {
            let names = self.tasks.all.iter().copied();
            let waiting: Vec<&str> = names.filter(|name| open.contains_key(name)).collect();
            let message = format!("these tasks wait for each other: {}", waiting.join(", "));
            let field = spec.field("tasks");
            let help = "remove a result or a runAfter";
            found.refuse(field.as_ref().unwrap_or(spec), message, help);
        }
    }

    /// Returns the tasks before `item`: those of `runAfter`, and those whose results it uses.
    fn earlier(&self, item: &Cursor<'_>, found: &mut Diagnostics) -> HashSet<&'a str> {
        let mut earlier = HashSet::new();
        for task in item.list_of("runAfter") {
            let Some(name) = task.node.as_str() else {
                continue;
            };
            match self.tasks.known.get(name) {
                Some(name) => drop(earlier.insert(*name)),
                None => {
                    let message = format!("runAfter: the Pipeline has no task '{name}'");
                    let help = self.tasks.suggestion(name, found);
                    found.add(&task, message, help);
                }
            }
        }
        let fields = CHECKED.iter().filter_map(|field| item.field(field));
        for field in fields.chain(containers(item)) {
            texts(&field, &mut |_, one| {
                let parts = parts(one.inner).unwrap_or_default();
                if let (Some("tasks"), Some("results")) = (root(one.inner), key(&parts, 2))
                    && let Some(name) = key(&parts, 1).and_then(|name| self.tasks.known.get(name))
                {
                    earlier.insert(*name);
                }
            });
        }
        earlier
    }
}
