//! Failing disks below this node's etcd, as far as the recovery goes: what a
//! person should know before a defragmentation, and that the only snapshot is
//! not put on one without somebody's word.

use crate::model::{Refusal, RefusalKind, SickDisk, SnapshotPlace, Wishes, World};

/// The failing disk that a place is on. What a place is on is not known of
/// every filesystem; etcd's own is on etcd's disks.
pub(super) fn below<'a>(place: &SnapshotPlace, sick: &'a [SickDisk]) -> Option<&'a SickDisk> {
    let mut failing = sick.iter().filter(|sick| sick.failing);
    failing.find(|sick| {
        place.devices.contains(&sick.disk) || (place.devices.is_empty() && place.shares_data_dir)
    })
}

/// The disk whose name has to be typed before the snapshot goes to this place;
/// none when that was accepted by flag.
///
/// # Errors
/// A refusal when there is nobody to type it.
pub(super) fn to_be_typed(
    place: &SnapshotPlace,
    world: &World,
    wishes: &Wishes,
) -> Result<Option<String>, Refusal> {
    match below(place, &world.sick_disks) {
        Some(sick) if !wishes.accept_sick_disk => match wishes.unattended {
            true => Err(only_copy_on_sick_disk(place, sick)),
            false => Ok(Some(sick.disk.clone())),
        },
        _ => Ok(None),
    }
}

/// Why the snapshot is not put there, and where else it could go.
#[must_use]
pub fn only_copy_on_sick_disk(place: &SnapshotPlace, sick: &SickDisk) -> Refusal {
    Refusal {
        kind: RefusalKind::SickDisk,
        flag: Some("--accept-sick-disk".to_owned()),
        what: format!(
            "the only snapshot would go to {} on {}, which is failing: {}",
            place.directory.display(),
            sick.label,
            sick.signs.join("; ")
        ),
        next: "name a directory on another disk: --snapshot-dir DIR (an NFS or USB mount will \
               do); or keep the copy elsewhere with `ssh MASTER etcd-rescue snapshot save - > FILE` \
               and rerun with --no-snapshot; or put it there all the same: --accept-sick-disk"
            .to_owned(),
    }
}

/// The failing disk that a path named for a snapshot is on.
#[must_use]
pub fn sick_disk_below<'a>(place: &SnapshotPlace, sick: &'a [SickDisk]) -> Option<&'a SickDisk> {
    below(place, sick)
}

/// Whether it is failing, and not only slow.
pub(super) fn is_failing(sick: &SickDisk) -> bool {
    sick.failing
}

/// What a defragmentation means for such a disk.
pub(super) fn caution(sick: &SickDisk) -> String {
    let signs = sick.signs.join("; ");
    if sick.failing {
        format!(
            "{}, below this node's etcd, is failing: {signs}. A defragmentation reads the whole \
             database from it and writes it anew: keep the snapshot on another machine first, and \
             replace the disk soon (`etcd-rescue diagnose` tells more)",
            sick.label
        )
    } else {
        format!(
            "{}, below this node's etcd, is in doubt: {signs}. The defragmentation here may take \
             far longer than expected (`etcd-rescue diagnose` tells more)",
            sick.label
        )
    }
}
