//! The prefixes that are never deleted, each with its reason: one table. What a
//! recovery brings back by itself, or nobody misses, is not in it.

/// Keys that are never deleted, below any API server's prefix.
struct Protected {
    /// Segments behind the API server's prefix. A last `*` stands for any rest
    /// of that segment.
    path: &'static str,
    /// What would be lost, one clause.
    why: &'static str,
}

const fn row(path: &'static str, why: &'static str) -> Protected {
    Protected { path, why }
}

const WORKLOADS: &str = "the cluster would end every pod it describes";
const ACCESS: &str = "nobody, the control plane included, would be let in any more";
const STORAGE: &str = "volumes would lose what they belong to, and with it their data";
const ROUTING: &str = "nothing would find anything any more";
const ADDRESSES: &str = "addresses that are in use would be given out twice";
const NETWORK: &str = "the network of all pods is described there";
const IDENTITY: &str = "every user and program would lose its identity";

/// Below the prefix of an API server: /registry, OpenShift's /kubernetes.io and
/// /openshift.io, or any other (`--etcd-prefix`). Key layout: kubernetes
/// pkg/registry and cmd/kube-apiserver (`--etcd-prefix`).
const TABLE: &[Protected] = &[
    row("pods", "running containers would be ended without warning"),
    row("persistentvolumes", STORAGE),
    row("persistentvolumeclaims", STORAGE),
    row("storageclasses", STORAGE),
    row("volumeattachments", STORAGE),
    row("csi*", STORAGE),
    row("namespaces", "everything in a namespace is found through it"),
    row(
        "apiextensions.k8s.io/customresourcedefinitions",
        "every custom resource of that kind would become unreachable",
    ),
    row("apiregistration.k8s.io/apiservices", "parts of the API would vanish"),
    row("minions", "nodes would have to join again, and their pods would be ended"),
    row("secrets", "passwords, keys and certificates exist nowhere else"),
    row("configmaps", "programs and the control plane itself are configured by them"),
    row("serviceaccounts", IDENTITY),
    row("services", ROUTING),
    row("endpointslices", ROUTING),
    row("ingress", ROUTING),
    row("clusterroles", ACCESS),
    row("clusterrolebindings", ACCESS),
    row("roles", ACCESS),
    row("rolebindings", ACCESS),
    row("deployments", WORKLOADS),
    row("statefulsets", WORKLOADS),
    row("daemonsets", WORKLOADS),
    row("replicasets", WORKLOADS),
    row("controllers", WORKLOADS),
    row("jobs", WORKLOADS),
    row("cronjobs", WORKLOADS),
    row("controllerrevisions", WORKLOADS),
    row("priorityclasses", "pods of that class could not be made any more"),
    row("poddisruptionbudgets", "nothing would keep a drain from ending all pods of a kind"),
    row("networkpolicies", "what they forbid would be let in"),
    row("ranges", ADDRESSES),
    row("ipaddresses", ADDRESSES),
    row("servicecidrs", ADDRESSES),
    // Networks and storage that keep their state in custom resources.
    row("crd.projectcalico.org", ADDRESSES),
    row("cilium.io", NETWORK),
    row("snapshot.storage.k8s.io", STORAGE),
    row("longhorn.io", STORAGE),
    row("ceph.rook.io", STORAGE),
    row("masterleases", "the API servers would drop out of their own service"),
    row("leases/kube-node-lease", "every node would count as dead, and its pods would be moved"),
    row("leases/kube-system", "two controllers of a kind could act at once"),
    row("validatingwebhookconfigurations", "what they forbid would be let in"),
    row("mutatingwebhookconfigurations", "what they add would be missing"),
    // OpenShift.
    row("securitycontextconstraints*", ACCESS),
    row("config.openshift.io", "the operators would lose the cluster's configuration"),
    row("operator.openshift.io", "the operators would lose the cluster's configuration"),
    row("machineconfiguration.openshift.io", "the nodes would lose their configuration"),
    row("deploymentconfigs", WORKLOADS),
    row("routes", ROUTING),
    row("oauth", IDENTITY),
    row("useridentities", IDENTITY),
    row("users", IDENTITY),
    row("groups", IDENTITY),
    row("imagestreams", "images would not be found any more"),
];

/// Keys that stand beside any API server's prefix: first segments.
const ROOTS: &[Protected] = &[
    row("bootstrap", "k3s and RKE2 keep the cluster's certificates and keys there"),
    row("k3s", "k3s keeps its own state there"),
    row("rke2", "RKE2 keeps its own state there"),
    row("calico", NETWORK),
    row("cilium", NETWORK),
    row("coreos.com", NETWORK),
    row("skydns", ROUTING),
    row("compact_rev_key", "the API servers agree on compactions by it"),
];

