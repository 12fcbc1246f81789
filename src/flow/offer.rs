//! What `recover` offers a person when compaction is not enough, but deleting
//! events would be.

use crate::{
    decide,
    failure::{Exit, Failure},
    model::{Refusal, Scope, Wishes, World},
};

use super::{
    look::Here,
    purge::{Asked, Ended, count_ask_delete},
    session::Session,
};

/// Whether events were deleted, by a person's typed word, so that the recovery
/// can begin anew; nobody is asked for anything else.
///
/// # Errors
/// A deletion that was begun and not finished.
pub async fn delete_events(
    session: &Session,
    here: &Here,
    world: &World,
    wishes: &Wishes,
    refusals: &[Refusal],
) -> Result<bool, Failure> {
    let settings = &session.settings;
    let asks = !settings.yes && !settings.dry_run && session.voice.can_ask();
    if !asks || wishes.scope != Scope::Recover || !decide::is_needed(world, wishes, refusals) {
        return Ok(false);
    }
    for refusal in refusals {
        session.voice.warn(&refusal.what);
    }
    session.voice.say(
        "Deleting Kubernetes' events would help. Nothing is deleted unless you type the word:",
    );
    let asked = Asked { target: None, namespaces: &[], confirm: None };
    let wishes = Wishes { scope: Scope::Purge, ..wishes.clone() };
    let ended = count_ask_delete(session, here, &mut world.clone(), &wishes, &asked).await;
    match ended {
        Ok(ended) => Ok(ended == Ended::Deleted),
        // The refusal with all its ways out says more.
        Err(failure)
            if failure.exit == Exit::NeedsDecision && !session.record().changed_anything =>
        {
            session.record_mut().purge = None;
            Ok(false)
        }
        Err(failure) => Err(failure),
    }
}
