//! cgroup v2's io.stat: what every pod and service wrote to each disk (Linux
//! Documentation/admin-guide/cgroup-v2.rst). The parser is pure.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{block_device::entries, cgroup};
use crate::model::order;

/// Most cgroups that are looked at.
const MOST: usize = 5_000;

/// Writes of one cgroup to one disk, since it appeared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub bytes: u64,
    /// Writes.
    pub writes: u64,
}

/// Writes by "major:minor".
pub type ByDisk = BTreeMap<String, Written>;

/// The lines of an io.stat that count writes. Some kernels put devices that
/// have no counts in front of the next one on its line.
#[must_use]
pub fn parse(text: &str) -> ByDisk {
    order::map(text.lines().filter_map(line))
}

fn line(line: &str) -> Option<(String, Written)> {
    let mut device = None;
    let mut written = Written::default();
    let mut counted = false;
    for word in line.split_ascii_whitespace() {
        match word.split_once('=') {
            Some(("wbytes", count)) => (written.bytes, counted) = (count.parse().ok()?, true),
            Some(("wios", count)) => written.writes = count.parse().ok()?,
            Some(_) => {}
            None => device = Some(word),
        }
    }
    let device = device.filter(|device| device.contains(':') && counted)?;
    Some((device.to_owned(), written))
}

/// Every pod, service and cgroup without children below the root of the
/// hierarchy, by its path as /proc/PID/cgroup has it.
#[must_use]
pub fn read(root: &Path) -> BTreeMap<PathBuf, ByDisk> {
    let mut found = BTreeMap::new();
    let mut todo = vec![PathBuf::from("/")];
    let mut seen = 0;
    while let Some(path) = todo.pop() {
        seen += 1;
        if seen > MOST {
            break;
        }
        let directory = root.join(path.strip_prefix("/").unwrap_or(&path));
        let children: Vec<PathBuf> = entries(&directory)
            .into_iter()
            .map(|name| (directory.join(&name).is_dir(), path.join(name)))
            .filter_map(|(is_directory, path)| is_directory.then_some(path))
            .collect();
        if (children.is_empty() || cgroup::is_unit(&path))
            && let Ok(text) = fs::read_to_string(directory.join("io.stat"))
        {
            found.insert(path, parse(&text));
        } else {
            todo.extend(children);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_disk() {
        let read = parse(
            "254:0 rbytes=1 wbytes=4096 rios=1 wios=2 dbytes=0 dios=0\n\
             8:16 8:0 rbytes=0 wbytes=1 rios=0 wios=1 dbytes=0 dios=0 cost.usage=3\n\
             7:0 \n253:1 rbytes=x wbytes=y\n",
        );
        assert_eq!(read.keys().collect::<Vec<_>>(), ["254:0", "8:0"]);
        assert_eq!(read["254:0"], Written { bytes: 4096, writes: 2 });
    }

    #[test]
    fn pods_and_services_are_found_as_a_whole() {
        let root = tempfile::tempdir().expect("a directory");
        for path in [
            "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_0000_4000_8000_0123456789ab.slice/cri-containerd-1.scope",
            "kubepods/besteffort/pod1a1b2c3d-0000-4000-8000-0123456789ab/abc",
            "system.slice/containerd.service",
            "user.slice/plain",
        ] {
            fs::create_dir_all(root.path().join(path)).expect("made");
            let mut path = PathBuf::from(path);
            loop {
                fs::write(root.path().join(&path).join("io.stat"), "8:0 wbytes=1 wios=1\n")
                    .expect("written");
                if !path.pop() {
                    break;
                }
            }
        }
        let found: Vec<_> = read(root.path()).into_keys().collect();
        assert_eq!(
            found,
            [
                "/kubepods/besteffort/pod1a1b2c3d-0000-4000-8000-0123456789ab",
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_0000_4000_8000_0123456789ab.slice",
                "/system.slice/containerd.service",
                "/user.slice/plain",
            ]
            .map(PathBuf::from)
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "((8:0|wbytes=|wios=|[0-9]+|=| |\n)){0,30}") {
            let _ = parse(&text);
        }
    }
}
