//! `purge`: deleting what is safe to lose.

use crate::{
    cli::Purge,
    failure::{Exit, Failure},
};

use super::session::Session;

/// Answers the command.
///
/// # Errors
/// Why it could not be done.
pub async fn purge(session: &Session, wanted: &Purge) -> Result<Exit, Failure> {
    Err(session.stopped(wanted.words(), session.again()))
}
