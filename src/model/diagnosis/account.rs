//! Everything a diagnosis answers with: what was seen, what it comes to in
//! numbers and facts, and the verdict. Owns the form only.

use super::{Diagnosis, DriveFacts, Examined, MemberNumbers};
use crate::model::MemberId;

/// One diagnosis, ready to be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// What was seen.
    pub examined: Examined,
    /// What was found.
    pub diagnosis: Diagnosis,
    /// The members in numbers, as `examined.views` has them.
    pub numbers: Vec<(MemberId, MemberNumbers)>,
    /// The drives that answered for themselves.
    pub facts: Vec<DriveFacts>,
    /// How long the look took.
    pub elapsed_ms: u64,
}
