//! etcd's own checksum of a snapshot, computed while it streams. Knows nothing
//! of files.

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use super::{Saved, SnapshotError};
use crate::model::Bytes;

/// The last 32 bytes of a snapshot are the SHA-256 of everything before them
/// (server/etcdserver/api/v3rpc/maintenance.go, `Snapshot`), and nothing in
/// the stream says which message is the last: so 32 bytes are always held
/// back from the digest.
pub(super) struct TrailingChecksum {
    database: Context,
    tail: Vec<u8>,
    bytes: Bytes,
}

impl Default for TrailingChecksum {
    fn default() -> Self {
        Self { database: Context::new(&SHA256), tail: Vec::new(), bytes: Bytes(0) }
    }
}

impl TrailingChecksum {
    pub(super) fn update(&mut self, blob: &[u8]) {
        self.bytes = self.bytes.plus(Bytes(blob.len() as u64));
        let held_back = blob.len().min(SHA256_OUTPUT_LEN);
        let (body, end) = blob.split_at(blob.len() - held_back);
        let overflow = (self.tail.len() + end.len()).saturating_sub(SHA256_OUTPUT_LEN);
        // Bytes leave the tail from its front, in stream order.
        self.database.update(&self.tail[..overflow.min(self.tail.len())]);
        self.tail.drain(..overflow.min(self.tail.len()));
        self.database.update(body);
        self.tail.extend_from_slice(end);
    }

    /// The checksum of a database that did not come from etcd, taken as sent.
    pub(super) fn seal(&mut self) -> Vec<u8> {
        let mut database = self.database.clone();
        database.update(&self.tail);
        let checksum = database.finish().as_ref().to_vec();
        self.update(&checksum);
        checksum
    }

    /// Size and SHA-256 of everything, when it is whole.
    pub(super) fn finish(self) -> Result<Saved, SnapshotError> {
        // etcdutl's own test of a snapshot file: whole pages plus the digest.
        if self.bytes.0 % 512 != SHA256_OUTPUT_LEN as u64 {
            return Err(SnapshotError::Damaged("it does not end with a checksum"));
        }
        let mut whole = self.database.clone();
        if self.database.finish().as_ref() != self.tail {
            return Err(SnapshotError::Damaged("its checksum does not match its content"));
        }
        whole.update(&self.tail);
        let sha256 = whole.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Saved { bytes: self.bytes, sha256, from_file: false })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::digest::digest;

    use super::*;

    fn snapshot_of(database: &[u8]) -> Vec<u8> {
        let mut file = database.to_vec();
        file.extend_from_slice(digest(&SHA256, database).as_ref());
        file
    }

    fn check(file: &[u8], blob_size: usize) -> Result<Saved, SnapshotError> {
        let mut check = TrailingChecksum::default();
        file.chunks(blob_size).for_each(|blob| check.update(blob));
        check.finish()
    }

    proptest! {
        #[test]
        fn any_split_into_messages_gives_the_same_answer(blob_size in 1_usize..700) {
            let file = snapshot_of(&[7; 1024]);
            let saved = check(&file, blob_size).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(saved.bytes, Bytes(1056));
            let whole: String =
                digest(&SHA256, &file).as_ref().iter().map(|b| format!("{b:02x}")).collect();
            prop_assert_eq!(saved.sha256, whole);
        }

        #[test]
        fn a_seal_is_what_etcd_would_have_sent(blob_size in 1_usize..700) {
            let mut check = TrailingChecksum::default();
            [7; 1024].chunks(blob_size).for_each(|blob| check.update(blob));
            prop_assert_eq!(check.seal(), &snapshot_of(&[7; 1024])[1024..]);
            prop_assert_eq!(check.finish().ok().map(|saved| saved.bytes), Some(Bytes(1056)));
        }

        #[test]
        fn one_flipped_bit_is_found(at in 0_usize..1056, bit in 0_u8..8) {
            let mut file = snapshot_of(&[7; 1024]);
            file[at] ^= 1 << bit;
            prop_assert!(check(&file, 100).is_err());
        }

        #[test]
        fn a_shorter_stream_is_found(length in 0_usize..1056) {
            prop_assert!(check(&snapshot_of(&[7; 1024])[..length], 100).is_err());
        }
    }
}
