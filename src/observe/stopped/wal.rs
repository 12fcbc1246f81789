//! etcd's raft log on the disk, read as etcd reads it at its start: up to the
//! first record that is not what was written. Never writes.
//!
//! Source: etcd server/storage/wal/decoder.go: a frame is 8 bytes
//! little-endian (the record's length in the lower 56 bits; the highest bit
//! tells that bits 56 to 58 hold the bytes of padding), the record, the
//! padding. A length of 0 is the preallocated rest of a file. Each record's
//! crc is that of all data so far; each file begins with a record that hands it
//! on.

use std::{
    fs::{self, File},
    io::{self, BufReader, ErrorKind, Read},
    ops::ControlFlow::{self, Break, Continue},
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    crc32c,
    record::{Kind, Record, numbers},
};
use crate::model::order::InOrder;

/// What a power cut writes or does not write as a whole
/// (decoder.go: minSectorSize).
const SECTOR: u64 = 512;

/// The longest record that a cut file is believed to end in: the most that every release
/// of etcd takes (decoder.go: maxWALEntrySizeLimit). A header that claims more was not
/// written so.
const LONGEST: u64 = 10 << 20;

/// Records between two looks at the clock.
const CLOCK_EVERY: u64 = 64;

/// What the raft log tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalRead {
    /// Its files, in order.
    pub files: Vec<PathBuf>,
    /// The first thing that is not what was written: file, offset, what.
    pub damage: Option<String>,
    /// The last record was not written whole: etcd cuts it off at its start.
    pub torn: Option<String>,
    /// The member's id; 0 = not read.
    pub member_id: u64,
    /// The cluster's id; 0 = not read.
    pub cluster_id: u64,
    /// The last entry that was agreed on.
    pub commit: u64,
    /// Index and term of every snapshot it tells of.
    pub snapshots: Vec<(u64, u64)>,
    /// Whether all of it was read.
    pub complete: bool,
    records: u64,
    crc: u32,
}

/// Why a record is none.
enum Fault {
    /// The file ends in it.
    Short,
    /// It claims to be longer than the file.
    TooLong(u64),
    /// No protobuf message.
    NotARecord,
    Crc,
    /// The file does not go on where the one before it ended.
    Chain,
    Kind,
    OtherMember,
    Io(io::Error),
}

impl Fault {
    fn words(&self) -> String {
        match self {
            Self::Short => "ends in the middle: the file is cut there".to_owned(),
            Self::TooLong(length) => {
                format!("claims {length} bytes, more than the file has behind it")
            }
            Self::NotARecord => "is no record of etcd's".to_owned(),
            Self::Crc => "does not have the checksum it was written with".to_owned(),
            Self::Chain => "does not go on where the file before it ends".to_owned(),
            Self::Kind => "is of a type that etcd does not know".to_owned(),
            Self::OtherMember => "is another member's or cluster's".to_owned(),
            Self::Io(error) => format!("cannot be read: {error}"),
        }
    }
}

/// Reads the log in this directory: all of it as far as there is time until
/// `until`; without a time only what tells whose it is.
#[must_use]
pub fn read(directory: &Path, until: Option<Instant>) -> WalRead {
    let mut log = WalRead::default();
    match files(directory) {
        Ok(files) => log.files = files,
        // What cannot be listed is not empty.
        Err(error) => log.damage = Some(format!("{} cannot be read: {error}", directory.display())),
    }
    log.damage = log.damage.or_else(|| until.and_then(|_| gap(&log.files)));
    if log.damage.is_some() {
        return log;
    }
    let files = log.files.clone();
    let mut metadata = Vec::new();
    for (place, path) in files.iter().enumerate() {
        let is_last = place + 1 == files.len();
        if log.file(path, is_last, until, &mut metadata).is_break() {
            return log;
        }
    }
    log.complete = true;
    log
}

/// Its files by number; `*.tmp` and `*.broken` are none. None without the directory.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    match fs::read_dir(directory) {
        Ok(entries) => {
            for entry in entries {
                files.push(entry?.path());
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    files.retain(|path| numbered(path).is_some());
    files.order();
    Ok(files)
}

/// Number and first index in a name (wal/util.go: walName).
fn numbered(path: &Path) -> Option<(u64, u64)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".wal")?;
    super::hex_pair(name)
}

/// etcd takes a file that is missing in between as the log's end.
fn gap(files: &[PathBuf]) -> Option<String> {
    let pairs = files.iter().zip(files.iter().skip(1));
    let number = |path: &Path| numbered(path).map_or(0, |(number, _)| number);
    pairs.into_iter().find(|(one, next)| number(next) != number(one) + 1).map(|(one, next)| {
        let (one, next) = (one.display(), next.file_name().unwrap_or_default().display());
        format!("{one}: the files between it and {next} are missing")
    })
}

