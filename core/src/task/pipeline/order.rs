//! The order of a pipeline's tasks: each runs after the tasks whose results it uses or that it names in `runAfter`. Tasks that
//! do not depend on each other run in the order in which the document lists them.

use std::collections::BTreeSet;

/// Returns the indexes of `tasks` in the order in which they run. Each item of `tasks` contains the name of a task, and the
/// names of the tasks that must run before that task.
///
/// # Errors
/// Returns the names of the tasks in a cycle, and of the tasks that must run after these.
pub fn sort(tasks: &[(&str, &BTreeSet<String>)]) -> Result<Vec<usize>, Vec<String>> {
    let mut order = Vec::with_capacity(tasks.len());
    let mut done = BTreeSet::new();
    while order.len() < tasks.len() {
        let ready = tasks.iter().position(|(name, after)| {
            !done.contains(name) && after.iter().all(|other| done.contains(other.as_str()))
        });
        let Some(index) = ready else {
            let waiting = tasks.iter().filter(|(name, _)| !done.contains(name));
            return Err(waiting.map(|(name, _)| (*name).to_owned()).collect());
        };
        done.insert(tasks[index].0);
        order.push(index);
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(tasks: &[(&str, &[&str])]) -> Result<Vec<usize>, Vec<String>> {
        let after: Vec<BTreeSet<String>> = tasks
            .iter()
            .map(|(_, after)| after.iter().map(|name| (*name).to_owned()).collect())
            .collect();
        let tasks: Vec<_> = tasks
            .iter()
            .zip(&after)
            .map(|((name, _), after)| (*name, after))
            .collect();
        sort(&tasks)
    }

    #[test]
    fn tasks_run_after_the_tasks_that_they_need() {
        assert_eq!(
            sorted(&[("c", &["b"]), ("a", &[]), ("b", &["a"]), ("d", &[])]),
            Ok(vec![1, 2, 0, 3])
        );
        assert_eq!(sorted(&[]), Ok(vec![]));
    }

    #[test]
    fn tasks_in_a_cycle_are_reported() {
        let cycle = sorted(&[("a", &[]), ("b", &["c"]), ("c", &["b"])]);
        assert_eq!(cycle, Err(vec!["b".to_owned(), "c".to_owned()]));
    }
}
