//! `prevent`: etcd's settings on this master, and changing them safely.

use crate::{
    cli::Prevent,
    failure::{Exit, Failure},
};

use super::session::Session;

/// Answers the command.
///
/// # Errors
/// Why it could not be done.
pub async fn prevent(session: &Session, wanted: &Prevent) -> Result<Exit, Failure> {
    Err(session.stopped(wanted.words(), session.again()))
}
