//! `usage`: what fills the database.

use crate::{
    cli::Usage,
    failure::{Exit, Failure},
};

use super::session::Session;

/// Answers the command.
///
/// # Errors
/// Why it could not be done.
pub async fn usage(session: &Session, wanted: &Usage) -> Result<Exit, Failure> {
    Err(session.stopped(wanted.words(), session.again()))
}
