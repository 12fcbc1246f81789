//! By which names the kernel log calls etcd's disks: their own and those of
//! their partitions, ports, controllers, addresses and the layers above.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::diagnosis::{DiskBelow, LayerKind, LeafDisk},
    observe::{
        below::{BlockDevice, controllers, leaves_below, scsi_address},
        host::HostRoot,
    },
};

/// Names in the log, and the disk or the volume each stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    names: BTreeMap<String, String>,
    /// Those that are no disks: they lie on several.
    volumes: BTreeSet<String>,
    /// What etcd itself writes to: its disk, or the volume above several.
    pub own: Option<String>,
}

impl Names {
    /// Collects them; sysfs knows more than the tree does.
    #[must_use]
    pub fn of(host: &HostRoot, below: &DiskBelow) -> Self {
        let mut names = Self::default();
        for leaf in &below.leaves {
            names.add(&leaf.name, &leaf.name);
            names.add(&leaf.device, &leaf.name);
            names.add_leaf(host, leaf);
        }
        for layer in &below.layers {
            let leaves = leaves_below(&below.layers, &layer.name);
            let mut leaves = leaves.iter();
            let target = match (leaves.next(), leaves.next()) {
                (Some(leaf), None) => leaf.clone(),
                _ => {
                    names.volumes.insert(layer.name.clone());
                    layer.name.clone()
                }
            };
            names.add(&layer.name, &target);
            names.add(&layer.device, &target);
            if layer.kind != LayerKind::Loop {
                names.add(layer.label.as_deref().unwrap_or_default(), &target);
            }
        }
        let top = below.places.iter().find_map(|place| place.devices.first());
        names.own = top.and_then(|top| names.names.get(top).cloned());
        names
    }

    fn add_leaf(&mut self, host: &HostRoot, leaf: &LeafDisk) {
        for name in [&leaf.ata_port, &leaf.controller].into_iter().flatten() {
            self.add(name, &leaf.name);
        }
        if let Some(driver) = leaf.driver.as_ref().filter(|driver| driver.starts_with("mpt")) {
            self.add(&format!("{driver}_cm0"), &leaf.name);
        }
        let Some(device) = BlockDevice::by_name(host, &leaf.name) else { return };
        self.add(&scsi_address(&device).unwrap_or_default(), &leaf.name);
        for path in controllers(host, &device) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            self.add(name, &leaf.name);
            let real = std::fs::canonicalize(&path).unwrap_or_default();
            let on_way: Vec<&str> = real.iter().filter_map(|part| part.to_str()).collect();
            self.add_way(&on_way, &leaf.name);
        }
        self.add_way(&device.way().collect::<Vec<_>>(), &leaf.name);
    }

    /// The adapter, its host, an iSCSI session, a USB port on a disk's way.
    fn add_way(&mut self, way: &[&str], leaf: &str) {
        let last = |fits: fn(&str) -> bool| way.iter().rev().find(|part| fits(part));
        for part in [last(is_pci), last(is_usb)].into_iter().flatten() {
            self.add(part, leaf);
        }
        for part in way {
            if let Some(number) = part.strip_prefix("host").filter(|rest| is_number(rest)) {
                self.add(&format!("scsi{number}"), leaf);
                self.add(part, leaf);
            }
            let session = part.strip_prefix("session").filter(|rest| is_number(rest));
            if let Some(number) = session {
                self.add(part, leaf);
                self.add(&format!("connection{number}"), leaf);
            }
            if part.strip_prefix("mmc").is_some_and(is_number) {
                self.add(part, leaf);
            }
        }
    }

    /// The first one keeps a name that several share, as an adapter's.
    fn add(&mut self, name: &str, target: &str) {
        if !name.is_empty() {
            self.names.entry(name.to_owned()).or_insert_with(|| target.to_owned());
        }
    }

    /// The disk or volume a line is about.
    #[must_use]
    pub fn about(&self, text: &str) -> Option<&String> {
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
        let words = text.split(|c| !inside(c)).map(|word| word.trim_matches([':', '.', '-']));
        let named: Vec<&String> = words.filter_map(|word| self.word(word)).collect();
        // A disk that is named beside its array is the one.
        let disk = named.iter().find(|name| !self.volumes.contains(**name));
        disk.or(named.first()).copied()
    }

    fn word(&self, word: &str) -> Option<&String> {
        let known = |word: &str| self.names.get(word).or_else(|| self.names.get(disk_of(word)));
        // "connection1:0", "ata2.00", "usb 2-1:1.0", "sda2-8" of a journal,
        // "raid1:md0".
        known(word)
            .or_else(|| known(word.split(['.', ':']).next()?))
            .or_else(|| known(word.rsplit_once('-')?.0))
            .or_else(|| known(word.rsplit(':').next()?))
            .or_else(|| self.names.get(&multipath(word)?))
    }
}

/// The disk of a partition's name, by the kernel's rule: "sda2",
/// "nvme0n1p2"; the word itself when it is none.
fn disk_of(word: &str) -> &str {
    let disk = word.trim_end_matches(|c: char| c.is_ascii_digit());
    match disk.strip_suffix('p') {
        Some(numbered) if numbered.ends_with(|c: char| c.is_ascii_digit()) => numbered,
        _ => disk,
    }
}

/// "nvme0c1n2" is a way to "nvme0n2".
fn multipath(word: &str) -> Option<String> {
    let (subsystem, rest) = word.strip_prefix("nvme")?.split_once('c')?;
    let (_, namespace) = rest.split_once('n')?;
    Some(format!("nvme{subsystem}n{namespace}"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// "0000:01:00.0".
fn is_pci(part: &str) -> bool {
    part.len() >= 12
        && part.bytes().filter(|byte| *byte == b':').count() == 2
        && part.bytes().filter(|byte| *byte == b'.').count() == 1
        && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.')
}

/// "2-1" or, behind a hub, "2-1.4".
fn is_usb(part: &str) -> bool {
    part.split_once('-')
        .is_some_and(|(bus, ports)| is_number(bus) && ports.split('.').all(is_number))
}
