//! This node's own database file, copied behind a transaction that etcd holds open
//! for a snapshot stream: the very bytes that etcd would send, without their way
//! through two sockets and two encryptions. Proves before and after that it is that
//! file and that transaction; opens no stream itself and writes nothing.
//!
//! etcd answers a snapshot request by beginning a read transaction and copying the
//! file below it: two metas of that transaction, then every page up to its high-water
//! mark (bbolt tx.go, `WriteTo`; etcd server/storage/backend, `snapshot.WriteTo`). As
//! long as the transaction is open, none of these pages is written again.

use std::{fs::File, io, os::unix::fs::FileExt, os::unix::fs::OpenOptionsExt, path::Path};

use nix::libc::O_NOFOLLOW;

use super::{
    block::{BLOCK, Block},
    block_sum::block_sum,
};

/// Below this the stream itself takes no time.
const WORTH_IT: u64 = 32 << 20;
/// Where a meta is in its page, and how long it is (bbolt internal/common/meta.go).
const META: std::ops::Range<usize> = 16..80;
/// In a page with a meta: page size (u32) and high-water mark (u64).
const PAGE_SIZE: usize = 24;
const HIGH_WATER: usize = 56;

/// The file, and how far it was read.
pub(super) struct OwnFile {
    file: File,
    /// Bytes of the database.
    size: u64,
    /// Of these, what was taken.
    read: u64,
    /// The sums of the first blocks that were read here.
    sums: Vec<u64>,
}

impl OwnFile {
    /// Blocks behind the first one that have to come through the stream again: more
    /// than can have been on its way while nobody read it (the windows of
    /// `wire::carrier`), so that etcd had the transaction open until then.
    pub(super) const PROOF: usize = 8;

    /// The file at `path`, when the stream whose first block this is comes from it,
    /// and is long enough for this to be worth anything.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of(path: &Path, first: &[u8]) -> io::Result<Option<Self>> {
        let Some((page, size)) = shape(first) else { return Ok(None) };
        let file = File::options().read(true).custom_flags(O_NOFOLLOW).open(path)?;
        if size < WORTH_IT || file.metadata()?.len() < size {
            return Ok(None);
        }
        let mut own = vec![0; first.len()];
        file.read_exact_at(&mut own, 0)?;
        // The stream begins with the transaction's meta; in the file it is one of two.
        let meta = first.get(META);
        let is_it = [0, page].iter().any(|at| own.get(at + META.start..at + META.end) == meta);
        let same = is_it && own.get(2 * page..) == first.get(2 * page..);
        Ok(same.then(|| Self { file, size, read: first.len() as u64, sums: Vec::new() }))
    }

    /// Fills an empty block with what comes next; `false` when that was the last of
    /// the database.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn fill(&mut self, block: &mut Block) -> io::Result<bool> {
        let left = self.size - self.read;
        let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        self.file.read_exact_at(block.fill_with(length), self.read)?;
        self.read += length as u64;
        if self.sums.len() < Self::PROOF {
            self.sums.push(block.sum());
        }
        Ok(self.read < self.size)
    }

    /// Whether a block that came through the stream, `index` blocks behind the first
    /// one, is what was read here.
    pub(super) fn is_same(&self, index: usize, block: &Block) -> bool {
        self.sums.get(index) == Some(&block_sum(block.bytes(), 0))
    }
}

/// Page size and length of the database that begins so.
fn shape(first: &[u8]) -> Option<(usize, u64)> {
    let (page, _) = first.get(PAGE_SIZE..)?.split_first_chunk()?;
    let page = u32::from_le_bytes(*page);
    let (pages, _) = first.get(HIGH_WATER..)?.split_first_chunk()?;
    let size = u64::from_le_bytes(*pages).checked_mul(page.into())?;
    let fits = page.is_power_of_two() && (512..=65536).contains(&page);
    (fits && first.len() == BLOCK).then_some((page as usize, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 4096;

    /// A file of so many pages whose older meta comes first, and how a stream of it begins.
    fn database(pages: u64) -> io::Result<(tempfile::NamedTempFile, Vec<u8>)> {
        let meta = |transaction: u8| {
            let mut page = vec![0; PAGE];
            page[PAGE_SIZE..PAGE_SIZE + 4].copy_from_slice(&(PAGE as u32).to_le_bytes());
            page[HIGH_WATER..HIGH_WATER + 8].copy_from_slice(&pages.to_le_bytes());
            page[64] = transaction;
            page
        };
        let rest: Vec<u8> = (2..pages).flat_map(|page| vec![page as u8; PAGE]).collect();
        let file = tempfile::NamedTempFile::new()?;
        file.as_file().write_all_at(&[meta(6), meta(7), rest.clone()].concat(), 0)?;
        let mut first = [meta(7), meta(6), rest].concat();
        first.truncate(BLOCK);
        Ok((file, first))
    }

    #[test]
    fn only_the_file_the_stream_comes_from_is_read() -> io::Result<()> {
        let pages = WORTH_IT / PAGE as u64 + 3;
        let (file, first) = database(pages)?;
        let mut own = OwnFile::of(file.path(), &first)?.expect("it is the same");
        let (mut block, mut bytes, mut more) = (Block::new(), first.len(), true);
        while more {
            block.clear();
            more = own.fill(&mut block)?;
            bytes += block.bytes().len();
        }
        assert_eq!(bytes as u64, pages * PAGE as u64);
        assert_eq!(block.bytes().last(), Some(&((pages - 1) as u8)));
        assert_eq!(own.sums.len(), OwnFile::PROOF);

        let mut later = first.clone();
        later[64] = 8;
        assert!(OwnFile::of(file.path(), &later)?.is_none(), "a transaction it never had");
        let mut other = first.clone();
        other[BLOCK - 1] ^= 1;
        assert!(OwnFile::of(file.path(), &other)?.is_none(), "other pages");
        file.as_file().set_len(pages * PAGE as u64 - 1)?;
        assert!(OwnFile::of(file.path(), &first)?.is_none(), "shorter than it should be");
        assert!(OwnFile::of(Path::new("/nonexistent"), &first).is_err());
        let (small, first) = database(200)?;
        assert!(OwnFile::of(small.path(), &first)?.is_none(), "not worth it");
        assert!(OwnFile::of(small.path(), &[0; BLOCK])?.is_none(), "no database");
        Ok(())
    }

    #[test]
    fn what_comes_through_the_stream_is_held_against_it() -> io::Result<()> {
        let (file, first) = database(WORTH_IT / PAGE as u64)?;
        let mut own = OwnFile::of(file.path(), &first)?.expect("it is the same");
        let mut block = Block::new();
        own.fill(&mut block)?;
        assert!(own.is_same(0, &block) && !own.is_same(1, &block));
        block.fill_with(BLOCK)[7] ^= 1;
        assert!(!own.is_same(0, &block));
        Ok(())
    }
}
