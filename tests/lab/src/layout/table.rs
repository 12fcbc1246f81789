//! The rows. Paths are those of kubeadm, minikube, k3s-io/k3s pkg/etcd/etcd.go,
//! rancher/rke2 pkg/podtemplate, kubespray roles/etcd, k0sproject/k0s
//! pkg/component/controller/etcd.go and openshift/cluster-etcd-operator
//! bindata/etcd/pod.gotpl.yaml.

use super::{Etcd, Kubelet, Layout, Pair, Row, Runtime, Start};

const fn pair(cert: &'static str, key: &'static str) -> Pair {
    Pair { cert, key }
}

const fn containerd(socket: &'static str, root: &'static str, config: &'static str) -> Runtime {
    Runtime { socket, root, config }
}

/// The row of a layout.
pub fn row(layout: Layout) -> &'static Row {
    match layout {
        Layout::Kubeadm => &KUBEADM,
        Layout::Minikube => &MINIKUBE,
        Layout::Rke2 => &RKE2,
        Layout::K3s => &K3S,
        Layout::Kubespray => &KUBESPRAY,
        Layout::K0s => &K0S,
        Layout::Openshift => &OPENSHIFT,
        Layout::Plain => &PLAIN,
        Layout::External => &EXTERNAL,
        Layout::Microk8s => &MICROK8S,
        Layout::K3sSqlite => &K3S_SQLITE,
        Layout::Talos => &TALOS,
    }
}

const STANDARD: Runtime = containerd(
    "/run/containerd/containerd.sock",
    "/var/lib/containerd",
    "/etc/containerd/config.toml",
);
const K3S_RUNTIME: Runtime = containerd(
    "/run/k3s/containerd/containerd.sock",
    "/var/lib/rancher/k3s/agent/containerd",
    "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
);
const STANDARD_KUBELET: Kubelet = Kubelet {
    config: Some("/var/lib/kubelet/config.yaml"),
    manifests: "/etc/kubernetes/manifests",
};

const KUBERNETES: (&str, &str) = ("/etc/kubernetes", "kubernetes");
const DATA: (&str, &str) = ("/var/lib/etcd", "etcd");
const CONTAINERD: (&str, &str) = ("/var/lib/containerd", "containerd");
const KUBELET: (&str, &str) = ("/var/lib/kubelet", "kubelet");
const RANCHER: (&str, &str) = ("/var/lib/rancher", "rancher");

const METRICS: Option<&str> = Some("http://127.0.0.1:2381");

/// What a row without an etcd begins with.
const NOTHING: Row =
    Row { runtime: None, kubelet: None, etcd: None, binds: &[], new_directories: &[] };

/// What kubeadm's row says of etcd, and others begin with.
const KUBEADM_ETCD: Etcd = Etcd {
    start: Start::StaticPod("etcd.yaml"),
    process: "etcd",
    member: "{node}",
    data_dir: "/var/lib/etcd",
    server: pair("/etc/kubernetes/pki/etcd/server.crt", "/etc/kubernetes/pki/etcd/server.key"),
    peer: pair("/etc/kubernetes/pki/etcd/peer.crt", "/etc/kubernetes/pki/etcd/peer.key"),
    ca: "/etc/kubernetes/pki/etcd/ca.crt",
    peer_ca: "/etc/kubernetes/pki/etcd/ca.crt",
    // The others are kubeadm's whole PKI, which is written as one.
    clients: &[],
    loopback_only: false,
    metrics: METRICS,
    more: &[],
    image: "registry.k8s.io/etcd:{version}-0",
};

static KUBEADM: Row = Row {
    runtime: Some(STANDARD),
    kubelet: Some(STANDARD_KUBELET),
    etcd: Some(KUBEADM_ETCD),
    binds: &[KUBERNETES, DATA, CONTAINERD, KUBELET],
    ..NOTHING
};

static MINIKUBE: Row = Row {
    runtime: Some(STANDARD),
    kubelet: Some(STANDARD_KUBELET),
    etcd: Some(Etcd {
        data_dir: "/var/lib/minikube/etcd",
        server: pair(
            "/var/lib/minikube/certs/etcd/server.crt",
            "/var/lib/minikube/certs/etcd/server.key",
        ),
        peer: pair(
            "/var/lib/minikube/certs/etcd/peer.crt",
            "/var/lib/minikube/certs/etcd/peer.key",
        ),
        ca: "/var/lib/minikube/certs/etcd/ca.crt",
        peer_ca: "/var/lib/minikube/certs/etcd/ca.crt",
        clients: &[
            (
                pair(
                    "/var/lib/minikube/certs/etcd/healthcheck-client.crt",
                    "/var/lib/minikube/certs/etcd/healthcheck-client.key",
                ),
                "kube-etcd-healthcheck-client",
            ),
            (
                pair(
                    "/var/lib/minikube/certs/apiserver-etcd-client.crt",
                    "/var/lib/minikube/certs/apiserver-etcd-client.key",
                ),
                "kube-apiserver-etcd-client",
            ),
        ],
        ..KUBEADM_ETCD
    }),
    binds: &[KUBERNETES, ("/var/lib/minikube", "minikube"), CONTAINERD, KUBELET],
    ..NOTHING
};

