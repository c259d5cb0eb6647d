//! The case of field names. Old versions of Tekton accept `workingdir` for `workingDir`, as Go's `encoding/json` does, but v1
//! rejects it.

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Content, Cursor, Diagnostics, Key, Node, Place};

use crate::inner;

/// The names of the fields in Tekton's kinds and in the pods that these kinds contain (`pkg/apis/pipeline`,
/// `k8s.io/api/core/v1`). A single list is sufficient for all places, because no two names differ only in case.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "accessModes", "add", "affinity", "allowPrivilegeEscalation", "annotations", "apiGroup", "apiVersion",
    "appArmorProfile", "args", "audience", "automountServiceAccountToken", "beforeSteps", "breakpoint", "breakpoints",
    "bundle", "capabilities", "cel", "claimName", "claims", "command", "computeResources", "conditionRef",
    "conditions", "configMap", "configMapKeyRef", "configMapRef", "containerName", "containerPort",
    "containerTemplate", "csi", "dataSource", "dataSourceRef", "debug", "default", "defaultMode", "description",
    "devicePath", "displayName", "divisor", "dnsConfig", "dnsPolicy", "downwardAPI", "driver", "drop", "effect",
    "emptyDir", "enableServiceLinks", "enum", "env", "envFrom", "exec", "expirationSeconds", "failureThreshold",
    "fieldName", "fieldPath", "fieldRef", "finalizers", "finally", "from", "fromPath", "fsGroup",
    "fsGroupChangePolicy", "fsType", "generateName", "gmsaCredentialSpec", "gmsaCredentialSpecName", "grpc", "host",
    "hostAliases", "hostIP", "hostnames", "hostNetwork", "hostPath", "hostPort", "hostProcess", "hostUsers",
    "httpGet", "httpHeaders", "image", "imagePullPolicy", "imagePullSecrets", "include", "initialDelaySeconds",
    "input", "inputs", "ip", "items", "key", "kind", "labels", "labelSelector", "level", "lifecycle", "limits",
    "livenessProbe", "localhostProfile", "managedBy", "matchExpressions", "matchFields", "matchLabels", "matrix",
    "maxSkew", "medium", "metadata", "mode", "mountPath", "mountPropagation", "name", "nameservers", "namespace",
    "namespaces", "namespaceSelector", "nfs", "nodeAffinity", "nodePublishSecretRef", "nodeSelector",
    "nodeSelectorTerms", "objects", "onError", "onFailure", "operator", "optional", "options", "outputs", "owned",
    "ownerReferences", "params", "path", "paths", "periodSeconds", "persistentVolumeClaim", "pipeline", "pipelineRef",
    "pipelineSpec", "pipelineTaskName", "podAffinity", "podAffinityTerm", "podAntiAffinity", "podTemplate", "port",
    "ports", "postStart", "preference", "preferredDuringSchedulingIgnoredDuringExecution", "prefix", "preStop",
    "priorityClassName", "privileged", "procMount", "projected", "properties", "protocol", "readinessProbe",
    "readOnly", "readOnlyRootFilesystem", "recursiveReadOnly", "ref", "requests",
    "requiredDuringSchedulingIgnoredDuringExecution", "resolver", "resource", "resourceFieldRef", "resourceRef",
    "resources", "resourceSpec", "resourceTemplate", "restartPolicy", "results", "retries", "role", "runAfter",
    "runAsGroup", "runAsNonRoot", "runAsUser", "runAsUserName", "runtimeClassName", "schedulerName", "scheme",
    "script", "searches", "seccompProfile", "seconds", "secret", "secretKey", "secretKeyRef", "secretName",
    "secretRef", "secrets", "securityContext", "selector", "seLinuxOptions", "server", "service", "serviceAccount",
    "serviceAccountName", "serviceAccountNames", "serviceAccountToken", "sidecarOverrides", "sidecars",
    "sidecarSpecs", "sizeLimit", "sleep", "sources", "spec", "startupProbe", "status", "statusMessage",
    "stderrConfig", "stdin", "stdinOnce", "stdoutConfig", "stepOverrides", "steps", "stepSpecs", "stepTemplate",
    "storage", "storageClassName", "submit", "subPath", "subPathExpr", "successThreshold", "supplementalGroups",
    "supplementalGroupsPolicy", "sysctls", "targetPath", "taskName", "taskPodTemplate", "taskRef", "taskRunSpecs",
    "taskRunTemplate", "tasks", "taskServiceAccountName", "taskSpec", "tcpSocket", "terminationGracePeriodSeconds",
    "terminationMessagePath", "terminationMessagePolicy", "timeout", "timeouts", "timeoutSeconds", "tolerations",
    "tolerationSeconds", "topologyKey", "topologySpreadConstraints", "tty", "type", "user", "value", "valueFrom",
    "values", "volumeAttributes", "volumeClaimTemplate", "volumeDevices", "volumeID", "volumeMode", "volumeMounts",
    "volumeName", "volumes", "waitFor", "weight", "when", "whenUnsatisfiable", "windowsOptions", "workingDir",
    "workspaces",
];

