//! What lies below etcd on this node: the way from its directories to the
//! disks, who shares those, and how busy they are. Meant for a child process:
//! whatever a dead disk could hang is asked in threads that are left behind.
//! Reads; what it means is decided elsewhere.

mod asked;
mod block_device;
mod bus;
mod filesystem;
mod leaf;
mod place;
mod tree;
mod vital_pages;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

pub use block_device::BlockDevice;
pub use filesystem::Ground;
pub use leaf::{controllers, scsi_address};
pub use tree::{Tree, leaves_below};

use super::{host::HostRoot, mounts::Mounts};
use crate::model::diagnosis::{DiskBelow, PlaceRole};

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
    let rooms: Vec<_> = below.places.iter().map(|place| place::room(host, &place.path)).collect();
    let deadline = Instant::now() + GRACE;
    for (place, room) in below.places.iter_mut().zip(rooms) {
        match room.by(deadline) {
            Some(room) => {
                let room = room.map(|room| (room.size, room.available));
                (place.size, place.available) = room.unwrap_or_default();
            }
            None => below.complaints.push(format!(
                "the room of {} is not known: its filesystem does not answer",
                place.mount_point.display()
            )),
        }
    }
    below
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
mod recorded;

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
