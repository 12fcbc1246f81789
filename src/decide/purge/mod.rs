//! What may be deleted to make room, and whether that would be enough.

mod estimate;
mod protected;
mod target;

pub use estimate::{by_hand, is_needed, purge_refusals, still_needed};
pub use protected::protected_key;
pub use target::{Unfit, events_below, events_of, is_protected, prefix_of};
