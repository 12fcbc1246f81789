//! `verify`: is it really over?

use crate::{
    failure::{Exit, Failure},
    model::Outcome,
};

use super::{
    control_plane, failures,
    look::{arrive, look},
    prove::prove,
    record::Running,
    session::Session,
};
use crate::model::StepStatus;

/// Proves that writes are accepted, no alarm is on, the members are equal and
/// the API server of this node is ready.
pub async fn verify(session: &Session) -> Result<Exit, Failure> {
    let here = arrive(session).await?;
    let world = look(session, &here).await?;
    session.record_mut().before = Some(world.clone());
    if let Some(alarm) = world.alarms().first() {
        let next = format!("`{}`", session.settings.command_line("recover"));
        let failure = failures::unverified(session, format!("a {} alarm is on", alarm.kind));
        return Err(Failure { next, ..failure });
    }
    if let Some(member) = world.members.iter().find(|member| member.status.is_err()) {
        let why = member.status.as_ref().err().cloned().unwrap_or_default();
        return Err(failures::unverified(
            session,
            format!("member {} does not answer: {why}", member.label()),
        ));
    }
    session.record_mut().running = Some(Running {
        id: "verify".to_owned(),
        member: None,
        since: std::time::Instant::now(),
        goes_on: String::new(),
    });
    let proof = prove(session, &here, &world).await?;
    session.record_mut().end_step(StepStatus::Done, proof.clone());
    session.voice.ok(&proof);
    if !control_plane::watch(session, &here).await {
        return Err(failures::unverified(
            session,
            "etcd is fine, but the API server of this node is not ready yet".to_owned(),
        ));
    }
    session.voice.answer("It is over: writes are accepted, no alarm is on, the members are equal.");
    let record = session.record();
    session.voice.json(&record.answer(Outcome::Recovered, Exit::Ok, None));
    Ok(Exit::Ok)
}
