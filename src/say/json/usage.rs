//! `usage` as a document: every resource and namespace; of objects as many as
//! were asked for. What the way it was read cannot show is null.

mod groups;

use serde::Serialize;

use self::groups::{AccountAnswer, ObjectAnswer, ResourceAnswer};
use super::{ErrorAnswer, text};
use crate::{
    cli,
    failure::{Exit, Failure},
    model::usage::{DatabaseFile, Filler, Leases, Source, SourceKind, Usage},
    say::usage_order,
};

/// What fills a database.
#[derive(Clone, Debug, Serialize)]
pub struct UsageAnswer {
    source: SourceAnswer,
    revision: i64,
    compact_revision: Option<i64>,
    /// Whether everything was read; when not, the numbers are lower bounds and
    /// `error` says why.
    complete: bool,
    exit_code: u8,
    error: Option<ErrorAnswer>,
    database: Option<DatabaseAnswer>,
    /// What a file with only the live data would take.
    packed_bytes: u64,
    total: AccountAnswer,
    resources: Vec<ResourceAnswer>,
    biggest: Vec<ObjectAnswer>,
    most_rewritten: Option<Vec<ObjectAnswer>>,
    leases: Option<LeasesAnswer>,
    /// How many of the newest revisions `recent_writes` counts in.
    recent_revisions: Option<u64>,
    revisions_per_s: Option<f64>,
    fillers: Vec<FillerAnswer>,
    sentences: Vec<String>,
}

/// Where the numbers come from.
#[derive(Clone, Debug, Serialize)]
struct SourceAnswer {
    /// "snapshot_file", "database_file", "pipe", "snapshot_stream" or "pages".
    kind: &'static str,
    path: Option<String>,
    member: Option<String>,
    /// Why it was read this way.
    why: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct DatabaseAnswer {
    size: u64,
    page_size: u32,
    in_use: u64,
    free: u64,
    checksum_ok: Option<bool>,
}

#[derive(Clone, Debug, Serialize)]
struct LeasesAnswer {
    granted: Option<u64>,
    keys: u64,
    bytes: u64,
    longest_ttl_s: Option<i64>,
}

/// A known cause of a full database.
#[derive(Clone, Debug, Serialize)]
struct FillerAnswer {
    name: &'static str,
    resources: Vec<String>,
    percent: u8,
    bytes: u64,
    keys: u64,
    advice: String,
    /// Our command that deletes it, where that is safe.
    purge: Option<String>,
}

impl UsageAnswer {
    /// The answer to a command line. `failure` is why it is incomplete.
    #[must_use]
    pub fn new(
        usage: &Usage,
        fillers: &[Filler],
        sentences: &[String],
        wanted: &cli::Usage,
        failure: Option<&Failure>,
    ) -> Self {
        let top = usize::from(wanted.top);
        let objects = |all: &[_]| all.iter().take(top).map(ObjectAnswer::from).collect();
        let resource = |one| ResourceAnswer::new(one, usage, wanted);
        Self {
            source: SourceAnswer::from(&usage.source),
            revision: usage.revision.0,
            compact_revision: usage.compacted.map(|revision| revision.0),
            complete: failure.is_none(),
            exit_code: failure.map_or(Exit::Ok, |failure| failure.exit) as u8,
            error: failure.map(ErrorAnswer::from),
            database: usage.database.as_ref().map(DatabaseAnswer::from),
            packed_bytes: usage.packed.0,
            total: AccountAnswer::new(&usage.total, usage),
            resources: usage_order::resources(&usage.resources, wanted.sort)
                .into_iter()
                .map(resource)
                .collect(),
            biggest: objects(&usage.biggest),
            most_rewritten: usage.history.then(|| objects(&usage.most_rewritten)),
            leases: LeasesAnswer::of(usage),
            recent_revisions: usage.history.then_some(usage.recent_revisions),
            revisions_per_s: usage.revisions_per_s,
            fillers: fillers.iter().map(FillerAnswer::from).collect(),
            sentences: sentences.to_vec(),
        }
    }
}

impl From<&Source> for SourceAnswer {
    fn from(source: &Source) -> Self {
        let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Self {
            kind: match source.kind {
                SourceKind::SnapshotFile => "snapshot_file",
                SourceKind::DatabaseFile => "database_file",
                SourceKind::Pipe => "pipe",
                SourceKind::SnapshotStream => "snapshot_stream",
                SourceKind::Pages => "pages",
            },
            path: source.path.as_deref().map(text),
            member: filled(&source.member),
            why: filled(&source.why),
        }
    }
}

impl From<&DatabaseFile> for DatabaseAnswer {
    fn from(file: &DatabaseFile) -> Self {
        Self {
            size: file.size.0,
            page_size: file.page_size,
            in_use: file.in_use.0,
            free: file.size.minus(file.in_use).0,
            checksum_ok: file.checksum,
        }
    }
}

impl LeasesAnswer {
    /// Keys tell which lease they hang on; the leases themselves are only in a
    /// file.
    fn of(usage: &Usage) -> Option<Self> {
        let Leases { granted, keys, bytes, longest_ttl_s } = usage.leases?;
        let seen = usage.database.is_some();
        Some(Self {
            granted: seen.then_some(granted),
            keys,
            bytes,
            longest_ttl_s: seen.then_some(longest_ttl_s),
        })
    }
}

impl From<&Filler> for FillerAnswer {
    fn from(filler: &Filler) -> Self {
        Self {
            name: filler.name,
            resources: filler.resources.clone(),
            percent: filler.percent,
            bytes: filler.bytes,
            keys: filler.keys,
            advice: filler.advice.clone(),
            purge: filler.purge.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
