//! The end of a run: the control plane, before and after, what is left to do,
//! and how to prevent it next time.

use std::time::Duration;

use crate::{
    decide,
    failure::{Exit, Failure},
    model::{Outcome, Scope, Wishes, World},
    say::human,
};

use super::{
    control_plane, failures,
    look::{Here, look},
    missing,
    session::Session,
    undo,
};

/// Watches the control plane, looks once more, and tells how it ended.
pub async fn conclude(
    session: &Session,
    here: &Here,
    wishes: &Wishes,
    before: &World,
) -> Result<Exit, Failure> {
    if wishes.scope == Scope::Recover {
        control_plane::watch(session, here).await;
    }
    let after = match look(session, here).await {
        Ok(after) => after,
        // What was proven stays proven.
        Err(failure) => {
            session.voice.warn(&format!("the last look failed: {failure}"));
            session.record().after.clone().unwrap_or_else(|| before.clone())
        }
    };
    session.record_mut().after = Some(after.clone());
    session.record_mut().left = missing::left(session, &after);
    if let Some(alarm) = after.alarms().first().filter(|_| wishes.scope == Scope::Recover) {
        let what = format!("{} is on again since etcd took writes", alarm.kind);
        return Err(failures::unverified(session, what));
    }
    if wishes.scope == Scope::Recover {
        let prevention = session.as_called(&decide::prevention(&after).join("\n"));
        session.record_mut().prevention = Some(prevention);
    }
    if matches!(wishes.scope, Scope::Recover | Scope::Defragment) {
        // Its last step proved the members equal; a single step did not.
        undo::settle(session, here, &after, wishes.scope == Scope::Recover).await;
    }
    let outcome = match wishes.scope {
        Scope::Recover => Outcome::Recovered,
        _ => Outcome::Done,
    };
    session.record_mut().next_step = what_is_left(wishes.scope, &after)
        .map(|(what, command)| format!("{what}: `{}`", session.settings.command_line(command)));
    session.close_journal(outcome, Exit::Ok, None);
    tell(session, wishes.scope, before, &after);
    session.document(outcome, Exit::Ok, None);
    Ok(Exit::Ok)
}

fn tell(session: &Session, scope: Scope, before: &World, after: &World) {
    let voice = &session.voice;
    voice.answer(&human::before_after(before, after, voice.width()));
    let record = session.record();
    let done = match scope {
        Scope::Recover => "Recovered",
        Scope::Compact => "Compacted",
        Scope::Defragment => "Defragmented",
        Scope::Disarm => "Disarmed",
        Scope::Purge => "Deleted",
    };
    let mut last = format!("{done} in {}", duration(record.elapsed_ms()));
    if let Some(writable) = record.writable_after_ms {
        last.push_str(&format!("; the first write was accepted after {}", duration(writable)));
    }
    voice.answer(&format!("{last}."));
    if let Some(snapshot) = &record.snapshot {
        voice.answer(&format!(
            "Snapshot (it holds every Secret: keep it private):\n{}",
            snapshot.path
        ));
    }
    if scope == Scope::Recover {
        for member in after.members.iter().filter(|member| decide::is_nearly_full(member)) {
            voice.warn(&format!(
                "{} is still at nine tenths of its quota or more: what fills it is live data, and \
                 the alarm will be back. See what it is with `{}` and delete it, or raise the \
                 quota on every master with `{}`, now",
                member.label(),
                session.settings.command_line("usage"),
                session.settings.command_line("prevent --quota SIZE")
            ));
        }
    }
    for member in &record.left {
        voice.warn(&format!("{} was not reached ({}); {}", member.name, member.error, member.next));
    }
    if let Some(next_step) = &record.next_step {
        voice.say(next_step);
    }
    if let Some(prevention) = &record.prevention {
        voice.heading("So that it does not happen again");
        voice.say(prevention);
    }
    session.tell_report(&record);
}

/// The steps that usually follow a single one.
fn what_is_left(scope: Scope, after: &World) -> Option<(&'static str, &'static str)> {
    let alarm = !after.alarms().is_empty();
    match scope {
        Scope::Recover | Scope::Purge => None,
        Scope::Compact => Some(("The files shrink only when they are defragmented", "defrag")),
        Scope::Defragment if alarm => Some(("The alarm is still on", "disarm")),
        Scope::Defragment => None,
        Scope::Disarm => Some(("Prove that it stays off", "verify")),
    }
}

fn duration(millis: u64) -> String {
    human::duration(Duration::from_millis(millis))
}
