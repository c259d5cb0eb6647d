//! Annotated pods that do not belong to a TaskRun: pods of a Job or CronJob, and standalone pods. Their containers are the
//! steps.
//!
//! The containers of a pod have no order, so none of them is the last step, and the objects are created as soon as all outputs
//! are known. A container can finish the run only if it is the only step.

use crate::declaration::{Declaration, Submit};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Cursor, Diagnostics, Live, Node, Place};
use crate::task::{DeclarationSite, Declared, step_variables};
use crate::variable::COMPLETION_INDEX;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_proto::arguments::{Arguments, OWNER};
use gleaner_proto::kubernetes::{SIDECAR_CONTAINER, annotation};
use gleaner_termination::Share;
use serde_json::{Map, Value, json};

use super::job::Property;
use super::{
    Form, containers, containers_mut, job, kubelet_expansion, name_of, prefix, restarts, sidecar,
    texts,
};
use crate::inject::messages::{self, Messages, ResultsFrom};
use crate::inject::outcome::Changed;
use crate::inject::redirector_flags::{self, Paths, Step};
use crate::inject::settings::{Settings, Sidecars};
use crate::inject::{environment, list, mounts};
use crate::kinds::group_of;

/// The pod's identity, passed in environment variables, because at admission the pod has no UID, and sometimes no name.
const OF_POD: [(&str, &str); 3] = [
    ("POD_NAME", "metadata.name"),
    ("POD_NAMESPACE", "metadata.namespace"),
    ("POD_UID", "metadata.uid"),
];

/// The default path of a container's termination message (`k8s.io/api/core/v1`).
const TERMINATION_MESSAGE: &str = "/dev/termination-log";

