//! What to do about an etcd of this node that is down, by what ended it.

use crate::{
    model::{ContainerState, Located, RestartCause, RestartStory, layout::Keeps},
    settings::quoted,
};

use super::{
    anew::{Started, join_anew, unit},
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
    let copy = copy_first(session, node);
    match story.cause {
        RestartCause::ProbeKill => advice.probe_kill(),
        RestartCause::OutOfMemory => advice.out_of_memory(),
        RestartCause::DiskFull => advice.disk_full(),
        RestartCause::DamagedData => format!(
            "Look at the disk first: `dmesg -T | tail -50`. If the disk is sound:\n{}",
            advice.join_anew(Some(&copy), false)
        ),
        RestartCause::RemovedMember => advice.join_anew(Some(&copy), false),
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
        let limit = match Started::of(self.node) {
            Started::Kubelet => format!("resources.limits.memory of etcd in {}", self.manifest),
            _ => format!("its limit (`systemctl cat {}`)", unit(self.node.layout())),
        };
        format!(
            "See who takes the memory (`ps aux --sort=-rss | head`) and end what this master can \
             do without, or raise {limit}; etcd needs about its database's size, and more while \
             it starts. Then `{}`, or now on another master",
            self.again
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
             and neither db nor *.snap. Then {} starts etcd by itself; `{}`",
            self.data,
            self.starter(),
            self.again
        ));
        lines.join("\n")
    }

    /// The way of a member that leaves the cluster and comes back empty.
    pub(super) fn join_anew(&self, copy: Option<&str>, removed: bool) -> String {
        join_anew(self.node, &self.manifest, copy, removed)
    }

    /// Who starts etcd when nothing is in its way any more.
    fn starter(&self) -> &'static str {
        match Started::of(self.node) {
            Started::Kubelet => "the kubelet",
            Started::Systemd => "systemd",
            Started::Installation => self.node.layout().name,
        }
    }

    /// Where a flag of etcd's is changed, behind "in" or "with".
    pub(super) fn settings(&self) -> String {
        match (Started::of(self.node), self.node.layout().keeps) {
            (Started::Kubelet, _) | (_, Keeps::Manifest) => format!("in {}", self.manifest),
            (_, Keeps::Lines(lines)) => lines.place.to_owned(),
            (_, Keeps::Owner(owner)) => owner.way.to_owned(),
        }
    }

    pub(super) fn data_locked(&self) -> String {
        format!(
            "See who has it: `ps -C etcd -o pid,lstart,args`, `fuser -v {}/member/snap/db`. End \
             the one that should not be there; then {} starts etcd by itself; `{}`",
            self.data,
            self.starter(),
            self.again
        )
    }

    fn wrong_settings(&self) -> String {
        let takes_up = match Started::of(self.node) {
            Started::Kubelet => {
                " The kubelet takes up a changed manifest within 20 seconds, and runs every file \
                 of that directory: copies belong elsewhere;"
            }
            _ => "",
        };
        format!(
            "Correct it: flags {}; certificates ({}); ports with `ss -ltnp`.{takes_up} All it \
             wrote: `{}`; then `{}`",
            self.settings(),
            self.node.layout().renewal,
            self.logs,
            self.again
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
