//! Room on disk: where the snapshot fits, and whether the new database file
//! does.

use crate::model::{Bytes, Refusal, RefusalKind, SnapshotPlace, World};

use super::versions::{Concern, concerns};

/// What must stay free beside a snapshot or a new database file: etcd
/// preallocates its next WAL segment of 64 MB (etcd.md: segment-bytes
/// 64000000), and a full disk kills it.
const SPARE: Bytes = Bytes(128 << 20);

/// The place for a snapshot of `db_size`: another filesystem than etcd's with
/// room, else the same one with room to spare for the new database as well.
pub(super) fn choose_place(places: &[SnapshotPlace], db_size: Bytes) -> Option<&SnapshotPlace> {
    let fits = |place: &&SnapshotPlace| {
        place.filesystem.available >= needed_at(place.shares_data_dir, db_size)
    };
    let elsewhere = places.iter().filter(|place| !place.shares_data_dir).find(fits);
    elsewhere.or_else(|| places.iter().filter(|place| place.shares_data_dir).find(fits))
}

/// What must be free where a snapshot of `db_size` goes; more where etcd's own
/// data are.
#[must_use]
pub fn needed_at(shares_data_dir: bool, db_size: Bytes) -> Bytes {
    if shares_data_dir {
        // The snapshot, the new database file beside the old one, and a WAL.
        db_size.plus(db_size).plus(SPARE)
    } else {
        db_size.plus(Bytes(db_size.0 / 20)).plus(Bytes::MIB)
    }
}

/// Says which places were looked at and why none will do.
pub(super) fn no_place(places: &[SnapshotPlace], db_size: Bytes) -> Refusal {
    let looked: Vec<String> = places
        .iter()
        .map(|place| {
            format!(
                "{} has {} free of the {} needed{}",
                place.directory.display(),
                place.filesystem.available,
                needed_at(place.shares_data_dir, db_size),
                if place.shares_data_dir { " (etcd's own filesystem)" } else { "" },
            )
        })
        .collect();
    let looked = if looked.is_empty() { "no disk was found".to_owned() } else { looked.join("; ") };
    Refusal {
        kind: RefusalKind::NoRoomForSnapshot,
        flag: Some("--snapshot-dir DIR".to_owned()),
        what: format!("there is no room for a snapshot of {db_size}: {looked}"),
        next: "name a directory that has room: --snapshot-dir DIR (an NFS or USB mount will do); \
               or keep the copy elsewhere with `ssh MASTER etcd-rescue snapshot save - > FILE` and \
               rerun with --no-snapshot"
            .to_owned(),
    }
}

/// Whether this node's disk can take the new database file beside the old
/// one, and beside a snapshot of `snapshot` bytes when that shares the disk.
/// Only this node's disk can be seen from here.
///
/// # Errors
/// A refusal when running out of room would kill this etcd release.
pub fn room_for_database(world: &World, snapshot: Bytes) -> Result<Option<String>, Refusal> {
    let local = world.members.iter().find(|member| member.local);
    let (Some(disk), Some(Ok(status))) = (&world.node.disk, local.map(|member| &member.status))
    else {
        return Ok(Some("the free disk space of the members could not be seen from here".into()));
    };
    let needed = status.db_size.plus(Bytes(16 << 20)).plus(snapshot);
    let free = disk.filesystem.available;
    if free >= needed {
        return Ok(None);
    }
    let room = format!(
        "{} has {free} free; the new database file may need up to {needed}",
        disk.filesystem.mount_point.display()
    );
    match concerns(status.version, Concern::NoSpaceDuringDefragKills) {
        Some(rule) => Err(Refusal {
            kind: RefusalKind::NoRoomForDatabase,
            flag: None,
            what: format!("{room}, and {}", rule.text),
            next: format!(
                "make room on {} (old snapshots, rotated logs, journald, unused images), or grow it",
                disk.filesystem.mount_point.display()
            ),
        }),
        None => Ok(Some(format!(
            "{room}; usually it needs far less, and this etcd survives a full disk"
        ))),
    }
}
