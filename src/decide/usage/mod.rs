//! What the accounts of a database mean: known fillers and what to do about
//! them, the answer in a few sentences, and what deleting would leave.

mod after_deletion;
mod fillers;
mod known_fillers;
mod sentences;
mod share;

pub use after_deletion::{AfterDeletion, after_deletion};
pub use fillers::fillers;
pub use sentences::usage_sentences;
