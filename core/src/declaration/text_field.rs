//! The fields that Kubernetes defines as strings, in which a number must be rendered as text.

use super::model::{Naming, Origin, Template};
use crate::document::Place;
use crate::document::place::Segment;

/// The path element that represents any list index.
const INDEX: &str = "[]";

impl Template {
    /// Marks each variable that makes up the whole value of a string field, so that the variable's value is rendered as text.
    pub(super) fn take_texts(&mut self) {
        let mut tree = std::mem::take(&mut self.tree);
        let mut naming = std::mem::replace(&mut self.naming, Naming::Derived);
        let root = match self.origin {
            Origin::PipelineResource { .. } => Place::root(),
            Origin::Object => Place::root().key("resourceTemplate"),
        };
        let is_text = |place: &Place| self.is_text(place);
        tree.take_texts(&root, &is_text);
        if let Naming::Static(name) | Naming::Prefix(name) = &mut naming {
            name.take_texts(&root.key("metadata").key("name"), &is_text);
        }
        (self.tree, self.naming) = (tree, naming);
    }

    /// Returns true if Kubernetes defines the field at `inside`, a place within this template, as a string.
    ///
    /// Such fields are the names, labels and annotations in metadata (`ObjectMeta`), the label and node selectors and the
    /// environment variables (`EnvVar`) in every object, the `data` of a ConfigMap, and the `stringData` of a Secret
    /// (k8s.io/apimachinery/pkg/apis/meta/v1/types.go, k8s.io/api/core/v1/types.go). The values of a PipelineResource's params
    /// are also strings.
    pub(crate) fn is_text(&self, inside: &Place) -> bool {
        let segments = inside.segments();
        let keys: Vec<&str> = segments
            .into_iter()
            .map(|segment| match segment {
                Segment::Key(key) => key.as_str(),
                Segment::Index(_) => INDEX,
            })
            .collect();
        match keys[..] {
            [.., "metadata", "name" | "generateName" | "namespace"]
            | [.., "metadata", "labels" | "annotations", _]
            | [.., "matchLabels" | "nodeSelector", _]
            | [.., "env", INDEX, "value"] => true,
            ["spec", "params", INDEX, "value"] => self.origin != Origin::Object,
            ["resourceTemplate", "data", _] => self.is("v1", "ConfigMap"),
            ["resourceTemplate", "stringData", _] => self.is("v1", "Secret"),
            _ => false,
        }
    }
}
