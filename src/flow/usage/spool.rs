//! A place for the moment a database is read: chosen, made, and never seen by
//! anybody.

use std::path::{Path, PathBuf};

use crate::{
    act::SpoolFile,
    decide,
    model::{Bytes, SnapshotPlace},
};

/// An empty file with room.
pub(super) struct Spool {
    /// The file.
    pub(super) file: SpoolFile,
    /// Where it is.
    pub(super) directory: PathBuf,
    /// Bytes that may go there.
    pub(super) most: Bytes,
}

impl Spool {
    /// One with room for `size`, on one of these places.
    ///
    /// # Errors
    /// A sentence why there is none.
    pub(super) fn find(places: &[SnapshotPlace], size: Option<Bytes>) -> Result<Self, String> {
        let room = decide::spool_room(places, size)?;
        // Nothing of ours is to be left, not even a directory.
        let directory = existing(&room.place.directory).to_owned();
        match SpoolFile::create(&directory) {
            Ok(file) => Ok(Self { file, directory, most: room.most }),
            Err(error) => Err(format!("no file can be made in {}: {error}", directory.display())),
        }
    }
}

/// The directory, or the nearest one above it that is there.
fn existing(directory: &Path) -> &Path {
    directory.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"))
}
