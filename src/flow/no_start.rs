//! The way out of each thing that keeps etcd from starting, in safe order and
//! beginning with a copy of the data where they are touched.

use std::path::{Path, PathBuf};

use crate::{
    decide,
    failure::Failure,
    model::{
        Bytes, CertificateRole, Found, Located, NoStart, SnapshotPlace, Timestamp, World, layout,
    },
    observe::{self, host::HostRoot, stopped::How},
    say::etcdctl,
    settings::quoted,
};

use super::{
    anew::Started, ended::Advice, restart::Restart, session::Session, usage::usual_data_dir,
};

/// What to type, complete; several lines.
pub(super) fn way_out(session: &Session, node: &Located, exact: NoStart) -> String {
    let advice = Advice::new(session, node);
    let data = &advice.data;
    let copy = copy_first(session, node);
    // Where there are no data, there is nothing to copy or to move away.
    let kept = (exact != NoStart::DataEmpty).then_some(copy.as_str());
    let anew = || advice.join_anew(kept, exact == NoStart::MemberRemoved);
    match exact {
        NoStart::DiskFull => advice.disk_full(),
        NoStart::ReadOnly => format!(
            "The kernel mounts a failing filesystem read-only: `dmesg -T | tail -50` says why. \
             First {copy}. If the disk is sound: `mount -o remount,rw MOUNT_POINT` (a filesystem \
             with errors: unmount it and `fsck` first); then `{}`",
            advice.again
        ),
        NoStart::WalDamaged | NoStart::DatabaseDamaged | NoStart::SnapshotDatabaseMissing => {
            format!(
                "Look at the disk first: `dmesg -T | tail -50`. Remove and edit nothing in \
                 {data}. If the disk is sound:\n{}\n{}",
                anew(),
                alone(node, exact)
            )
        }
        NoStart::DataLocked => advice.data_locked(),
        NoStart::MemberRemoved => anew(),
        NoStart::DataEmpty => format!(
            "Was its disk mounted? `findmnt -T {data}`, `ls -la {data}`, `lsblk -f`, /etc/fstab. \
             Mounted again, it goes on by itself. If the data are really gone:\n{}",
            anew()
        ),
        NoStart::OtherCluster => format!(
            "Is it the right directory and the right disk? --data-dir {}; `findmnt -T {data}`. \
             With its own data back, etcd goes on by itself. If this directory is a foreign one \
             and the own data are gone:\n{}",
            advice.settings(),
            anew()
        ),
        NoStart::CertificateExpired => certificates(node, &advice),
        NoStart::CaExpired => format!(
            "A CA cannot be renewed by `kubeadm certs renew`: every certificate it signed has to \
             be made anew, on every master.\n1. see which: `openssl x509 -noout -subject -enddate \
             -in FILE`\n2. a copy of the keys: `cp -a /etc/kubernetes /root/certificates-before`\n\
             3. renew the CA itself with its old key, which keeps its name and extensions (the \
             certificates it signed stay good): `openssl x509 -in CA.crt -signkey CA.key -days \
             3650 -out NEW.crt`; look at it (`openssl verify -CAfile NEW.crt FILE`), then put it \
             to every master as the CA's file; etcd reads it at its next start\n4. what expired with it: \
             `kubeadm certs check-expiration`, `kubeadm certs renew NAME`\n5. start etcd on all \
             masters anew; `{}`",
            advice.again
        ),
        NoStart::Clock => format!(
            "Look at the clock before any certificate is made anew: `date -u` here and on another \
             master, `timedatectl`, `chronyc tracking`. If it is wrong: `systemctl restart chronyd \
             || systemctl restart systemd-timesyncd`, or `date -u -s 'YYYY-MM-DD HH:MM:SS'`; then \
             `{}`. If the clock is right, the certificate was made by a machine whose clock was \
             fast: wait until then, or renew it there with the right time",
            advice.again
        ),
        NoStart::UpgradeTooEarly => format!(
            "First {copy}. Then go back to the release it ran before ({release}): its \
             data are as they were. From 3.5 to 3.6 the way leads through 3.5.26 or later on every \
             master, healthy, and only then to 3.6: what 3.5 keeps in two places has to be the same \
             in both. Then `{again}`",
            release = match Started::of(node) {
                Started::Kubelet => format!("the image in {}", advice.manifest),
                _ => "its image or its binary".to_owned(),
            },
            again = advice.again
        ),
    }
}

/// etcd was not found on this node; its data may still say why.
pub(super) async fn by_its_data(session: &Session, failure: Failure) -> Failure {
    let named = session.settings.data_dir.clone();
    let Some(data_dir) = (match named {
        Some(named) => Some(named),
        None => usual_data_dir(session).await,
    }) else {
        return failure;
    };
    let Some(mut node) = node_of(data_dir).await else { return failure };
    if failure.layout.is_some() {
        node.layout.clone_from(&failure.layout);
    }
    let now = Timestamp::now().as_nanosecond();
    let Some(story) = decide::node_story(&node, None, now) else { return failure };
    find_place(session, &node).await;
    let state = format!("{} Its data are here. {}.", failure.state, story.text);
    let way = story.exact.map(|exact| format!("{}\n", way_out(session, &node, exact)));
    let next = format!("{}{}", way.unwrap_or_default(), failure.next);
    Failure { state, next, ..failure }
}

/// All that is known of a node by a data directory of it.
pub(super) async fn node_of(data_dir: PathBuf) -> Option<Located> {
    let stopped = observe::stopped::look(&data_dir, None, How::All, "").await?;
    let data_dir = Some(Found::new(data_dir, "this node"));
    let layout = observe::layout::of_node(&HostRoot::default());
    Some(Located { layout, data_dir, stopped: Some(stopped), ..Located::default() })
}

