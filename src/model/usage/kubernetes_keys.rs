//! The names that Kubernetes gives to keys of its own resources. A table; newer
//! groups and custom resources carry their group in the key and need no row.
//!
//! Source: k8s.io/kubernetes pkg/kubeapiserver/default_storage_factory_builder.go
//! (`SpecialDefaultResourcePrefixes`) and the registries below pkg/registry.

/// A resource of Kubernetes itself by the path segment of its keys.
pub(super) struct CoreResource {
    /// The segment behind the prefix: "minions".
    pub segment: &'static str,
    /// As kubectl calls it: "nodes".
    pub name: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

const fn namespaced(segment: &'static str) -> CoreResource {
    CoreResource { segment, name: segment, namespaced: true }
}

const fn cluster(segment: &'static str) -> CoreResource {
    CoreResource { segment, name: segment, namespaced: false }
}

const fn renamed(segment: &'static str, name: &'static str, namespaced: bool) -> CoreResource {
    CoreResource { segment, name, namespaced }
}

/// Resources whose keys carry no group, sorted. Services and endpoints share a segment
/// and are told apart by the next one.
const CORE: &[CoreResource] = &[
    cluster("certificatesigningrequests"),
    cluster("clusterrolebindings"),
    cluster("clusterroles"),
    cluster("clustertrustbundles"),
    namespaced("configmaps"),
    namespaced("controllerrevisions"),
    renamed("controllers", "replicationcontrollers", true),
    namespaced("cronjobs"),
    cluster("csidrivers"),
    cluster("csinodes"),
    namespaced("csistoragecapacities"),
    namespaced("daemonsets"),
    namespaced("deployments"),
    cluster("deviceclasses"),
    namespaced("endpointslices"),
    namespaced("events"),
    cluster("flowschemas"),
    namespaced("horizontalpodautoscalers"),
    renamed("ingress", "ingresses", true),
    cluster("ingressclasses"),
    cluster("ipaddresses"),
    namespaced("jobs"),
    namespaced("leases"),
    namespaced("limitranges"),
    cluster("masterleases"),
    renamed("minions", "nodes", false),
    cluster("mutatingadmissionpolicies"),
    cluster("mutatingadmissionpolicybindings"),
    cluster("mutatingwebhookconfigurations"),
    cluster("namespaces"),
    namespaced("networkpolicies"),
    cluster("peerserverleases"),
    namespaced("persistentvolumeclaims"),
    cluster("persistentvolumes"),
    namespaced("poddisruptionbudgets"),
    namespaced("pods"),
    renamed("podsecuritypolicy", "podsecuritypolicies", false),
    namespaced("podtemplates"),
    cluster("priorityclasses"),
    cluster("prioritylevelconfigurations"),
    cluster("ranges"),
    namespaced("replicasets"),
    namespaced("resourceclaims"),
    namespaced("resourceclaimtemplates"),
    namespaced("resourcequotas"),
    cluster("resourceslices"),
    namespaced("rolebindings"),
    namespaced("roles"),
    cluster("runtimeclasses"),
    namespaced("secrets"),
    namespaced("serviceaccounts"),
    cluster("servicecidrs"),
    namespaced("statefulsets"),
    cluster("storageclasses"),
    cluster("storageversions"),
    cluster("validatingadmissionpolicies"),
    cluster("validatingadmissionpolicybindings"),
    cluster("validatingwebhookconfigurations"),
    cluster("volumeattachments"),
    cluster("volumeattributesclasses"),
];

/// The row of a path segment.
pub(super) fn core_resource(segment: &[u8]) -> Option<&'static CoreResource> {
    let at = CORE.binary_search_by(|row| row.segment.as_bytes().cmp(segment)).ok()?;
    CORE.get(at)
}

/// The two resources below `services/`.
pub(super) fn service_resource(segment: &[u8]) -> Option<&'static str> {
    match segment {
        b"specs" => Some("services"),
        b"endpoints" => Some("endpoints"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_sorted() {
        assert!(super::CORE.is_sorted_by(|one, next| one.segment < next.segment));
    }
}
