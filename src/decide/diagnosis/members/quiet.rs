//! Whether etcd is so quiet that its fsync times say nothing, and through whom
//! a few writes would change that.

use super::member_numbers::member_numbers;
use crate::model::{
    Behaviour, Member, MemberId, MemberStatus, World,
    diagnosis::{MemberView, Scrape},
};

/// With fewer fsyncs in the window a voter says too little.
const ENOUGH: u64 = 20;

/// A slow voter syncs several writes at once; this many do for it.
const ENOUGH_OF_A_SLOW_ONE: u64 = 8;

/// How many entries are made before that is good enough.
const ENTRIES: u32 = 40;

/// The member to write through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteThrough {
    /// Its id.
    pub id: MemberId,
    /// Its client URL.
    pub endpoint: String,
}

/// Through whom a few entries should be put into the raft log, when `entries`
/// were already; `None` when every voter that tells its fsyncs had enough of
/// them, when none tells, when there is no leader, or when a release with a bug
/// about such entries is among them.
#[must_use]
pub fn write_through(world: &World, views: &[MemberView], entries: u32) -> Option<WriteThrough> {
    let enough = if entries < ENTRIES { ENOUGH } else { ENOUGH_OF_A_SLOW_ONE };
    let quiet = |view: &MemberView| fsyncs(view).is_some_and(|fsyncs| fsyncs < enough);
    let voters: Vec<&Member> = world.voters().filter(|member| member.status.is_ok()).collect();
    let is_voter = |view: &&MemberView| voters.iter().any(|member| member.id == view.id);
    if !views.iter().filter(is_voter).any(quiet) {
        return None;
    }
    if voters.iter().any(|member| suffers(member)) {
        return None;
    }
    let leader = world.leader()?;
    let asked = voters.iter().find(|member| member.id == leader).or(voters.first())?;
    Some(WriteThrough { id: asked.id, endpoint: asked.endpoint.clone() })
}

/// An entry that changes nothing can make it unbootable.
fn suffers(member: &Member) -> bool {
    let row = |status: &MemberStatus| status.row(Behaviour::AlarmTraffic);
    member.status.as_ref().ok().and_then(row).is_some()
}

/// Fsyncs between two scrapes of one process; `None` when that is not known.
fn fsyncs(view: &MemberView) -> Option<u64> {
    let tells = |scrape: &Option<Scrape>| scrape.as_ref().is_some_and(|page| page.fsync.is_some());
    let numbers = member_numbers(view);
    (tells(&view.first) && tells(&view.second) && !numbers.restarted)
        .then(|| numbers.fsync.map_or(0, |spread| spread.n))
}

#[cfg(test)]
#[path = "quiet_tests.rs"]
mod tests;
