//! The log file of a container, read straight from disk, so that it works
//! while the runtime does not answer: the last lines, what is added, and the
//! container before this one.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;

use super::log_line::{Entry, Joiner, LONGEST, LogLine};

/// How often the file is looked at for more.
const POLL: Duration = Duration::from_millis(250);

/// How much is read from the end at first to find the last lines.
const FIRST_WINDOW: u64 = 64 << 10;

/// Most that is read for that; a log without line ends must not fill the
/// memory.
const LARGEST_WINDOW: u64 = 64 << 20;

/// Why a log cannot be read.
#[derive(Debug, Error)]
#[error("cannot read the log {}", .path.display())]
pub struct LogError {
    /// The file.
    pub path: PathBuf,
    /// The kernel's words.
    pub source: io::Error,
}

/// A log that is being read.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    reader: BufReader<File>,
    /// The beginning of a line whose end is not written yet.
    unfinished: Vec<u8>,
    joiner: Joiner,
}

impl LogFile {
    /// Opens a log at its beginning.
    ///
    /// # Errors
    /// The kernel's words.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let file = File::open(path).map_err(|source| error(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::new(file),
            unfinished: Vec::new(),
            joiner: Joiner::default(),
        })
    }

    /// Opens a log so that only its last `lines` lines are left to read. Only
    /// as much as they need is read.
    ///
    /// # Errors
    /// The kernel's words.
    pub fn open_tail(path: &Path, lines: usize) -> Result<Self, LogError> {
        let mut log = Self::open(path)?;
        let start = tail_start(log.reader.get_mut(), lines).map_err(|e| error(path, e))?;
        log.reader.seek(SeekFrom::Start(start)).map_err(|e| error(path, e))?;
        Ok(log)
    }

    /// Opens a log so that its last `bytes` are left to read, without the line
    /// that they cut; and how long it is.
    ///
    /// # Errors
    /// The kernel's words.
    pub fn open_end(path: &Path, bytes: u64) -> Result<(Self, u64), LogError> {
        let mut log = Self::open(path)?;
        let skip_cut = |log: &mut Self| {
            let end = log.reader.seek(SeekFrom::End(0))?;
            let start = end.saturating_sub(bytes);
            log.reader.seek(SeekFrom::Start(start.saturating_sub(1)))?;
            if start > 0 {
                // The byte before tells whether a line is cut at all.
                let mut cut = log.reader.by_ref().take(end - start + 1);
                cut.skip_until(b'\n')?;
            }
            Ok(end)
        };
        let length = skip_cut(&mut log).map_err(|source| error(path, source))?;
        Ok((log, length))
    }

    /// What makes the open file this one and no other: device and inode.
    #[must_use]
    pub fn identity(&self) -> Option<(u64, u64)> {
        self.reader.get_ref().metadata().ok().map(|meta| (meta.dev(), meta.ino()))
    }

    /// Hands every line up to the present end to `each`, until it breaks.
    /// Pieces of a line that is not finished yet are kept.
    ///
    /// # Errors
    /// The kernel's words.
    pub fn read(
        &mut self,
        each: &mut impl FnMut(LogLine) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, LogError> {
        loop {
            let room = LONGEST.saturating_sub(self.unfinished.len()).max(1) as u64;
            let read = (&mut self.reader)
                .take(room)
                .read_until(b'\n', &mut self.unfinished)
                .map_err(|source| error(&self.path, source))?;
            if read == 0 {
                return Ok(ControlFlow::Continue(()));
            }
            if self.unfinished.ends_with(b"\n") || self.unfinished.len() >= LONGEST {
                let entry = Entry::parse(&self.unfinished);
                self.unfinished.clear();
                if let Some(line) = self.joiner.push(entry)
                    && each(line).is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }

    /// Hands over what was begun and never finished, when no more will come.
    pub fn finish(mut self, each: &mut impl FnMut(LogLine) -> ControlFlow<()>) {
        let last = (!self.unfinished.is_empty()).then(|| Entry::parse(&self.unfinished));
        let line = last.and_then(|entry| self.joiner.push(entry));
        for line in line.into_iter().chain(self.joiner.rest()) {
            if each(line).is_break() {
                return;
            }
        }
    }

    /// Reads on for ever, also when the kubelet rotates the file (rename and
    /// a new one) or somebody truncates it; ends when `each` breaks. Drop the
    /// future to stop.
    ///
    /// # Errors
    /// The kernel's words; a file that is gone for a moment is waited for.
    pub async fn follow(
        mut self,
        mut each: impl FnMut(LogLine) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        loop {
            if self.read(&mut each)?.is_break() {
                return Ok(());
            }
            if let Some(next) = self.successor() {
                // What was written between the last read and the rename.
                if self.read(&mut each)?.is_break() {
                    return Ok(());
                }
                self.reader = BufReader::new(next);
                self.unfinished.clear();
                continue;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The file that took this one's place, or this one from its beginning
    /// when it has shrunk.
    fn successor(&mut self) -> Option<File> {
        let now = fs::metadata(&self.path).ok()?;
        let open = self.reader.get_ref().metadata().ok()?;
        let replaced = (now.dev(), now.ino()) != (open.dev(), open.ino());
        let shrunk = self.reader.stream_position().is_ok_and(|at| at > now.len());
        (replaced || shrunk).then(|| File::open(&self.path).ok())?
    }
}

/// The log of the container before this one: `<attempt>.log` with the highest
/// attempt below that of `path`, in the same directory. Older ones may be
/// gone already.
#[must_use]
pub fn previous(path: &Path) -> Option<PathBuf> {
    let attempt = attempt(path)?;
    fs::read_dir(path.parent()?)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| self::attempt(&path).map(|attempt| (attempt, path)))
        .filter(|(older, _)| *older < attempt)
        .max()
        .map(|(_, path)| path)
}

fn attempt(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".log")?.parse().ok()
}

fn error(path: &Path, source: io::Error) -> LogError {
    LogError { path: path.to_owned(), source }
}

/// Where the last `lines` lines begin: reads ever larger windows from the
/// end until one holds enough.
///
/// # Errors
/// The kernel's words.
pub fn tail_start(file: &mut (impl Read + Seek), lines: usize) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut window = FIRST_WINDOW;
    loop {
        let start = end.saturating_sub(window);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.by_ref().take(end - start).read_to_end(&mut bytes)?;
        // The first line of a window is cut, except at the file's beginning.
        let cut = if start == 0 {
            0
        } else {
            bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
        };
        let (found, offset) = last_lines(bytes.get(cut..).unwrap_or_default(), lines);
        if found >= lines || start == 0 || window >= LARGEST_WINDOW {
            return Ok(start + (cut + offset) as u64);
        }
        window = window.saturating_mul(4);
    }
}

/// How many lines (at most `wanted`) end in these bytes, and where the first
/// of them begins. Pieces count with the line they belong to.
fn last_lines(bytes: &[u8], wanted: usize) -> (usize, usize) {
    if wanted == 0 {
        return (0, bytes.len());
    }
    let mut found = 0;
    let mut begin = bytes.len();
    let mut offset = bytes.len();
    for line in bytes.split_inclusive(|byte| *byte == b'\n').rev() {
        if !Entry::parse(line).partial {
            if found == wanted {
                break;
            }
            found += 1;
        }
        offset -= line.len();
        begin = offset;
    }
    (found, begin)
}

#[cfg(test)]
#[path = "log_file_tests.rs"]
mod tests;
