//! The SHA-256 behind a snapshot. Takes as long as the disk does.

use std::{fs::File, io, os::fd::AsRawFd, os::unix::fs::FileExt};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use super::{BoltError, BoltFile};

/// What is read at once.
const STEP: usize = 1 << 20;

impl BoltFile {
    /// Whether the SHA-256 behind a snapshot is that of the database before it.
    /// Meant for a thread of its own, beside a walk.
    ///
    /// # Errors
    /// It has none ([`BoltFile::is_snapshot`]), or it cannot be read to its end.
    pub fn check_sum(&self) -> Result<bool, BoltError> {
        if !self.is_snapshot() {
            return Err(BoltError::NoCheckSum);
        }
        let file = self.own_handle()?;
        // Only advice: it may be ignored.
        let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL);
        let mut context = Context::new(&SHA256);
        let mut buffer = vec![0; STEP];
        let (mut at, end) = (0, self.size().0);
        while at < end {
            let step = buffer.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            read_at(&file, &mut buffer[..step], at)?;
            context.update(&buffer[..step]);
            at += step as u64;
        }
        let mut sum = [0; SHA256_OUTPUT_LEN];
        read_at(&file, &mut sum, end)?;
        Ok(context.finish().as_ref() == sum)
    }

    /// The same file with a read-ahead of its own; a plain copy of the handle
    /// where there is no /proc.
    fn own_handle(&self) -> io::Result<File> {
        let link = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        File::open(link).or_else(|_| self.file.try_clone())
    }
}

fn read_at(file: &File, bytes: &mut [u8], at: u64) -> Result<(), BoltError> {
    file.read_exact_at(bytes, at).map_err(|error| match error.kind() {
        // It was long enough when it was opened.
        io::ErrorKind::UnexpectedEof => BoltError::Changed,
        _ => BoltError::Read(error),
    })
}
