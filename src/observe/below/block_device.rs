//! A block device in sysfs: finding it by number, node or name, and reading its
//! attributes. Touches /sys and /dev only, never the device itself.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use nix::libc;

use crate::{model::order::InOrder, observe::host::HostRoot};

/// Longest attribute that is read, bytes; sysfs hands out a page.
const LONGEST: usize = 4096;

/// A disk, a partition or a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockDevice {
    /// The kernel's name ("sda1", "dm-0").
    pub name: String,
    /// Its directory in sysfs, without symlinks.
    pub path: PathBuf,
    /// "major:minor"; empty where sysfs does not say.
    pub number: String,
}

impl BlockDevice {
    /// By its number, as `st_dev` has it (Linux
    /// Documentation/ABI/testing/sysfs-dev).
    #[must_use]
    pub fn by_number(host: &HostRoot, device: u64) -> Option<Self> {
        let (major, minor) = (libc::major(device), libc::minor(device));
        Self::at(&host.path(format!("/sys/dev/block/{major}:{minor}")))
    }

    /// By the kernel's name.
    #[must_use]
    pub fn by_name(host: &HostRoot, name: &str) -> Option<Self> {
        let plain = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
        Self::at(&host.path(format!("/sys/class/block/{name}"))).filter(|_| plain)
    }

    /// By its node or a link to it ("/dev/mapper/vg0-etcd"). The node's inode
    /// is asked, not the device.
    #[must_use]
    pub fn by_node(host: &HostRoot, node: &Path) -> Option<Self> {
        let node = fs::canonicalize(host.path(node)).ok()?;
        if let Ok(meta) = fs::metadata(&node)
            && meta.file_type().is_block_device()
        {
            return Self::by_number(host, meta.rdev());
        }
        let name = node.strip_prefix(host.path("/dev")).ok()?.to_str()?;
        // The kernel writes the slash of a name ("cciss/c0d0") as "!".
        Self::by_name(host, &name.replace('/', "!"))
    }

    /// The one whose directory this is, or a link to it.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        let path = fs::canonicalize(path).ok()?;
        let name = path.file_name()?.to_str()?.to_owned();
        let number = attribute(&path.join("dev")).unwrap_or_default();
        Some(Self { name, path, number })
    }

    /// An attribute below its directory ("queue/rotational").
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.path.join(name))
    }

    /// Whether this attribute or directory is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// The devices right below a stacked one.
    #[must_use]
    pub fn slaves(&self) -> Vec<Self> {
        let mut slaves: Vec<Self> = entries(&self.path.join("slaves"))
            .iter()
            .filter_map(|name| Self::at(&self.path.join("slaves").join(name)))
            .collect();
        slaves.order_by(|a, b| a.name.cmp(&b.name));
        slaves
    }

    /// The names in its path, from the root on: buses and hosts on the way.
    pub fn way(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.path.iter().filter_map(|part| part.to_str())
    }
}

/// The text of an attribute without blanks around; `None` when it cannot be
/// read or is empty.
#[must_use]
pub fn attribute(path: &Path) -> Option<String> {
    let mut bytes = fs::read(path).ok()?;
    bytes.truncate(LONGEST);
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty()).then_some(text)
}

/// Names in a directory, sorted; none when it is not there.
#[must_use]
pub fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.order();
    names
}