/// What keeps this node's etcd away although others answer, and the way out.
pub(super) fn here(session: &Session, world: &World) -> Option<String> {
    let restart = Restart::of_world(world)?;
    let exact = restart.story().exact?;
    take_place(session, &world.node, &world.snapshot_places);
    let way = way_out(session, &world.node, exact);
    Some(format!("{}.\n{way}", restart.sentence()))
}

/// Looks once for a disk that the copy of this node's data could go to, before it is told
/// what to type.
pub(super) async fn find_place(session: &Session, node: &Located) {
    if session.record().copy_place.is_some() {
        return;
    }
    let found = observe::data_disk::places(node.answering_data_dir()).await;
    take_place(session, node, &found.unwrap_or_default().0);
}

/// The directory that was named, else the best disk that is not that of the data, else
/// where every system has room of root's own.
fn take_place(session: &Session, node: &Located, places: &[SnapshotPlace]) {
    let used = node.disk.as_ref().map_or(Bytes(0), |disk| disk.used);
    let other = places
        .iter()
        .find(|place| !place.shares_data_dir && place.filesystem.available > used)
        .map(|place| place.filesystem.mount_point.clone())
        .filter(|mount| mount != Path::new("/"));
    let named = session.settings.snapshot_dir.clone();
    session.record_mut().copy_place = Some(named.or(other).unwrap_or_else(|| "/root".into()));
}

/// "a copy of the data: `...`".
pub(super) fn copy_first(session: &Session, node: &Located) -> String {
    let place = session.record().copy_place.clone();
    let to = place.unwrap_or_else(|| "/root".into()).join("etcd-stopped");
    let mut settings = session.settings.clone();
    // Nothing tells where they are once the manifest was moved away.
    let found = node.data_dir.as_ref().map(|found| found.value.clone());
    settings.data_dir = settings.data_dir.or(found);
    let command = format!("snapshot save --offline {}", quoted(&to.to_string_lossy()));
    format!("a copy of the data, best on another disk: `{}`", settings.command_line(&command))
}

/// When there is nobody to come back to.
fn alone(node: &Located, exact: NoStart) -> String {
    if exact == NoStart::DatabaseDamaged {
        return "The database is damaged, so that only an earlier snapshot can be restored".into();
    }
    let missing = match exact {
        NoStart::WalDamaged => "what was only in the raft log, the last moments,",
        _ => "what came after it",
    };
    format!(
        "Without a snapshot the database of the copy can be restored in its place; {missing} is \
         then missing: `{}`",
        etcdctl::restore(node, "--skip-hash-check", "COPY/member/snap/db")
    )
}

/// kubeadm's names of certificates, by what their files are called
/// (kubernetes cmd/kubeadm/app/phases/certs/certlist.go).
const NAMES: [(&str, &str); 4] = [
    ("etcd/server.crt", "etcd-server"),
    ("etcd/peer.crt", "etcd-peer"),
    ("etcd/healthcheck-client.crt", "etcd-healthcheck-client"),
    ("apiserver-etcd-client.crt", "apiserver-etcd-client"),
];

fn certificates(node: &Located, advice: &Advice) -> String {
    let now = Timestamp::now();
    let clock = now.strftime("%Y-%m-%d %H:%M UTC");
    let now = now.as_second();
    let expired = node
        .certificates
        .iter()
        .filter(|one| one.role != CertificateRole::Ca && now > one.not_after);
    let (mut names, mut others) = (Vec::new(), Vec::new());
    for certificate in expired {
        let path = certificate.path.to_string_lossy().into_owned();
        let name = NAMES.iter().find(|(end, _)| path.ends_with(end));
        match name.filter(|_| path.starts_with("/etc/kubernetes/pki/")) {
            Some((_, name)) if !names.contains(name) => names.push(*name),
            Some(_) => {}
            None => others.push(path),
        }
    }
    let kept =
        others.first().and_then(|path| Path::new(path).parent()).filter(|_| names.is_empty());
    let kept = kept.map_or("/etc/kubernetes".into(), |directory| directory.to_string_lossy());
    let mut lines = vec![
        format!(
            "Is the clock right? It is {clock} here; `date -u` on another master. A certificate \
             that only looks expired is not renewed: set the clock"
        ),
        format!(
            "The data are not touched by this. A copy of the old ones first: `cp -a {} \
             /root/certificates-before`",
            quoted(&kept)
        ),
    ];
    if !names.is_empty() {
        let renew: Vec<String> =
            names.iter().map(|name| format!("kubeadm certs renew {name}")).collect();
        lines.push(format!("1. renew, works without an API server: `{}`", renew.join(" && ")));
        lines.push(format!(
            "2. have etcd read them: `mv {manifest} /etc/kubernetes/etcd.yaml`, wait until `crictl \
             ps --name etcd` is empty, `mv /etc/kubernetes/etcd.yaml {manifest}`; \
             kube-apiserver.yaml likewise when one of its own was renewed",
            manifest = advice.manifest
        ));
        lines.push(
            "3. the same on every master whose certificates are as old: `kubeadm certs \
             check-expiration` there; the rest at leisure: `kubeadm certs renew all`"
                .to_owned(),
        );
    }
    for path in others {
        let how = layout::with_pki(Path::new(&path)).unwrap_or_else(|| node.layout()).renewal;
        lines.push(format!("{}: {how}", quoted(&path)));
    }
    lines.push(format!("Then `{}`", advice.again));
    lines.join("\n")
}
