//! The table: every row is whole, and each is told by what it leaves on a node.

use super::*;
use crate::model::{Found, Located, Manifest, Process};

#[test]
fn every_row_is_complete_and_has_a_name_of_its_own() {
    for (index, row) in ALL.iter().enumerate() {
        assert!(ALL.iter().skip(index + 1).all(|other| other.id != row.id), "{row:?} twice");
        let named = [row.id, row.name, row.renewal];
        assert!(named.iter().all(|text| !text.is_empty()), "{row:?}");
        assert!(row.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{row:?}");
        assert!(row.client_port > 0 && !row.comms.is_empty(), "{row:?}");
        assert!(row.comms.iter().all(|comm| comm.len() <= 15), "{row:?}: the kernel cuts it");
        let told = ["plain", "external"].contains(&row.id) || !row.signs.is_empty();
        assert!(told, "{row:?} cannot be told");
        // Who may not do everything hears why, and what to use.
        assert_eq!(row.may == May::Full, row.why.is_empty(), "{row:?}");
        assert!(row.may == May::Full || row.may == May::OwnNodeOnly || !row.instead.is_empty());
        // What is not moved by `relocate` is moved by hand.
        let moved = row.keeps == Keeps::Manifest || row.may == May::Nothing;
        assert!(moved || !row.moving.is_empty(), "{row:?}");
        for path in [row.sockets, row.data_dirs, row.pki, row.manifests, row.env_files].concat() {
            assert!(path.starts_with('/') && !path.ends_with('/'), "{row:?}: {path}");
        }
        let moving = row.moving(Some(Path::new("/x")));
        assert!(!moving.contains(['{', '}']) && !moving.contains("killall"), "{row:?}: {moving}");
        // An old copy below a mount that is missing would be started.
        let safe = moving.contains("mv /x /x.old`") && moving.contains("findmnt /x`");
        assert!(safe || !moving.contains("cp -a"), "{row:?}: {moving}");
        assert!(!row.restarts().contains("  "), "{row:?}");
        let texts = [row.why, &moving, row.renewal];
        let lines = texts.iter().chain(row.instead);
        for text in lines {
            assert!(text.matches('`').count().is_multiple_of(2), "{row:?}: {text}");
            assert!(!text.ends_with('.') && !text.contains("  "), "{row:?}: {text}");
        }
        keeps_are_whole(row);
    }
}

fn keeps_are_whole(row: &Layout) {
    let texts = match row.keeps {
        Keeps::Manifest => return assert!(!row.manifests.is_empty(), "{row:?}"),
        Keeps::Lines(lines) => vec![lines.obstacle, lines.head, lines.place],
        Keeps::Owner(owner) => vec![owner.obstacle, owner.way, owner.prevention, owner.quota],
    };
    assert!(texts.iter().all(|text| !text.is_empty()), "{row:?}");
}

#[test]
fn only_a_unit_that_is_there_is_to_be_stopped() {
    let of = |id: &str| ALL.iter().find(|row| row.id == id).map(|row| row.restarts());
    assert_eq!(of("k3s").as_deref(), Some("do not restart k3s on any master"));
    assert!(of("kubeadm").is_some_and(|text| text.starts_with("`systemctl stop kubelet` on")));
}

#[test]
fn a_column_has_each_entry_once() {
    let sockets = column(|row| row.sockets);
    assert!(sockets.len() > 6 && sockets.contains(&"/run/k0s/containerd.sock"));
    let again = |socket: &&&str| sockets.iter().filter(|it| it == socket).count() > 1;
    assert_eq!(sockets.iter().find(again), None);
    assert!(clients().contains(&("healthcheck-client.crt", "healthcheck-client.key")));
}

fn with(manifest: Option<&str>, data: Option<&str>, comm: &str) -> &'static str {
    let node = Located {
        manifest: manifest.map(|path| Manifest {
            path: path.into(),
            args: Vec::new(),
            probes: Vec::new(),
        }),
        data_dir: data.map(|path| Found::new(path.into(), "flag --data-dir of pid 7")),
        process: Some(Process { pid: 7, args: Vec::new(), env: Vec::new(), comm: comm.into() }),
        ..Located::default()
    };
    node.layout().id
}

