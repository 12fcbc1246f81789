//! What has to be found on a master of each layout. Data only.

use lab::Layout;
use serde_json::{Value, json};

/// What `locate` has to find of one layout; null is for what is not there.
pub struct Wanted {
    pub layout: Layout,
    pub etcd: &'static str,
    pub id: &'static str,
    pub evidence: &'static str,
    pub found: Value,
    /// Where `prevent` sends people; none where it does it itself.
    pub prevent: Option<&'static str>,
    /// What `locate` says when etcd does not run, and its exit code.
    pub down: Option<(i32, &'static str)>,
}

/// One of each that runs an etcd on a node alone.
pub fn wanted() -> [Wanted; 7] {
    let rke2 = "/var/lib/rancher/rke2/server";
    let k3s = "/var/lib/rancher/k3s/server";
    let crio = "/etc/kubernetes/static-pod-resources/etcd-certs";
    [
        Wanted {
            layout: Layout::Minikube,
            etcd: "3.5.16",
            id: "minikube",
            evidence: "/var/lib/minikube",
            found: json!({
                "socket": "/run/containerd/containerd.sock",
                "pod": "kube-system/etcd-master-1",
                "process": "etcd",
                "name": "master-1",
                "data_dir": "/var/lib/minikube/etcd",
                "cacert": "/var/lib/minikube/certs/etcd/ca.crt",
                "cert": "/var/lib/minikube/certs/etcd/healthcheck-client.crt",
                "key": "/var/lib/minikube/certs/etcd/healthcheck-client.key",
                "manifest": "/etc/kubernetes/manifests/etcd.yaml",
                "metrics": "http://127.0.0.1:2381",
            }),
            prevent: None,
            down: None,
        },
        Wanted {
            layout: Layout::Rke2,
            etcd: "3.5.16",
            id: "rke2",
            evidence: "/var/lib/rancher/rke2",
            found: json!({
                "socket": "/run/k3s/containerd/containerd.sock",
                "pod": "kube-system/etcd-master-1",
                "process": "etcd",
                "name": "master-1-3d7b1c20",
                "data_dir": format!("{rke2}/db/etcd"),
                "cacert": format!("{rke2}/tls/etcd/server-ca.crt"),
                "cert": format!("{rke2}/tls/etcd/server-client.crt"),
                "key": format!("{rke2}/tls/etcd/server-client.key"),
                "manifest": "/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml",
                "metrics": "http://127.0.0.1:2381",
            }),
            prevent: Some("/etc/rancher/rke2/config.yaml"),
            down: None,
        },
        Wanted {
            layout: Layout::K3s,
            etcd: "3.5",
            id: "k3s",
            evidence: "/var/lib/rancher/k3s",
            found: json!({
                "socket": "/run/k3s/containerd/containerd.sock",
                "pod": null,
                "process": "k3s-server",
                "name": "master-1-9e4c07aa",
                "data_dir": format!("{k3s}/db/etcd"),
                "cacert": format!("{k3s}/tls/etcd/server-ca.crt"),
                "cert": format!("{k3s}/tls/etcd/server-client.crt"),
                "key": format!("{k3s}/tls/etcd/server-client.key"),
                "manifest": null,
                "metrics": "http://127.0.0.1:2381",
            }),
            prevent: Some("/etc/rancher/k3s/config.yaml"),
            down: Some((7, "systemctl status k3s")),
        },
        Wanted {
            layout: Layout::Kubespray,
            etcd: "3.5.16",
            id: "kubespray",
            evidence: "/etc/ssl/etcd/ssl",
            found: json!({
                "socket": "/run/containerd/containerd.sock",
                "pod": null,
                "process": "etcd",
                "name": "etcd1",
                "data_dir": "/var/lib/etcd",
                "cacert": "/etc/ssl/etcd/ssl/ca.pem",
                "cert": "/etc/ssl/etcd/ssl/admin-master-1.pem",
                "key": "/etc/ssl/etcd/ssl/admin-master-1-key.pem",
                "manifest": null,
                "metrics": "https://127.0.0.1:2379",
            }),
            prevent: Some("/etc/etcd.env"),
            down: Some((0, "there are only its settings in /etc/etcd.env")),
        },
        Wanted {
            layout: Layout::K0s,
            etcd: "3.5",
            id: "k0s",
            evidence: "/var/lib/k0s",
            found: json!({
                "socket": null,
                "pod": null,
                "process": "etcd",
                "name": "master-1",
                "data_dir": "/var/lib/k0s/etcd",
                "cacert": "/var/lib/k0s/pki/etcd/ca.crt",
                "cert": "/var/lib/k0s/pki/etcd/server.crt",
                "key": "/var/lib/k0s/pki/etcd/server.key",
                "manifest": null,
                "metrics": "https://127.0.0.1:2379",
            }),
            prevent: Some("/etc/k0s/k0s.yaml"),
            down: Some((7, "systemctl status k0scontroller")),
        },
        Wanted {
            layout: Layout::Plain,
            etcd: "3.4",
            id: "plain",
            evidence: "nothing here is like an installation that is known",
            found: json!({
                "socket": null,
                "pod": null,
                "process": "etcd",
                "name": "master-1",
                "data_dir": "/var/lib/etcd/default",
                "cacert": "/etc/etcd/pki/ca.crt",
                "cert": "/etc/etcd/pki/server.crt",
                "key": "/etc/etcd/pki/server.key",
                "manifest": null,
                "metrics": "https://127.0.0.1:2379",
            }),
            prevent: Some("environment file"),
            down: Some((0, "there are only its settings in /etc/default/etcd")),
        },
        Wanted {
            layout: Layout::Openshift,
            etcd: "3.5",
            id: "openshift",
            evidence: "openshift-etcd/etcd-master-1",
            found: json!({
                "socket": "/var/run/crio/crio.sock",
                "pod": "openshift-etcd/etcd-master-1",
                "process": "etcd",
                "name": "master-1",
                "data_dir": "/var/lib/etcd",
                "cacert": format!("{crio}/configmaps/etcd-all-bundles/server-ca-bundle.crt"),
                "cert": format!("{crio}/secrets/etcd-all-certs/etcd-peer-master-1.crt"),
                "key": format!("{crio}/secrets/etcd-all-certs/etcd-peer-master-1.key"),
                "manifest": "/etc/kubernetes/manifests/etcd-pod.yaml",
                "metrics": "https://127.0.0.1:9978",
            }),
            prevent: Some("oc edit etcd cluster"),
            down: None,
        },
    ]
}
