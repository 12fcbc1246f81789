//! In which order a recovery goes: whether the snapshot may be of one member
//! that was made small first, who that is, and whose defragmentation can wait
//! until etcd takes writes again.

use crate::model::{
    Behaviour, Bytes, Equality, Member, MemberId, MemberStatus, QuotaSource, Revision, Scope, Step,
    StepKind, Undo, Wishes, World,
};

use super::{
    plan::{answering, needs_recovery},
    sick,
    stall::stall,
    verdict::{caught_up, nearly_full},
};

/// Somebody and what they say.
pub(super) type Voice<'a> = (&'a Member, &'a MemberStatus);

/// Whether the members have to be asked if they are equal, before anything is
/// decided: reading all of the data is for those to whom it matters.
#[must_use]
pub fn equality_in_question(world: &World, wishes: &Wishes) -> bool {
    let several = answering(world).filter(|(member, _)| !member.learner).count() >= 2;
    wishes.scope == Scope::Recover
        && needs_recovery(world)
        && several
        && !wishes.full_first
        && !wishes.no_snapshot
        && wishes.snapshot.is_none()
}

/// Why everything is saved before anything is changed; `None` where the quick
/// order is as safe: two or more voters that answer, have applied what there
/// is, and hold the same data.
pub(super) fn why_full_first(world: &World, wishes: &Wishes) -> Option<String> {
    if wishes.full_first {
        return Some("as --snapshot full-first says".to_owned());
    }
    let voters: Vec<Voice> = answering(world).filter(|(member, _)| !member.learner).collect();
    if voters.len() < 2 {
        return Some("there is only one copy of the data that answers".to_owned());
    }
    let newest = voters.iter().map(|(_, status)| status.raft_applied_index).max().unwrap_or(0);
    if let Some((member, _)) =
        voters.iter().find(|(_, status)| !caught_up(status.raft_applied_index, newest))
    {
        return Some(format!("{} has not applied everything yet", member.label()));
    }
    if voters.iter().any(|(_, status)| status.row(Behaviour::CrashDuringDefrag).is_some()) {
        return Some("of this etcd release a crash can leave a damaged member".to_owned());
    }
    // Some keep a tombstone at the compacted revision and others drop it, so
    // that equal members may hash unlike after a compaction.
    if voters.windows(2).any(|pair| matches!(pair, [a, b] if a.1.version != b.1.version)) {
        return Some("the members run different etcd releases".to_owned());
    }
    match &world.equality {
        Some(Equality::Proven { members, .. })
            if voters.iter().all(|(member, _)| members.contains(&member.id)) =>
        {
            None
        }
        Some(Equality::Proven { .. }) => {
            Some("not every member's data were compared before".to_owned())
        }
        Some(Equality::Different(who)) => Some(who.clone()),
        Some(Equality::Unknown(why)) => {
            Some(format!("the members could not be proven equal before ({why})"))
        }
        None => Some("the members were not compared before".to_owned()),
    }
}

/// Whether a member has to shrink before the alarm may go: its database is at
/// nine tenths of its quota, or its quota is not known. One that is only assumed
/// may be lower: the first write would raise the alarm again, in each run.
pub(super) fn must_shrink(status: &MemberStatus) -> bool {
    status.quota.source == QuotaSource::Assumed
        || status.quota.limit.is_none_or(|limit| nearly_full(status.db_size, limit))
}

/// Those that have to shrink before the alarm may go, and those that can wait;
/// each in the order given.
pub(super) fn parted<'a>(order: &[Voice<'a>]) -> (Vec<Voice<'a>>, Vec<Voice<'a>>) {
    order.iter().copied().partition(|(_, status)| must_shrink(status))
}

/// Of whom the small snapshot is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Small<'a> {
    /// Of one whose file is small already, as an earlier run left it: nobody is
    /// touched before.
    Already(Voice<'a>),
    /// Of the first one to be defragmented.
    First(Voice<'a>),
}

impl<'a> Small<'a> {
    pub(super) fn voice(self) -> Voice<'a> {
        match self {
            Self::Already(voice) | Self::First(voice) => voice,
        }
    }

    /// Whom the snapshot comes after.
    pub(super) fn first(self) -> Option<MemberId> {
        match self {
            Self::First((member, _)) => Some(member.id),
            Self::Already(_) => None,
        }
    }
}

/// Picks the member for the small snapshot; `None` when nobody has to shrink.
/// This node's own is preferred: nothing goes over the network then, and its
/// disk can be seen from here - unless that disk is in trouble.
pub(super) fn small<'a>(
    world: &World,
    must: &[Voice<'a>],
    can_wait: &[Voice<'a>],
) -> Option<Small<'a>> {
    let first = must.first().copied()?;
    let largest = must.iter().map(|(_, status)| status.db_size).max().unwrap_or_default();
    let smallest = can_wait.iter().chain(must).copied().min_by_key(|(_, status)| status.db_size);
    let bound = as_if_defragmented(world, largest);
    if let Some(voice) = smallest.filter(|(_, status)| status.db_size <= bound) {
        return Some(Small::Already(voice));
    }
    let leader = world.leader();
    let sick = world.sick_disks.iter().any(sick::is_failing);
    let mut followers = must.iter().copied().filter(|(member, _)| Some(member.id) != leader);
    let wanted = followers.find(|(member, _)| member.local != sick);
    Some(Small::First(wanted.unwrap_or(first)))
}

