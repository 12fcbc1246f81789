//! A file that is written and read back from the disk, past the page cache where
//! the filesystem can do that: copies and write-back there cost most of the time
//! that a fast disk takes, and memory that etcd has better use for.
//!
//! Writing comes first; what is synced is read back in the pauses of it. So on a
//! fast disk most was read back when the last byte is written, and a slow one is
//! not made to seek to and fro.

use std::{fs::File, io, os::unix::fs::FileExt};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, PosixFadviseAdvice, fcntl, posix_fadvise},
};

use super::{
    block::{BLOCK, Block},
    block_sum::block_sum,
};

/// Bytes after which they are synced, and may be read back: the disk has to say
/// that it has them, so that its own cache is not what is read.
const SYNC_EVERY: u64 = 32 << 20;
/// The same where they go through the page cache: a sync writes them all, and
/// takes nothing meanwhile.
const SYNC_MEMORY_EVERY: u64 = 8 << 20;

/// The file, and how far it is.
pub(super) struct CheckedFile {
    file: File,
    /// Whether it is written and read past the page cache.
    direct: bool,
    written: u64,
    /// Of these, what the disk has.
    synced: u64,
    /// Of these, what was read back.
    read: u64,
    /// The sums of what was written, block by block, and of what was read back.
    sent: u64,
    found: u64,
    buffer: Block,
}

impl std::fmt::Debug for CheckedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedFile").field("written", &self.written).finish_non_exhaustive()
    }
}

impl CheckedFile {
    /// Takes an empty file that nobody else writes.
    pub(super) fn new(file: File) -> Self {
        // Refused where the filesystem cannot (NFS and FUSE servers, ramfs).
        let direct = set_flags(&file, OFlag::O_DIRECT).is_ok();
        let buffer = Block::new();
        Self { file, direct, written: 0, synced: 0, read: 0, sent: 0, found: 0, buffer }
    }

    /// Writes a block behind the others; only the last one may be part of one.
    pub(super) fn write(&mut self, block: &mut Block) -> io::Result<()> {
        let end = self.written + block.bytes().len() as u64;
        let padded = self.direct.then(|| self.file.write_all_at(block.padded(), self.written));
        match padded {
            Some(Ok(())) if block.is_full() => {}
            Some(Ok(())) => self.file.set_len(end)?,
            Some(Err(error)) if !refuses_direct(&error) => return Err(error),
            // Some filesystems take the flag and refuse the write.
            Some(Err(_)) | None => {
                self.use_memory()?;
                self.file.write_all_at(block.bytes(), self.written)?;
            }
        }
        self.written = end;
        self.sent = then(self.sent, block.sum());
        let often = if self.direct { SYNC_EVERY } else { SYNC_MEMORY_EVERY };
        if self.written - self.synced >= often { self.sync() } else { Ok(()) }
    }

    /// Waits until everything is on disk, and what memory holds of it is
    /// dropped: who reads it then, reads the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        forget(&self.file);
        self.synced = self.written;
        Ok(())
    }

    /// Reads one more block back; `false` when everything synced was.
    pub(super) fn read_block(&mut self) -> io::Result<bool> {
        let length = usize::try_from(self.synced - self.read).unwrap_or(usize::MAX).min(BLOCK);
        let mut filled = 0;
        while filled < length {
            let room = &mut self.buffer.room(length)[filled..];
            match self.file.read_at(room, self.read + filled as u64) {
                Ok(0) => return Err(io::Error::other("it got shorter while it was read back")),
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.direct && refuses_direct(&error) => self.use_memory()?,
                Err(error) => return Err(error),
            }
        }
        self.read += length as u64;
        if length > 0 {
            self.found = then(self.found, block_sum(&self.buffer.room(length)[..length], 0));
        }
        Ok(length > 0)
    }

    /// Reads back what is left of what was synced; whether all of it is what was
    /// written. Whoever reads the file after this may do so in any pieces.
    pub(super) fn read_back(mut self) -> io::Result<bool> {
        while self.read_block()? {}
        self.use_memory()?;
        // Padding, or what somebody else put behind it, is read by nobody else here.
        let length = self.file.metadata()?.len();
        Ok((length, self.read, self.found) == (self.written, self.written, self.sent))
    }

    fn use_memory(&mut self) -> io::Result<()> {
        if self.direct {
            set_flags(&self.file, OFlag::empty())?;
        }
        self.direct = false;
        Ok(())
    }
}

/// The sum of a row of blocks, when this is the sum of the next one.
fn then(blocks: u64, next: u64) -> u64 {
    block_sum(&next.to_le_bytes(), blocks)
}

/// Sets the flags of an open file that can be changed (fcntl(2), `F_SETFL`).
fn set_flags(file: &File, flags: OFlag) -> Result<(), Errno> {
    fcntl(file, FcntlArg::F_SETFL(flags)).map(drop)
}

fn refuses_direct(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EINVAL as i32)
}

/// Drops what memory holds of a synced file.
pub(super) fn forget(file: &File) {
    // A filesystem that does not take the advice loses nothing by it.
    let _ = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
}