impl WalRead {
    /// Index from which the log is there; 0 without one.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.files.first().and_then(|path| numbered(path)).map_or(0, |(_, index)| index)
    }

    fn file(
        &mut self,
        path: &Path,
        is_last: bool,
        until: Option<Instant>,
        metadata: &mut Vec<u8>,
    ) -> ControlFlow<()> {
        let (mut at, mut data) = (0, Vec::new());
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (size, file) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.broken(path, 0, &Fault::Io(error)),
        };
        let mut file = BufReader::with_capacity(1 << 18, file);
        loop {
            self.records += 1;
            let late = self.records.is_multiple_of(CLOCK_EVERY)
                && until.is_some_and(|until| Instant::now() > until);
            if late || (until.is_none() && self.cluster_id != 0) {
                return Break(());
            }
            let fault = match frame(&mut file, at, size, &mut data) {
                Ok(None) => return Continue(()),
                Ok(Some(length)) => {
                    match self.record(data.get(..length).unwrap_or_default(), metadata) {
                        None => {
                            at += 8 + data.len() as u64;
                            continue;
                        }
                        Some(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            let torn = match fault {
                Fault::Short => true,
                // Cut inside its last record; etcd cuts off what is left of that.
                Fault::TooLong(length) => length <= LONGEST,
                Fault::NotARecord | Fault::Crc => is_torn(&data, at + 8),
                _ => false,
            };
            if is_last && torn {
                self.torn = Some(format!(
                    "the last record of {} (at byte {at}) was not written whole",
                    path.display()
                ));
                return Continue(());
            }
            return self.broken(path, at, &fault);
        }
    }

    fn broken(&mut self, path: &Path, at: u64, fault: &Fault) -> ControlFlow<()> {
        let what = format!("{}: the record at byte {at} {}", path.display(), fault.words());
        self.damage = Some(what);
        Break(())
    }

    /// Takes in one record; what is wrong with it.
    fn record(&mut self, bytes: &[u8], metadata: &mut Vec<u8>) -> Option<Fault> {
        let Some(record) = Record::parse(bytes) else { return Some(Fault::NotARecord) };
        if record.kind == Some(Kind::Crc) {
            if self.crc != 0 && record.crc != self.crc {
                return Some(Fault::Chain);
            }
            self.crc = record.crc;
            return None;
        }
        self.crc = crc32c::update(self.crc, record.data);
        if self.crc != record.crc {
            return Some(Fault::Crc);
        }
        let [first, second, third] = match record.kind {
            None => return Some(Fault::Kind),
            Some(Kind::Entry) => return None,
            Some(_) => numbers(record.data),
        };
        match record.kind {
            Some(Kind::Metadata) => {
                if metadata.is_empty() {
                    record.data.clone_into(metadata);
                } else if metadata != record.data {
                    return Some(Fault::OtherMember);
                }
                (self.member_id, self.cluster_id) = (first, second);
            }
            Some(Kind::State) => self.commit = third,
            _ => self.snapshots.push((first, second)),
        }
        None
    }
}

/// Reads a frame; the length of the record in `data`, or `None` at the end.
fn frame(
    file: &mut impl Read,
    at: u64,
    size: u64,
    data: &mut Vec<u8>,
) -> Result<Option<usize>, Fault> {
    data.clear();
    let mut header = [0; 8];
    match fill(file, &mut header)? {
        0 => return Ok(None),
        8 => {}
        _ => return Err(Fault::Short),
    }
    let field = u64::from_le_bytes(header);
    if field == 0 {
        return Ok(None);
    }
    let length = field & ((1 << 56) - 1);
    let padding = if field >> 63 == 1 { field >> 56 & 7 } else { 0 };
    if length > size.saturating_sub(at).saturating_sub(padding) {
        return Err(Fault::TooLong(length));
    }
    data.resize((length + padding) as usize, 0);
    let read = fill(file, data)?;
    if read < data.len() {
        return Err(Fault::Short);
    }
    Ok(Some(length as usize))
}

/// As much as there is.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Fault> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Io(error)),
        }
    }
    Ok(filled)
}

/// Whether a whole sector of it was never written (decoder.go: isTornEntry).
fn is_torn(data: &[u8], at: u64) -> bool {
    let mut rest = data;
    let mut at = at;
    while !rest.is_empty() {
        let (sector, more) = rest.split_at(rest.len().min((SECTOR - at % SECTOR) as usize));
        if sector.iter().all(|byte| *byte == 0) {
            return true;
        }
        at += sector.len() as u64;
        rest = more;
    }
    false
}

#[cfg(test)]
#[path = "wal_tests.rs"]
mod tests;
