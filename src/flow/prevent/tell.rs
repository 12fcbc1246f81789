//! What a person and a script are told: the change before it is made, and
//! afterwards the next master and how it lasts.

use crate::{
    act::NodeLock,
    cli::Prevent,
    decide,
    failure::{Exit, Failure},
    flow::{look::Here, replaced::same_words, session::Session},
    model::{EditedManifest, Outcome, PreventWishes, SettingsAdvice, World},
    say::json::DiffLineAnswer,
};

use super::{after_quota, found::Found, next_master, take_lock};

/// The difference and what to know about it.
pub(super) fn show(
    session: &Session,
    found: &Found,
    world: &World,
    advice: &SettingsAdvice,
    edited: &EditedManifest,
) {
    let mut cautions = decide::restart_cautions(world);
    cautions.extend(advice.cautions.iter().cloned());
    let voice = &session.voice;
    voice.answer(&format!("\nThe change to {}:", found.manifest.path.display()));
    voice.difference(&edited.lines);
    cautions.extend(edited.notes.iter().cloned());
    for caution in &cautions {
        voice.warn(caution);
    }
    let mut record = session.record_mut();
    let answer = record.prevent_mut();
    answer.diff = edited.lines.iter().map(DiffLineAnswer::from).collect();
    answer.cautions = cautions;
}

/// The end of `--dry-run`.
pub(super) fn planned(session: &Session) -> Exit {
    session.voice.say(&format!("Nothing was changed. To do it: `{}`", session.again()));
    let answer = session.record_mut().prevent_mut().clone();
    session.voice.json(&answer.ended(Outcome::Planned, Exit::Ok, None));
    Exit::Ok
}

/// Everything is as it was wanted; of a quota the alarm may still be on.
pub(super) async fn nothing_to_do(
    session: &Session,
    here: &Here,
    world: &World,
    wanted: &Prevent,
    wishes: &PreventWishes,
    lock: Option<NodeLock>,
) -> Result<Exit, Failure> {
    session.voice.answer("Nothing to do: the manifest says so already.");
    if let (Some(manifest), Some(container)) = (&world.node.manifest, &world.node.container)
        && !container.args.is_empty()
        && !same_words(&manifest.args, &container.args)
    {
        session.voice.warn(
            "but etcd runs with other flags than its manifest has: the kubelet has not restarted \
             it. See why with `journalctl -u kubelet`, before you go on to the next master",
        );
    }
    let _lock = match lock {
        None if wishes.quota.is_some() && !session.settings.dry_run => Some(take_lock(session)?),
        lock => lock,
    };
    // What an earlier run began, this one finished.
    let restarted = session.record_mut().prevent_mut().restarted.is_some();
    let outcome = if restarted { Outcome::Done } else { Outcome::NothingToDo };
    conclude(session, here, world, wanted, wishes, outcome).await
}

/// The alarm, the next master, and how it lasts.
pub(super) async fn conclude(
    session: &Session,
    here: &Here,
    world: &World,
    wanted: &Prevent,
    wishes: &PreventWishes,
    outcome: Outcome,
) -> Result<Exit, Failure> {
    let voice = &session.voice;
    if let Some(quota) = wishes.quota.filter(|_| !session.settings.dry_run) {
        after_quota::disarm_when_all_are_under(session, here, quota).await?;
    }
    let member = session.record_mut().prevent_mut().member.clone().unwrap_or_default();
    let changed = session.record_mut().prevent_mut().restarted.is_some();
    if changed {
        voice.answer(&format!("Done: etcd of {member} runs with the new settings."));
        let line = decide::etcdctl_line(&world.node, "endpoint status -w table");
        let called = format!("{} exec ", session.settings.program);
        voice.say(&format!("To see it yourself: `{}`", line.replace("etcd-rescue exec ", &called)));
    }
    let others = next_master::others(world, &member, wishes.quota);
    if let Some(next) = others.first() {
        let names: Vec<String> = others.iter().map(|member| member.label()).collect();
        let line = next_master::line_for(session, next, wanted);
        voice.heading("The other masters, one at a time");
        voice.say(&format!("Still to do: {}. The next one:\n{line}", names.join(", ")));
        session.record_mut().prevent_mut().next = Some(line);
    }
    let persist = session.record_mut().prevent_mut().persist.clone();
    if let Some(persist) = persist {
        voice.heading("So that it lasts");
        voice.say(&persist);
    }
    let answer = session.record_mut().prevent_mut().clone();
    session.voice.json(&answer.ended(outcome, Exit::Ok, None));
    Ok(Exit::Ok)
}
