//! The lines of /proc/PID/mountinfo (proc(5)). What hides what is for others to
//! tell.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// One line: a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountLine {
    /// Its id.
    pub id: i32,
    /// The id of the mount it is on.
    pub parent: i32,
    /// Device number of the superblock.
    pub device: u64,
    /// The directory of the filesystem that is its root.
    pub root: PathBuf,
    /// Where.
    pub path: PathBuf,
    /// By mount or by superblock.
    pub read_only: bool,
    /// Filesystem type.
    pub kind: String,
    /// What was mounted; empty for "none".
    pub source: PathBuf,
    /// Options of the superblock that have a value.
    pub options: HashMap<String, PathBuf>,
}

impl MountLine {
    /// `None` when it cannot be understood.
    #[must_use]
    pub fn of(line: &str) -> Option<Self> {
        // Not at any blank: a field may be empty.
        let mut fields = line.split(' ');
        let id = fields.next()?.parse().ok()?;
        let parent = fields.next()?.parse().ok()?;
        let (major, minor) = fields.next()?.split_once(':')?;
        let device = nix::sys::stat::makedev(major.parse().ok()?, minor.parse().ok()?);
        let root = unescape(fields.next()?.as_bytes());
        let path = unescape(fields.next()?.as_bytes());
        let own = fields.next()?;
        // Optional fields up to a dash.
        fields.find(|field| *field == "-")?;
        let kind = fields.next().filter(|kind| !kind.is_empty())?.to_owned();
        let source = unescape(fields.next()?.as_bytes());
        let of_superblock = fields.next()?;
        let valued = of_superblock.split(',').filter_map(|option| option.split_once('='));
        let options =
            valued.map(|(name, value)| (name.to_owned(), unescape(value.as_bytes()))).collect();
        let read_only = own.split(',').chain(of_superblock.split(',')).any(|option| option == "ro");
        let source = if source == Path::new("none") { PathBuf::new() } else { source };
        Some(Self { id, parent, device, root, path, read_only, kind, source, options })
    }
}

/// Whether something is mounted at exactly this absolute path, as this process
/// sees it.
#[must_use]
pub fn is_mount_point(path: &Path) -> bool {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    table.lines().filter_map(MountLine::of).any(|mount| mount.path == path)
}

/// The kernel writes blanks, tabs, newlines and backslashes of a path as
/// `\` and three octal digits.
#[must_use]
pub fn unescape(escaped: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((first, tail)) = rest.split_first() {
        let code = match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        path.push(code.unwrap_or(*first));
        rest = if code.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    PathBuf::from(OsString::from_vec(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read() {
        let line = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime shared:1 master:2 - ext3 /dev/root \
                    rw,errors=continue,upperdir=/a\\040b,stripe";
        let mount = MountLine::of(line).expect("a mount");
        assert_eq!((mount.id, mount.parent), (36, 35));
        assert_eq!(mount.device, nix::sys::stat::makedev(98, 0));
        assert_eq!(mount.path, Path::new("/mnt 2"));
        assert_eq!(mount.root, Path::new("/mnt1"));
        assert_eq!((mount.kind.as_str(), mount.read_only), ("ext3", false));
        assert_eq!(mount.source, Path::new("/dev/root"));
        assert_eq!(mount.options.len(), 2);
        assert_eq!(mount.options["upperdir"], Path::new("/a b"));
        assert!(MountLine::of(&line.replace("noatime", "ro")).is_some_and(|mount| mount.read_only));
        let unnamed = MountLine::of(&line.replace("/dev/root", "none"));
        assert!(unnamed.is_some_and(|mount| mount.source.as_os_str().is_empty()));
        assert!(MountLine::of(&line.replace("/dev/root", "")).is_some());
    }

    #[test]
    fn any_other_line_is_none() {
        for line in ["", "36 35 98:0 / / rw - ext3 x", "36 35 98 / / rw - ext3 x rw", "a b c"] {
            assert_eq!(MountLine::of(line), None, "{line}");
        }
        assert_eq!(MountLine::of("36 35 98:0 / / rw shared:1 ext3 x rw"), None, "no dash");
    }

    #[test]
    fn the_root_is_a_mount_point_and_no_file_of_ours_is() {
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/self/mountinfo")));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[0-9: /a-z\\\\-]{0,80}") {
            let _ = MountLine::of(&text);
            let _ = unescape(text.as_bytes());
        }
    }
}
