//! Tests that `gleaner lint` checks each field in a template of a built-in kind.

use crate::support::lint::{assert_found, lint};
use crate::support::task;

/// Lints a template, in flow or block style, and expects these findings. Each expected finding consists of the level, `error`
/// or `warning`, and the text after `objects[0].resourceTemplate`.
#[track_caller]
fn finds(template: &str, expected: &[&str]) {
    let declaration = format!(
        "
steps: {{build: [{{name: v}}, {{name: num, type: number}}]}}
objects:
  - name: o
    resourceTemplate:
      {}
  - name: both
    resourceTemplate: {{apiVersion: v1, kind: ConfigMap, data: {{v: $(steps.build.v), num: $(steps.build.num)}}}}
",
        template.replace('\n', "\n      ")
    );
    let task = task(
        &declaration,
        "steps: [{name: build, image: x, script: 'true'}]",
    );
    let (code, lines) = lint(&task);
    let found: Vec<String> = lines
        .iter()
        .map(|line| {
            let (position, found) = line
                .split_once(": objects[0].resourceTemplate")
                .expect(line);
            let level = position.rsplit(' ').next().unwrap_or_default();
            format!("{level}: {}", found.trim_start_matches(['.', ':', ' ']))
        })
        .collect();
    assert_found(template, code, &found, expected);
}

#[test]
fn fields_that_the_api_server_sets_are_not_required() {
    for template in [
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: c}, roleRef: {kind: Role, name: x}}",
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: c}, roleRef: {kind: ClusterRole, name: x}}",
        "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: c}, description: x}",
        "{apiVersion: v1, kind: Pod, metadata: {name: c}, spec: {imagePullSecrets: [{}], containers: [{name: c, image: x}], volumes: [{name: i, iscsi: {targetPortal: a, iqn: b}}]}}",
    ] {
        finds(template, &[]);
    }
    finds(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: c}, roleRef: {kind: Role}}",
        &["error: roleRef: 'name' is missing"],
    );
}

#[test]
fn metadata_that_is_null_counts_as_absent() {
    for metadata in [
        "metadata:",
        "metadata:\n  labels:\n  annotations:",
        "metadata:\n  creationTimestamp: null\n  ownerReferences:\n  namespace:\n  name: x",
    ] {
        finds(
            &format!("apiVersion: v1\nkind: ConfigMap\n{metadata}\ndata: {{a: }}"),
            &[],
        );
    }
    finds(
        "{apiVersion: v1, kind: ConfigMap, metadata: {creationTimestamp: '2024-01-01T00:00:00Z'}}",
        &["error: metadata.creationTimestamp: metadata.creationTimestamp is set by the API server"],
    );
}

#[test]
fn values_that_the_api_server_rejects_are_errors() {
    for (template, expected) in [
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {labels: {a: 'not a label'}}}",
            "error: metadata.labels.a: Kubernetes rejects the label value 'not a label'; use at most 63",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {annotations: {'a b': c}}}",
            "error: metadata.annotations[\"a b\"]: Kubernetes rejects the key 'a b'",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: My_NS}}",
            "error: metadata.namespace: Kubernetes rejects the namespace 'My_NS'",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {finalizers: [foo]}}",
            "error: metadata.finalizers[0]: Kubernetes rejects the finalizer 'foo'",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, data: {my key: a}}",
            "error: data[\"my key\"]: Kubernetes rejects the key 'my key'",
        ),
        (
            "{apiVersion: example.com/v1, kind: Any, metadata: {lables: {a: b}}}",
            "error: metadata.lables: unknown field 'lables': metadata has no such field in Kubernetes 1.33; did you mean 'labels'?",
        ),
        (
            "{apiVersion: example.com/v1, kind: Any, metadata: {labels: {a: '-'}}}",
            "error: metadata.labels.a: Kubernetes rejects the label value '-'; use at most 63",
        ),
        (
            "{apiVersion: v1, kind: Service, spec: {type: Loadbalancer}}",
            "error: spec.type: 'Loadbalancer' is not one of ClusterIP, NodePort, LoadBalancer, ExternalName in Kubernetes 1.33; did you mean 'LoadBalancer'?",
        ),
        (
            "{apiVersion: v1, kind: Service, spec: {type: Anything}}",
            "warning: spec.type: 'Anything' is not one of",
        ),
        (
            "{apiVersion: v1, kind: Service, spec: {ports: [{port: 99999}]}}",
            "error: spec.ports[0].port: Kubernetes rejects 99999 in this field; use a number from 1 to 65535",
        ),
        (
            "{apiVersion: v1, kind: Service, spec: {ports: [{port: 80, targetPort: '8080'}]}}",
            "error: spec.ports[0].targetPort: '8080' is not a valid port number or port name; remove the quotes",
        ),
        (
            "{apiVersion: v1, kind: Pod, spec: {containers: [{name: c, resources: {limits: {memory: 128MB}}}]}}",
            "error: spec.containers[0].resources.limits.memory: invalid quantity '128MB'; use a form such as",
        ),
        (
            "{apiVersion: v1, kind: ReplicationController, spec: {replicas: 3000000000}}",
            "error: spec.replicas: Kubernetes rejects 3000000000 in this field; use a number from 0 to 2147483647",
        ),
        (
            "{apiVersion: v1, kind: Pod, spec: {priority: 3000000000, containers: [{name: c}]}}",
            "error: spec.priority: Kubernetes rejects 3000000000 in this field; use a number from -2147483648",
        ),
        (
            "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteonce]}}",
            "error: spec.accessModes[0]: 'ReadWriteonce' is not one of",
        ),
    ] {
        finds(template, &[expected]);
    }
    for template in [
        "{apiVersion: v1, kind: Service, metadata: {labels: {a: $(steps.build.v)}}, spec: {type: $(steps.build.v), ports: [{port: $(steps.build.num), targetPort: 'x$(steps.build.v)'}]}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {finalizers: [example.com/a], namespace: '', labels: {a: ''}}}",
        "{apiVersion: example.com/v1, kind: Any, metadata: {finalizers: [foo], labels: {a: b}}}",
    ] {
        finds(template, &[]);
    }
}

