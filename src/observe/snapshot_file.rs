//! Judging a snapshot file by what is really on disk.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::fcntl::OFlag;
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use thiserror::Error;

use super::bolt::meta::{self, Meta};
use crate::model::Bytes;

/// What a good snapshot file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Size of the file.
    pub bytes: Bytes,
    /// SHA-256 of the whole file in hex, as `sha256sum` prints it.
    pub sha256: String,
    /// Page size of the database inside.
    pub page_size: u32,
    /// Last transaction of the database inside.
    pub transaction: u64,
}

/// Why a file is not a usable snapshot.
#[derive(Debug, Error)]
pub enum SnapshotFileError {
    /// It could not be read.
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    /// Not even the shape of a snapshot.
    #[error("not a snapshot: {0}")]
    Shape(String),
    /// The trailing checksum is wrong.
    #[error("damaged: its SHA-256 does not match its content")]
    Checksum,
}

/// Reads the whole file and checks what `etcdutl snapshot status` relies on:
/// the trailing SHA-256, the length in whole pages, and a valid bbolt meta
/// page that agrees with the length. Takes as long as the disk does.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(path: &Path) -> Result<SnapshotFile, SnapshotFileError> {
    // Opening a device can do things; and a pipe may have taken the name since.
    if !fs::metadata(path)?.is_file() {
        return Err(not_a_file());
    }
    let mut file = File::options()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(path)?;
    check_open(&mut file)
}

/// The same of an open file, from its beginning.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_open(file: &mut File) -> Result<SnapshotFile, SnapshotFileError> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    check_content(file, metadata.len())
}

/// The same of anything that holds `length` bytes.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_content(
    file: &mut (impl Read + Seek),
    length: u64,
) -> Result<SnapshotFile, SnapshotFileError> {
    let (meta, database_length) = shape(file, length)?;
    let sha256 = check_digest(file, database_length)?;
    Ok(SnapshotFile {
        bytes: Bytes(length),
        sha256,
        page_size: meta.page_size,
        transaction: meta.transaction,
    })
}

/// Whether an open file has the beginning and the length of a whole snapshot.
/// For whoever has compared the rest of it.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_shape(file: &mut File) -> Result<(), SnapshotFileError> {
    let length = file.metadata()?.len();
    shape(file, length).map(drop)
}

/// Whether a file has the beginning and the length of a whole snapshot. Reads
/// little: what is in between is not looked at.
#[must_use]
pub fn looks_whole(path: &Path) -> bool {
    let Ok(metadata) = fs::metadata(path) else { return false };
    let file = metadata.is_file().then(|| File::open(path).ok()).flatten();
    file.is_some_and(|mut file| shape(&mut file, metadata.len()).is_ok())
}

/// The database's meta page and its length, as far as they agree with the
/// `length` of the whole.
fn shape(file: &mut (impl Read + Seek), length: u64) -> Result<(Meta, u64), SnapshotFileError> {
    let shape = |text: &str| SnapshotFileError::Shape(text.to_owned());
    let digest_length = SHA256_OUTPUT_LEN as u64;
    if length < 2 * 512 + digest_length || length % 512 != digest_length {
        return Err(shape(&format!(
            "{length} bytes is not a whole number of pages and a checksum; was it copied whole?"
        )));
    }
    file.seek(SeekFrom::Start(0))?;
    let meta = read_meta(file)?;
    if meta.high_water.checked_mul(meta.page_size.into()) != Some(length - digest_length) {
        return Err(shape("its length does not agree with the database inside"));
    }
    Ok((meta, length - digest_length))
}

fn not_a_file() -> SnapshotFileError {
    SnapshotFileError::Shape("it is not a regular file".to_owned())
}

/// The meta that counts.
fn read_meta(file: &mut impl Read) -> Result<Meta, SnapshotFileError> {
    let mut head = vec![0; meta::HEAD];
    let mut filled = 0;
    while filled < head.len() {
        match file.read(&mut head[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    head.truncate(filled);
    let none = |_| SnapshotFileError::Shape("there is no etcd database inside".to_owned());
    meta::choose(&head).map(|chosen| chosen.meta).map_err(none)
}

/// Compares the trailing digest; returns the digest of the whole file.
fn check_digest(
    file: &mut (impl Read + Seek),
    database_length: u64,
) -> Result<String, SnapshotFileError> {
    file.seek(SeekFrom::Start(0))?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 20];
    let mut left = database_length;
    while left > 0 {
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let got = file.read(&mut buffer[..want])?;
        if got == 0 {
            return Err(SnapshotFileError::Shape("it got shorter while it was read".to_owned()));
        }
        context.update(&buffer[..got]);
        left -= got as u64;
    }
    let mut trailer = [0; SHA256_OUTPUT_LEN];
    file.read_exact(&mut trailer)?;
    let mut whole = context.clone();
    if context.finish().as_ref() != trailer {
        return Err(SnapshotFileError::Checksum);
    }
    whole.update(&trailer);
    Ok(whole.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use ring::digest::digest;

    use super::{super::bolt::meta::MAGIC, *};

    /// The smallest database: two meta pages and two empty ones.
    fn database() -> Vec<u8> {
        let mut pages = vec![0_u8; 4 * 4096];
        for (page, transaction) in [(0, 4_u64), (4096, 5)] {
            let meta = page + 16;
            pages[meta..meta + 4].copy_from_slice(&MAGIC.to_le_bytes());
            pages[meta + 4] = 2;
            pages[meta + 8..meta + 12].copy_from_slice(&4096_u32.to_le_bytes());
            pages[meta + 40..meta + 48].copy_from_slice(&4_u64.to_le_bytes());
            pages[meta + 48..meta + 56].copy_from_slice(&transaction.to_le_bytes());
            let checksum = pages[meta..meta + 56].iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
                (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
            });
            pages[meta + 56..meta + 64].copy_from_slice(&checksum.to_le_bytes());
        }
        let digest = digest(&SHA256, &pages);
        pages.extend_from_slice(digest.as_ref());
        pages
    }

    fn check_bytes(bytes: &[u8]) -> Result<SnapshotFile, SnapshotFileError> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("x.db");
        fs::write(&path, bytes)?;
        check(&path)
    }

    #[test]
    fn a_good_file_passes() -> Result<(), SnapshotFileError> {
        let good = check_bytes(&database())?;
        assert_eq!((good.page_size, good.transaction), (4096, 5));
        assert_eq!(good.bytes, Bytes(4 * 4096 + 32));
        Ok(())
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU)?;
        for path in [pipe.as_path(), dir.path(), Path::new("/dev/zero")] {
            let refused = check(path).err().map(|error| error.to_string());
            assert_eq!(refused.as_deref(), Some("not a snapshot: it is not a regular file"));
        }
        Ok(())
    }

    #[test]
    fn an_open_file_is_checked_from_its_beginning() -> Result<(), SnapshotFileError> {
        let mut file = tempfile::tempfile()?;
        io::Write::write_all(&mut file, &database())?;
        check_open(&mut file).map(drop)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn damage_is_found(at in 0_usize..4 * 4096 + 32, bit in 0_u8..8, cut in 1_usize..9000) {
            let mut flipped = database();
            flipped[at] ^= 1 << bit;
            prop_assert!(check_bytes(&flipped).is_err());
            let whole = database();
            prop_assert!(check_bytes(&whole[..whole.len() - cut]).is_err());
        }

        #[test]
        fn junk_never_panics(junk in proptest::collection::vec(any::<u8>(), 0..4096)) {
            prop_assert!(check_bytes(&junk).is_err());
        }
    }
}
