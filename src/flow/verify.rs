//! `verify`: is it really over?

use crate::{
    failure::{Exit, Failure},
    model::{Member, Outcome, StepStatus},
};

use super::{
    control_plane::{self, Watched},
    failures,
    look::arrive,
    prove::{THOROUGH, prove},
    session::Session,
    undo,
    waiting::look_first,
};

/// Proves that writes are accepted, no alarm is on, the members are equal and
/// the API server of this node is ready.
pub async fn verify(session: &Session) -> Result<Exit, Failure> {
    let here = arrive(session).await?;
    let world = look_first(session, &here, &session.settings.allow_missing).await?;
    session.record_mut().before = Some(world.clone());
    if let Some(alarm) = world.alarms().first() {
        let next = format!("`{}`", session.settings.command_line("recover"));
        let failure = failures::unverified(session, format!("a {} alarm is on", alarm.kind));
        return Err(Failure { next, ..failure });
    }
    let allowed =
        |member: &Member| session.settings.allow_missing.iter().any(|name| member.is_called(name));
    let silent = world.voters().filter(|member| !allowed(member));
    if let Some((member, why)) =
        silent.filter_map(|member| Some((member, member.status.as_ref().err()?))).next()
    {
        return Err(failures::unverified(
            session,
            format!("member {} does not answer: {why}", member.label()),
        ));
    }
    session.record_mut().begin_step("verify", None);
    let proof = prove(session, &here, &world, THOROUGH).await?;
    session.record_mut().end_step(StepStatus::Done, proof.clone());
    session.voice.ok(&proof);
    let etcd = "writes are accepted, no alarm is on, the members are equal";
    let last = match control_plane::watch(session, &here).await {
        Watched::Ready | Watched::Absent => format!("It is over: {etcd}."),
        Watched::Unknown(_) => format!(
            "As far as etcd goes it is over: {etcd}. The API server of this node could not be \
             looked at."
        ),
        Watched::NotReady => {
            return Err(failures::unverified(
                session,
                "etcd is fine, but the API server of this node is not ready yet".to_owned(),
            ));
        }
    };
    undo::settle_left_overs(session, &here, &world, true).await;
    session.voice.answer(&last);
    let record = session.record();
    session.voice.json(&record.answer(Outcome::Recovered, Exit::Ok, None));
    Ok(Exit::Ok)
}
