//! The label that exempts an object from the webhook.

use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Cursor, Node, Place};
use crate::task::DeclarationSite;

/// The label that the selectors of the webhook configurations use.
pub(super) const LABEL: &str = "gleaner.dev/injection";
/// The only value that has an effect.
const DISABLED: &str = "disabled";

/// Returns a warning for each label in `document` that exempts an object with a declaration from the webhook, and for each label
/// that was probably meant to exempt such an object. The API server does not send an exempt object to the webhook.
pub(crate) fn warnings(document: &Node, sites: &[DeclarationSite<'_>]) -> Vec<Diagnostic> {
    let declaring = sites.iter().filter(|site| site.declares());
    let mut places: Vec<Place> = declaring.map(|site| site.metadata().clone()).collect();
    if places.is_empty() {
        return Vec::new();
    }
    // If the document contains a TaskSpec, check the document's own labels too. The labels of an object with a pod template have
    // no effect, because the webhook receives only the pods.
    if sites.iter().any(DeclarationSite::is_task) {
        places.insert(0, Place::from(["metadata"]));
    }
    places.dedup();
    let labels = places.iter().filter_map(|place| {
        let metadata = Cursor::new(document.find(place)?, place.clone());
        metadata.descend(&["labels", LABEL])
    });
    labels.filter_map(|label| warning(&label)).collect()
}

fn warning(label: &Cursor<'_>) -> Option<Diagnostic> {
    let (message, help) = match label.node.as_str()? {
        DISABLED => (
            "this label exempts the object from the webhook, so its outputs are not collected"
                .to_owned(),
            "remove the label, or inject the file with `gleaner inject`".to_owned(),
        ),
        "enabled" => return None,
        value => (
            format!("the value '{value}' has no effect"),
            format!(
                "write '{DISABLED}' to exempt the object from the webhook, or remove the label"
            ),
        ),
    };
    Some(label.diagnostic(message).help(help).about(Part::Key))
}
