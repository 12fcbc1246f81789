//! How a member leaves the cluster and comes back empty, in the words of its
//! installation: who starts etcd, and where its settings are.

use crate::{
    model::{
        Located,
        layout::{Keeps, KubeletIs, Layout, May, Written},
    },
    say::etcdctl,
    settings::quoted,
};

/// Where the manifest waits while nothing may start etcd.
const AWAY: &str = "/etc/kubernetes/etcd.yaml";

/// Who starts etcd on a node, and who has its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Started {
    /// The kubelet, by a manifest that a person edits.
    Kubelet,
    /// systemd, by an environment file that a person edits.
    Systemd,
    /// The installation, which adds and removes members by itself.
    Installation,
}

impl Started {
    pub(super) fn of(node: &Located) -> Self {
        let row = node.layout();
        let by_kubelet = node.manifest.is_some() && row.kubelet == KubeletIs::Apart("kubelet");
        match row.keeps {
            Keeps::Manifest => Self::Kubelet,
            Keeps::Lines(lines)
                if lines.written == Written::Variable && !row.env_files.is_empty() =>
            {
                if by_kubelet { Self::Kubelet } else { Self::Systemd }
            }
            _ => Self::Installation,
        }
    }
}

/// The systemd unit that starts etcd here.
pub(super) fn unit(row: &'static Layout) -> &'static str {
    if row.unit.is_empty() { row.kubelet.unit() } else { row.unit }
}

/// "One bad of three": the steps, one a line. `copy` is how the data are saved before,
/// where there are any; a member that was `removed` has left already.
pub(super) fn join_anew(
    node: &Located,
    manifest: &str,
    copy: Option<&str>,
    removed: bool,
) -> String {
    let row = node.layout();
    if row.may == May::Look {
        let copy = copy.map_or_else(String::new, |copy| format!("First {copy}. "));
        return format!("{copy}Then as {} has it:\n{}", row.name, row.instead.join("\n"));
    }
    let started = Started::of(node);
    let mut etcdctl = vec!["etcdctl --endpoints https://HEALTHY_MASTER:2379".to_owned()];
    etcdctl.extend(etcdctl::tls_flags(node).iter().map(|word| quoted(word)));
    let etcdctl = etcdctl.join(" ");
    let name = node.name.as_ref().map_or("NAME", |found| found.value.as_str());
    let mut steps =
        vec![format!("they have: `{etcdctl} member list`"), stop(node, started, manifest)];
    steps.extend(copy.map(str::to_owned));
    steps.push(match removed {
        true => "it is removed already".to_owned(),
        false => format!("`{etcdctl} member remove ID_OF_THIS_MEMBER`"),
    });
    if copy.is_some() {
        let data = node.data_dir.as_ref().map(|found| quoted(&found.value.to_string_lossy()));
        let data = data.unwrap_or_else(|| "DATA_DIR".to_owned());
        let wal = node.wal_dir.as_ref().map_or_else(String::new, |found| {
            format!(" (and {} likewise)", quoted(&found.value.to_string_lossy()))
        });
        steps.push(format!("`mv {data}/member {data}/member.damaged`{wal}"));
    }
    if started != Started::Installation {
        let peer = "--peer-urls=https://ADDRESS_OF_THIS_MASTER:2380";
        steps.push(format!("`{etcdctl} member add {} {peer}`", quoted(name)));
    }
    steps.push(start(row, started, manifest));
    let mut lines = vec![
        "While the other members have a quorum, nothing is lost, and this one comes back empty:"
            .to_owned(),
    ];
    lines.extend(steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1)));
    lines.push(format!(
        "With no quorum left, or a single member: `{}`",
        match resets(row) {
            true =>
                format!("{} server --cluster-reset --cluster-reset-restore-path=SNAPSHOT", row.id),
            false => etcdctl::restore(node, "", "SNAPSHOT"),
        }
    ));
    lines.join("\n")
}

/// Whether it is one process with its etcd, as k3s and RKE2 are.
fn resets(row: &Layout) -> bool {
    matches!(row.keeps, Keeps::Lines(lines) if lines.written == Written::Item)
}

/// No killall script of theirs: until 2024 these unmount and remove what is below their
/// directories (k3s-io/k3s 8527, rancher/rke2 6557).
fn stop(node: &Located, started: Started, manifest: &str) -> String {
    let row = node.layout();
    let what = match started {
        Started::Kubelet => format!("mv {manifest} {AWAY}"),
        _ if resets(row) && row.kubelet != KubeletIs::Etcd => {
            let data = node.data_dir.as_ref().map(|found| found.value.display().to_string());
            let data = data.unwrap_or_else(|| row.data_dirs.concat());
            let file = quoted(&format!("config-file={data}/config"));
            format!("systemctl stop {} && pkill -f {file}", unit(row))
        }
        _ => format!("systemctl stop {}", unit(row)),
    };
    format!("so that nothing starts it meanwhile: `{what}`; until `pgrep -ax etcd` shows none")
}

