//! What a database would be after some of its keys were deleted, and it was
//! compacted and defragmented.

use crate::model::{
    Bytes,
    usage::{Account, Usage},
};

/// What a key takes in the file beside its own bytes and its value's: the
/// element in its page, the revision, the numbers of the record.
const BESIDE: u64 = 60;

/// The estimate, within some percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AfterDeletion {
    /// Existing keys that are left.
    pub keys: u64,
    /// Bytes of the file that the deleted ones take, packed.
    pub freed: Bytes,
    /// The file with what is left, compacted and defragmented.
    pub file: Bytes,
}

/// Estimates what is left when the keys of `deleted` are gone: the accounts of
/// a resource, a namespace or several of them, added up.
#[must_use]
pub fn after_deletion(usage: &Usage, deleted: &Account) -> AfterDeletion {
    let weight = |account: &Account| {
        u128::from(account.live_bytes) + u128::from(BESIDE) * u128::from(account.keys)
    };
    let (all, gone) = (weight(&usage.total).max(1), weight(deleted));
    let freed = u128::from(usage.packed.0) * gone.min(all) / all;
    let freed = Bytes(u64::try_from(freed).unwrap_or(u64::MAX));
    AfterDeletion {
        keys: usage.total.keys.saturating_sub(deleted.keys),
        freed,
        file: usage.packed.minus(freed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_and_what_stays_is_the_packed_file() {
        let account = |keys, live_bytes| Account { keys, live_bytes, ..Account::default() };
        let usage =
            Usage { total: account(1000, 940_000), packed: Bytes(1_200_000), ..Usage::default() };
        let after = after_deletion(&usage, &account(600, 464_000));
        assert_eq!(after, AfterDeletion { keys: 400, freed: Bytes(600_000), file: Bytes(600_000) });
        let all = after_deletion(&usage, &usage.total);
        assert_eq!((all.keys, all.file), (0, Bytes(0)));
        assert_eq!(after_deletion(&usage, &Account::default()).file, usage.packed);
        assert_eq!(after_deletion(&Usage::default(), &usage.total).freed, Bytes(0));
    }
}