static RKE2: Row = Row {
    runtime: Some(containerd(
        "/run/k3s/containerd/containerd.sock",
        "/var/lib/rancher/rke2/agent/containerd",
        "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
    )),
    kubelet: Some(Kubelet { config: None, manifests: "/var/lib/rancher/rke2/agent/pod-manifests" }),
    etcd: Some(Etcd {
        member: "{node}-3d7b1c20",
        data_dir: "/var/lib/rancher/rke2/server/db/etcd",
        server: pair(
            "/var/lib/rancher/rke2/server/tls/etcd/server-client.crt",
            "/var/lib/rancher/rke2/server/tls/etcd/server-client.key",
        ),
        peer: pair(
            "/var/lib/rancher/rke2/server/tls/etcd/peer-server-client.crt",
            "/var/lib/rancher/rke2/server/tls/etcd/peer-server-client.key",
        ),
        ca: "/var/lib/rancher/rke2/server/tls/etcd/server-ca.crt",
        peer_ca: "/var/lib/rancher/rke2/server/tls/etcd/peer-ca.crt",
        clients: &[(
            pair(
                "/var/lib/rancher/rke2/server/tls/etcd/client.crt",
                "/var/lib/rancher/rke2/server/tls/etcd/client.key",
            ),
            "etcd-client",
        )],
        more: RANCHER_SETTINGS,
        image: "index.docker.io/rancher/hardened-etcd:v{version}-k3s1-build20241106",
        ..KUBEADM_ETCD
    }),
    binds: &[RANCHER, KUBELET],
    ..NOTHING
};

const RANCHER_SETTINGS: &[(&str, &str)] =
    &[("heartbeat-interval", "500"), ("election-timeout", "5000"), ("logger", "zap")];

static K3S: Row = Row {
    runtime: Some(K3S_RUNTIME),
    etcd: Some(Etcd {
        start: Start::InsideK3s,
        process: "k3s-server",
        member: "{node}-9e4c07aa",
        data_dir: "/var/lib/rancher/k3s/server/db/etcd",
        server: pair(
            "/var/lib/rancher/k3s/server/tls/etcd/server-client.crt",
            "/var/lib/rancher/k3s/server/tls/etcd/server-client.key",
        ),
        peer: pair(
            "/var/lib/rancher/k3s/server/tls/etcd/peer-server-client.crt",
            "/var/lib/rancher/k3s/server/tls/etcd/peer-server-client.key",
        ),
        ca: "/var/lib/rancher/k3s/server/tls/etcd/server-ca.crt",
        peer_ca: "/var/lib/rancher/k3s/server/tls/etcd/peer-ca.crt",
        clients: &[(
            pair(
                "/var/lib/rancher/k3s/server/tls/etcd/client.crt",
                "/var/lib/rancher/k3s/server/tls/etcd/client.key",
            ),
            "etcd-client",
        )],
        more: RANCHER_SETTINGS,
        ..KUBEADM_ETCD
    }),
    binds: &[RANCHER, KUBELET],
    ..NOTHING
};

const KUBESPRAY_MEMBER: Pair =
    pair("/etc/ssl/etcd/ssl/member-{node}.pem", "/etc/ssl/etcd/ssl/member-{node}-key.pem");

static KUBESPRAY: Row = Row {
    runtime: Some(STANDARD),
    kubelet: Some(Kubelet {
        config: Some("/etc/kubernetes/kubelet-config.yaml"),
        manifests: "/etc/kubernetes/manifests",
    }),
    etcd: Some(Etcd {
        start: Start::EnvironmentFile("/etc/etcd.env"),
        member: "etcd{n}",
        server: KUBESPRAY_MEMBER,
        peer: KUBESPRAY_MEMBER,
        ca: "/etc/ssl/etcd/ssl/ca.pem",
        peer_ca: "/etc/ssl/etcd/ssl/ca.pem",
        clients: &[
            (
                pair(
                    "/etc/ssl/etcd/ssl/admin-{node}.pem",
                    "/etc/ssl/etcd/ssl/admin-{node}-key.pem",
                ),
                "etcd-admin-{node}",
            ),
            (
                pair("/etc/ssl/etcd/ssl/node-{node}.pem", "/etc/ssl/etcd/ssl/node-{node}-key.pem"),
                "etcd-node-{node}",
            ),
        ],
        metrics: None,
        more: &[
            ("election-timeout", "5000"),
            ("heartbeat-interval", "250"),
            ("metrics", "basic"),
            ("auto-compaction-retention", "8"),
        ],
        ..KUBEADM_ETCD
    }),
    binds: &[KUBERNETES, DATA, ("/etc/ssl/etcd", "etcd-ssl"), CONTAINERD, KUBELET],
    ..NOTHING
};