/// Fields whose content is not corrected, for example because it is a map whose keys the user chooses.
const FREE: [&str; 14] = [
    "annotations",
    "labels",
    "matchLabels",
    "nodeSelector",
    "limits",
    "requests",
    "value",
    "default",
    "properties",
    "options",
    "volumeAttributes",
    "resourceTemplate",
    "secrets",
    "status",
];

/// Changes each field name in a Tekton document to its case in v1. If this would result in duplicate fields, reports errors and
/// returns false.
pub(crate) fn correct(document: &mut Node, found: &mut Diagnostics) -> bool {
    let before = found.is_empty();
    if is_tekton(document) {
        below(document, &Place::root(), found);
    }
    before == found.is_empty()
}

fn is_tekton(document: &Node) -> bool {
    let entries = document.mapping().unwrap_or_default().iter();
    let mut versions = entries.filter(|(key, _)| key.name.eq_ignore_ascii_case("apiVersion"));
    versions.next().is_none_or(|(_, version)| {
        let version = version.as_str();
        version.is_some_and(inner::is_tekton)
    })
}

fn below(node: &mut Node, place: &Place, found: &mut Diagnostics) {
    match &mut node.content {
        Content::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                below(item, &place.index(index), found);
            }
        }
        Content::Mapping(entries) => {
            rename(entries, place, found);
            for (key, value) in entries {
                if !is_free(&key.name, value) {
                    below(value, &place.key(&key.name), found);
                }
            }
        }
        _ => {}
    }
}

fn rename(entries: &mut [(Key, Node)], place: &Place, found: &mut Diagnostics) {
    for index in 0..entries.len() {
        let key = &entries[index].0;
        let mut names = NAMES.iter().copied();
        let Some(name) = names.find(|name| key.name.eq_ignore_ascii_case(name)) else {
            continue;
        };
        let mut others = entries.iter().enumerate();
        let twice = others.any(|(other, (own, _))| {
            other != index
                && own.name.eq_ignore_ascii_case(name)
                && (own.name == name || other < index)
        });
        if twice && key.name != name {
            let message = format!(
                "'{}' is another spelling of '{name}', but both are set",
                key.name
            );
            let diagnostic = Diagnostic::new(place.key(&key.name), Some(key.at), message);
            found.push(diagnostic.help("keep one of them"));
        } else {
            name.clone_into(&mut entries[index].0.name);
        }
    }
}

/// Returns true if the keys in `value`, which is the value of the field `key`, are not names of Tekton's fields.
fn is_free(key: &str, value: &Node) -> bool {
    let version = Cursor::root(value).field("apiVersion");
    // The fields in a custom task's spec are not Tekton's, and the user chooses the keys of a `results` map in a declaration.
    let is_foreign = key == "taskSpec"
        && version.is_some_and(|version| !version.node.as_str().is_some_and(inner::is_tekton));
    FREE.contains(&key) || is_foreign || (key == "results" && value.mapping().is_some())
}
