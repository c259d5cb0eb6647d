//! Warnings about declarations that create Tekton objects in old API versions. The templates of such objects are not
//! translated, because they contain Gleaner's variables, not Tekton's.

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Diagnostics, Node, Source};
use gleaner_core::task::{DeclarationSite, Declared};

use crate::inner;
use crate::kind::{Kind, Version};

/// Returns the warnings about the templates that pods in `document`, such as a Job's pod, declare.
pub(crate) fn by_pods(document: &Node, source: &Source) -> Vec<Diagnostic> {
    let sites = DeclarationSite::all(document).into_iter();
    let pods = sites.filter(|site| site.pod().is_some());
    let warnings = pods.filter_map(|site| {
        let declared = site.declaration(source).ok().flatten()?;
        Some(warnings(&site, &declared, source))
    });
    warnings.flatten().collect()
}

/// Returns the warnings about the templates in one declaration. A template causes a warning if it creates an object in an old
/// API version, or an object with PipelineResources.
pub(crate) fn warnings(
    site: &DeclarationSite<'_>,
    declared: &Declared,
    source: &Source,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for template in &declared.declaration.templates {
        let place = template.place.key("resourceTemplate");
        let Some(node) = declared.document.find(&place) else {
            continue;
        };
        let objects = match node.text_of("apiVersion").is_some_and(inner::is_tekton) {
            true => vec![Cursor::new(node, place)],
            false => {
                let mut objects = inner::objects(node);
                for object in &mut objects {
                    object.place = place.join(&object.place);
                }
                objects
            }
        };
        found.extend(objects.iter().flat_map(of_object));
    }
    let located = |diagnostic| site.locate(diagnostic, source);
    found.into_iter().map(located).collect()
}

fn of_object(object: &Cursor<'_>) -> Vec<Diagnostic> {
    let mut removed = Diagnostics::default();
    let kind = Kind::of(object.node, &mut removed);
    let mut found = removed.into_vec();
    for diagnostic in &mut found {
        diagnostic.place = object.place.join(&diagnostic.place);
    }
    if !kind.is_translated() {
        return found;
    }
    let name = object.node.text_of("kind").unwrap_or_default();
    let help = format!("translate the {name} in a separate file, and copy the result here");
    let version = object.field("apiVersion");
    if let (Some(version), true) = (version, Version::of(object.node) != Version::V1) {
        let old = version.node.as_str().unwrap_or_default();
        let message =
            format!("the {name} is created as {old}, because templates are not translated");
        found.push(version.diagnostic(message).help(help.clone()));
    }
    if let Some(field) = resources(object) {
        let message = format!(
            "the {name} has PipelineResources, which current Tekton versions do not support"
        );
        found.push(field.diagnostic(message).help(help));
    }
    found
}

/// Returns the first field in a Task, Pipeline or run that declares or binds PipelineResources.
fn resources<'a>(object: &Cursor<'a>) -> Option<Cursor<'a>> {
    let spec = object.field("spec")?;
    let specs = [
        Some(spec.clone()),
        spec.field("taskSpec"),
        spec.field("pipelineSpec"),
    ];
    let mut ignored = Diagnostics::default();
    let mut all = Vec::new();
    for spec in specs.into_iter().flatten() {
        for list in ["tasks", "finally"] {
            for task in spec.items_at(list, &mut ignored) {
                all.extend(task.field("taskSpec"));
                all.push(task);
            }
        }
        all.insert(0, spec);
    }
    let fields = ["resources", "inputs", "outputs"];
    let mut found = all
        .iter()
        .flat_map(|part| fields.map(|key| part.field(key)));
    found.find_map(|field| field)
}
