//! What a deletion would make possible, and what has to follow it.

use crate::model::{Refusal, RefusalKind, Wishes, World};

use super::{
    super::{etcdctl, plan::needs_recovery},
    target::quoted,
};

/// The etcdctl line that would delete the same, for those who do it by hand.
#[must_use]
pub fn by_hand(world: &World, prefix: &str) -> String {
    etcdctl::line(&world.node, &format!("--command-timeout=2m del {} --prefix", quoted(prefix)))
}

/// Whether a recovery has to follow: an alarm is on, or a member is nearly
/// full. Files keep their size when keys are deleted.
#[must_use]
pub fn still_needed(world: &World) -> bool {
    needs_recovery(world)
}

/// Whether deleting events is what these refusals need, and nothing else: live
/// data over the quota, of which events are enough.
#[must_use]
pub fn is_needed(world: &World, wishes: &Wishes, refusals: &[Refusal]) -> bool {
    let only = refusals.iter().all(|refusal| refusal.kind == RefusalKind::LiveDataOverQuota);
    let Some(events) = world.live.as_ref().and_then(|live| live.events.as_ref()) else {
        return false;
    };
    let enough = super::super::live::is_enough(world, events) != Some(false);
    only && !refusals.is_empty() && !wishes.no_snapshot && events.keys > 0 && enough
}

/// Why this deletion may not begin, besides the gates: it takes a snapshot
/// whatever is wished, because what it deletes exists nowhere else.
#[must_use]
pub fn purge_refusals(wishes: &Wishes) -> Vec<Refusal> {
    let refusal = Refusal {
        kind: RefusalKind::LastCopy,
        flag: None,
        what: "--no-snapshot does not go with `purge`: deleted keys exist nowhere else, on no \
               other member either"
            .to_owned(),
        next: "leave --no-snapshot out; where there is no room here, give a place with \
               --snapshot-dir DIR (an NFS or USB mount will do)"
            .to_owned(),
    };
    if wishes.no_snapshot { vec![refusal] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_stays_one_word_of_a_copied_line() {
        // Two words would be the two ends of a range for etcdctl.
        for (prefix, word) in
            [("/a b/c/", "'/a b/c/'"), ("/x;reboot/", "'/x;reboot/'"), ("/r/events/", "/r/events/")]
        {
            let line = by_hand(&World::default(), prefix);
            assert!(line.ends_with(&format!(" del {word} --prefix")), "{line}");
        }
    }
}