static K0S: Row = Row {
    etcd: Some(Etcd {
        start: Start::ChildOfK0s,
        data_dir: "/var/lib/k0s/etcd",
        server: pair("/var/lib/k0s/pki/etcd/server.crt", "/var/lib/k0s/pki/etcd/server.key"),
        peer: pair("/var/lib/k0s/pki/etcd/peer.crt", "/var/lib/k0s/pki/etcd/peer.key"),
        ca: "/var/lib/k0s/pki/etcd/ca.crt",
        peer_ca: "/var/lib/k0s/pki/etcd/ca.crt",
        clients: &[(
            pair(
                "/var/lib/k0s/pki/apiserver-etcd-client.crt",
                "/var/lib/k0s/pki/apiserver-etcd-client.key",
            ),
            "apiserver-etcd-client",
        )],
        loopback_only: true,
        metrics: None,
        more: &[("log-level", "info"), ("enable-pprof", "false")],
        ..KUBEADM_ETCD
    }),
    binds: &[("/var/lib/k0s", "k0s")],
    ..NOTHING
};

/// What the pod's proxy of etcd's metrics shows; it takes no certificate with a name
/// to ask with.
pub const OPENSHIFT_METRICS: Pair = pair(
    "/etc/kubernetes/static-pod-resources/etcd-certs/secrets/etcd-all-certs/etcd-serving-metrics-{node}.crt",
    "/etc/kubernetes/static-pod-resources/etcd-certs/secrets/etcd-all-certs/etcd-serving-metrics-{node}.key",
);

/// Below what the pod sees as /etc/kubernetes/static-pod-certs.
const OPENSHIFT_PEER: Pair = pair(
    "/etc/kubernetes/static-pod-resources/etcd-certs/secrets/etcd-all-certs/etcd-peer-{node}.crt",
    "/etc/kubernetes/static-pod-resources/etcd-certs/secrets/etcd-all-certs/etcd-peer-{node}.key",
);

static OPENSHIFT: Row = Row {
    runtime: Some(containerd(
        "/var/run/crio/crio.sock",
        "/var/lib/containers/storage",
        "/etc/crio/stand-in.toml",
    )),
    kubelet: Some(Kubelet {
        config: Some("/etc/kubernetes/kubelet.conf"),
        manifests: "/etc/kubernetes/manifests",
    }),
    etcd: Some(Etcd {
        start: Start::StaticPod("etcd-pod.yaml"),
        server: pair(
            "/etc/kubernetes/static-pod-resources/etcd-certs/secrets/etcd-all-certs/etcd-serving-{node}.crt",
            "/etc/kubernetes/static-pod-resources/etcd-certs/secrets/etcd-all-certs/etcd-serving-{node}.key",
        ),
        peer: OPENSHIFT_PEER,
        clients: &[(OPENSHIFT_METRICS, "")],
        ca: "/etc/kubernetes/static-pod-resources/etcd-certs/configmaps/etcd-all-bundles/server-ca-bundle.crt",
        peer_ca: "/etc/kubernetes/static-pod-resources/etcd-certs/configmaps/etcd-all-bundles/server-ca-bundle.crt",
        metrics: Some("https://0.0.0.0:9978"),
        more: &[
            ("listen-client-urls", "https://0.0.0.0:2379"),
            ("listen-peer-urls", "https://0.0.0.0:2380"),
            ("logger", "zap"),
            ("log-level", "info"),
            ("metrics", "extensive"),
        ],
        image: "quay.io/openshift-release-dev/ocp-v4.0-art-dev:etcd",
        ..KUBEADM_ETCD
    }),
    binds: &[KUBERNETES, DATA, ("/var/lib/containers", "containers"), KUBELET],
    ..NOTHING
};

static PLAIN: Row = Row {
    etcd: Some(Etcd {
        start: Start::EnvironmentFile("/etc/default/etcd"),
        data_dir: "/var/lib/etcd/default",
        server: pair("/etc/etcd/pki/server.crt", "/etc/etcd/pki/server.key"),
        peer: pair("/etc/etcd/pki/peer.crt", "/etc/etcd/pki/peer.key"),
        ca: "/etc/etcd/pki/ca.crt",
        peer_ca: "/etc/etcd/pki/ca.crt",
        metrics: None,
        ..KUBEADM_ETCD
    }),
    binds: &[DATA, ("/etc/etcd", "etcd-pki")],
    ..NOTHING
};

static EXTERNAL: Row = Row {
    runtime: Some(STANDARD),
    kubelet: Some(STANDARD_KUBELET),
    binds: &[KUBERNETES, CONTAINERD, KUBELET],
    ..NOTHING
};

static MICROK8S: Row = Row {
    runtime: Some(containerd(
        "/var/snap/microk8s/common/run/containerd.sock",
        "/var/snap/microk8s/common/var/lib/containerd",
        "/var/snap/microk8s/current/args/containerd.toml",
    )),
    binds: &[("/var/snap/microk8s", "microk8s")],
    new_directories: &["/var/snap"],
    ..NOTHING
};

static K3S_SQLITE: Row = Row { runtime: Some(K3S_RUNTIME), binds: &[RANCHER, KUBELET], ..NOTHING };

static TALOS: Row = Row {
    binds: &[DATA, ("/system/secrets", "secrets")],
    new_directories: &["/system"],
    ..NOTHING
};