/// The size from which down a file is taken for one that an earlier run, which
/// was ended before its snapshot, has made small. Taken for untouched, another
/// member would be made small in each run that is ended there, until no full
/// copy is left.
///
/// All members apply the same writes, so that their files differ by little; and
/// live data that leave a file less than a tenth smaller are refused before.
fn as_if_defragmented(world: &World, largest: Bytes) -> Bytes {
    match world.live.as_ref().filter(|live| !live.partial) {
        Some(live) => Bytes(live.file_size.0 / 4 * 5).max(Bytes(largest.0 / 2)),
        None => Bytes(largest.0 / 10 * 9),
    }
    .min(Bytes(largest.0 / 10 * 9))
}

/// The step that defragments several followers at the same time.
pub(super) fn together(followers: &[Voice<'_>], revision: Revision) -> Step {
    let names: Vec<String> = followers.iter().map(|(member, _)| member.label()).collect();
    let stalls = followers.iter().map(|(member, status)| stall(member, status).ms);
    Step {
        id: format!("defrag:{}", names.join("+")),
        member: None,
        member_name: names.join(", "),
        endpoint: String::new(),
        kind: StepKind::DefragmentTogether {
            revision,
            members: followers.iter().map(|(member, _)| member.id).collect(),
            expected_stall_ms: stalls.max().unwrap_or_default(),
            names,
            undo: Undo::Elsewhere,
        },
    }
}

/// Why `--parallel` changes nothing.
pub(super) fn not_together(world: &World) -> &'static str {
    match world.has_nospace() {
        true => "--parallel changes nothing: there are no two followers left to do at once",
        false => {
            "--parallel changes nothing: etcd accepts writes, so that members are defragmented one \
             by one"
        }
    }
}

/// About how big the file gets once its history is gone: as the live data were
/// counted, with room to spare; else what is in use now, of which compaction
/// frees more.
pub(super) fn expected(world: &World, status: &MemberStatus) -> Bytes {
    match world.live.as_ref().filter(|live| !live.partial) {
        Some(live) => live.file_size.plus(Bytes(live.file_size.0 / 4)).min(status.db_size),
        None => status.db_size_in_use.min(status.db_size),
    }
}

/// Which order it is, and why it is safe.
pub(super) fn told(world: &World, small: Option<Small<'_>>, why_full: Option<&str>) -> String {
    if let Some(why) = why_full {
        return format!("everything is saved before anything is changed: {why}");
    }
    let equal = match &world.equality {
        Some(Equality::Proven { hash, revision, members }) => format!(
            "the {} members hold the same data (HashKV {hash:08x} at revision {revision})",
            members.len()
        ),
        _ => "the members hold the same data".to_owned(),
    };
    let Some(small) = small else {
        return format!("{equal} and are below their quotas: the alarm goes first");
    };
    let name = small.voice().0.label();
    let untouched: Vec<String> = answering(world)
        .filter(|(member, _)| !member.learner && member.id != small.voice().0.id)
        .map(|(member, _)| member.label())
        .collect();
    let (stay, them) = if untouched.len() == 1 { ("stays", "it") } else { ("stay", "them") };
    let untouched = untouched.join(", ");
    let how = match small {
        Small::Already(_) => format!("{name}, small already, is compared with {untouched}"),
        Small::First(_) => format!(
            "{name} alone is made small while {untouched} {stay} untouched, is proven equal to {them}"
        ),
    };
    format!(
        "quick: {equal}. Compaction drops only history; {how} and saved; only then the others \
         follow. To save everything first, history included: --snapshot full-first"
    )
}

/// Why a member may not be defragmented although a snapshot is still to come;
/// `None` = it may. `touched` are those defragmented in this run.
///
/// Never the last copy: until a verified snapshot is on disk one single member
/// is touched, and another one that has everything stays as it is.
#[must_use]
pub fn no_copy_left(world: &World, member: MemberId, touched: &[MemberId]) -> Option<String> {
    if touched.iter().any(|id| *id != member) {
        return Some("another member was defragmented, and there is no snapshot yet".to_owned());
    }
    let newest =
        answering(world).map(|(_, status)| status.raft_applied_index).max().unwrap_or_default();
    let copies = answering(world).any(|(other, status)| {
        !other.learner && other.id != member && caught_up(status.raft_applied_index, newest)
    });
    (!copies).then(|| "no other member that has everything answers".to_owned())
}
