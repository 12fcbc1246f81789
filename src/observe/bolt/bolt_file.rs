//! An open database file, judged by its metas.

use std::{
    fs::{self, File, FileType, Metadata},
    io,
    ops::ControlFlow,
    os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag, PosixFadviseAdvice, posix_fadvise},
};
use ring::digest::SHA256_OUTPUT_LEN;

use super::{
    BoltError, Record, Walked,
    looks_like::looks_like,
    meta::{self, Chosen, MAGIC, Meta, MetaFault},
    tree::Tree,
};
use crate::model::Bytes;

/// More pages than any etcd has: a terabyte of the usual ones.
const MOST_PAGES: u64 = 1 << 28;

/// What the kernel reads together, and gives up together.
const SECTORS: usize = 4096;

/// A database file: an etcd's `db`, or a snapshot with its SHA-256 behind.
/// It may be read by several threads at once.
#[derive(Debug)]
pub struct BoltFile {
    pub(super) file: File,
    pub(super) length: u64,
    name: String,
    meta: Meta,
    other: Option<MetaFault>,
}

impl BoltFile {
    /// Opens a file and judges its metas. Reads little, waits for nobody.
    ///
    /// # Errors
    /// It is no regular file, no database, or not all of one.
    pub fn open(path: &Path) -> Result<Self, BoltError> {
        // Opening a device can do things; and a pipe may have taken the name since.
        regular(&fs::metadata(path).map_err(BoltError::Open)?)?;
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let open = File::options().read(true).custom_flags(flags.bits()).open(path);
        Self::from_file(open.map_err(BoltError::Open)?, path.display().to_string())
    }