#[test]
fn less_common_kinds_are_checked_too() {
    finds(
        "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {lables: {a: b}}, spec: {minReplica: 2, maxReplicas: '5', scaleTargetRef: Deployment/x}}",
        &[
            "error: metadata.lables: unknown field 'lables'",
            "error: spec.minReplica: unknown field 'minReplica'",
            "error: spec.maxReplicas: expected an integer, found a string; remove the quotes",
            "error: spec.scaleTargetRef: expected a map, found a string",
        ],
    );
    for (kind, field) in [
        ("policy/v1, kind: PodDisruptionBudget", "selector"),
        ("v1, kind: ResourceQuota", "hard"),
        ("v1, kind: LimitRange", "limits"),
        ("networking.k8s.io/v1, kind: IngressClass", "parameters"),
        ("coordination.k8s.io/v1, kind: Lease", "leaseTransitions"),
    ] {
        finds(
            &format!("{{apiVersion: {kind}, metadata: {{name: c}}, spec: {{{field}: yes}}}}"),
            &[&format!("error: spec.{field}: expected")],
        );
    }
}

const POD: &str = "{containers: [{name: c, image: x}]}";

#[test]
fn fields_of_an_object_must_be_consistent() {
    let controller = |selector: &str, labels: &str, pod: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, spec: {{selector: {{matchLabels: {selector}}}, template: {{metadata: \
             {{labels: {labels}}}, spec: {pod}}}}}}}"
        )
    };
    let job = |pod: &str| {
        format!("{{apiVersion: batch/v1, kind: Job, spec: {{template: {{spec: {pod}}}}}}}")
    };
    let cron = |schedule: &str| {
        format!(
            "{{apiVersion: batch/v1, kind: CronJob, spec: {{schedule: '{schedule}', jobTemplate: {{spec: {{template: {{spec: \
             {{restartPolicy: Never, containers: [{{name: c}}]}}}}}}}}}}}}"
        )
    };
    let secret = |own: &str, data: &str| {
        format!("{{apiVersion: v1, kind: Secret, type: kubernetes.io/{own}, stringData: {data}}}")
    };
    let service =
        |ports: &str| format!("{{apiVersion: v1, kind: Service, spec: {{ports: {ports}}}}}");
    let mount = |name: &str| {
        format!(
            "{{restartPolicy: Never, volumes: [{{name: data}}], containers: [{{name: c, volumeMounts: [{{name: {name}, mountPath: /x}}]}}]}}"
        )
    };
    for (template, expected) in [
        (
            controller("{a: c}", "{a: b}", POD),
            "error: spec.selector.matchLabels.a: the selector does not match the pod template's label a: 'b'",
        ),
        (
            controller("{a: c}", "{b: c}", POD),
            "error: spec.selector.matchLabels.a: the pod template does not have the selector's label 'a'",
        ),
        (
            controller(
                "{a: b}",
                "{a: b}",
                "{restartPolicy: Never, containers: [{name: c}]}",
            ),
            "error: spec.template.spec.restartPolicy: the pods of a Deployment must have restartPolicy: Always; remove restartPolicy, or use a Job instead",
        ),
        (
            job(POD),
            "error: spec.template.spec: 'restartPolicy' is missing",
        ),
        (
            job("{restartPolicy: Always, containers: [{name: c}]}"),
            "error: spec.template.spec.restartPolicy: the pods of a Job cannot have restartPolicy: Always; use Never",
        ),
        (
            job(&mount("dat")),
            "error: spec.template.spec.containers[0].volumeMounts[0].name: the pod has no volume 'dat'; did you mean 'data'?",
        ),
        (
            cron("every day"),
            "error: spec.schedule: Kubernetes rejects the schedule 'every day'; use minute",
        ),
        (
            cron("60 * * * *"),
            "error: spec.schedule: Kubernetes rejects",
        ),
        (
            secret("dockerconfigjson", "{config.json: x}"),
            "error: type: a Secret of type kubernetes.io/dockerconfigjson needs the key '.dockerconfigjson'",
        ),
        (
            secret("tls", "{tls.crt: x}"),
            "error: type: a Secret of type kubernetes.io/tls needs the key 'tls.key'",
        ),
        (
            service("[{port: 80}, {port: 81, name: a}]"),
            "error: spec.ports[0]: 'name' is missing, but Kubernetes requires it if a Service has several ports",
        ),
        (
            service("[{port: 80, name: a}, {port: 81, name: a}]"),
            "error: spec.ports[1].name: another port has the name 'a'",
        ),
    ] {
        finds(&template, &[expected]);
    }
    for template in [
        controller("{a: $(steps.build.v)}", "{a: $(steps.build.v)}", POD),
        controller("{a: $(steps.build.v)}", "{a: 'x$(steps.build.v)'}", POD),
        controller(
            "{a: b}",
            "{a: b, c: d}",
            "{restartPolicy: Always, containers: [{name: c}]}",
        ),
        job(&mount("data")),
        job(&mount("$(steps.build.v)")),
        job("{restartPolicy: $(steps.build.v), containers: [{name: c}]}"),
        cron("*/5 0-6,12 1 jan mon-fri"),
        cron("@daily"),
        cron("$(steps.build.num) * * * *"),
        secret("basic-auth", "{password: x}"),
        secret("other", "{a: x}"),
        service("[{port: 80}]"),
    ] {
        finds(&template, &[]);
    }
}

