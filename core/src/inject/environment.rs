//! The environment variable that the redirector sets for a step's command.

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::path::OUTPUTS_VARIABLE;
use serde_json::Value;

use super::list;

/// Returns a warning for each step that sets [`OUTPUTS_VARIABLE`] itself. The list `key` of `spec` contains the containers,
/// `is_step` selects the steps by name, and `place` is the place of `spec`.
pub(crate) fn overridden(
    spec: &Value,
    key: &str,
    place: &Place,
    is_step: impl Fn(&str) -> bool,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, container) in list::items(spec, key).iter().enumerate() {
        let place = place.key(key).index(index).key("env");
        let is_step = container["name"].as_str().is_some_and(&is_step);
        let variables = list::items(container, "env").iter().enumerate();
        let own = variables.filter(|(_, one)| is_step && one["name"] == OUTPUTS_VARIABLE);
        found.extend(own.map(|(index, _)| {
            let message = format!(
                "the variable {OUTPUTS_VARIABLE} has no effect, because Gleaner sets it for the step's command"
            );
            Diagnostic::new(place.index(index).key("name"), None, message)
                .help("remove it; to read an output from another file, use fromPath")
        }));
    }
    found
}
