//! The lists of resources in a spec, in all their syntaxes.

use gleaner_core::document::{Content, Cursor, Diagnostics, Node, Place};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// An input of the task.
    Input,
    /// An output that a run binds to an existing resource.
    Output,
}

/// A list entry: a declaration of a resource in a Task or Pipeline, or a binding in a run or a pipeline task.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    node: Node,
    place: Place,
    pub(crate) direction: Direction,
}

impl Item {
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor::new(&self.node, self.place.clone())
    }

    fn new(cursor: &Cursor<'_>, direction: Direction) -> Self {
        Self {
            node: cursor.node.clone(),
            place: cursor.place.clone(),
            direction,
        }
    }
}

/// Removes the lists of resources from `spec`, and returns their entries. The lists are `resources` in the proposal's syntax,
/// `resources.inputs` and `resources.outputs` in v1beta1, and `inputs.resources` and `outputs.resources` in v1alpha1. Does not
/// remove the entries of `outputs.resources` for which `is_created` returns true, because the Task creates them. Moves
/// `inputs.params` to `params`.
pub(crate) fn take(
    spec: &mut Node,
    place: &Place,
    is_created: fn(&Node) -> bool,
    found: &mut Diagnostics,
) -> Vec<Item> {
    let mut items = Vec::new();
    let mut add = |list: Vec<Cursor<'_>>, direction| {
        items.extend(list.iter().map(|item| Item::new(item, direction)));
    };
    if let Some(resources) = spec.take("resources") {
        let resources = Cursor::new(&resources, place.key("resources"));
        if resources.node.sequence().is_some() {
            add(resources.items(found), Direction::Input);
        } else {
            resources.fields(&["inputs", "outputs"], found);
            add(resources.items_at("inputs", found), Direction::Input);
            add(resources.items_at("outputs", found), Direction::Output);
        }
    }
    if let Some(inputs) = spec.take("inputs") {
        let inputs = Cursor::new(&inputs, place.key("inputs"));
        inputs.fields(&["resources", "params"], found);
        add(inputs.items_at("resources", found), Direction::Input);
        for param in inputs.items_at("params", found) {
            let name = param.node.text_of("name");
            let mut others = spec.list_of("params").iter();
            if name.is_some() && others.any(|other| other.text_of("name") == name) {
                let name = name.unwrap_or_default();
                let message = format!("the parameter '{name}' already exists");
                found.refuse(&param, message, "remove or rename one of them");
            }
            spec.push_at("params", param.node.clone());
        }
    }
    items.extend(take_bound(spec, place, is_created, found));
    items
}

/// Removes the list of a Pipeline's resources from `spec`, and returns its entries.
pub(crate) fn take_inputs(spec: &mut Node, place: &Place, found: &mut Diagnostics) -> Vec<Item> {
    let Some(resources) = spec.take("resources") else {
        return Vec::new();
    };
    let items = Cursor::new(&resources, place.key("resources")).items(found);
    let items = items.iter();
    items
        .map(|item| Item::new(item, Direction::Input))
        .collect()
}

fn take_bound(
    spec: &mut Node,
    place: &Place,
    is_created: fn(&Node) -> bool,
    found: &mut Diagnostics,
) -> Vec<Item> {
    let Some(outputs) = spec.field_mut("outputs") else {
        return Vec::new();
    };
    let resources = Cursor::new(outputs, place.key("outputs")).items_at("resources", found);
    let (created, bound): (Vec<_>, Vec<_>) = resources
        .into_iter()
        .partition(|item| is_created(item.node));
    let bound = bound.iter().map(|item| Item::new(item, Direction::Output));
    let bound = bound.collect();
    let created: Vec<Node> = created.iter().map(|item| item.node.clone()).collect();
    if created.is_empty() {
        outputs.take("resources");
    } else if let Some(list) = outputs.field_mut("resources") {
        list.content = Content::Sequence(created);
    }
    if outputs.mapping().is_some_and(<[_]>::is_empty) {
        spec.take("outputs");
    }
    bound
}
