//! Whether members hold the same data: HashKV of each at one revision. Judges
//! nothing else, and changes nothing.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::{
    decide::{self, KvFingerprint, Unequal},
    model::{AlarmKind, Equality, Member, MemberId, Revision, Wishes, World, order::InOrder},
    say::{Progress, ticking},
    wire::{Etcd, WireError},
};

use super::{look::Here, session::Session};

/// HashKV reads every key and value of the member.
const HASHING: Duration = Duration::from_secs(5 * 60);
/// Tries, of which every other one is for the hashes of now.
const TRIES: u32 = 6;
/// Before the third and every later try: somebody is writing.
const PAUSE: Duration = Duration::from_millis(100);

/// What comparing before anything is changed may take whatever the size, and
/// the bytes a second of slow disks. It is not lost: compaction reads the same
/// pages, and finds them in memory then. On slower disks a full snapshot takes
/// hardly longer, and is more.
const PATIENCE: Duration = Duration::from_secs(5);
const SLOW: u64 = 50_000_000;

/// They are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equal {
    /// Their hash.
    pub hash: u32,
    /// The revision it was made at.
    pub revision: Revision,
}

/// They are not, or it cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotEqual {
    /// Who has which hash, one sentence.
    Different(String),
    /// Why, one sentence.
    Unknown(String),
}

/// Compares what these members hold.
///
/// # Errors
/// As `NotEqual` tells.
pub async fn compare(
    session: &Session,
    here: &Here,
    members: &[&Member],
) -> Result<Equal, NotEqual> {
    let mut problem = "no member was asked".to_owned();
    let mut different = None;
    // "Now" is comparable when nobody writes, and a revision when somebody
    // does. So each is tried in turn, also because the API server's own
    // compaction may fall in between.
    let mut compacted = None;
    for attempt in 0..TRIES {
        if attempt > 1 {
            tokio::time::sleep(PAUSE * attempt).await;
        }
        let above = compacted.filter(|_| attempt % 2 == 1);
        match fingerprints(session, here, members, above).await {
            Ok(prints) => {
                if prints.iter().all(|print| print.now) {
                    compacted = prints.iter().map(|print| print.compact_revision).max();
                }
                match decide::hashes_agree(&prints) {
                    Ok(()) => return Ok(agreed(session, members, &prints)),
                    Err(Unequal::Different) => different = Some(differ(&prints, members)),
                    Err(Unequal::Incomparable(why)) => problem = why,
                }
            }
            Err(error) => problem = error.to_string(),
        }
    }
    Err(different.map_or(NotEqual::Unknown(problem), NotEqual::Different))
}

/// Notes the hashes for the report.
fn agreed(session: &Session, members: &[&Member], prints: &[KvFingerprint]) -> Equal {
    let each = members.iter().zip(prints);
    let hashes = each.map(|(member, print)| (member.label(), print.hash));
    session.record_mut().set_hashes(hashes.collect());
    let first = prints.first();
    Equal {
        hash: first.map_or(0, |print| print.hash),
        revision: first.map_or(Revision(0), |print| print.revision),
    }
}

/// Who has which hash.
fn differ(prints: &[KvFingerprint], members: &[&Member]) -> String {
    let hashes: Vec<String> = members
        .iter()
        .zip(prints)
        .map(|(member, print)| format!("{} {:08x}", member.label(), print.hash))
        .collect();
    format!("the members hold different data: HashKV is {}", hashes.join(", "))
}

/// Hashes every member: now, or at the revision all of them have when that is
/// beyond `above`, where they were compacted.
///
/// At exactly the compacted revision no hash proves anything: 3.4 refuses, and
/// 3.5 and 3.6 repeat what they hashed while that compaction ran, which says
/// nothing of a file that was rewritten since (server/storage/mvcc/hash.go,
/// HashByRev; seen on 3.5.16: the same answer after a defragmentation).
async fn fingerprints(
    session: &Session,
    here: &Here,
    members: &[&Member],
    above: Option<i64>,
) -> Result<Vec<KvFingerprint>, WireError> {
    let progress = Progress::time(&session.voice, "comparing the members' data", None);
    let mut channels = Vec::new();
    let mut least: Option<Revision> = None;
    for member in members {
        let etcd = here.access.reach(&member.endpoint).await?;
        if above.is_some() {
            let own = etcd.status().await?.status.revision;
            least = Some(least.map_or(own, |least| least.min(own)));
        }
        channels.push((member.id, etcd));
    }
    let at = least.filter(|least| above.is_some_and(|above| least.0 > above));
    let show = || progress.tick("HashKV");
    // A member that is hashed commits nothing meanwhile. Where writes are refused
    // anyway all are hashed at once; else one by one, so that the others go on.
    if !members.iter().any(|member| refuses_writes(member)) {
        let mut prints = Vec::new();
        for (member, etcd) in channels {
            prints.push(ticking(fingerprint(&etcd, member, at), show).await?);
        }
        return Ok(prints);
    }
    let mut asked = JoinSet::new();
    for (place, (member, etcd)) in channels.into_iter().enumerate() {
        asked.spawn(async move { (place, fingerprint(&etcd, member, at).await) });
    }
    let mut prints = ticking(asked.join_all(), show).await;
    prints.order_by_key(|(place, _)| *place);
    prints.into_iter().map(|(_, print)| print).collect()
}

fn refuses_writes(member: &Member) -> bool {
    let alarms = member.status.as_ref().map_or(&[][..], |status| &status.alarms);
    alarms.iter().any(|alarm| alarm.kind == AlarmKind::NoSpace)
}

async fn fingerprint(
    etcd: &Etcd,
    member: MemberId,
    at: Option<Revision>,
) -> Result<KvFingerprint, WireError> {
    let answer = etcd.hash_kv(member, at.unwrap_or(Revision(0)), HASHING).await?;
    Ok(KvFingerprint {
        member,
        hash: answer.hash,
        compact_revision: answer.compact_revision.0,
        now: at.is_none(),
        revision: at.unwrap_or(answer.revision),
    })
}

/// Whether the voters are equal before anything is changed; `None` where that
/// decides nothing.
pub async fn equality(
    session: &Session,
    here: &Here,
    world: &World,
    wishes: &Wishes,
) -> Option<Equality> {
    if !decide::equality_in_question(world, wishes) || !decide::refusals(world, wishes).is_empty() {
        return None;
    }
    let voters: Vec<&Member> = world.voters().filter(|member| member.status.is_ok()).collect();
    let sizes = voters.iter().filter_map(|member| Some(member.status.as_ref().ok()?.db_size.0));
    let patience = PATIENCE + Duration::from_secs(sizes.max().unwrap_or(0) / SLOW);
    let began = Instant::now();
    let compared = tokio::time::timeout(patience, compare(session, here, &voters)).await;
    Some(match compared {
        Ok(Ok(Equal { hash, revision })) => {
            let members = voters.iter().map(|member| member.id).collect();
            Equality::Proven { hash, revision, members }
        }
        Ok(Err(NotEqual::Different(who))) => Equality::Different(who),
        Ok(Err(NotEqual::Unknown(why))) => Equality::Unknown(why),
        Err(_) => Equality::Unknown(format!("it took longer than {} s", began.elapsed().as_secs())),
    })
}
