//! Finds templates that refer to each other in a cycle, so that none of them can be rendered first.

use super::model::{Declaration, Template};
use crate::document::diagnostic::Diagnostic;

/// The state of a template in the search: not visited, on the current path, or done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Not,
    OnPath,
    Done,
}

/// Returns the first cycle. The search stores its path on the heap instead of recursing, because a chain of references may be
/// as long as the declaration.
pub(super) fn find(declaration: &Declaration) -> Option<Diagnostic> {
    let templates = &declaration.templates;
    let dependencies = |index: usize| {
        let template: &Template = &templates[index];
        let others = template.dependencies();
        // A template's reference to itself is skipped, because another check reports it.
        others
            .filter_map(|name| templates.position(name))
            .filter(move |other| *other != index)
    };
    let mut visits = vec![Visit::Not; templates.len()];
    for start in 0..templates.len() {
        if visits[start] != Visit::Not {
            continue;
        }
        visits[start] = Visit::OnPath;
        let mut path = vec![(start, dependencies(start))];
        while let Some((index, rest)) = path.last_mut() {
            let Some(next) = rest.next() else {
                visits[*index] = Visit::Done;
                path.pop();
                continue;
            };
            match visits[next] {
                Visit::Done => {}
                Visit::Not => {
                    visits[next] = Visit::OnPath;
                    path.push((next, dependencies(next)));
                }
                Visit::OnPath => {
                    let circle = path.iter().map(|(index, _)| *index);
                    let circle: Vec<usize> = circle.skip_while(|index| *index != next).collect();
                    return Some(diagnostic(declaration, &circle));
                }
            }
        }
    }
    None
}

fn diagnostic(declaration: &Declaration, circle: &[usize]) -> Diagnostic {
    let first = &declaration.templates[circle[0]];
    let closed = circle.iter().chain([&circle[0]]);
    let names: Vec<&str> = closed
        .map(|index| declaration.templates[*index].name.as_str())
        .collect();
    let message = format!(
        "these templates refer to each other in a cycle: {}",
        names.join(" -> ")
    );
    Diagnostic::new(&first.place, first.at, message)
        .help("replace one of the references with a literal value")
}