/// Prefixes of API servers: what is below is named by the table.
pub(super) const SERVERS: [&str; 3] = ["registry", "kubernetes.io", "openshift.io"];

/// Something protected: its name, and why.
pub(super) type Reason = (String, &'static str);

/// The protected keys that a range over `/SEGMENTS/` would touch: those it
/// holds, and those that hold it.
pub(super) fn touched(segments: &[&str]) -> Option<Reason> {
    let root = *segments.first()?;
    if let Some(row) = ROOTS.iter().find(|row| row.path == root) {
        return Some((row.path.to_owned(), row.why));
    }
    if SERVERS.contains(&root) {
        let rest = &segments[1..];
        let row = TABLE.iter().find(|row| lies_in(rest, row.path) || holds(rest, row.path))?;
        return Some((format!("{root}/{}", row.path), row.why));
    }
    // Somebody's own prefix, of one segment or of more.
    (1..segments.len()).find_map(|from| {
        let row = TABLE.iter().find(|row| lies_in(&segments[from..], row.path))?;
        Some((row.path.to_owned(), row.why))
    })
}

/// Whether this very key must never be deleted, whatever prefix it stands
/// below.
#[must_use]
pub fn protected_key(key: &[u8]) -> bool {
    let text = String::from_utf8_lossy(key);
    let segments: Vec<&str> = text.trim_start_matches('/').split('/').take(8).collect();
    let [root, ..] = segments[..] else { return false };
    if ROOTS.iter().any(|row| row.path == root) {
        return true;
    }
    // `--etcd-prefix` may have several segments: /tenants/blue/k8s.
    let deepest = if SERVERS.contains(&root) { 1 } else { 4 };
    (1..=deepest.min(segments.len() - 1))
        .any(|from| TABLE.iter().any(|row| lies_in(&segments[from..], row.path)))
}

/// Whether everything below `segments` is below `path`.
fn lies_in(segments: &[&str], path: &str) -> bool {
    let mut rest = segments.iter();
    path.split('/').all(|wanted| rest.next().is_some_and(|segment| matches(segment, wanted)))
}

/// Whether everything below `path` is below `segments`.
fn holds(segments: &[&str], path: &str) -> bool {
    let mut rest = path.split('/');
    segments.iter().all(|segment| rest.next().is_some_and(|wanted| matches(segment, wanted)))
}

fn matches(segment: &str, wanted: &str) -> bool {
    wanted.strip_suffix('*').map_or(segment == wanted, |start| segment.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_touched(prefix: &str) -> bool {
        let segments: Vec<&str> = prefix.trim_matches('/').split('/').collect();
        touched(&segments).is_some()
    }

    #[test]
    fn what_a_cluster_cannot_lose_is_never_touched() {
        for row in TABLE {
            let path = row.path.replace('*', "nodes");
            for root in ["registry", "kubernetes.io", "openshift.io", "my-own", "a/b"] {
                assert!(is_touched(&format!("/{root}/{path}/")), "{root} {path}");
                assert!(is_touched(&format!("/{root}/{path}/default/")), "{root} {path}");
                assert!(is_touched(&format!("/{root}/{path}/default/name/")), "{root} {path}");
            }
        }
        for prefix in [
            "/registry/leases/",
            "/registry/apiextensions.k8s.io/",
            "/bootstrap/",
            "/bootstrap/abc/",
            "k3s/",
            "/k3s/x/",
            "/registry/jobs/default/",
            "/registry/crd.projectcalico.org/ipamblocks/",
            "/registry/longhorn.io/volumes/",
            "/calico/ipam/",
        ] {
            assert!(is_touched(prefix), "{prefix}");
        }
    }

    #[test]
    fn what_is_made_again_or_nobody_misses_may_go() {
        for prefix in [
            "/registry/events/",
            "/registry/events/pods/",
            "/registry/wgpolicyk8s.io/policyreports/",
            "/registry/kyverno.io/admissionreports/default/",
            "/registry/leases/default/",
            "/kubernetes.io/events/",
            "/registry/podtemplates/",
            "/registry/services.example.com/",
            "/churn/resources/v3/",
        ] {
            assert!(!is_touched(prefix), "{prefix}");
        }
    }

    #[test]
    fn keys_are_protected_below_any_prefix() {
        for key in [
            "/registry/pods/default/a",
            "/mine/secrets/default/a",
            "/a/b/namespaces/default",
            "/tenants/blue/k8s/pods/default/a",
            "/bootstrap/0123",
            "compact_rev_key",
            "/registry/leases/kube-node-lease/node-1",
            "/registry/csinodes/node-1",
        ] {
            assert!(protected_key(key.as_bytes()), "{key}");
        }
        for key in ["/registry/events/pods/a", "/x/y", "", "/", "/registry", "\u{fffd}/a/b"] {
            assert!(!protected_key(key.as_bytes()), "{key}");
        }
    }
}