/// Injects into a pod that does not belong to a TaskRun. Fails with all errors in the pod's declaration, or with the conflicts
/// between the pod and the parts that Gleaner adds.
pub(super) fn inject(
    pod: &Value,
    form: Form,
    settings: &Settings,
) -> Result<Changed, Vec<Diagnostic>> {
    if let Some(wrong) = controller(pod).and_then(restarting) {
        return Err(vec![wrong]);
    }
    let settings = settings.with_annotations(pod.get("metadata"))?;
    if settings.sidecars == Sidecars::Tekton {
        let message = "this cluster does not support native sidecars, without which a Job's pod would never complete";
        let help = "upgrade the cluster to Kubernetes 1.29 or later, which Gleaner requires for pods outside Tekton";
        return Err(vec![here(message).help(help)]);
    }
    let (declared, found) = match declared(pod) {
        Ok(declared) => (declared, Vec::new()),
        Err(found) => (None, found),
    };
    let steps = declared.iter().flat_map(|one| one.declaration.steps.keys());
    let steps: Vec<String> = steps.map(ToString::to_string).collect();
    let mut wrong = restarts::all(pod, &steps);
    wrong.extend(found);
    if let Some(declared) = &declared {
        wrong.extend(unreplaced(pod, &declared.declaration));
    }
    let Some(declared) = declared.filter(|_| wrong.is_empty()) else {
        return Err(wrong);
    };
    let Declared {
        declaration,
        document,
        mut warnings,
        task: _,
    } = declared;
    let is_step = |name: &str| steps.iter().any(|step| step == name);
    let spec = Place::from(["spec"]);
    warnings.extend(environment::overridden(
        &pod["spec"],
        "containers",
        &spec,
        is_step,
    ));
    let annotation = Place::of_annotation(annotation::OUTPUTS);
    let refused = settings.kinds.check(&declaration).into_iter();
    let refused: Vec<_> = refused
        .map(|diagnostic| diagnostic.in_annotation(&annotation))
        .collect();
    if !refused.is_empty() {
        return Err(refused);
    }
    let unfit = match form {
        Form::Pod => job::of_pod(
            &declaration,
            controller(pod).is_some(),
            completion_index(pod).is_some(),
        ),
        Form::Template(_) => Vec::new(),
    };
    if !unfit.is_empty() {
        let text = pod["metadata"]["annotations"][annotation::OUTPUTS].as_str();
        return Err(job::located(unfit, &document, text, &annotation));
    }
    let single = steps.len() == 1;
    if declaration.submit == Submit::Completed && !single {
        let message = "submit: Completed waits for the last step, but a pod's containers run at the same time, so none is the last";
        let help = "use submit: Resolved, or produce all outputs in one container";
        return Err(vec![here(message).help(help)]);
    }
    let share = Share {
        added: 1,
        ..messages::share(pod, 0, ResultsFrom::default())
    };
    let mut injected = pod.clone();
    let mut wrong = mounts::reserved(&injected["spec"], &spec);
    wrong.extend(super::borrowed_mounts(&injected));
    for step in &steps {
        wrong.extend(inject_container(&mut injected, &declaration, step, single, share).err());
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    list::push(&mut injected["spec"], "volumes", mounts::volume());
    let of_job: &[Property] = match form {
        Form::Pod => &[],
        Form::Template(properties) => properties,
    };
    let arguments = arguments(pod, &document, steps, of_job);
    let container = container(&settings, of_job);
    sidecar::place(&mut injected, container, &arguments, &settings)?;
    Ok(Changed {
        object: injected,
        warnings,
    })
}

/// Reports template variables in the containers, where nothing would replace them.
fn unreplaced(pod: &Value, declaration: &Declaration) -> Vec<Diagnostic> {
    let node = Node::from(pod);
    let mut found = Diagnostics::default();
    if let Some(spec) = Cursor::root(&node).field("spec") {
        step_variables::find(declaration, &spec, &mut found);
    }
    let help =
        "write the value to a file in a volume that both containers mount, and read that file here";
    let found = found.into_vec().into_iter();
    found
        .map(|diagnostic| match diagnostic.omitted {
            // This remedy replaces the remedy for Tasks, which mentions workspaces.
            0 => diagnostic.help(help),
            _ => diagnostic,
        })
        .collect()
}

/// Returns the pod's declaration. Fails if the declaration is invalid or the pod has no containers.
fn declared(pod: &Value) -> Result<Option<Declared>, Vec<Diagnostic>> {
    let node = Node::from(pod);
    let declared = match DeclarationSite::all(&node).first() {
        Some(site) => site.declaration(&Live)?,
        None => None,
    };
    declared
        .map(Some)
        .ok_or_else(|| vec![here("the pod has no containers")])
}

/// Inserts the redirector before the container's command.
fn inject_container(
    pod: &mut Value,
    declaration: &Declaration,
    name: &str,
    single: bool,
    share: Share,
) -> Result<(), Diagnostic> {
    let mut names = containers(pod, "containers").iter().map(name_of);
    let Some(index) = names.position(|own| own == name) else {
        let message =
            format!("'{name}' is an init container, which runs before the sidecar is ready");
        return Err(Diagnostic::new(["steps", name], None, message)
            .help("produce the outputs in one of the pod's regular containers")
            .in_annotation(&Place::of_annotation(annotation::OUTPUTS)));
    };
    let place = Place::from(["spec", "containers"]).index(index);
    let container = &mut containers_mut(pod, "containers")[index];
    let command = texts(container, "command");
    if command.is_empty() {
        let message = format!(
            "the container '{name}' has no command, and the entrypoint of its image is unknown"
        );
        return Err(Diagnostic::new(place.key("command"), None, message)
            .help("set the container's command to the image's entrypoint"));
    }
    if let Some(mount) = mounts::in_the_way(container, &place).pop() {
        return Err(mount);
    }
    mounts::add_to_step(container, name);
    let message = container["terminationMessagePath"].as_str();
    let message = message.unwrap_or(TERMINATION_MESSAGE).to_owned();
    let step = Step {
        name,
        is_first: single,
        finishes: single,
        termination_message: Some(&message),
        messages: Messages::without_results(share),
    };
    let prefix = prefix(&redirector_flags::flags(
        declaration,
        &step,
        &Paths::default(),
    ));
    container["command"] = prefix.into_iter().chain(command).collect();
    Ok(())
}

/// Returns a new sidecar container, because no Task provides one.
fn container(settings: &Settings, of_job: &[Property]) -> Map<String, Value> {
    let mut container = Map::from_iter([("name".to_owned(), Value::from(SIDECAR_CONTAINER))]);
    container.extend(settings.container("resources"));
    let variable = |(name, path): &(&str, &str)| json!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}});
    let of_job = of_job.iter().map(|(_, name, path)| (*name, *path));
    let variables: Vec<_> = OF_POD.into_iter().chain(of_job).collect();
    let variables = variables.iter().map(variable).collect();
    container.insert("env".to_owned(), variables);
    container
}

