//! Where a database may be kept for the moment it is read: never where that
//! could hurt etcd.

use crate::model::{Bytes, DataDir, SnapshotPlace};

use super::room::needed_at;

/// A place with room, and how many bytes may go there at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolRoom<'a> {
    /// Where.
    pub place: &'a SnapshotPlace,
    /// Bytes that may go there.
    pub most: Bytes,
}

/// The place for a database of `size` (`None` = not known before it comes).
/// etcd's own filesystem is only taken when there is no other one, and half of
/// what is free there stays free.
///
/// # Errors
/// What was looked at and why none will do, in one sentence.
pub fn spool_room(places: &[SnapshotPlace], size: Option<Bytes>) -> Result<SpoolRoom<'_>, String> {
    let only_etcds = places.iter().all(|place| place.shares_data_dir);
    let fits = |place: &&SnapshotPlace| {
        let enough = size.map_or(Bytes::MIB, |size| needed_at(place.shares_data_dir, size));
        (only_etcds || !place.shares_data_dir)
            && most(place) >= size.unwrap_or(Bytes::MIB)
            && place.filesystem.available >= enough
    };
    let best = places.iter().filter(fits).max_by_key(|place| most(place));
    best.map(|place| SpoolRoom { place, most: most(place) }).ok_or_else(|| no_room(places, size))
}

/// What may be written there without filling it.
fn most(place: &SnapshotPlace) -> Bytes {
    let free = place.filesystem.available;
    if place.shares_data_dir {
        Bytes(free.minus(DataDir::SPARE).0 / 2)
    } else {
        free.minus(Bytes(free.0 / 10))
    }
}

fn no_room(places: &[SnapshotPlace], size: Option<Bytes>) -> String {
    let looked: Vec<String> = places
        .iter()
        .map(|place| {
            let etcds = if place.shares_data_dir { " and is etcd's own" } else { "" };
            let filesystem = &place.filesystem;
            format!("{} has {} free{etcds}", filesystem.mount_point.display(), filesystem.available)
        })
        .collect();
    let looked = if looked.is_empty() { "no disk was found".to_owned() } else { looked.join(", ") };
    match size {
        Some(size) => format!("there is no room for a snapshot of {size}: {looked}"),
        None => format!("there is no room for what comes: {looked}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Filesystem;

    fn place(available: u64, shares_data_dir: bool) -> SnapshotPlace {
        SnapshotPlace {
            directory: "/x".into(),
            filesystem: Filesystem {
                mount_point: "/x".into(),
                kind: "ext4".to_owned(),
                device: 1,
                size: Bytes(10_000 << 20),
                available: Bytes(available << 20),
            },
            shares_data_dir,
            devices: Vec::new(),
        }
    }

    fn most_of(places: &[SnapshotPlace], size: Option<u64>) -> Result<u64, String> {
        let size = size.map(|mib| Bytes(mib << 20));
        spool_room(places, size).map(|room| room.most.0 >> 20)
    }

    #[test]
    fn another_disk_than_etcds_when_there_is_one() {
        let both = [place(1000, false), place(9000, true)];
        assert_eq!(most_of(&both, Some(64)), Ok(900));
        assert_eq!(most_of(&both, None), Ok(900));
        let text = most_of(&both, Some(2000)).unwrap_err();
        assert!(text.contains("/x has 8.8 GiB free and is etcd's own"), "{text}");
    }

    #[test]
    fn etcds_own_keeps_room_for_itself() {
        assert_eq!(most_of(&[place(1128, true)], Some(64)), Ok(500));
        assert_eq!(most_of(&[place(1128, true)], None), Ok(500));
        assert!(most_of(&[place(200, true)], Some(64)).is_err());
        assert!(most_of(&[place(100, true)], None).is_err());
        assert_eq!(
            most_of(&[], None).unwrap_err(),
            "there is no room for what comes: no disk was found"
        );
    }
}
