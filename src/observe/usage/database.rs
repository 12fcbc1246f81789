//! A database file becomes accounts: its keys in one pass, more when they are
//! many, and beside it the checksum of a snapshot.

use std::{ops::ControlFlow, panic::resume_unwind, thread};

use thiserror::Error;

use crate::{
    model::{
        Bytes, Revision,
        usage::{DatabaseFile, Usage},
    },
    observe::bolt::{BoltError, BoltFile, Record, Walked},
};

use super::{
    accounting::Accounting,
    limits::Limits,
    other_buckets::{compaction, lease_ttl_s},
    row::RawRow,
};

/// How far reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of rows seen in this pass.
    pub read: Bytes,
    /// The size of the database, which free pages are in, too: `read` may end
    /// well below it.
    pub size: Bytes,
    /// This pass, from 1 on.
    pub pass: u64,
    /// Passes, as far as is known by now.
    pub passes: u64,
}

/// Why a file tells nothing.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It cannot be read, or is no database.
    #[error(transparent)]
    File(#[from] BoltError),
    /// A snapshot that is not what etcd sent.
    #[error(
        "its checksum is wrong: the snapshot was changed or damaged since it was written; \
         take another one"
    )]
    Checksum,
    /// A bbolt file of something else.
    #[error("a bbolt database, but not etcd's: it has no bucket `key`")]
    NotEtcd,
}

/// Rows between two calls of `progress`.
const TELL_EVERY: u64 = 4096;

/// Reads what fills a database. It takes the time of reading all of it once,
/// and memory within `limits`. `progress` is called now and then. Who calls
/// says where the file is from: `Usage::source` is left empty.
///
/// What is damaged is left out and told in `Usage::damage`.
///
/// # Errors
/// Nothing can be read of it, or it is not what was once written.
pub fn read_database(
    file: &BoltFile,
    limits: Limits,
    progress: &mut dyn FnMut(Progress),
) -> Result<Usage, ReadError> {
    thread::scope(|scope| {
        let sum = file.is_snapshot().then(|| scope.spawn(|| file.check_sum()));
        let usage = read(file, limits, progress);
        let sum = sum.map(|sum| sum.join().unwrap_or_else(|panic| resume_unwind(panic)));
        judged(usage, sum)
    })
}

/// A wrong checksum explains whatever else is wrong; one that cannot be read
/// leaves what could be.
fn judged(
    usage: Result<Usage, ReadError>,
    sum: Option<Result<bool, BoltError>>,
) -> Result<Usage, ReadError> {
    let checksum = match sum {
        None => None,
        Some(Ok(true)) => Some(true),
        Some(Ok(false)) => return Err(ReadError::Checksum),
        Some(Err(BoltError::Changed)) => return Err(BoltError::Changed.into()),
        Some(Err(error)) => {
            let mut usage = usage?;
            let damage = format!("its checksum could not be compared: {error}");
            usage.damage = Some(usage.damage.map_or(damage.clone(), |d| format!("{d}; {damage}")));
            return Ok(usage);
        }
    };
    let mut usage = usage?;
    if let Some(database) = &mut usage.database {
        database.checksum = checksum;
    }
    Ok(usage)
}

fn read(
    file: &BoltFile,
    limits: Limits,
    progress: &mut dyn FnMut(Progress),
) -> Result<Usage, ReadError> {
    let mut found = Found::default();
    let mut compacted = None;
    found.walk(file, b"meta", &mut |record| compacted = compacted.max(compaction(&record)));
    let (mut granted, mut longest) = (0, 0);
    found.walk(file, b"lease", &mut |record| {
        if let Some(ttl_s) = lease_ttl_s(&record) {
            granted += 1;
            longest = longest.max(ttl_s);
        }
    });
    for bucket in SMALL_BUCKETS {
        found.walk(file, bucket, &mut |_| {});
    }
    let mut accounting = Accounting::new(limits, compacted.map(Revision));
    found.add(keys(file, &mut accounting, progress)?);
    while accounting.another_pass() {
        keys(file, &mut accounting, progress)?;
    }
    let mut usage = accounting.finish();
    if let Some(leases) = &mut usage.leases {
        (leases.granted, leases.longest_ttl_s) = (granted, longest);
    }
    let in_use = found.in_use(file);
    found.damage.extend(usage.damage.take());
    usage.damage = (!found.damage.is_empty()).then(|| found.damage.join("; "));
    usage.database = Some(DatabaseFile {
        size: file.size(),
        page_size: file.page_size(),
        in_use,
        checksum: None,
    });
    Ok(usage)
}

/// etcd's other buckets; a page each, or a part of one.
const SMALL_BUCKETS: [&[u8]; 7] =
    [b"alarm", b"auth", b"authRoles", b"authUsers", b"cluster", b"members", b"members_removed"];

/// One pass over the rows of all keys.
fn keys(
    file: &BoltFile,
    accounting: &mut Accounting,
    progress: &mut dyn FnMut(Progress),
) -> Result<Walked, ReadError> {
    let (mut rows, mut read) = (0_u64, 0);
    let mut tell = |read, accounting: &Accounting| {
        let (pass, passes) = accounting.passes();
        progress(Progress { read: Bytes(read), size: file.size(), pass, passes });
    };
    let walked = file.walk_back(b"key", &mut |record: Record<'_>| {
        accounting.row(RawRow {
            key: record.key,
            head: record.head,
            tail: record.tail,
            value_len: record.value_len,
        });
        // The header of an element is 16 bytes.
        read += 16 + record.key.len() as u64 + record.value_len;
        rows += 1;
        if rows.is_multiple_of(TELL_EVERY) {
            tell(read, accounting);
        }
        ControlFlow::Continue(())
    })?;
    tell(read, accounting);
    if walked.found { Ok(walked) } else { Err(ReadError::NotEtcd) }
}

/// What the walks tell of the file.
#[derive(Debug, Default)]
struct Found {
    pages: u64,
    damage: Vec<String>,
}

impl Found {
    fn add(&mut self, walked: Walked) {
        self.pages += walked.pages.saturating_sub(1);
        self.damage.extend(walked.damage);
    }

    /// Walks one of the small buckets. That it cannot be found is damage, and
    /// the keys may still be there.
    fn walk(&mut self, file: &BoltFile, bucket: &[u8], visit: &mut dyn FnMut(Record<'_>)) {
        let walked = file.walk_back(bucket, &mut |record| {
            visit(record);
            ControlFlow::Continue(())
        });
        match walked {
            Ok(walked) => self.add(walked),
            Err(error) => self.damage.push(error.to_string()),
        }
    }

    /// Pages that hold something: those of the buckets, the page of the tree of
    /// buckets that each walk began at, and the two meta pages.
    fn in_use(&self, file: &BoltFile) -> Bytes {
        Bytes((self.pages + 3) * u64::from(file.page_size()))
    }
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
