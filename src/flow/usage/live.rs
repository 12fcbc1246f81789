//! A live member: its snapshot where there is room for it for a moment, else
//! its keys page by page. No quorum is needed, a member may be down, and an
//! alarm may be on.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{
    super::{
        ended, failures,
        look::{Here, arrive, look, snapshot_places},
        session::Session,
        snapshot,
    },
    Read, file, next, pages,
    spool::Spool,
};
use crate::{
    act, cli,
    cli::ReadHow,
    decide,
    failure::{Exit, Failure},
    model::{AlarmKind, Bytes, Member, usage::SourceKind},
    say::{Progress, ticking},
    wire::Etcd,
};

/// Revisions are counted for this long at least, to have a rate.
const LEAST_SPAN: Duration = Duration::from_secs(1);

/// Reads the member asked for, or the one that minds it least.
pub(super) async fn read(session: &Session, wanted: &cli::Usage) -> Result<Read, Failure> {
    let here = match arrive(session).await {
        Ok(here) => here,
        Err(failure) => return stopped(session, wanted, None, failure).await,
    };
    let world = match look(session, &here).await {
        Ok(world) => world,
        Err(failure) => return stopped(session, wanted, Some(&here), failure).await,
    };
    let member = snapshot::source(session, &world, wanted.member.as_deref(), decide::any_voter)?;
    let dialled = here.access.dial(&member.endpoint).await;
    let etcd = dialled.map_err(|error| failures::step(session, &error))?;
    let clock = Clock::start(&etcd).await;
    let mut read = match wanted.read {
        ReadHow::Pages => by_pages(session, &etcd, member, "as asked (--read pages)").await?,
        ReadHow::Snapshot => {
            let why = "as asked (--read snapshot)";
            match by_snapshot(session, &here, &etcd, member, why).await {
                Ok(read) => read,
                Err(no) => return Err(no.told(session)),
            }
        }
        ReadHow::Auto => by_what_fits(session, &here, &etcd, member).await?,
    };
    read.usage.revisions_per_s = clock.stop(&etcd).await;
    read.quota = member.status.as_ref().ok().and_then(|status| status.quota.limit);
    read.nospace = world.alarms().iter().any(|alarm| alarm.kind == AlarmKind::NoSpace);
    Ok(read)
}

/// Nobody answers: the file of this node's own etcd, when that is down.
async fn stopped(
    session: &Session,
    wanted: &cli::Usage,
    here: Option<&Here>,
    failure: Failure,
) -> Result<Read, Failure> {
    let is_down = here.is_none_or(|here| ended::is_down(&here.node));
    let asked = wanted.member.is_some()
        || wanted.read != ReadHow::Auto
        || !session.settings.endpoints.is_empty();
    if failure.exit == Exit::Unreachable
        && is_down
        && !asked
        && let Some(data_dir) = next::data_dir_with_a_database(session, here).await
    {
        let path = data_dir.join("member/snap/db");
        if let Ok(mut read) = file::read(session, &path).await {
            let why = "no etcd answers: this is the file of this node's stopped etcd";
            session.voice.warn(why);
            read.usage.source.why = why.to_owned();
            return Ok(read);
        }
    }
    Err(next::or_its_file(session, here, failure).await)
}

/// The snapshot shows more; pages always work.
async fn by_what_fits(
    session: &Session,
    here: &Here,
    etcd: &Etcd,
    member: &Member,
) -> Result<Read, Failure> {
    let why = "a snapshot shows the history, too, and there is room for it for a moment";
    let no = match by_snapshot(session, here, etcd, member, why).await {
        Ok(read) => return Ok(read),
        Err(no) => no,
    };
    let why = format!("{}; so the keys are read page by page", no.sentence());
    session.voice.warn(&why);
    by_pages(session, etcd, member, &why).await
}

/// Why there is no snapshot to read.
enum NoSnapshot {
    /// Nothing was asked of etcd.
    NoRoom(String),
    /// It was tried.
    Failed(Failure),
}

impl NoSnapshot {
    fn sentence(&self) -> String {
        match self {
            Self::NoRoom(why) => why.clone(),
            Self::Failed(failure) => failure.what.clone(),
        }
    }

    /// As the end of a run that was to read a snapshot and nothing else.
    fn told(self, session: &Session) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::NoRoom(why) => session.stopped(
                why,
                format!(
                    "name a directory with room: `{}`\nor without any: `{}`",
                    next::ours(session, &session.command, Some("DIR")),
                    next::ours(session, "usage --read pages", None)
                ),
            ),
        }
    }
}

async fn by_snapshot(
    session: &Session,
    here: &Here,
    etcd: &Etcd,
    member: &Member,
    why: &str,
) -> Result<Read, NoSnapshot> {
    let failed = NoSnapshot::Failed;
    let size = member.status.as_ref().map(|status| status.db_size).unwrap_or_default();
    let places = snapshot_places(session, &here.node).await.map_err(failed)?;
    let spool = Spool::find(&places, Some(size)).map_err(NoSnapshot::NoRoom)?;
    let sink = spool.file.handle().map_err(|error| NoSnapshot::NoRoom(error.to_string()))?;
    let label = format!("snapshot from {}", member.label());
    let progress = Progress::bytes(&session.voice, &label, Some(size.0));
    let done = Cell::new(0);
    let show = || progress.at(done.get(), "");
    let streamed = act::stream(etcd, &spool.directory, sink, |bytes: Bytes| {
        done.set(bytes.0);
        show();
    });
    let streamed = ticking(streamed, show).await;
    drop(progress);
    streamed.map_err(|error| failed(failures::snapshot(session, &error)))?;
    let kind = SourceKind::SnapshotStream;
    file::read_spooled(session, &spool, kind, member.label(), why.to_owned()).await.map_err(failed)
}

async fn by_pages(
    session: &Session,
    etcd: &Etcd,
    member: &Member,
    why: &str,
) -> Result<Read, Failure> {
    let usage = pages::read(session, etcd, member, why).await?;
    let incomplete = usage.damage.as_ref().map(|what| {
        Failure::new(Exit::Unreachable, what, failures::UNTOUCHED, format!("`{}`", session.again()))
    });
    Ok(Read { usage, quota: None, nospace: false, incomplete })
}

/// How fast revisions come.
struct Clock {
    began: Option<(Instant, i64)>,
}

impl Clock {
    async fn start(etcd: &Etcd) -> Self {
        Self { began: revision(etcd).await.map(|revision| (Instant::now(), revision)) }
    }

    /// `None` when the member did not tell.
    async fn stop(self, etcd: &Etcd) -> Option<f64> {
        let (began, before) = self.began?;
        tokio::time::sleep(LEAST_SPAN.saturating_sub(began.elapsed())).await;
        let now = revision(etcd).await?;
        Some((now - before).max(0) as f64 / began.elapsed().as_secs_f64())
    }
}

async fn revision(etcd: &Etcd) -> Option<i64> {
    etcd.status().await.ok().map(|answer| answer.status.revision.0)
}