#[test]
fn errors_about_unknown_kinds_and_versions_suggest_the_right_one() {
    for (kind, expected) in [
        (
            "tekton.dev/v1, kind: Taskrun",
            "error: kind: tekton.dev/v1 has no kind 'Taskrun'; did you mean 'TaskRun'?",
        ),
        (
            "tekton.dev/v1alpha1, kind: PipelineResources",
            "error: kind: tekton.dev/v1alpha1 has no kind 'PipelineResources'; did you mean 'PipelineResource'?",
        ),
        (
            "tekton.dev/v1, kind: StepAction",
            "warning: kind: tekton.dev/v1 has no kind 'StepAction'; StepAction is in apiVersion tekton.dev/v1beta1",
        ),
        (
            "autoscaling/v2beta2, kind: HorizontalPodAutoscaler",
            "warning: apiVersion: Kubernetes 1.33 has no apiVersion 'autoscaling/v2beta2'; did you mean autoscaling/v2?",
        ),
        (
            "v1, kind: List",
            "error: kind: a List cannot be created; write an entry under objects for each of its items",
        ),
        (
            "v1, kind: Status",
            "error: kind: v1 has no kind 'Status'; Kubernetes 1.33 has Binding, ConfigMap",
        ),
    ] {
        finds(
            &format!("{{apiVersion: {kind}, metadata: {{name: c}}}}"),
            &[expected],
        );
    }
    for kind in [
        "tekton.dev/v1, kind: TaskRun",
        "tekton.dev/v1, kind: Unknown",
        "tekton.dev/v1beta1, kind: CustomRun",
        "triggers.tekton.dev/v1beta1, kind: Trigger",
        "autoscaling/v1, kind: HorizontalPodAutoscaler",
    ] {
        finds(
            &format!("{{apiVersion: {kind}, metadata: {{name: c}}}}"),
            &[],
        );
    }
}