/// Returns the sidecar's arguments, which describe the pod instead of a TaskRun. The kubelet provides the pod's name and UID in
/// environment variables. If the pod belongs to a Job, the Job identifies the run, so that another pod of the Job (in an Indexed
/// Job, another pod with the same completion index) recognizes the objects created for the first pod.
///
/// If a pod template is injected ahead of time, its Job is not known yet, so environment variables contain the Job's properties
/// (`of_job`).
fn arguments(pod: &Value, document: &Node, steps: Vec<String>, of_job: &[Property]) -> Arguments {
    let index = completion_index(pod);
    let uid = match (job(pod), index) {
        (None, _) => "$(POD_UID)".to_owned(),
        (Some(job), None) => kubelet_expansion::escape(job),
        (Some(job), Some(index)) => kubelet_expansion::escape(&format!("{job}-{index}")),
    };
    let context = [
        ("taskRun.name", "$(POD_NAME)"),
        ("taskRun.namespace", "$(POD_NAMESPACE)"),
        ("taskRun.uid", &uid),
    ];
    let mut context = context
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    if let Some(index) = index {
        let index = kubelet_expansion::escape(index);
        context.push((COMPLETION_INDEX.to_owned(), index));
    }
    let of_job = of_job.iter();
    context
        .extend(of_job.map(|(name, variable, _)| ((*name).to_owned(), format!("$({variable})"))));
    let text = |owner: &Value, key: &str| {
        kubelet_expansion::escape(owner[key].as_str().unwrap_or_default())
    };
    let owner = match controller(pod) {
        Some(owner) => {
            context.push(("task.name".to_owned(), text(owner, "name")));
            let keys = ["apiVersion", "kind", "name", "uid"];
            keys.map(|key| text(owner, key)).join(",")
        }
        None => "v1,Pod,$(POD_NAME),$(POD_UID)".to_owned(),
    };
    Arguments {
        declaration: STANDARD.encode(document.to_json_text()),
        steps,
        context,
        others: vec![format!("{OWNER}={owner}")],
        ..Arguments::default()
    }
}

/// Returns the owner reference to the pod's controller, such as a Job.
fn controller(pod: &Value) -> Option<&Value> {
    let mut owners = list::items(&pod["metadata"], "ownerReferences").iter();
    owners.find(|owner| owner["controller"] == true)
}

/// Returns an error if the controller always restarts the containers of its pods.
fn restarting(controller: &Value) -> Option<Diagnostic> {
    let text = |key: &str| controller[key].as_str().unwrap_or_default();
    restarts::of_kind(group_of(text("apiVersion")), text("kind"))
}

/// Returns the UID of the Job that the pod belongs to.
fn job(pod: &Value) -> Option<&str> {
    let owner = controller(pod)?;
    let is_job = owner["apiVersion"] == "batch/v1" && owner["kind"] == "Job";
    owner["uid"].as_str().filter(|_| is_job)
}

/// Returns the index that an Indexed Job sets on each of its pods (`k8s.io/api/batch/v1`, `JobCompletionIndexAnnotation`).
fn completion_index(pod: &Value) -> Option<&str> {
    job(pod)?;
    pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"].as_str()
}

fn here(message: &str) -> Diagnostic {
    let place = Place::of_annotation(annotation::OUTPUTS);
    Diagnostic::new(place, None, message)
}
