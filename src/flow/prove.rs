//! The proof that it is over: writes accepted on every member, the alarm off
//! and staying off while writes go on, and equal data everywhere.

use std::time::{Duration, Instant};

use crate::{
    act,
    failure::{Exit, Failure},
    model::{Member, World},
    say::{Progress, human},
    wire::{WireError, WireErrorKind},
};

use super::{
    equal::{Equal, NotEqual, compare},
    failures,
    look::{Here, look},
    record::millis,
    session::Session,
};

/// How long `verify` writes without the alarm coming back.
pub const THOROUGH: Duration = Duration::from_secs(10);
/// The same at the end of a recovery, whose last look comes later still. Each
/// write is held against the quota of the member that takes it before it is
/// accepted, and of every member when it is applied: one that is still over it
/// raises the alarm within that write's round trip (server/etcdserver/api/v3rpc/
/// quota.go and apply.go; 0.3 s were seen from one that was applied elsewhere).
pub const ENOUGH: Duration = Duration::from_millis(250);
/// Between two trial writes: a part of that time, in bounds.
const PARTS: u32 = 25;
const SHORTEST_PACE: Duration = Duration::from_millis(30);
/// A disarm takes a moment to be applied on every member, and after an outage
/// a request may time out or meet a change of leader: each write is tried for
/// this long.
const TRY_FOR: Duration = Duration::from_secs(15);
/// How long NOSPACE may still be answered after the disarm.
const DISARM_SPREADS: Duration = Duration::from_secs(5);

/// Proves that writes are accepted again and stay accepted; the sentence for
/// the report.
pub async fn prove(
    session: &Session,
    here: &Here,
    world: &World,
    quiet: Duration,
) -> Result<String, Failure> {
    let (voters, silent): (Vec<&Member>, Vec<&Member>) =
        world.voters().partition(|member| member.status.is_ok());
    let writes = keep_writing(session, here, &voters, quiet).await?;
    let hash = equal_data(session, here, &voters).await?;
    let mut proof = format!(
        "{writes} writes accepted on {} in {}, no alarm; {hash}",
        members(voters.len()),
        human::duration(quiet)
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

/// The first write after the alarm went, through whichever member takes it;
/// what to say of it. That everybody takes them, and goes on to, is proven at
/// the end.
pub(super) async fn first_write(
    session: &Session,
    here: &Here,
    world: &World,
) -> Result<String, Failure> {
    // This node's own: what the API server here talks to.
    let answering = world.voters().filter(|member| member.status.is_ok());
    let Some(member) = answering.min_by_key(|member| !member.local) else {
        return Ok(String::new());
    };
    write(session, here, member, DISARM_SPREADS).await?;
    let after = is_writable(session);
    Ok(format!("; a write was accepted {} after the start", human::duration(after)))
}

/// Notes when the first write was accepted.
fn is_writable(session: &Session) -> Duration {
    let mut record = session.record_mut();
    let started = record.started;
    Duration::from_millis(*record.writable_after_ms.get_or_insert_with(|| millis(started)))
}

async fn keep_writing(
    session: &Session,
    here: &Here,
    voters: &[&Member],
    quiet: Duration,
) -> Result<usize, Failure> {
    for member in voters {
        write(session, here, member, DISARM_SPREADS).await?;
        is_writable(session);
    }
    let label = "proving that writes stay accepted";
    let pace = (quiet / PARTS).max(SHORTEST_PACE);
    // The last write ends a little later.
    let progress = Progress::time(&session.voice, label, Some(quiet + pace * 3));
    let began = Instant::now();
    let mut writes = voters.len();
    for member in voters.iter().cycle() {
        if began.elapsed() >= quiet {
            break;
        }
        tokio::time::sleep(pace).await;
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
    act::trial_write(&here.access.reach(&member.endpoint).await?).await
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
    match compare(session, here, voters).await {
        Ok(Equal { hash, .. }) => Ok(format!("HashKV {hash:08x} on all {}", members(voters.len()))),
        Err(NotEqual::Different(what)) => Err(failures::different_data(session, what)),
        Err(NotEqual::Unknown(why)) => {
            let what = format!("the members could not be proven equal: {why}");
            Err(failures::unverified(session, what))
        }
    }
}