fn start(row: &'static Layout, started: Started, manifest: &str) -> String {
    let unit = unit(row);
    let name = row.name;
    match started {
        Started::Kubelet => format!(
            "in {AWAY}: --initial-cluster as `member add` printed it, and \
             --initial-cluster-state=existing; `mv {AWAY} {manifest}`"
        ),
        Started::Systemd => format!(
            "in etcd's environment file ({}; `systemctl cat {unit}` names it): \
             ETCD_INITIAL_CLUSTER as `member add` printed it, and \
             ETCD_INITIAL_CLUSTER_STATE=existing; `systemctl start {unit}`",
            row.env_files.join(" or ")
        ),
        Started::Installation if resets(row) => format!(
            "{name} adds the member by itself: in /etc/rancher/{}/config.yaml `server: \
             https://HEALTHY_MASTER:{}`, as on a server that joins; `systemctl start {unit}`",
            row.id,
            if row.kubelet == KubeletIs::Etcd { 6443 } else { 9345 }
        ),
        Started::Installation => format!(
            "{name} adds members by itself: have it join this one to the cluster again, as a new \
             one; `systemctl start {unit}`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Found, Manifest,
        layout::{ALL, Detected},
    };

    fn node(id: &str) -> Located {
        let layout = ALL.iter().find(|row| row.id == id).expect("a row");
        Located {
            layout: Some(Detected { layout, evidence: Vec::new() }),
            data_dir: Some(Found::new("/var/lib/etcd".into(), "here")),
            ca: Some(Found::new("/pki of it/ca.crt".into(), "here")),
            ..Located::default()
        }
    }

    const MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";

    #[test]
    fn each_installation_stops_and_starts_etcd_in_its_own_way() {
        for (id, stop, start) in [
            ("kubeadm", "`mv /etc/kubernetes/manifests/etcd.yaml /etc/", "--initial-cluster-state"),
            (
                "minikube",
                "`mv /etc/kubernetes/manifests/etcd.yaml /etc/",
                "--initial-cluster-state",
            ),
            ("kubespray", "`systemctl stop etcd`", "(/etc/etcd.env; `systemctl cat etcd`"),
            ("plain", "`systemctl stop etcd`", "ETCD_INITIAL_CLUSTER_STATE=existing; `systemctl"),
            ("k3s", "`systemctl stop k3s`", "`server: https://HEALTHY_MASTER:6443`"),
            (
                "rke2",
                "stop rke2-server && pkill -f config-file=/var/lib/etcd/config`",
                "`systemctl start rke2-server`",
            ),
            ("k0s", "`systemctl stop k0scontroller`", "k0s adds members by itself"),
        ] {
            let said = join_anew(&node(id), MANIFEST, Some("COPY"), false);
            let steps: Vec<&str> = said.lines().filter(|line| line.contains(". ")).collect();
            assert!(steps[1].contains(stop) && said.contains(start), "{id}: {said}");
            let by_hand = id != "k3s" && id != "rke2" && id != "k0s";
            assert_eq!(said.contains("member add NAME"), by_hand, "{id}: {said}");
            let manifest = id == "kubeadm" || id == "minikube";
            assert_eq!(said.contains(".yaml /"), manifest, "{id}: {said}");
            assert!(said.contains("--cacert '/pki of it/ca.crt' member list`"), "{id}: {said}");
        }
        let said = join_anew(&node("openshift"), MANIFEST, Some("COPY"), false);
        assert!(!said.contains("member remove") && said.contains("cluster-restore.sh"), "{said}");
    }

    #[test]
    fn a_static_pod_somebody_wrote_is_stopped_by_its_manifest() {
        let path = MANIFEST.into();
        let manifest = Some(Manifest { path, args: Vec::new(), probes: Vec::new() });
        assert_eq!(
            Started::of(&Located { manifest: manifest.clone(), ..node("plain") }),
            Started::Kubelet
        );
        assert_eq!(Started::of(&Located { manifest, ..node("rke2") }), Started::Installation);
    }

    #[test]
    fn without_data_nothing_is_copied_or_moved() {
        let said = join_anew(&node("kubeadm"), MANIFEST, None, false);
        assert!(!said.contains("member.damaged") && said.contains("\n5. in /etc"), "{said}");
    }
}
