//! A hundred fdatasyncs on the present disk and on the target, side by side.

use std::{path::Path, time::Duration};

use crate::{
    act::fsync_probe,
    decide,
    failure::Failure,
    flow::session::Session,
    model::{
        Obstacle, RelocationTarget,
        diagnosis::{ProbeRefusal, ProbeRun},
    },
    say::{Progress, json::SyncAnswer, ticking},
};

use super::troubles;

/// Beyond its own end of 4 s: a disk may take its time for the last sync.
const PATIENCE: Duration = Duration::from_secs(12);

/// The two 99th percentiles, and a sentence when the target is the slower one.
///
/// # Errors
/// When the target does not answer.
pub(super) async fn measure(
    session: &Session,
    seen: &RelocationTarget,
) -> Result<(SyncAnswer, Option<String>), Failure> {
    let target = &seen.target.directory;
    let there = if seen.missing { target.parent().unwrap_or(target) } else { target };
    let from = probe(session, &seen.data.directory).await;
    let to = probe(session, there).await;
    if let Err(refusal) = &to
        && refusal.why.contains("did not come back")
    {
        return Err(troubles::in_the_way(&[hangs(target, &refusal.why)]));
    }
    let [from, to] = [from, to].map(|run| p99(session, run));
    let slower = from.zip(to).and_then(|(from, to)| decide::slower_sync(from, to));
    Ok((SyncAnswer { from_p99_ms: from, to_p99_ms: to }, slower))
}

async fn probe(session: &Session, directory: &Path) -> Result<ProbeRun, ProbeRefusal> {
    let label = format!("measuring fdatasync in {}", directory.display());
    let progress = Progress::time(&session.voice, &label, None);
    let work = fsync_probe::quick_probe(directory, PATIENCE);
    ticking(work, || progress.tick("a hundred small writes")).await
}

fn p99(session: &Session, run: Result<ProbeRun, ProbeRefusal>) -> Option<f64> {
    match run {
        Ok(run) => run.syncs.quantile(0.99),
        Err(refusal) => {
            session.voice.warn(&format!("fdatasync was not measured: {}", refusal.why));
            None
        }
    }
}

fn hangs(target: &Path, why: &str) -> Obstacle {
    Obstacle {
        what: format!("{}: {why}", target.display()),
        next:
            "a disk that hangs is none for etcd: look at it with `dmesg | tail`, and take another"
                .to_owned(),
    }
}