#[test]
fn each_is_told_by_what_etcd_shows() {
    let static_pods = Some("/etc/kubernetes/manifests/etcd.yaml");
    let rke2 = Some("/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml");
    for (manifest, data, comm, id) in [
        (static_pods, Some("/var/lib/etcd"), "etcd", "kubeadm"),
        (static_pods, Some("/mnt/disk"), "etcd", "kubeadm"),
        (static_pods, Some("/var/lib/minikube/etcd"), "etcd", "minikube"),
        (rke2, None, "etcd", "rke2"),
        (Some("/data/rke2/agent/pod-manifests/etcd.yaml"), Some("/mnt/x"), "etcd", "rke2"),
        (None, Some("/data/rke2/server/db/etcd"), "etcd", "rke2"),
        (None, Some("/srv/k3s/server/db/etcd"), "k3s-server", "k3s"),
        (None, Some("/var/lib/k0s/etcd"), "etcd", "k0s"),
        (None, Some("/var/lib/microshift/etcd"), "microshift-etcd", "microshift"),
        (None, Some("/mnt/master-vol-0a1/data/x"), "etcd", "kops"),
        (static_pods, Some("/mnt/master-vol-1/etcd"), "etcd", "kubeadm"),
        (None, Some("/mnt/master-data/etcd"), "etcd", "plain"),
        (None, Some("/var/snap/microk8s/common/var/run/etcd"), "etcd", "microk8s-etcd"),
        (None, Some("/var/lib/etcd"), "etcd", "plain"),
        (Some("/etc/kubernetes/manifests/etcd-pod.yaml"), None, "etcd", "openshift"),
        (Some("/srv/pods/etcd.yaml"), Some("/data"), "etcd", "plain"),
    ] {
        assert_eq!(with(manifest, data, comm), id, "{manifest:?} {data:?}");
    }
}

#[test]
fn what_is_left_of_another_installation_counts_only_where_there_is_no_etcd() {
    let there = vec!["/var/snap/microk8s/current", "/etc/kubernetes/pki/etcd"];
    let bare = Clues { there: there.clone(), ..Clues::default() };
    let detected = tell(&bare);
    assert_eq!(detected.layout.id, "microk8s");
    assert_eq!(detected.evidence, ["/var/snap/microk8s/current is there"]);
    let paths = vec![("manifest", "/etc/kubernetes/manifests/etcd.yaml".into())];
    assert_eq!(tell(&Clues { paths, there, ..Clues::default() }).layout.id, "kubeadm");
    let os = Some("talos".to_owned());
    assert_eq!(tell(&Clues { os, ..Clues::default() }).layout.id, "talos");
    let named = Some("--endpoints names it".to_owned());
    assert_eq!(tell(&Clues { named, ..Clues::default() }).layout.id, "external");
    assert_eq!(tell(&Clues::default()).layout.id, "plain");
}

#[test]
fn flags_are_written_as_each_place_has_them() {
    for (id, line) in [
        ("rke2", "    - quota-backend-bytes=7"),
        ("k0s", "            quota-backend-bytes: \"7\""),
        ("kubespray", "    ETCD_QUOTA_BACKEND_BYTES=7"),
        ("kops", "        - {name: ETCD_QUOTA_BACKEND_BYTES, value: \"7\"}"),
        ("talos", "          quota-backend-bytes: \"7\""),
        ("talos", "then `talosctl -n NODE reboot`, one control-plane node at a time"),
        ("microk8s-etcd", "    --quota-backend-bytes=7"),
    ] {
        let row = ALL.iter().find(|row| row.id == id).expect("a row");
        let way = row.keeps.way(&[("quota-backend-bytes".to_owned(), "7".to_owned())]);
        assert!(way.contains(&line.to_owned()), "{id}: {way:#?}");
        assert!(row.keeps.obstacle(&[]).is_some());
    }
}
