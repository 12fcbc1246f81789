//! What to do about an etcd of this node that is down, by what ended it.

use crate::{
    model::{ContainerState, Located, RestartCause, RestartStory},
    say::etcdctl,
    settings::quoted,
};

use super::{
    no_start::{copy_first, way_out},
    session::Session,
};

/// Whether etcd is between two attempts, or was never started.
pub fn is_down(node: &Located) -> bool {
    node.process.is_none()
        && node.container.as_ref().is_none_or(|container| {
            matches!(container.state, ContainerState::Exited | ContainerState::Created)
        })
}

/// What to type, complete; several lines.
pub fn what_to_do(session: &Session, node: &Located, story: &RestartStory) -> String {
    if let Some(exact) = story.exact {
        return way_out(session, node, exact);
    }
    let advice = Advice::new(session, node);
    let copy = copy_first(session);
    match story.cause {
        RestartCause::ProbeKill => advice.probe_kill(),
        RestartCause::OutOfMemory => advice.out_of_memory(),
        RestartCause::DiskFull => advice.disk_full(),
        RestartCause::DamagedData => format!(
            "Look at the disk first: `dmesg -T | tail -50`. If the disk is sound:\n{}",
            advice.join_anew(&copy, false)
        ),
        RestartCause::RemovedMember => advice.join_anew(&copy, false),
        RestartCause::DataLocked => advice.data_locked(),
        RestartCause::WrongSettings => advice.wrong_settings(),
        RestartCause::NeverStarted => advice.never_started(),
        RestartCause::FailedDefragmentation => format!(
            "Nothing is lost. `{}` once etcd is up again, or now on another master: it looks at \
             the room first. How much there is: `df -h {}`",
            advice.again, advice.data
        ),
        RestartCause::Panic | RestartCause::Stopped | RestartCause::Unknown => format!(
            "`{}` once etcd is up again, or now on another master. All it wrote: `{}`. What the \
             kubelet did: `{}`",
            advice.again,
            advice.logs,
            node.layout().kubelet_log
        ),
    }
}

/// The words of this node that the lines are made of.
pub(super) struct Advice<'a> {
    node: &'a Located,
    pub(super) again: String,
    logs: String,
    /// Data directory, quoted for a shell.
    pub(super) data: String,
    /// Manifest file, quoted.
    pub(super) manifest: String,
}

impl<'a> Advice<'a> {
    pub(super) fn new(session: &Session, node: &'a Located) -> Self {
        let data = node.data_dir.as_ref().map_or("DATA_DIR".into(), |found| found.value.clone());
        let manifest = node.manifest.as_ref().map(|manifest| manifest.path.clone());
        let manifest = manifest.unwrap_or_else(|| "/etc/kubernetes/manifests/etcd.yaml".into());
        Self {
            node,
            again: session.again(),
            logs: session.settings.command_line("logs --tail 50"),
            data: quoted(&data.to_string_lossy()),
            manifest: quoted(&manifest.to_string_lossy()),
        }
    }

    fn probe_kill(&self) -> String {
        format!(
            "`{again}` once etcd is up again, or now on another master: one kill comes 80 to 250 \
             seconds after the start, and the recovery takes seconds. If it is killed too early: \
             `systemctl stop {unit}` as soon as etcd runs (it runs on), `{again}`, `systemctl \
             start {unit}`",
            again = self.again,
            unit = self.node.layout().kubelet.unit()
        )
    }

    fn out_of_memory(&self) -> String {
        format!(
            "See who takes the memory (`ps aux --sort=-rss | head`) and end what this master can \
             do without, or raise resources.limits.memory of etcd in {}; etcd needs about its \
             database's size, and more while it starts. Then `{}`, or now on another master",
            self.manifest, self.again
        )
    }

