//! The built-in Kubernetes kinds that a pipeline is likely to create.
//!
//! The schemas come from `k8s-openapi`. References in them are resolved, and the rules in [`validation`] are added.

mod validation;

use std::any::TypeId;
use std::sync::{Arc, LazyLock};

use k8s_openapi::api::{
    admissionregistration, apps, autoscaling, batch, certificates, coordination, core, discovery,
    events, flowcontrol, networking, node, policy, rbac, scheduling, storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration;
use k8s_openapi::schemars::{JsonSchema, SchemaGenerator};
use k8s_openapi::{NamespaceResourceScope, Resource};
use serde_json::{Map, Value, json};

use crate::kind::{Kind, Schema};
use crate::names::NameRule;
use crate::schema::{PORT, QUANTITY};

/// The built-in kinds, in the order in which discovery lists them.
static KINDS: LazyLock<Vec<Arc<Kind>>> = LazyLock::new(|| {
    let kinds = [
        kind::<core::v1::ConfigMap>(&["cm"]),
        kind::<core::v1::Endpoints>(&["ep"]),
        kind::<core::v1::Event>(&["ev"]),
        kind::<core::v1::LimitRange>(&["limits"]),
        kind::<core::v1::Namespace>(&["ns"])
            .with_status()
            .named(NameRule::Label),
        kind::<core::v1::Node>(&["no"]).with_status(),
        kind::<core::v1::PersistentVolume>(&["pv"]).with_status(),
        kind::<core::v1::PersistentVolumeClaim>(&["pvc"]).with_status(),
        kind::<core::v1::Pod>(&["po"]).with_status(),
        kind::<core::v1::PodTemplate>(&[]),
        kind::<core::v1::ReplicationController>(&["rc"]).with_status(),
        kind::<core::v1::ResourceQuota>(&["quota"]).with_status(),
        kind::<core::v1::Secret>(&[]),
        kind::<core::v1::ServiceAccount>(&["sa"]),
        kind::<core::v1::Service>(&["svc"])
            .with_status()
            .named(NameRule::Label),
        kind::<apps::v1::ControllerRevision>(&[]),
        kind::<apps::v1::DaemonSet>(&["ds"]).with_status(),
        kind::<apps::v1::Deployment>(&["deploy"]).with_status(),
        kind::<apps::v1::ReplicaSet>(&["rs"]).with_status(),
        kind::<apps::v1::StatefulSet>(&["sts"]).with_status(),
        kind::<autoscaling::v1::HorizontalPodAutoscaler>(&["hpa"]).with_status(),
        kind::<autoscaling::v2::HorizontalPodAutoscaler>(&["hpa"]).with_status(),
        kind::<batch::v1::CronJob>(&["cj"]).with_status(),
        kind::<batch::v1::Job>(&[]).with_status(),
        kind::<networking::v1::Ingress>(&["ing"]).with_status(),
        kind::<networking::v1::IngressClass>(&[]),
        kind::<networking::v1::NetworkPolicy>(&["netpol"]),
        kind::<policy::v1::PodDisruptionBudget>(&["pdb"]).with_status(),
        kind::<coordination::v1::Lease>(&[]),
        kind::<discovery::v1::EndpointSlice>(&[]),
        kind::<events::v1::Event>(&["ev"]),
        kind::<node::v1::RuntimeClass>(&[]),
        kind::<storage::v1::StorageClass>(&["sc"]),
        kind::<certificates::v1::CertificateSigningRequest>(&["csr"]).with_status(),
        kind::<admissionregistration::v1::MutatingWebhookConfiguration>(&[]),
        kind::<admissionregistration::v1::ValidatingAdmissionPolicy>(&[]).with_status(),
        kind::<admissionregistration::v1::ValidatingAdmissionPolicyBinding>(&[]),
        kind::<admissionregistration::v1::ValidatingWebhookConfiguration>(&[]),
        kind::<flowcontrol::v1::FlowSchema>(&[]).with_status(),
        kind::<flowcontrol::v1::PriorityLevelConfiguration>(&[]).with_status(),
        kind::<apiregistration::v1::APIService>(&[]).with_status(),
        kind::<rbac::v1::ClusterRole>(&[]).named(NameRule::PathSegment),
        kind::<rbac::v1::ClusterRoleBinding>(&[]).named(NameRule::PathSegment),
        kind::<rbac::v1::Role>(&[]).named(NameRule::PathSegment),
        kind::<rbac::v1::RoleBinding>(&[]).named(NameRule::PathSegment),
        kind::<scheduling::v1::PriorityClass>(&["pc"]),
        kind::<apiextensions::v1::CustomResourceDefinition>(&["crd", "crds"]).with_status(),
    ];
    kinds.into_iter().map(Arc::new).collect()
});

static METADATA: LazyLock<Value> = LazyLock::new(schema::<ObjectMeta>);

pub(crate) fn kinds() -> &'static [Arc<Kind>] {
    &KINDS
}

pub(crate) fn metadata() -> Value {
    METADATA.clone()
}

fn kind<T>(short_names: &[&str]) -> Kind
where
    T: Resource<Scope: 'static> + JsonSchema + 'static,
{
    Kind {
        group: T::GROUP.to_owned(),
        version: T::VERSION.to_owned(),
        kind: T::KIND.to_owned(),
        plural: T::URL_PATH_SEGMENT.to_owned(),
        singular: T::KIND.to_lowercase(),
        short_names: short_names.iter().map(|&s| s.to_owned()).collect(),
        categories: Vec::new(),
        namespaced: TypeId::of::<T::Scope>() == TypeId::of::<NamespaceResourceScope>(),
        has_status: false,
        built_in: true,
        name_rule: NameRule::Subdomain,
        schema: Schema::new(Box::new(schema::<T>)),
    }
}

impl Kind {
    fn with_status(self) -> Self {
        Self {
            has_status: true,
            ..self
        }
    }

    fn named(self, name_rule: NameRule) -> Self {
        Self { name_rule, ..self }
    }
}

/// Returns the structural schema of a Kubernetes type.
fn schema<T: JsonSchema>() -> Value {
    let mut schema = SchemaGenerator::default()
        .into_root_schema_for::<T>()
        .to_value();
    let definitions = schema.as_object_mut().and_then(|root| root.remove("$defs"));
    let mut definitions = match definitions {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    for (name, schema) in &mut definitions {
        validation::complete(name, schema);
    }
    validation::complete(&T::schema_name(), &mut schema);
    inline(&mut schema, &definitions);
    schema
}

/// Replaces each reference in a schema with its definition, and removes the descriptions.
fn inline(schema: &mut Value, definitions: &Map<String, Value>) {
    if let Some(name) = reference(schema) {
        let is_port = schema[PORT] == true;
        *schema = match name {
            "io.k8s.apimachinery.pkg.api.resource.Quantity" => {
                json!({ "type": "string", "format": QUANTITY })
            }
            "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"
            | "io.k8s.apimachinery.pkg.runtime.RawExtension"
            // The schema of JSON Schemas refers to itself, so its references cannot be replaced.
            | "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps" => {
                json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
            }
            name => definitions.get(name).cloned().unwrap_or_default(),
        };
        if is_port {
            schema[PORT] = true.into();
        }
    }
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    fields.remove("description");
    for inner in ["items", "additionalProperties"] {
        if let Some(schema) = fields.get_mut(inner) {
            inline(schema, definitions);
        }
    }
    let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
    for (_, property) in properties.into_iter().flatten() {
        inline(property, definitions);
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

#[cfg(test)]
mod tests;
