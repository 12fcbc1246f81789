//! One of etcd's directories: its mount, its filesystem's devices, its room.
//! The directory itself is asked in threads that may be left behind.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    asked::Asked,
    block_device::BlockDevice,
    filesystem::{self, Ground},
};
use crate::{
    model::{
        Bytes,
        diagnosis::{Place, PlaceRole},
    },
    observe::host::HostRoot,
    sys::statvfs::{self, Room},
};

/// How long a directory may take to say where it really is.
const PATIENCE: Duration = Duration::from_secs(2);

/// A path without symlinks; as it is, with a complaint, when that cannot be
/// told.
#[must_use]
pub fn real(host: &HostRoot, path: &Path, complaints: &mut Vec<String>) -> PathBuf {
    let own = host.path(path);
    let asked = Asked::new(move || fs::canonicalize(own));
    match asked.by(Instant::now() + PATIENCE) {
        Some(Ok(real)) => return host.inside(&real),
        Some(Err(error)) => complaints.push(format!("{}: {error}", path.display())),
        None => complaints
            .push(format!("{} does not answer: its filesystem or disk hangs", path.display())),
    }
    path.to_owned()
}

/// What a directory is on, by the mount table alone; its room is 0 until it is
/// asked for.
#[must_use]
pub fn place(ground: Ground<'_>, role: PlaceRole, path: &Path) -> (Place, Vec<BlockDevice>) {
    let mount = ground.mounts.holding_path(path);
    let devices = match mount {
        Some(mount) => filesystem::devices(ground, mount),
        None => Err("the mount table cannot be read".to_owned()),
    };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (devices, no_device) = match devices {
        Ok(devices) => (devices, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let place = Place {
        role,
        path: path.to_owned(),
        mount_point: mount.map_or_else(PathBuf::new, |mount| mount.path.clone()),
        filesystem: mount.map_or_else(String::new, |mount| mount.kind.clone()),
        source: mount.map_or_else(String::new, |mount| text(&mount.source)),
        size: Bytes(0),
        available: Bytes(0),
        read_only: mount.is_some_and(|mount| mount.read_only),
        devices: devices.iter().map(|device| device.name.clone()).collect(),
        no_device,
    };
    (place, devices)
}

/// Asks for the room of its filesystem.
#[must_use]
pub fn room(host: &HostRoot, path: &Path) -> Asked<Option<Room>> {
    let path = host.path(path);
    Asked::new(move || statvfs::room(&path).ok())
}
