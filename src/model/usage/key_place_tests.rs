//! Keys as they are found in real clusters, and what is made of them.

use super::{key_place, neighbourhood};

/// Key, resource, prefix, namespace ("-" = none).
const KEYS: &[(&str, &str, &str, &str)] = &[
    ("/registry/pods/default/web-1", "pods", "/registry/pods/", "default"),
    ("/registry/minions/master-1", "nodes", "/registry/minions/", "-"),
    (
        "/registry/services/specs/default/kubernetes",
        "services",
        "/registry/services/specs/",
        "default",
    ),
    (
        "/registry/services/endpoints/kube-system/dns",
        "endpoints",
        "/registry/services/endpoints/",
        "kube-system",
    ),
    ("/registry/ranges/serviceips", "ranges", "/registry/ranges/", "-"),
    ("/registry/masterleases/10.0.0.1", "masterleases", "/registry/masterleases/", "-"),
    ("/registry/leases/kube-node-lease/n1", "leases", "/registry/leases/", "kube-node-lease"),
    ("/registry/ingress/shop/web", "ingresses", "/registry/ingress/", "shop"),
    ("/registry/controllers/shop/old", "replicationcontrollers", "/registry/controllers/", "shop"),
    ("/registry/namespaces/default", "namespaces", "/registry/namespaces/", "-"),
    ("/registry/clusterroles/system:node", "clusterroles", "/registry/clusterroles/", "-"),
    (
        "/registry/wgpolicyk8s.io/policyreports/shop/cpol-1",
        "policyreports.wgpolicyk8s.io",
        "/registry/wgpolicyk8s.io/policyreports/",
        "shop",
    ),
    (
        "/registry/apiregistration.k8s.io/apiservices/v1.apps",
        "apiservices.apiregistration.k8s.io",
        "/registry/apiregistration.k8s.io/apiservices/",
        "-",
    ),
    (
        "/registry/apiextensions.k8s.io/customresourcedefinitions/a.b.c",
        "customresourcedefinitions.apiextensions.k8s.io",
        "/registry/apiextensions.k8s.io/customresourcedefinitions/",
        "-",
    ),
    ("/registry/newthings/ns/name", "newthings", "/registry/newthings/", "ns"),
    ("/registry/newthings/name", "newthings", "/registry/newthings/", "-"),
    ("/kubernetes.io/secrets/ns/s", "secrets", "/kubernetes.io/secrets/", "ns"),
    (
        "/kubernetes.io/operator.openshift.io/etcds/cluster",
        "etcds.operator.openshift.io",
        "/kubernetes.io/operator.openshift.io/etcds/",
        "-",
    ),
    ("/openshift.io/builds/ns/b-1", "builds", "/openshift.io/builds/", "ns"),
    ("/openshift.io/images/sha256:ab", "images", "/openshift.io/images/", "-"),
    ("/bootstrap/5e884898", "k3s bootstrap data", "/bootstrap/", "-"),
    ("compact_rev_key", "compact_rev_key", "compact_rev_key", "-"),
    ("/my-cluster/pods/default/web", "pods", "/my-cluster/pods/", "default"),
    (
        "/my-cluster/coordination.k8s.io/things/default/web",
        "things.coordination.k8s.io",
        "/my-cluster/coordination.k8s.io/things/",
        "default",
    ),
    (
        "/calico/resources/v3/projectcalico.org/workloadendpoints/shop/w1",
        "workloadendpoints.projectcalico.org",
        "/calico/resources/v3/projectcalico.org/workloadendpoints/",
        "shop",
    ),
    ("/calico/ipam/v2/handle/h1", "/calico/ipam/v2/handle/", "/calico/ipam/v2/handle/", "-"),
    (
        "cilium/state/identities/v1/id/12",
        "cilium/state/identities/",
        "cilium/state/identities/",
        "-",
    ),
    ("/app/config/a/b", "/app/config/", "/app/config/", "-"),
    ("/app/one", "/app/", "/app/", "-"),
    ("app/one", "app/", "app/", "-"),
    ("k3s/x/y", "k3s/x/", "k3s/x/", "-"),
    ("plain", "(keys without a prefix)", "", "-"),
    ("/plain", "(keys without a prefix)", "/", "-"),
    ("", "(keys without a prefix)", "", "-"),
    ("/", "(keys without a prefix)", "/", "-"),
    ("/registry/pods", "/registry/", "/registry/", "-"),
    ("/registry", "(keys without a prefix)", "/", "-"),
    ("//", "//", "//", "-"),
];

#[test]
fn keys_of_real_clusters_find_their_resource() {
    for (key, resource, prefix, namespace) in KEYS {
        let place = key_place(key.as_bytes());
        let text = |bytes| std::str::from_utf8(bytes).expect("text");
        assert_eq!(place.resource(), *resource, "{key}");
        assert_eq!(text(place.prefix), *prefix, "{key}");
        assert_eq!(place.namespace.map_or("-", text), *namespace, "{key}");
        assert!(key.as_bytes().starts_with(place.prefix));
    }
}

#[test]
fn helm_releases_are_known_by_their_names() {
    let kind = |key: &str| key_place(key.as_bytes()).kind;
    assert_eq!(kind("/registry/secrets/shop/sh.helm.release.v1.web.v12"), Some("Helm releases"));
    assert_eq!(kind("/registry/configmaps/shop/sh.helm.release.v1.web.v1"), Some("Helm releases"));
    assert_eq!(kind("/registry/secrets/shop/token"), None);
    assert_eq!(kind("/registry/pods/shop/sh.helm.release.v1.web.v1"), None);
}

proptest::proptest! {
    #[test]
    fn neighbours_belong_together(
        segments in proptest::collection::vec(proptest::sample::select(vec![
            "registry", "services", "specs", "endpoints", "pods", "secrets", "minions", "a.b",
            "calico", "resources", "cilium", "bootstrap", "", "x", "foo.k8s.io",
        ]), 0..8),
        names in proptest::array::uniform2(proptest::sample::select(vec![
            "specs", "endpoints", "x", "y.z", "sh.helm.release.v1.a.v1", "", "resources", "pods",
        ])),
        leading: bool,
    ) {
        let begin = if leading { "/" } else { "" };
        let [one, other] =
            names.map(|name| format!("{begin}{}/{name}", segments.join("/")).into_bytes());
        let near = neighbourhood(&one);
        if near.is_some() && near == neighbourhood(&other) {
            proptest::prop_assert_eq!(key_place(&one), key_place(&other));
            proptest::prop_assert_eq!(key_place(&one).kind, None);
        }
    }

    #[test]
    fn any_bytes_have_a_place(key in proptest::collection::vec(proptest::sample::select(
        b"/a.s\xff\x00".to_vec()), 0..40), long in 0_usize..600) {
        let mut key = key;
        key.extend(std::iter::repeat_n(b'x', long));
        let place = key_place(&key);
        proptest::prop_assert!(key.starts_with(place.prefix));
        proptest::prop_assert!(place.prefix.len() + place.namespace.map_or(0, <[u8]>::len) <= key.len());
        proptest::prop_assert!(place.resource().len() <= 3 * key.len() + 30);
    }
}
