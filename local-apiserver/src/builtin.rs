//! Kubernetes' own kinds, as far as a task's outputs are likely to use them.

use std::any::TypeId;

use k8s_openapi::api::{apps, batch, core, networking, rbac};
use k8s_openapi::{NamespaceResourceScope, Resource};
use serde::de::DeserializeOwned;

use crate::kind::{Form, Kind, NameRule};
use crate::typed;

/// All of them, in the order in which discovery lists them.
pub(crate) fn kinds() -> Vec<Kind> {
    vec![
        kind::<core::v1::ConfigMap>(&["cm"]),
        kind::<core::v1::Event>(&["ev"]),
        Kind {
            name_rule: NameRule::Label,
            ..with_status::<core::v1::Namespace>(&["ns"])
        },
        with_status::<core::v1::PersistentVolumeClaim>(&["pvc"]),
        with_status::<core::v1::Pod>(&["po"]),
        kind::<core::v1::Secret>(&[]),
        kind::<core::v1::ServiceAccount>(&["sa"]),
        Kind {
            name_rule: NameRule::Rfc1035Label,
            ..with_status::<core::v1::Service>(&["svc"])
        },
        with_status::<apps::v1::DaemonSet>(&["ds"]),
        with_status::<apps::v1::Deployment>(&["deploy"]),
        with_status::<apps::v1::StatefulSet>(&["sts"]),
        with_status::<batch::v1::CronJob>(&["cj"]),
        with_status::<batch::v1::Job>(&[]),
        with_status::<networking::v1::Ingress>(&["ing"]),
        kind::<networking::v1::NetworkPolicy>(&["netpol"]),
        role::<rbac::v1::ClusterRole>(),
        role::<rbac::v1::ClusterRoleBinding>(),
        role::<rbac::v1::Role>(),
        role::<rbac::v1::RoleBinding>(),
    ]
}

/// A kind whose main resource is all there is to it.
fn kind<T>(short_names: &[&str]) -> Kind
where
    T: Resource<Scope: 'static> + DeserializeOwned,
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
        name_rule: NameRule::Subdomain,
        form: Form::BuiltIn(typed::read::<T>),
    }
}

/// A kind with a `/status` of its own.
fn with_status<T>(short_names: &[&str]) -> Kind
where
    T: Resource<Scope: 'static> + DeserializeOwned,
{
    Kind {
        has_status: true,
        ..kind::<T>(short_names)
    }
}

/// A kind whose names may be anything that fits into a path.
fn role<T>() -> Kind
where
    T: Resource<Scope: 'static> + DeserializeOwned,
{
    Kind {
        name_rule: NameRule::PathSegment,
        ..kind::<T>(&[])
    }
}
