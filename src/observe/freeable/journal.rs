//! The systemd journal, beyond its newest entries.

use std::fs;

use super::{MOST_FILES, command, is_on, regular_files, summed};
use crate::{
    model::{Bytes, Freeable, FreeableKind},
    observe::host::HostRoot,
};

/// The journal that outlives a boot; /run/log/journal is memory
/// (systemd-journald.service(8)).
const JOURNAL: &str = "/var/log/journal";

/// What is left of it.
const KEPT: Bytes = Bytes(100 << 20);

pub(super) fn journal(host: &HostRoot, device: u64) -> Option<Freeable> {
    let journal = host.path(JOURNAL);
    if !is_on(&journal, device) {
        return None;
    }
    let machines = fs::read_dir(&journal).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let files: Vec<_> =
        machines.take(64).flat_map(|machine| regular_files(&machine, MOST_FILES)).collect();
    let (all, _) = summed(files.clone())?;
    // Only archived files go, and their names have an @ (journalctl(1),
    // --vacuum-size).
    let is_archived = |path: &std::path::Path| {
        path.file_name().is_some_and(|n| n.to_string_lossy().contains('@'))
    };
    let archived = files.into_iter().filter(|(path, _)| is_archived(path)).collect();
    let (archived, paths) = summed(archived)?;
    let bytes = all.minus(KEPT).min(archived);
    let command = command("journalctl", ["--vacuum-size=100M"]);
    let freeable = Freeable { kind: FreeableKind::Journal, bytes, paths, command, otherwise: None };
    (bytes.0 > 0).then_some(freeable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::disk;

    #[test]
    fn only_archived_files_beyond_the_kept_size_count() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path().canonicalize().expect("there"));
        let machine = host.path("/var/log/journal/0123456789abcdef");
        fs::create_dir_all(&machine).expect("made");
        let file = |name: &str, mib: usize| {
            fs::write(machine.join(name), vec![1; mib << 20]).expect("written");
        };
        let device = disk::filesystem(&machine).expect("there").device;
        file("system.journal", 96);
        file("system@0001-01.journal", 3);
        assert_eq!(journal(&host, device), None, "less than what stays");
        file("system@0001-02.journal", 9);
        let found = journal(&host, device).expect("some");
        assert_eq!(found.bytes.0 >> 20, 8, "{:?}", found.bytes);
        assert_eq!(found.command, "journalctl --vacuum-size=100M");
    }
}
