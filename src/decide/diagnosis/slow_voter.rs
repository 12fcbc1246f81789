//! Which one voter is slow compared with the others.

use crate::model::diagnosis::{Examined, SlowVoter};

/// The one voter that is much slower than every other; `None` when there is
/// none, when several are, or when too little is known.
#[must_use]
pub fn slow_voter(_examined: &Examined) -> Option<SlowVoter> {
    None
}
