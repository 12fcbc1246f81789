//! Room on disk: where the snapshot fits, whether the new database file does,
//! and what could make room.

use crate::model::{
    Behaviour, Bytes, DataDir, Freeable, FreeableKind, Located, Refusal, RefusalKind, SickDisk,
    SnapshotPlace, World,
};

use super::sick;

/// A new database file needs this much at least: bbolt grows its file in steps
/// of up to 16 MiB (go.etcd.io/bbolt db.go, AllocSize).
const LEAST: Bytes = Bytes(16 << 20);

/// The place for a snapshot of `db_size`: another filesystem than etcd's with
/// room, else the same one with room to spare for the new database as well.
/// `freed` is what the plan frees on etcd's filesystem before.
/// Any that fits is better than one on a failing disk.
pub(super) fn choose_place<'a>(
    places: &'a [SnapshotPlace],
    sick_disks: &[SickDisk],
    db_size: Bytes,
    freed: Bytes,
) -> Option<&'a SnapshotPlace> {
    let fits = |place: &&SnapshotPlace| {
        available(place, freed) >= needed_at(place.shares_data_dir, db_size)
    };
    let is_sick = |place: &SnapshotPlace| sick::below(place, sick_disks).is_some();
    places.iter().filter(fits).min_by_key(|place| (is_sick(place), place.shares_data_dir))
}

fn available(place: &SnapshotPlace, freed: Bytes) -> Bytes {
    let freed = if place.shares_data_dir { freed } else { Bytes(0) };
    place.filesystem.available.plus(freed)
}

/// What must be free where a snapshot of `db_size` goes; more where etcd's own
/// data are.
#[must_use]
pub fn needed_at(shares_data_dir: bool, db_size: Bytes) -> Bytes {
    if shares_data_dir {
        // The snapshot, the new database file beside the old one, and a WAL.
        db_size.plus(db_size).plus(DataDir::SPARE)
    } else {
        db_size.plus(Bytes(db_size.0 / 20)).plus(Bytes::MIB)
    }
}

/// Says which places were looked at and why none will do.
pub(super) fn no_place(world: &World, db_size: Bytes, freed: Bytes) -> Refusal {
    let places = &world.snapshot_places;
    let looked: Vec<String> = places
        .iter()
        .map(|place| {
            format!(
                "{} has {} free of the {} needed{}",
                place.directory.display(),
                available(place, freed),
                needed_at(place.shares_data_dir, db_size),
                if place.shares_data_dir { " (etcd's own filesystem)" } else { "" },
            )
        })
        .collect();
    let looked = if looked.is_empty() { "no disk was found".to_owned() } else { looked.join("; ") };
    let mut next = "name a directory that has room: --snapshot-dir DIR (an NFS or USB mount will \
                    do); or keep the copy elsewhere with `ssh MASTER etcd-rescue snapshot save - \
                    > FILE` and rerun with --no-snapshot"
        .to_owned();
    let shared = places.iter().find(|place| place.shares_data_dir);
    if let Some(place) = shared.filter(|_| freeable(&world.node).next().is_some()) {
        let missing = needed_at(true, db_size).minus(available(place, freed));
        next.push_str(&format!("; or make {missing} of room on etcd's own filesystem. "));
        next.push_str(&make_room(&world.node));
    }
    Refusal {
        kind: RefusalKind::NoRoomForSnapshot,
        flag: Some("--snapshot-dir DIR".to_owned()),
        what: format!("there is no room for a snapshot of {db_size}: {looked}"),
        next,
    }
}

/// Whether this node's disk can take the new database file beside the old
/// one, and beside a snapshot of `snapshot` bytes when that shares the disk.
/// Only this node's disk can be seen from here.
///
/// # Errors
/// A refusal when running out of room would kill this etcd release.
pub fn room_for_database(world: &World, snapshot: Bytes) -> Result<Option<String>, Refusal> {
    room_beside(world, snapshot, Bytes(0))
}

/// The same, once `freed` bytes were freed there.
pub(super) fn room_beside(
    world: &World,
    snapshot: Bytes,
    freed: Bytes,
) -> Result<Option<String>, Refusal> {
    let local = world.members.iter().find(|member| member.local);
    let (Some(disk), Some(Ok(status))) = (&world.node.disk, local.map(|member| &member.status))
    else {
        return Ok(Some("the free disk space of the members could not be seen from here".into()));
    };
    let needed = status.db_size.plus(LEAST).plus(snapshot);
    let free = disk.filesystem.available.plus(freed);
    if free >= needed {
        return Ok(None);
    }
    let mount_point = disk.filesystem.mount_point.display();
    let counted = match freed {
        Bytes(0) => String::new(),
        freed => format!(" (counting {freed} of left-overs that would be removed first)"),
    };
    let room = format!(
        "{mount_point} has {free} free{counted}; the new database file may need up to {needed}"
    );
    let dies = status.row(Behaviour::NoSpaceDuringDefragKills);
    let least = world.live.as_ref().map_or(LEAST, |live| live.file_size.max(LEAST)).plus(snapshot);
    let why = match dies {
        Some(rule) => rule.text.to_owned(),
        None if free < least => {
            format!("{least} is the least it takes: etcd's own next write fails on a full disk")
        }
        None => {
            return Ok(Some(format!(
                "{room}; usually it needs far less, and this etcd survives a full disk"
            )));
        }
    };
    Err(Refusal {
        kind: RefusalKind::NoRoomForDatabase,
        flag: None,
        what: format!("{room}, and {why}"),
        next: format!(
            "make {} of room on {mount_point}, or grow it. {}",
            needed.minus(free),
            make_room(&world.node)
        ),
    })
}

/// What a person can free; left-overs of a defragmentation go by a step of the
/// plan, and are counted already.
fn freeable(node: &Located) -> impl Iterator<Item = &Freeable> {
    node.freeable.iter().filter(|freeable| freeable.kind != FreeableKind::LeftOver)
}

fn make_room(node: &Located) -> String {
    let mut lines: Vec<String> = freeable(node).map(ToString::to_string).collect();
    if lines.is_empty() {
        lines.push("Nothing more was found there that is known to be safe to remove.".to_owned());
        let mount = |disk: &DataDir| disk.filesystem.mount_point.display().to_string();
        lines.extend(node.disk.as_ref().map(mount).map(|mount| {
            format!("What takes the room: `du -xhd2 '{mount}' | sort -h | tail -20`")
        }));
    } else {
        lines.insert(0, "What can go, the safest first:".to_owned());
    }
    lines.extend(node.disk.as_ref().map(|disk| {
        format!(
            "Everything in {} is etcd's own: leave it alone.",
            disk.path.join("member").display()
        )
    }));
    lines.join("\n")
}

/// What could be freed on etcd's filesystem, for a person whose etcd does not
/// run: everything, the safest first; `None` when room is not short, or there
/// is nothing.
#[must_use]
pub fn could_be_freed(node: &Located) -> Option<String> {
    let disk = node.disk.as_ref().filter(|_| !node.freeable.is_empty())?;
    let filesystem = &disk.filesystem;
    let head = format!(
        "Room is short: {} of {} free on {}. What can go, the safest first:",
        filesystem.available,
        filesystem.size,
        filesystem.mount_point.display()
    );
    let lines = node.freeable.iter().map(ToString::to_string);
    Some(std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n"))
}
