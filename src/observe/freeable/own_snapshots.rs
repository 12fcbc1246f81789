//! Snapshots of ours on etcd's own filesystem, all but the newest whole one of
//! each cluster.

use std::{
    cmp::Reverse,
    collections::HashSet,
    fs::Metadata,
    path::{Path, PathBuf},
};

use super::{MOST_FILES, MOST_PATHS, command, is_on, regular_files, summed};
use crate::{
    model::{DataDir, Freeable, FreeableKind, order::InOrder},
    observe::{snapshot_file::looks_whole, snapshot_places::beside_data_dir},
    settings::Settings,
};

pub(super) fn own_snapshots(settings: &Settings, disk: &DataDir) -> Option<Freeable> {
    let beside = beside_data_dir(&disk.path, disk.filesystem.device);
    let mut directories: Vec<PathBuf> = beside.into_iter().collect();
    if let Some(asked) = &settings.snapshot_dir {
        directories.extend([asked.clone(), asked.join("etcd-rescue")]);
    }
    directories.retain(|directory| is_on(directory, disk.filesystem.device));
    directories.order();
    directories.dedup();
    let files = directories.iter().flat_map(|directory| regular_files(directory, MOST_FILES));
    let (bytes, paths) = summed(older(files.collect()))?;
    let words = paths.iter().map(|path| path.to_string_lossy().into_owned());
    let command = command("rm", words);
    Some(Freeable { kind: FreeableKind::OldSnapshots, bytes, paths, command, otherwise: None })
}

/// Those older than the newest whole one of their cluster. A file gets such a
/// name only once it was read back and verified; whether it still looks whole
/// is all that is checked here.
fn older(files: Vec<(PathBuf, Metadata)>) -> Vec<(PathBuf, Metadata)> {
    let mut snapshots: Vec<_> =
        files.into_iter().filter_map(|file| Some((named_by_us(&file.0)?, file))).collect();
    // By cluster, and there the newest first.
    snapshots.order_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut kept = HashSet::new();
    let mut older = Vec::new();
    for ((cluster, _), file) in snapshots {
        if kept.contains(&cluster) {
            older.push(file);
        } else if looks_whole(&file.0) {
            kept.insert(cluster);
        }
    }
    // What is told is what the command removes.
    older.order_by_key(|(_, meta)| Reverse(meta.len()));
    older.truncate(MOST_PATHS);
    older
}

/// Cluster and time of `etcd-CLUSTER-MEMBER-revN-TIMEZ.db`, the name a plan
/// makes up. The time sorts as text.
fn named_by_us(path: &Path) -> Option<(String, String)> {
    let name = path.file_name()?.to_str()?.strip_prefix("etcd-")?.strip_suffix("Z.db")?;
    let (cluster, rest) = name.split_once('-')?;
    let (_, revision_and_stamp) = rest.rsplit_once("-rev")?;
    let (revision, stamp) = revision_and_stamp.split_once('-')?;
    let is_hex = !cluster.is_empty() && cluster.chars().all(|c| c.is_ascii_hexdigit());
    let is_stamp = stamp.len() >= 15 && stamp.starts_with(|c: char| c.is_ascii_digit());
    (is_hex && is_stamp && revision.parse::<u64>().is_ok())
        .then(|| (cluster.to_owned(), stamp.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file that looks like a snapshot: bbolt's meta page, and the length
    /// that it tells.
    fn snapshot() -> Vec<u8> {
        let mut file = vec![0_u8; 2 * 4096 + 32];
        let meta =
            [&0xED0C_DAED_u32.to_le_bytes()[..], &2_u32.to_le_bytes(), &4096_u32.to_le_bytes()];
        file[16..28].copy_from_slice(&meta.concat());
        file[16 + 40..16 + 48].copy_from_slice(&2_u64.to_le_bytes());
        let checksum = file[16..16 + 56].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        file[16 + 56..16 + 64].copy_from_slice(&checksum.to_le_bytes());
        file
    }

    #[test]
    fn all_but_the_newest_whole_one_of_each_cluster_may_go() {
        let dir = tempfile::tempdir().expect("a directory");
        let name = |cluster: &str, stamp: &str| format!("etcd-{cluster}-master-1-rev7-{stamp}Z.db");
        let (old, kept) = (name("c1", "20260301T041500.001"), name("c1", "20260302T041500.001"));
        let (damaged, other) = (name("c1", "20260303T041500.001"), name("c2", "20260101T000000.0"));
        for file in [&old, &kept, &other] {
            fs::write(dir.path().join(file), snapshot()).expect("written");
        }
        for file in [&damaged as &str, "etcd-backup.db", "etcd-c1-m-rev7-20260101T000000Z.db.part"]
        {
            fs::write(dir.path().join(file), "half").expect("written");
        }
        let found: Vec<PathBuf> =
            older(regular_files(dir.path(), 100)).into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, [dir.path().join(old)]);
    }

    #[test]
    fn without_a_whole_one_nothing_may_go() {
        let dir = tempfile::tempdir().expect("a directory");
        for day in 1..4 {
            let name = format!("etcd-c1-m-rev7-2026030{day}T041500Z.db");
            fs::write(dir.path().join(name), "half").expect("written");
        }
        assert_eq!(older(regular_files(dir.path(), 100)).len(), 0);
    }
}