    pub(super) fn disk_full(&self) -> String {
        let mut lines = Vec::new();
        let room = self.node.disk.as_ref().map(|disk| &disk.filesystem);
        let place = room.map_or_else(
            || format!("the filesystem of {}", self.data),
            |fs| {
                let mount = fs.mount_point.display();
                format!("{mount} ({} of {} available)", fs.available, fs.size)
            },
        );
        lines.push(format!("Make room on {place}, the safest first, only what is on it counts:"));
        if self.node.freeable.is_empty() {
            let mount = room.map(|filesystem| quoted(&filesystem.mount_point.to_string_lossy()));
            lines.push(format!(
                "nothing was found there that is known to be safe; what is there: `du -xhd2 {} | \
                 sort -h | tail -20`",
                mount.unwrap_or_else(|| self.data.clone())
            ));
        }
        for item in &self.node.freeable {
            lines.push(item.to_string());
        }
        lines.push(format!(
            "or grow the volume. In {}/member only snap/db.tmp.* may go; never anything in wal, \
             and neither db nor *.snap. The kubelet then starts etcd by itself; `{}`",
            self.data, self.again
        ));
        lines.join("\n")
    }

    /// "One bad of three": leave the cluster and come back empty. `copy` is how
    /// the data are saved before; a member that was removed has left already.
    pub(super) fn join_anew(&self, copy: &str, removed: bool) -> String {
        let node = self.node;
        let mut etcdctl = vec!["etcdctl --endpoints https://HEALTHY_MASTER:2379".to_owned()];
        etcdctl.extend(etcdctl::tls_flags(node));
        let etcdctl = etcdctl.join(" ");
        let name = node.name.as_ref().map_or("NAME", |found| found.value.as_str());
        let (data, manifest) = (&self.data, &self.manifest);
        let wal = node.wal_dir.as_ref().map_or_else(String::new, |found| {
            format!(" (and {} likewise)", quoted(&found.value.to_string_lossy()))
        });
        let remove = match removed {
            true => "it is removed already".to_owned(),
            false => format!("`{etcdctl} member remove ID_OF_THIS_MEMBER`"),
        };
        format!(
            "While the other members have a quorum, nothing is lost, and this one comes back \
             empty:\n\
             1. they have: `{etcdctl} member list`\n\
             2. so that nothing starts it meanwhile: `mv {manifest} /etc/kubernetes/etcd.yaml`\n\
             3. {copy}\n\
             4. {remove}\n\
             5. `mv {data}/member {data}/member.damaged`{wal}\n\
             6. `{etcdctl} member add {name} --peer-urls=https://ADDRESS_OF_THIS_MASTER:2380`\n\
             7. in /etc/kubernetes/etcd.yaml: --initial-cluster as `member add` printed it, and \
             --initial-cluster-state=existing; `mv /etc/kubernetes/etcd.yaml {manifest}`\n\
             With no quorum left, or a single member: `{}`",
            etcdctl::restore(node, "", "SNAPSHOT")
        )
    }

    pub(super) fn data_locked(&self) -> String {
        format!(
            "See who has it: `ps -C etcd -o pid,lstart,args`, `fuser -v {}/member/snap/db`. End \
             the one that should not be there; the kubelet then starts etcd by itself; `{}`",
            self.data, self.again
        )
    }

    fn wrong_settings(&self) -> String {
        format!(
            "Correct it: flags in {manifest} (copies belong elsewhere: the kubelet runs every \
             file of that directory), certificates ({renewal}), ports with `ss -ltnp`. The kubelet takes up a \
             changed manifest within 20 seconds; all it wrote: `{logs}`; then `{again}`",
            manifest = self.manifest,
            renewal = self.node.layout().renewal,
            logs = self.logs,
            again = self.again
        )
    }

    fn never_started(&self) -> String {
        format!(
            "Correct what the message names in {} (image, command, mounts); the kubelet takes it \
             up within 20 seconds. More: `{}`, `crictl images`, `crictl ps -a --name etcd`. Then \
             `{}`, or now on another master",
            self.manifest,
            self.node.layout().kubelet_log,
            self.again
        )
    }
}
