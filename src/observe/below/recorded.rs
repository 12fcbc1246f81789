//! Recorded trees for tests: a manifest of "path = content" and "path -> link"
//! lines becomes a directory that stands in for `/`.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use crate::observe::host::HostRoot;

/// A tree that goes away with it.
pub struct Recorded {
    directory: tempfile::TempDir,
}

impl Recorded {
    /// Lays out the manifest. Lines of one path follow each other as lines of
    /// the file; each `…/dev = 8:1` makes the links of sysfs to its directory,
    /// as the kernel does.
    pub fn new(manifest: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let recorded = Self { directory };
        for line in manifest.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some((path, link)) = line.split_once(" -> ") {
                recorded.link(path, &recorded.at(link));
            } else if let Some((path, content)) = line.split_once(" = ") {
                recorded.write(path, content);
            } else {
                fs::create_dir_all(recorded.at(line)).expect("made");
            }
        }
        recorded
    }

    /// Its root.
    pub fn host(&self) -> HostRoot {
        HostRoot::new(self.root())
    }

    fn root(&self) -> PathBuf {
        fs::canonicalize(self.directory.path()).expect("there")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    fn parent(path: &Path) {
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    }

    fn link(&self, path: &str, to: &Path) {
        let path = self.at(path);
        Self::parent(&path);
        symlink(to, path).expect("linked");
    }

    /// Adds a line to a file.
    pub fn write(&self, path: &str, line: &str) {
        let file = self.at(path);
        Self::parent(&file);
        let before = fs::read_to_string(&file).unwrap_or_default();
        fs::write(&file, format!("{before}{line}\n")).expect("written");
        let Some(device) = path.strip_suffix("/dev").filter(|path| path.starts_with("/sys/"))
        else {
            return;
        };
        let name = device.rsplit('/').next().expect("a name");
        self.link(&format!("/sys/dev/block/{line}"), &self.at(device));
        self.link(&format!("/sys/class/block/{name}"), &self.at(device));
        // A partition's node, too, is right below /dev.
        self.write(&format!("/dev/{name}"), "");
    }
}
