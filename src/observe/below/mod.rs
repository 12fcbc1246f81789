//! What lies below etcd on this node: the way from its directories to the
//! disks, who shares those, and how busy they are. Meant for a child process:
//! whatever a dead disk could hang is asked in threads that are left behind.
//! Reads; what it means is decided elsewhere.

mod array;
mod asked;
mod block_device;
mod bus;
mod cgroup;
pub mod diskstats;
mod filesystem;
pub mod io_stat;
mod known_dirs;
mod leaf;
mod place;
mod pressure;
mod process_io;
mod sharers;
mod tree;
mod vital_pages;
mod watch;
mod writers;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

pub use block_device::BlockDevice;
pub use filesystem::{Ground, devices};
pub use leaf::{controllers, scsi_address};
pub use tree::{Tree, leaves_below};

use self::{asked::Asked, cgroup::PodNames, watch::Counted, writers::Known};
use super::{host::HostRoot, mounts::Mounts};
use crate::{
    model::diagnosis::{Array, DiskBelow, LayerKind, Place, PlaceRole, Sharer, SharerKind},
    sys::statvfs::Room,
};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// How long the disks are watched.
    pub window: Duration,
    /// etcd's process.
    pub etcd: Option<i32>,
    /// `--data-dir`, host path.
    pub data_dir: Option<PathBuf>,
    /// `--wal-dir`, host path.
    pub wal_dir: Option<PathBuf>,
}

/// Time for answers that are still out after the watching.
const GRACE: Duration = Duration::from_secs(2);

/// Looks below etcd's directories. Takes the window and a few seconds more.
#[must_use]
pub fn look(host: &HostRoot, question: &Question) -> DiskBelow {
    let mut below = DiskBelow::default();
    let mounts = Mounts::read_in(host);
    let ground = Ground { host, mounts: &mounts };
    let tree = places(ground, question, &mut below);
    below.layers = tree.layers().cloned().collect();
    below.leaves = tree.leaves().map(|device| leaf::leaf(host, device)).collect();
    below.complaints.extend(tree.complaints.iter().cloned());
    below.sharers = sharers::mounts(ground, &tree, &below.places);
    let asked = Out::ask(host, &tree, &below);
    let first = Counted::now(ground);
    let names: Vec<&str> = tree.names().into_iter().collect();
    below.windows = watch::windows(ground, &names, question.window);
    let last = Counted::now(ground);
    let pods = asked.answers(ground, &tree, &mut below);
    let known = Known { host, etcd: question.etcd, pods: &pods, leaves: &below.leaves };
    below.writers = writers::writers(known, &first, &last);
    below.sharers.extend(sharers::swap(ground, &tree));
    below.pressure = std::fs::read_to_string(host.path("/proc/pressure/io"))
        .ok()
        .and_then(|text| pressure::parse(&text));
    complain(&last, &mut below);
    below
}

/// What the kernel does not tell.
fn complain(last: &Counted, below: &mut DiskBelow) {
    if below.windows.is_empty() && !below.leaves.is_empty() {
        below.complaints.push("/proc/diskstats does not have etcd's disks".to_owned());
    }
    if last.cgroups.is_empty() {
        below.complaints.push(
            "writes are counted by process only, over all disks: io.stat of cgroup v2 is not \
             there"
                .to_owned(),
        );
    }
    let denied = last.processes.denied;
    if denied > 0 {
        let all = denied.saturating_add(last.processes.written.len());
        below.complaints.push(format!(
            "the writes of {denied} of {all} processes cannot be read: root or CAP_SYS_PTRACE is \
             missing, or they are guarded"
        ));
    }
}

/// Questions to filesystems and devices that may not answer, asked while the
/// disks are watched.
struct Out {
    rooms: Vec<Asked<Option<Room>>>,
    looks: known_dirs::Looks,
    pods: Asked<Vec<String>>,
    arrays: Vec<(String, Asked<Array>)>,
}

impl Out {
    fn ask(host: &HostRoot, tree: &Tree, below: &DiskBelow) -> Self {
        let logs = host.path("/var/log/pods");
        let mounts: Vec<PathBuf> = below.sharers.iter().map(|it| it.path.clone()).collect();
        let array = |device: &BlockDevice| {
            let own = device.clone();
            (device.name.clone(), Asked::new(move || array::array(&own)))
        };
        Self {
            rooms: below.places.iter().map(|place| place::room(host, &place.path)).collect(),
            looks: known_dirs::look(host, &mounts),
            pods: Asked::new(move || block_device::entries(&logs)),
            arrays: tree.of_kind(LayerKind::Md).map(array).collect(),
        }
    }

    /// Puts what came back where it belongs; the names of the pods.
    fn answers(self, ground: Ground<'_>, tree: &Tree, below: &mut DiskBelow) -> PodNames {
        let deadline = Instant::now() + GRACE;
        for (place, room) in below.places.iter_mut().zip(self.rooms) {
            match room.by(deadline).flatten() {
                Some(room) => (place.size, place.available) = (room.size, room.available),
                None => below.complaints.push(format!(
                    "the room of {} is not known: its filesystem does not answer",
                    place.mount_point.display()
                )),
            }
        }
        for (name, array) in self.arrays {
            match array.by(deadline) {
                Some(array) => below.arrays.push(array),
                None => below.complaints.push(format!("the state of {name} is not told")),
            }
        }
        let (seen, complaints) = self.looks.by(deadline);
        below.complaints.extend(complaints);
        seen.into_iter().for_each(|seen| add_known(ground, tree, seen, below));
        let logs = self.pods.by(deadline).unwrap_or_default();
        cgroup::pods_by_logs(&logs)
    }
}

/// A known directory on etcd's disks, in the place of a bare mount of the same
/// path; etcd's own are not shared with.
fn add_known(ground: Ground<'_>, tree: &Tree, seen: known_dirs::Seen, below: &mut DiskBelow) {
    let own = |place: &Place| place.path.starts_with(&seen.real);
    let disks = sharers::shared_by_path(ground, tree, &seen.real);
    if disks.is_empty() || seen.kind == SharerKind::Database && below.places.iter().any(own) {
        return;
    }
    match below.sharers.iter_mut().find(|sharer| sharer.path == seen.path) {
        Some(sharer) => {
            sharer.kind = seen.kind;
            sharer.detail = seen.detail.or(sharer.detail.take());
        }
        None => below.sharers.push(Sharer {
            kind: seen.kind,
            path: seen.path,
            disks,
            detail: seen.detail,
        }),
    }
}

/// etcd's directories and the tree below them.
fn places(ground: Ground<'_>, question: &Question, below: &mut DiskBelow) -> Tree {
    let mut tree = Tree::default();
    let wanted = [(PlaceRole::DataDir, &question.data_dir), (PlaceRole::WalDir, &question.wal_dir)];
    for (role, path) in wanted {
        let Some(path) = path else { continue };
        let path = place::real(ground.host, path, &mut below.complaints);
        let (place, devices) = place::place(ground, role, &path);
        below.places.push(place);
        for device in devices {
            tree.add(ground, device);
        }
    }
    if below.places.is_empty() {
        below.complaints.push("etcd's data directory is not known on this node".to_owned());
    }
    tree
}

#[cfg(test)]
pub mod recorded;

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