#[cfg(test)]
mod tests {
    use nix::mount::{MntFlags, MsFlags, mount, umount2};
    use prost::bytes::Bytes;

    use super::*;

    fn block(length: usize, byte: u8) -> Block {
        let mut block = Block::new();
        block.take(&mut Bytes::from(vec![byte; length]));
        block
    }

    /// A file of these lengths in blocks of 1, 2, 3..., on the disk that tests
    /// are built on, and another way to it.
    fn written(lengths: &[usize], direct: bool) -> io::Result<(CheckedFile, File)> {
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR"))?;
        let other = file.try_clone()?;
        let mut checked = CheckedFile::new(file);
        if !direct {
            checked.use_memory()?;
        }
        for (length, byte) in lengths.iter().zip(1..) {
            checked.write(&mut block(*length, byte))?;
        }
        Ok((checked, other))
    }

    #[test]
    fn odd_lengths_are_written_and_read_back() -> io::Result<()> {
        for direct in [true, false] {
            for last in [1, 32, 511, 4095, 4096, 4097, BLOCK - 1, BLOCK] {
                let (mut file, other) = written(&[BLOCK, last], direct)?;
                assert!(!file.read_block()?, "nothing is read before it is synced");
                file.sync()?;
                assert!(file.read_back()?, "{last}");
                assert_eq!(other.metadata()?.len(), (BLOCK + last) as u64);
                let mut byte = [0];
                other.read_exact_at(&mut byte, (BLOCK + last - 1) as u64)?;
                assert_eq!(byte, [2], "{last}");
            }
        }
        Ok(())
    }

    #[test]
    fn what_changes_on_the_disk_is_found() -> io::Result<()> {
        for direct in [true, false] {
            for at in [0, BLOCK as u64 + 7, 2 * BLOCK as u64 + 31] {
                let (mut file, other) = written(&[BLOCK, BLOCK, 32], direct)?;
                file.sync()?;
                file.use_memory()?;
                other.write_all_at(&[0xff], at)?;
                other.sync_all()?;
                assert!(!file.read_back()?, "{at}");
            }
            let (mut file, other) = written(&[BLOCK, 32], direct)?;
            file.sync()?;
            other.set_len(BLOCK as u64)?;
            let error = file.read_back().err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some("it got shorter while it was read back"));
            let (mut file, other) = written(&[BLOCK, 32], direct)?;
            file.sync()?;
            other.set_len(BLOCK as u64 + 33)?;
            assert!(!file.read_back()?, "it is longer");
            let (file, _) = written(&[BLOCK], direct)?;
            assert!(!file.read_back()?, "what was never synced was not read back");
        }
        Ok(())
    }

    #[test]
    fn what_changes_in_memory_after_its_sum_is_found() -> io::Result<()> {
        let (mut file, _) = written(&[BLOCK], true)?;
        let mut next = block(32, 7);
        next.sum();
        next.room(32)[3] ^= 0x10;
        file.write(&mut next)?;
        file.sync()?;
        file.read_back().map(|same| assert!(!same))
    }

    #[test]
    fn it_is_synced_now_and_then_and_read_in_between() -> io::Result<()> {
        let (mut file, _) = written(&[BLOCK; 16], false)?;
        assert!(file.read_block()?, "8 MiB were synced");
        file.write(&mut block(100, 9))?;
        file.sync()?;
        file.read_back().map(|same| assert!(same))
    }

    /// A filesystem in memory, for root; `None` for others.
    struct Mounted(tempfile::TempDir);

    impl Mounted {
        fn new(kind: &str, options: &str) -> io::Result<Option<Self>> {
            let directory = tempfile::tempdir()?;
            let none = None::<&str>;
            let mounted =
                mount(none, directory.path(), Some(kind), MsFlags::empty(), Some(options));
            Ok(mounted.is_ok().then_some(Self(directory)))
        }

        fn file(&self) -> io::Result<File> {
            File::options().read(true).write(true).create_new(true).open(self.0.path().join("a"))
        }
    }

    impl Drop for Mounted {
        fn drop(&mut self) {
            let _best_effort = umount2(self.0.path(), MntFlags::MNT_DETACH);
        }
    }

    #[test]
    fn a_filesystem_that_refuses_direct_writes_is_written_through_memory() -> io::Result<()> {
        let Some(ramfs) = Mounted::new("ramfs", "")? else { return Ok(()) };
        let mut file = CheckedFile::new(ramfs.file()?);
        assert!(!file.direct, "ramfs takes no O_DIRECT");
        for length in [BLOCK, BLOCK, 33] {
            file.write(&mut block(length, 5))?;
        }
        file.sync()?;
        file.read_back().map(|same| assert!(same))
    }

    #[test]
    fn a_disk_that_gets_full_says_so() -> io::Result<()> {
        let Some(small) = Mounted::new("tmpfs", "size=2m")? else { return Ok(()) };
        let mut file = CheckedFile::new(small.file()?);
        let written: io::Result<()> =
            (0..9).try_for_each(|byte| file.write(&mut block(BLOCK, byte)));
        assert_eq!(written.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
        Ok(())
    }
}
