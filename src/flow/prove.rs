//! The proof that it is over: writes accepted on every member, the alarm off
//! and staying off while writes go on, and equal data everywhere.

use std::time::{Duration, Instant};

use crate::{
    act,
    decide::{self, KvFingerprint, Unequal},
    failure::{Exit, Failure},
    model::{Member, Revision, World},
    say::{Progress, human},
    wire::{WireError, WireErrorKind},
};

use super::{
    failures,
    look::{Here, look},
    record::millis,
    session::Session,
};

/// Accepted writes must go on this long without the alarm coming back: a
/// member that is still over quota raises it within a second of the first
/// write it applies.
const QUIET: Duration = Duration::from_secs(10);
/// Between two trial writes.
const PACE: Duration = Duration::from_millis(400);
/// A disarm takes a moment to be applied on every member, and after an outage
/// a request may time out or meet a change of leader: each write is tried for
/// this long.
const TRY_FOR: Duration = Duration::from_secs(15);
/// How long NOSPACE may still be answered after the disarm.
const DISARM_SPREADS: Duration = Duration::from_secs(5);

/// HashKV reads every key and value of the member.
const HASHING: Duration = Duration::from_secs(5 * 60);

/// Proves that writes are accepted again and stay accepted; the sentence for
/// the report.
pub async fn prove(session: &Session, here: &Here, world: &World) -> Result<String, Failure> {
    let (voters, silent): (Vec<&Member>, Vec<&Member>) =
        world.voters().partition(|member| member.status.is_ok());
    let writes = keep_writing(session, here, &voters).await?;
    let hash = equal_data(session, here, &voters).await?;
    let mut proof = format!(
        "{writes} writes accepted on {} in {}, no alarm; {hash}",
        members(voters.len()),
        human::duration(QUIET)
    );
    if !silent.is_empty() {
        let names: Vec<String> = silent.iter().map(|member| member.label()).collect();
        proof.push_str(&format!("; nothing is known of {}", names.join(", ")));
    }
    Ok(proof)
}

fn members(count: usize) -> String {
    if count == 1 { "1 member".to_owned() } else { format!("{count} members") }
}

async fn keep_writing(
    session: &Session,
    here: &Here,
    voters: &[&Member],
) -> Result<usize, Failure> {
    for member in voters {
        write(session, here, member, DISARM_SPREADS).await?;
        let mut record = session.record_mut();
        if record.writable_after_ms.is_none() {
            record.writable_after_ms = Some(millis(record.started));
        }
    }
    let label = "proving that writes stay accepted";
    // The last write ends a little later.
    let progress = Progress::time(&session.voice, label, Some(QUIET + PACE * 3));
    let began = Instant::now();
    let mut writes = voters.len();
    for member in voters.iter().cycle() {
        if began.elapsed() >= QUIET {
            break;
        }
        tokio::time::sleep(PACE).await;
        write(session, here, member, Duration::ZERO).await?;
        writes += 1;
        progress.tick(&format!("{writes} writes accepted"));
    }
    let world = look(session, here).await.map_err(unverified)?;
    if let Some(alarm) = world.alarms().first() {
        return Err(failures::unverified(
            session,
            format!("{} is on again after {writes} accepted writes", alarm.kind),
        ));
    }
    session.record_mut().after = Some(world);
    Ok(writes)
}

/// What was done stays done: a failing proof is not a failing step.
fn unverified(failure: Failure) -> Failure {
    Failure { exit: Exit::Unverified, ..failure }
}

async fn trial(here: &Here, member: &Member) -> Result<(), WireError> {
    act::trial_write(&here.access.dial(&member.endpoint).await?).await
}

/// One accepted write; NOSPACE is an answer, not trouble that passes, unless
/// the disarm is younger than `spreads`.
async fn write(
    session: &Session,
    here: &Here,
    member: &Member,
    spreads: Duration,
) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let error = match trial(here, member).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let patience = match error.kind {
            WireErrorKind::NoSpace => spreads,
            WireErrorKind::Corrupt => Duration::ZERO,
            _ => TRY_FOR,
        };
        if began.elapsed() >= patience {
            return Err(not_accepted(session, member, &error));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn not_accepted(session: &Session, member: &Member, error: &WireError) -> Failure {
    let what = if error.kind == WireErrorKind::NoSpace {
        format!("{} refuses writes: NOSPACE is still on, or on again", member.label())
    } else {
        format!("{} does not accept a write: {error}", member.label())
    };
    failures::unverified(session, what)
}

/// Compares HashKV of every voter at one revision; the sentence for the
/// report.
pub async fn equal_data(
    session: &Session,
    here: &Here,
    voters: &[&Member],
) -> Result<String, Failure> {
    if voters.len() < 2 {
        return Ok("one member, nothing to compare".to_owned());
    }
    let mut problem = String::new();
    let mut different = None;
    // At exactly the compacted revision, where a quiet cluster is after a
    // recovery, no release gives a comparable hash (3.4 refuses, 3.5 answers
    // -1); "now" is comparable when nobody writes. So each is tried in turn,
    // also because the API server's own compaction may fall in between.
    for attempt in 0..6 {
        if attempt > 1 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        match fingerprints(session, here, voters, attempt % 2 == 0).await {
            Ok(prints) => match decide::hashes_agree(&prints) {
                Ok(()) => {
                    let hash = prints.first().map_or(0, |print| print.hash);
                    let each = voters.iter().zip(&prints);
                    let hashes = each.map(|(member, print)| (member.label(), print.hash));
                    session.record_mut().set_hashes(hashes.collect());
                    return Ok(format!("HashKV {hash:08x} on all {}", members(voters.len())));
                }
                Err(Unequal::Different) => different = Some(differ(&prints, voters)),
                Err(Unequal::Incomparable(why)) => problem = why,
            },
            Err(error) => problem = error.to_string(),
        }
    }
    Err(match different {
        Some(what) => failures::different_data(session, what),
        None => {
            let what = format!("the members could not be proven equal: {problem}");
            failures::unverified(session, what)
        }
    })
}

/// Who has which hash.
fn differ(prints: &[KvFingerprint], voters: &[&Member]) -> String {
    let hashes: Vec<String> = voters
        .iter()
        .zip(prints)
        .map(|(member, print)| format!("{} {:08x}", member.label(), print.hash))
        .collect();
    format!("the members hold different data: HashKV is {}", hashes.join(", "))
}

/// Hashes every voter: now, or at the revision all of them have.
async fn fingerprints(
    session: &Session,
    here: &Here,
    voters: &[&Member],
    now: bool,
) -> Result<Vec<KvFingerprint>, WireError> {
    let progress = Progress::time(&session.voice, "comparing the members' data", None);
    let mut channels = Vec::new();
    let mut lowest = None;
    for member in voters {
        let etcd = here.access.dial(&member.endpoint).await?;
        let own = etcd.status().await?.status.revision;
        lowest = Some(lowest.map_or(own, |lowest: Revision| lowest.min(own)));
        channels.push((member.id, etcd));
    }
    let at = if now { Revision(0) } else { lowest.unwrap_or_default() };
    let mut prints = Vec::new();
    for (member, etcd) in channels {
        progress.tick("HashKV");
        let answer = etcd.hash_kv(at, HASHING).await?;
        prints.push(KvFingerprint {
            member,
            hash: answer.hash,
            compact_revision: answer.compact_revision.0,
            now,
            revision: if now { answer.revision } else { at },
        });
    }
    Ok(prints)
}
