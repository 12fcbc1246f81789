//! Whose turn it is when a script runs this on several masters at the same
//! moment: each would see all the others well, and together they would stop
//! them all. Nothing can be locked in an etcd that takes no writes, so the
//! masters go by their names, and whoever sees another one away stops.

use std::time::{Duration, Instant};

use crate::{
    failure::Failure,
    flow::{
        look::{Here, look},
        session::Session,
    },
    model::PreventWishes,
    say::human,
};

use super::found::{Found, gates};

/// For each member before this one by name: a kubelet sees a new manifest at
/// once, and its etcd stops within a second or two.
const EACH: Duration = Duration::from_secs(5);
/// Between two looks; a restart takes longer.
const PACE: Duration = Duration::from_millis(500);

/// Looks at the others for a while; a person who types a name does one master
/// after the other anyway.
///
/// # Errors
/// One of them is not well any more. Nothing was changed.
pub(super) async fn wait_for_turn(
    session: &Session,
    here: &Here,
    found: &Found,
    wishes: &PreventWishes,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut told = false;
    loop {
        let world = look(session, here).await?;
        gates(session, found, &world, wishes)?;
        let before = world.voters().filter(|member| member.label() < found.member).count();
        let wait = EACH * u32::try_from(before).unwrap_or(u32::MAX);
        if began.elapsed() >= wait {
            return Ok(());
        }
        if !told {
            told = true;
            session.voice.say(&format!(
                "Looking at the other masters for {} first, in case this runs on all of them at \
                 once",
                human::duration(wait)
            ));
        }
        tokio::time::sleep(PACE).await;
    }
}
