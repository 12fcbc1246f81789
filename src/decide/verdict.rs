//! Before and after: whether a step did what it was for.

use crate::model::{
    Alarm, AlarmKind, Bytes, Member, MemberId, Refusal, RefusalKind, Revision, World,
};

/// What became of one defragmentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefragVerdict {
    /// The file is about as small as its content.
    Small,
    /// Much of the file is still old revisions or free pages: compaction had
    /// not settled. Settle and defragment again.
    Again(String),
}

/// Sizes this close are the same for us: bolt grows a file in steps, and
/// small databases are mostly page overhead.
const NOISE: Bytes = Bytes(8 << 20);

/// Judges a member right after its defragmentation. `smallest_sibling` is the
/// smallest database among members already defragmented in this run: all
/// members hold the same data, so a much larger one was copied too early.
#[must_use]
pub fn defrag_verdict(
    db_size: Bytes,
    db_size_in_use: Bytes,
    smallest_sibling: Option<Bytes>,
) -> DefragVerdict {
    let free = db_size.minus(db_size_in_use);
    if free > NOISE && free.0 > db_size.0 / 4 {
        return DefragVerdict::Again(format!("{free} of {db_size} is free again already"));
    }
    if let Some(sibling) = smallest_sibling
        && much_larger(db_size, sibling)
    {
        return DefragVerdict::Again(format!(
            "{db_size}, although the same data take {sibling} on another member"
        ));
    }
    DefragVerdict::Small
}

/// Whether a file holds much that the same data do not need on another member.
fn much_larger(db_size: Bytes, sibling: Bytes) -> bool {
    db_size.minus(sibling) > NOISE && db_size.0 > sibling.0.saturating_mul(3) / 2
}

/// A sentence for when nothing else is to be done, about members that were
/// left as they are, as by a run that was ended after the alarm had gone; empty
/// when all are about equally large.
pub(super) fn still_large(world: &World) -> String {
    let sizes = || {
        let voters = world.voters();
        voters.filter_map(|member| Some((member, member.status.as_ref().ok()?.db_size)))
    };
    let Some((small, least)) = sizes().min_by_key(|(_, size)| *size) else {
        return String::new();
    };
    let large: Vec<(&Member, Bytes)> =
        sizes().filter(|(_, size)| much_larger(*size, least)).collect();
    let Some((_, most)) = large.iter().max_by_key(|(_, size)| *size) else {
        return String::new();
    };
    let names: Vec<String> = large.iter().map(|(member, _)| member.label()).collect();
    let asked: String = names.iter().map(|name| format!(" --member {name}")).collect();
    format!(
        ". The same data take up to {most} on {} and {least} on {}: `etcd-rescue defrag{asked}` \
         makes the file small",
        names.join(", "),
        small.label()
    )
}

/// Whether a database is at nine tenths of its quota: it will be full soon.
#[must_use]
pub fn nearly_full(db_size: Bytes, quota: Bytes) -> bool {
    db_size.0 >= quota.0 / 10 * 9
}

/// Whether a member's database is nearly full; unknown is no.
#[must_use]
pub fn is_nearly_full(member: &Member) -> bool {
    member.status.as_ref().is_ok_and(|status| {
        status.quota.limit.is_some_and(|limit| nearly_full(status.db_size, limit))
    })
}

/// Whether a member has applied what the leader has, give or take what a
/// living cluster writes between two looks.
#[must_use]
pub fn caught_up(applied: u64, leader_index: u64) -> bool {
    leader_index.saturating_sub(applied) <= 50
}

/// Why the alarm may not be disarmed yet; empty = it may.
#[must_use]
pub fn disarm_refusals(world: &World) -> Vec<Refusal> {
    let over = world.members.iter().filter_map(|member| {
        let status = member.status.as_ref().ok()?;
        let limit = status.quota.limit?;
        status.quota.is_exceeded_by(status.db_size).then(|| Refusal {
            kind: RefusalKind::StillOverQuota,
            flag: None,
            what: format!(
                "{}: {} is still not under its quota of {limit}; the first write would raise the \
                 alarm again",
                member.label(),
                status.db_size
            ),
            next: "run `etcd-rescue recover`, which compacts and defragments first; if it stays \
                   this big, the data themselves exceed the quota: see what fills it with \
                   `etcd-rescue usage` and delete that, or raise the quota on every master with \
                   `etcd-rescue prevent --quota SIZE`; then run it again"
                .to_owned(),
        })
    });
    let corrupt = world.alarms().into_iter().filter(|alarm| alarm.kind != AlarmKind::NoSpace);
    corrupt
        .map(|Alarm { kind, .. }| Refusal {
            kind: RefusalKind::Corrupt,
            flag: None,
            what: format!("a {kind} alarm is on"),
            next: "find out which member is damaged before anything is disarmed".to_owned(),
        })
        .chain(over)
        .collect()
}

