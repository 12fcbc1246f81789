//! `relocate`: this member's data on another disk.

use crate::{
    cli::Relocate,
    failure::{Exit, Failure},
};

use super::session::Session;

/// Answers the command.
///
/// # Errors
/// Why it could not be done.
pub async fn relocate(session: &Session, wanted: &Relocate) -> Result<Exit, Failure> {
    Err(session.stopped(wanted.words(), session.again()))
}