    /// The same of an open file, whatever its position is; `name` is for people.
    ///
    /// # Errors
    /// As [`BoltFile::open`].
    pub fn from_file(file: File, name: String) -> Result<Self, BoltError> {
        let metadata = file.metadata()?;
        regular(&metadata)?;
        let length = metadata.len();
        // What a walk reads it chooses itself. Only advice: it may be ignored.
        let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_RANDOM);
        let (chosen, head) = metas(&file)?;
        let chosen = chosen.map_err(|fault| no_meta(fault, &head, length))?;
        let meta = chosen.meta;
        let size = u128::from(meta.high_water) * u128::from(meta.page_size);
        if meta.high_water > MOST_PAGES {
            let bytes = u64::try_from(size).unwrap_or(u64::MAX);
            return Err(BoltError::Absurd(Bytes(bytes)));
        }
        let file = Self { file, length, name, meta, other: chosen.other };
        file.check_length()?;
        Ok(file)
    }

    fn check_length(&self) -> Result<(), BoltError> {
        let (size, length) = (self.size().0, self.length);
        let snapshot = size + SHA256_OUTPUT_LEN as u64;
        // Between the two it can only be a snapshot whose checksum was cut.
        let needed = if length > size { snapshot } else { size };
        if length < needed { Err(BoltError::Short { length, needed }) } else { Ok(()) }
    }

    /// What it was called when it was opened.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size that etcd tells and holds against its quota: all pages, free
    /// ones included. The file of a running etcd is longer.
    pub fn size(&self) -> Bytes {
        Bytes(self.meta.high_water * u64::from(self.meta.page_size))
    }

    /// Bytes of a page.
    pub fn page_size(&self) -> u32 {
        self.meta.page_size
    }

    /// The last transaction in it.
    pub fn transaction(&self) -> u64 {
        self.meta.transaction
    }

    /// Whether it has the length of a snapshot, which ends with a SHA-256.
    pub fn is_snapshot(&self) -> bool {
        self.length == self.size().0 + SHA256_OUTPUT_LEN as u64
    }

    /// What to know about it although it can be read; one sentence.
    pub fn warning(&self) -> Option<String> {
        let transaction = self.meta.transaction;
        let meta = self.other.map(|_| {
            format!(
                "one of its two meta pages is damaged; read by the other one, of transaction \
                 {transaction}"
            )
        });
        // bbolt lets its file grow by whole pages.
        let odd = !self.is_snapshot() && !self.length.is_multiple_of(self.meta.page_size.into());
        let behind = odd.then(|| {
            "something stands behind the database that is no part of it, so that no checksum was \
             found"
                .to_owned()
        });
        let told: Vec<String> = meta.into_iter().chain(behind).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Asks whether an etcd runs on it: that holds a lock as long as it does.
    /// Ours is let go at once, as an etcd that starts would wait for it.
    ///
    /// # Errors
    /// [`BoltError::InUse`]; or the filesystem does not tell.
    pub fn refuse_if_in_use(&self) -> Result<(), BoltError> {
        match Flock::lock(self.file.try_clone()?, FlockArg::LockSharedNonblock) {
            Ok(lock) => {
                drop(lock);
                Ok(())
            }
            Err((_, Errno::EWOULDBLOCK)) => Err(BoltError::InUse),
            Err((_, error)) => Err(BoltError::Read(error.into())),
        }
    }

    /// Visits every element of a bucket at the top, from the last key to the
    /// first, until `visit` breaks. Damaged parts are left out and told.
    ///
    /// # Errors
    /// What leads to the bucket is damaged, so nothing of it can be read; or
    /// the file was changed meanwhile, and what was visited is void.
    pub fn walk_back(
        &self,
        bucket: &[u8],
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<Walked, BoltError> {
        let walked = super::walk::walk_back(Tree::new(&self.file, self.meta), bucket, visit);
        // A writer may have made what looks like damage.
        self.refuse_if_changed()?;
        walked
    }

    /// The names of the buckets at the top, in order.
    ///
    /// # Errors
    /// The tree of buckets is damaged, or the file was changed meanwhile.
    pub fn buckets(&self) -> Result<Vec<Vec<u8>>, BoltError> {
        let names = super::walk::buckets(Tree::new(&self.file, self.meta));
        self.refuse_if_changed()?;
        names
    }

    /// Whether the metas are what they were when it was opened, and all of it
    /// is still there.
    ///
    /// # Errors
    /// [`BoltError::Changed`], or they cannot be read any more.
    pub fn refuse_if_changed(&self) -> Result<(), BoltError> {
        let is_whole = self.file.metadata()?.len() >= self.size().0;
        let (now, _) = metas(&self.file)?;
        let is_same = is_whole && now.is_ok_and(|now| now.meta == self.meta);
        if is_same { Ok(()) } else { Err(BoltError::Changed) }
    }
}

fn regular(metadata: &Metadata) -> Result<(), BoltError> {
    let kind: FileType = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    Err(BoltError::NotAFile(if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }))
}

/// The metas at a file's beginning, and that beginning. One bad sector below
/// one of them must not hide the other.
fn metas(file: &File) -> Result<(Result<Chosen, MetaFault>, Vec<u8>), BoltError> {
    let mut head = vec![0; meta::HEAD];
    let (mut filled, mut unread) = (0, None);
    while filled < head.len() {
        match file.read_at(&mut head[filled..], filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if unread.is_some() => return Err(error.into()),
            Err(error) => {
                unread = Some(error);
                filled = (filled + 1).next_multiple_of(SECTORS).min(head.len());
            }
        }
    }
    head.truncate(filled);
    match (meta::choose(&head), unread) {
        (Err(_), Some(error)) => Err(error.into()),
        (chosen, _) => Ok((chosen, head)),
    }
}

fn no_meta(fault: MetaFault, head: &[u8], length: u64) -> BoltError {
    let begins = head.get(16..20).is_some_and(|magic| magic == MAGIC.to_le_bytes());
    match fault {
        MetaFault::NoMagic => BoltError::NotBolt(looks_like(head, length)),
        MetaFault::Version(version) => BoltError::Version(version),
        MetaFault::PageSize(size) => BoltError::PageSize(size),
        MetaFault::Checksum if begins && length < 16 + 64 => {
            BoltError::NotBolt("it is cut to the first bytes of one; was it copied whole?")
        }
        MetaFault::Checksum => BoltError::Metas,
    }
}
