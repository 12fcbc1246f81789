//! The tree of block devices, from volumes down to the disks at the bottom. A
//! set, not a chain: an array has several members, volumes may share one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    block_device::BlockDevice,
    filesystem::{DEEPEST, Ground, devices_of_path},
};
use crate::model::{
    diagnosis::{Layer, LayerKind},
    order,
};

/// Every device below some topmost ones, each once.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    layers: BTreeMap<String, (BlockDevice, Layer)>,
    leaves: BTreeMap<String, BlockDevice>,
    /// What could not be followed, in sentences.
    pub complaints: Vec<String>,
}

impl Tree {
    /// Adds a device and everything below it.
    pub fn add(&mut self, ground: Ground<'_>, device: BlockDevice) {
        self.descend(ground, device, DEEPEST * 2);
    }

    fn descend(&mut self, ground: Ground<'_>, device: BlockDevice, depth: usize) {
        if self.layers.contains_key(&device.name) || self.leaves.contains_key(&device.name) {
            return;
        }
        let Some(deeper) = depth.checked_sub(1) else {
            self.complaints.push(format!("the devices below {} go too deep", device.name));
            return;
        };
        let Some((kind, label, below)) = self.below(ground, &device, depth) else {
            self.leaves.insert(device.name.clone(), device);
            return;
        };
        let layer = Layer {
            name: device.name.clone(),
            device: device.number.clone(),
            kind,
            label,
            below: below.iter().map(|device| device.name.clone()).collect(),
        };
        self.layers.insert(device.name.clone(), (device, layer));
        for device in below {
            self.descend(ground, device, deeper);
        }
    }

    /// What a device is and what is right below; `None` for a disk.
    fn below(
        &mut self,
        ground: Ground<'_>,
        device: &BlockDevice,
        depth: usize,
    ) -> Option<(LayerKind, Option<String>, Vec<BlockDevice>)> {
        if device.has("partition") {
            let disk = device.path.parent().and_then(BlockDevice::at);
            return Some((LayerKind::Partition, None, disk.into_iter().collect()));
        }
        if let Some(file) = device.attribute("loop/backing_file") {
            let below = self.below_file(ground, &device.name, &file, depth);
            return Some((LayerKind::Loop, Some(file), below));
        }
        // Its lower disk is only one of its copies.
        if device.name.starts_with("drbd") {
            return None;
        }
        let slaves = device.slaves();
        let (kind, label) = stacked(device);
        match kind {
            // An array or a volume without members is still no disk.
            Some(kind) => Some((kind, label, slaves)),
            None if slaves.is_empty() => None,
            None => Some((LayerKind::DeviceMapper, label, slaves)),
        }
    }

    fn below_file(
        &mut self,
        ground: Ground<'_>,
        name: &str,
        file: &str,
        depth: usize,
    ) -> Vec<BlockDevice> {
        let file = file.strip_suffix(" (deleted)").unwrap_or(file);
        let depth = depth.min(DEEPEST);
        devices_of_path(ground, Path::new(file), depth).unwrap_or_else(|why| {
            self.complaints.push(format!("{name} is the file {file}, but {why}"));
            Vec::new()
        })
    }

    /// The devices that are no disks.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.values().map(|(_, layer)| layer)
    }

    /// Those of one kind, in sysfs.
    pub fn of_kind(&self, kind: LayerKind) -> impl Iterator<Item = &BlockDevice> {
        let wanted = move |pair: &&(BlockDevice, Layer)| pair.1.kind == kind;
        self.layers.values().filter(wanted).map(|(device, _)| device)
    }

    /// The disks.
    pub fn leaves(&self) -> impl Iterator<Item = &BlockDevice> {
        self.leaves.values()
    }

    /// Whether this is one of the disks.
    #[must_use]
    pub fn has_leaf(&self, name: &str) -> bool {
        self.leaves.contains_key(name)
    }

    /// Names of all devices.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        order::set(self.layers.keys().chain(self.leaves.keys()).map(String::as_str))
    }
}

/// Kind and label of a stacked device (Linux
/// Documentation/ABI/testing/sysfs-block-dm; the prefixes of `dm/uuid` are
/// those of LVM2, cryptsetup, multipath-tools and kpartx).
fn stacked(device: &BlockDevice) -> (Option<LayerKind>, Option<String>) {
    if device.has("dm") {
        let uuid = device.attribute("dm/uuid").unwrap_or_default();
        let kind = match uuid.split('-').next().unwrap_or_default() {
            "LVM" => LayerKind::Lvm,
            "CRYPT" => LayerKind::Crypt,
            "mpath" => LayerKind::Multipath,
            part if part.starts_with("part") => LayerKind::Partition,
            _ => LayerKind::DeviceMapper,
        };
        return (Some(kind), device.attribute("dm/name"));
    }
    if device.has("md") {
        return (Some(LayerKind::Md), None);
    }
    if device.name.starts_with("bcache") {
        return (Some(LayerKind::Bcache), None);
    }
    (None, None)
}

/// The disks below a device, by the layers of a whole tree; a disk is its own.
#[must_use]
pub fn leaves_below(layers: &[Layer], name: &str) -> BTreeSet<String> {
    let mut leaves = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut todo = vec![name.to_owned()];
    while let Some(name) = todo.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        match layers.iter().find(|layer| layer.name == name) {
            Some(layer) => todo.extend(layer.below.iter().cloned()),
            None => drop(leaves.insert(name)),
        }
    }
    leaves
}