/// One member's HashKV answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvFingerprint {
    /// Whose.
    pub member: MemberId,
    /// CRC of the keys and values.
    pub hash: u32,
    /// The member's compaction revision; only equal ones can be compared.
    pub compact_revision: i64,
    /// Whether it was asked for "now" instead of at a revision. Asked for a
    /// revision, -1 is 3.5's answer at exactly the compacted one and compares
    /// with nothing; asked for now, it means never compacted.
    pub now: bool,
    /// The revision the hash covers.
    pub revision: Revision,
}

/// Why fingerprints do not prove that the members are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unequal {
    /// They tell nothing, for instance because they are of different moments;
    /// a sentence for people.
    Incomparable(String),
    /// They prove that the members differ.
    Different,
}

/// `Ok` when every fingerprint is the same.
///
/// # Errors
/// As `Unequal` tells.
pub fn hashes_agree(prints: &[KvFingerprint]) -> Result<(), Unequal> {
    use Unequal::Incomparable;
    let Some(first) = prints.first() else {
        return Err(Incomparable("no member answered HashKV".to_owned()));
    };
    for print in prints {
        if print.compact_revision < 0 && !print.now {
            let text = format!("member {} was compacted at this very revision", print.member);
            return Err(Incomparable(text));
        }
        if print.revision != first.revision {
            return Err(Incomparable(format!(
                "members {} and {} were hashed at different revisions ({} and {})",
                first.member, print.member, first.revision, print.revision
            )));
        }
        if print.compact_revision != first.compact_revision {
            return Err(Incomparable(format!(
                "members {} and {} are compacted at different revisions ({} and {})",
                first.member, print.member, first.compact_revision, print.compact_revision
            )));
        }
    }
    let same = prints.iter().all(|print| print.hash == first.hash);
    if same { Ok(()) } else { Err(Unequal::Different) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn mib(n: u64) -> Bytes {
        Bytes(n << 20)
    }

    #[test]
    fn a_bloated_member_is_not_shrugged_off() {
        assert_eq!(defrag_verdict(mib(1), mib(1), None), DefragVerdict::Small);
        assert_eq!(defrag_verdict(mib(20), mib(19), Some(mib(20))), DefragVerdict::Small);
        assert!(matches!(
            defrag_verdict(mib(1900), mib(1890), Some(mib(20))),
            DefragVerdict::Again(_)
        ));
        assert!(matches!(defrag_verdict(mib(326), mib(5), None), DefragVerdict::Again(_)));
    }

    #[test]
    fn hashes_compare_only_at_one_compaction() {
        let print = |member, hash, compact_revision| KvFingerprint {
            member: MemberId(member),
            hash,
            compact_revision,
            now: false,
            revision: Revision(10),
        };
        assert_eq!(hashes_agree(&[print(1, 7, 9), print(2, 7, 9)]), Ok(()));
        let differ = [print(1, 7, 9), print(2, 8, 9)];
        assert_eq!(hashes_agree(&differ), Err(Unequal::Different));
        let unlike = [print(1, 7, 9), print(2, 8, 9), print(3, 7, 8)];
        assert!(matches!(hashes_agree(&unlike), Err(Unequal::Incomparable(_))));
        assert!(hashes_agree(&[print(1, 7, -1), print(2, 7, -1)]).is_err());
        let now = |member| KvFingerprint { now: true, ..print(member, 7, -1) };
        assert_eq!(hashes_agree(&[now(1), now(2)]), Ok(()), "never compacted");
        let later = KvFingerprint { revision: Revision(11), ..print(2, 7, 9) };
        assert!(hashes_agree(&[print(1, 7, 9), later]).is_err());
        assert!(hashes_agree(&[]).is_err());
    }
}
