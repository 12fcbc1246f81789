//! After the quota was raised on this master: who still has the old one, and
//! the alarm, which no quota takes off by itself.

use crate::{
    decide::{self, Decision},
    failure::{Exit, Failure},
    flow::{
        execute::execute,
        look::{Here, look},
        prove::{THOROUGH, prove},
        session::Session,
    },
    model::{AlarmKind, Bytes, Scope, Wishes, World},
    say::json::{MemberQuotaAnswer, QuotaAnswer},
};

use super::next_master::has_quota;

/// Tells how the quotas are, and disarms when every member is well under its
/// own.
pub(super) async fn disarm_when_all_are_under(
    session: &Session,
    here: &Here,
    quota: Bytes,
) -> Result<(), Failure> {
    let world = look(session, here).await?;
    note(session, &world, quota, false);
    if !world.alarms().iter().any(|alarm| alarm.kind == AlarmKind::NoSpace) {
        return Ok(());
    }
    let over: Vec<String> = world
        .voters()
        .filter(|member| member.status.is_err() || decide::is_nearly_full(member))
        .map(|member| member.label())
        .collect();
    if !over.is_empty() {
        session.voice.warn(&format!(
            "the alarm stays on for now: {} {} not well under the quota yet. It is taken off \
             after the last master, or then with `{}`",
            over.join(", "),
            if over.len() == 1 { "is" } else { "are" },
            session.settings.command_line("disarm")
        ));
        return Ok(());
    }
    disarm(session, here, &world, quota).await
}

async fn disarm(
    session: &Session,
    here: &Here,
    world: &World,
    quota: Bytes,
) -> Result<(), Failure> {
    let by_hand = format!(
        "every member is under its quota now, but the alarm is still on: `{} --yes` takes it off",
        session.settings.command_line("disarm")
    );
    if !session.settings.yes && !session.voice.can_ask() {
        session.voice.warn(&by_hand);
        return Ok(());
    }
    let wishes = Wishes {
        scope: Scope::Disarm,
        no_hold: true,
        unattended: session.settings.yes,
        ..Wishes::default()
    };
    let plan = match decide::decide(world, &wishes) {
        Decision::NothingToDo(_) => return Ok(()),
        Decision::Refused(refusals) => {
            let what = refusals.iter().map(|refusal| refusal.what.as_str());
            session.voice.warn(&format!(
                "the alarm is not taken off: {}",
                what.collect::<Vec<_>>().join("; ")
            ));
            return Ok(());
        }
        Decision::Go(plan) => plan,
    };
    match execute(session, here, &plan, &wishes).await {
        Ok(()) => {}
        // The settings are as they were wanted: that is no failure.
        Err(failure) if failure.exit == Exit::NeedsDecision => {
            session.voice.warn(&by_hand);
            return Ok(());
        }
        Err(failure) => return Err(failure),
    }
    note(session, &look(session, here).await?, quota, true);
    let proof = prove(session, here, world, THOROUGH).await?;
    session.voice.ok(&proof);
    Ok(())
}

/// Into the answer, and for people when members differ.
fn note(session: &Session, world: &World, quota: Bytes, disarmed: bool) {
    let members = world.members.iter().map(|member| {
        let status = member.status.as_ref().ok();
        MemberQuotaAnswer {
            name: member.label(),
            quota: status.and_then(|status| Some(status.quota.limit?.0)),
            db_size: status.map(|status| status.db_size.0),
        }
    });
    let alarm_on = world.alarms().iter().any(|alarm| alarm.kind == AlarmKind::NoSpace);
    let answer = QuotaAnswer { wanted: quota.0, members: members.collect(), alarm_on, disarmed };
    session.record_mut().prevent_mut().quota = Some(answer);
    let old: Vec<String> = world
        .voters()
        .filter(|member| !has_quota(member, quota))
        .map(|member| match member.status.as_ref().ok().and_then(|status| status.quota.limit) {
            Some(limit) => format!("{} ({limit})", member.label()),
            None => format!("{} (unknown)", member.label()),
        })
        .collect();
    if !disarmed && !old.is_empty() {
        session.voice.warn(&format!(
            "other masters have another quota, and the smallest one counts: {}",
            old.join(", ")
        ));
    }
}
