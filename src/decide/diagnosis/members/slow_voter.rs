//! Which one voter is slow compared with the others. A stall that hit a single
//! fsync names nobody: several must have been slow, and clearly slower than
//! what every other voter saw in the same seconds.

use super::member_numbers::member_numbers;
use crate::model::{
    Member,
    diagnosis::{Examined, MemberView, SlowBy, SlowVoter, Spread},
    order::InOrder,
};

/// Fewer fsyncs than this prove nothing of a voter.
const ENOUGH: u64 = 8;
/// A leader that is very slow leaves its followers with no more than a few.
const FEW: u64 = 3;
/// So many of one voter prove that there was something to sync.
const MANY: u64 = 20;
/// Beyond this a slow fsync counts, milliseconds: etcd's authors want 10, and
/// 8 to 16 is one bucket.
const SLOW_MS: f64 = 16.0;
/// Fsyncs this slow need not be many, milliseconds.
const VERY_SLOW_MS: f64 = 128.0;
/// How many times slower than every other it has to be.
const TIMES: f64 = 2.0;
/// Reads this slow give a voter away whose fsyncs are not known, milliseconds.
const SLOW_READ_MS: f64 = 50.0;

/// A voter that answers.
struct Voter<'a> {
    member: &'a Member,
    view: &'a MemberView,
    /// Fsyncs are told for the whole window.
    tells: bool,
    fsync: Option<Spread>,
}

impl Voter<'_> {
    fn fsyncs(&self) -> u64 {
        self.fsync.as_ref().map_or(0, |spread| spread.n)
    }
}

/// The one voter that is much slower than every other; `None` when there is
/// none, when several are, or when too little is known.
#[must_use]
pub fn slow_voter(examined: &Examined) -> Option<SlowVoter> {
    let world = examined.world.as_ref()?;
    let leader = world.leader();
    let voters: Vec<Voter<'_>> =
        world.voters().filter_map(|member| voter(member, examined)).collect();
    let named =
        |voter: &Voter<'_>, by: SlowBy, takes_ms: Option<f64>, others_take_ms: f64| SlowVoter {
            id: voter.member.id,
            name: voter.member.label(),
            leader: leader == Some(voter.member.id),
            by,
            fsync: voter.fsync.clone().filter(|_| by == SlowBy::Fsync),
            takes_ms,
            others_take_ms,
        };
    voters.iter().enumerate().find_map(|(at, voter)| {
        let others: Vec<&Voter<'_>> = without(&voters, at);
        let mean = |voter: &&Voter<'_>| Some(voter.fsync.as_ref()?.mean_ms);
        let means = median(others.iter().filter_map(mean).collect());
        if by_fsync(voter, &others) {
            return Some(named(voter, SlowBy::Fsync, mean(&voter), means?));
        }
        if stands_still(voter, &others) {
            return Some(named(voter, SlowBy::Standstill, None, means?));
        }
        let (takes_ms, others_take_ms) = by_reads(voter, &others)?;
        Some(named(voter, SlowBy::Reads, Some(takes_ms), others_take_ms))
    })
}

fn voter<'a>(member: &'a Member, examined: &'a Examined) -> Option<Voter<'a>> {
    let view = examined.views.iter().find(|view| view.id == member.id)?;
    let numbers = member_numbers(view);
    let has = |scrape: &Option<crate::model::diagnosis::Scrape>| {
        scrape.as_ref().is_some_and(|page| page.fsync.is_some())
    };
    let tells = has(&view.first) && has(&view.second) && !numbers.restarted;
    Some(Voter { member, view, tells, fsync: numbers.fsync })
}

fn without<'a, 'b>(voters: &'b [Voter<'a>], at: usize) -> Vec<&'b Voter<'a>> {
    let others = voters.iter().enumerate().filter(|(other, _)| *other != at);
    others.map(|(_, voter)| voter).collect()
}

fn by_fsync(voter: &Voter<'_>, others: &[&Voter<'_>]) -> bool {
    let Some(spread) = &voter.fsync else { return false };
    let (over_ms, _) = tail(spread);
    let very_slow = spread.p50.over_ms >= VERY_SLOW_MS;
    let enough = |spread: &Spread| spread.n >= if very_slow { FEW } else { ENOUGH };
    let others = others.iter().filter_map(|other| other.fsync.as_ref());
    let others: Vec<&Spread> = others.filter(|spread| enough(spread)).collect();
    let proven = very_slow || enough(spread);
    let slower = |other: &&Spread| {
        let (_, upto_ms) = tail(other);
        upto_ms.is_some_and(|upto_ms| over_ms >= TIMES * upto_ms)
            && spread.mean_ms >= TIMES * other.mean_ms
    };
    proven && over_ms >= SLOW_MS && !others.is_empty() && others.iter().all(slower)
}

/// It has synced nothing at all, and each of the others a lot.
fn stands_still(voter: &Voter<'_>, others: &[&Voter<'_>]) -> bool {
    let busy = |other: &&Voter<'_>| other.fsyncs() >= MANY;
    voter.tells && voter.fsyncs() == 0 && !others.is_empty() && others.iter().all(busy)
}

/// Its median of linearizable reads and that of the others, when it is slow by
/// them. Reads that are slow without a quorum too are slow on the way.
fn by_reads(voter: &Voter<'_>, others: &[&Voter<'_>]) -> Option<(f64, f64)> {
    let enough = |voter: &Voter<'_>| voter.view.linearizable.millis.len() as u64 >= ENOUGH;
    let quorum =
        |voter: &Voter<'_>| voter.view.linearizable.quantile(0.5).filter(|_| enough(voter));
    let takes_ms = quorum(voter)?;
    let alone = voter.view.serializable.quantile(0.5)?;
    let others: Vec<f64> = others.iter().filter_map(|other| quorum(other)).collect();
    let slower = others.iter().all(|other| takes_ms >= TIMES * other);
    (!voter.tells && slower && takes_ms >= SLOW_READ_MS && takes_ms >= TIMES * alone)
        .then_some((takes_ms, median(others)?))
}

/// The bucket, in milliseconds, that the slowest hundredth of the values
/// reaches, and three values at least.
fn tail(spread: &Spread) -> (f64, Option<f64>) {
    let wanted = (spread.n / 100).max(3).min(spread.n);
    let mut counted = 0;
    for (at, (upto_ms, count)) in spread.buckets.iter().enumerate().rev() {
        counted += count;
        if counted >= wanted {
            let below = at.checked_sub(1).and_then(|below| spread.buckets.get(below));
            let over_ms = below.map_or(Some(spread.p50.over_ms), |(upto_ms, _)| *upto_ms);
            return (over_ms.unwrap_or_default(), *upto_ms);
        }
    }
    (0.0, None)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.order_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
#[path = "slow_voter_tests.rs"]
mod tests;
