//! `prevent`: etcd's settings on this master, and changing them so that at any
//! moment, a power cut included, either the old manifest or the new one runs.

mod after_quota;
mod change;
mod next_master;
mod resume;
mod wanted;

use crate::{
    act::{NodeLock, manifest::open_to_changes},
    cli::Prevent,
    consent::{self, Consent},
    decide,
    failure::{Exit, Failure},
    model::{
        Bytes, EditedManifest, Manifest, ManifestEdit, ManifestFile, Obstacle, Outcome,
        PreventWishes, World,
    },
    observe,
    say::{human, json::PreventAnswer},
};

use self::change::Order;
use super::{
    hold,
    look::{Here, arrive, look},
    recover::locked,
    session::Session,
    waiting::look_first,
};

/// Answers the command.
///
/// # Errors
/// Why it could not be done.
pub async fn prevent(session: &Session, wanted: &Prevent) -> Result<Exit, Failure> {
    session.record_mut().prevent = Some(PreventAnswer::default());
    let (wishes, patience) = wanted::wishes(session, wanted)?;
    session.voice.say("Looking at etcd of this node and at every member...");
    if !session.settings.dry_run {
        hold::let_go_of_left_over(session);
    }
    let here = arrive(session).await?;
    let mut lock = None;
    if let Some(record) = resume::unfinished(session)? {
        if session.settings.dry_run {
            session.voice.warn(&format!(
                "a change of {} was broken off; without --dry-run it is finished or taken back \
                 first",
                record.began_at
            ));
        } else {
            lock = Some(take_lock(session)?);
            let confirmed = wanted.confirm.as_deref();
            resume::finish(session, &here, record, patience, confirmed).await?;
        }
    }
    let world = look_first(session, &here, &[]).await?;
    let found = Found::look(session, &world)?;
    let edits = found.edits(session, &world, &wishes)?;
    if edits.is_empty() {
        return nothing_to_do(session, &here, &world, wanted, &wishes, lock).await;
    }
    let edited = decide::manifest_text(&found.file.bytes)
        .and_then(|text| decide::edit_manifest(text, &edits))
        .map_err(|unfit| refused(session, &[unfit_obstacle(&found.manifest, &unfit.why)]))?;
    gates(session, &found, &world, &wishes)?;
    show(session, &found, &world, &wishes, &edited);
    if session.settings.dry_run {
        return Ok(planned(session));
    }
    let _lock = match lock {
        Some(lock) => lock,
        None => take_lock(session)?,
    };
    let member = found.member.as_str();
    let question = format!(
        "Put this into {}? The kubelet then restarts etcd of {member}.",
        found.manifest.path.display()
    );
    let consent = consent(session, &question, member, wanted.confirm.as_deref()).await?;
    // A person may think for an hour.
    let world = look(session, &here).await?;
    gates(session, &found, &world, &wishes)?;
    let order = Order {
        shown: &found.file,
        new: &edited.text,
        member,
        container: world.node.container.as_ref().map(|container| container.id.clone()),
        patience,
    };
    let world = change::make(session, &here, &order, &consent).await?;
    conclude(session, &here, &world, wanted, &wishes, Outcome::Done).await
}

/// What is to be changed, as it was found.
struct Found {
    /// This node's member.
    member: String,
    /// As the kubelet reads it.
    manifest: Manifest,
    /// As it lies on disk.
    file: ManifestFile,
    /// What else the kubelet would run, when that is in the way.
    in_the_way: Vec<Obstacle>,
}

impl Found {
    /// The manifest, unless it is none of ours to edit.
    fn look(session: &Session, world: &World) -> Result<Self, Failure> {
        let node = &world.node;
        let local = world.members.iter().find(|member| member.local);
        let member = local
            .map(|member| member.label())
            .or_else(|| node.name.as_ref().map(|name| name.value.clone()))
            .unwrap_or_default();
        session.record_mut().prevent_mut().member = Some(member.clone());
        let Some(manifest) = node.manifest.clone() else {
            return Err(refused(
                session,
                &decide::keeper_obstacle(node, None).into_iter().collect::<Vec<_>>(),
            ));
        };
        let path = manifest.path.display().to_string();
        session.record_mut().prevent_mut().manifest = Some(path.clone());
        let directory = manifest.path.parent().unwrap_or(std::path::Path::new("/"));
        let listed = observe::manifest_directory(directory).unwrap_or_default();
        let pod = listed.file(&manifest.path).and_then(|file| file.pod.as_ref());
        let namespace = pod.map(|pod| pod.namespace.clone());
        if let Some(obstacle) = decide::keeper_obstacle(node, namespace.as_deref()) {
            return Err(refused(session, &[obstacle]));
        }
        let in_the_way = decide::in_the_way(&listed, &manifest.path);
        // A link cannot be read as a manifest; that it is one says more.
        let file = observe::manifest_file(&manifest.path).map_err(|error| {
            let own = unfit_obstacle(&manifest, &error.to_string());
            refused(
                session,
                if in_the_way.is_empty() { std::slice::from_ref(&own) } else { &in_the_way },
            )
        })?;
        Ok(Self { member, manifest, file, in_the_way })
    }

    /// The changes it takes; the settings are shown on the way.
    fn edits(
        &self,
        session: &Session,
        world: &World,
        wishes: &PreventWishes,
    ) -> Result<Vec<ManifestEdit>, Failure> {
        let local = world.members.iter().find(|member| member.local);
        let version = local
            .and_then(|member| member.status.as_ref().ok()?.version)
            .or_else(|| world.node.version.as_ref()?.value.parse().ok());
        let edits = match version {
            Some(version) => decide::wanted_edits(&self.manifest, version, wishes),
            None => Err(Obstacle {
                what: "which etcd this is cannot be told, and so not which flags it knows"
                    .to_owned(),
                next: format!("see `{}`", session.settings.command_line("locate")),
            }),
        };
        let shown = edits.as_ref().map(Vec::as_slice).unwrap_or_default();
        let rows = wanted::settings_of(&self.manifest, shown);
        let version = version.map_or_else(String::new, |version| format!(" (etcd {version})"));
        let voice = &session.voice;
        voice.answer(&format!(
            "Settings of {}{version} in {}",
            self.member,
            self.manifest.path.display()
        ));
        voice.answer(&human::settings(&rows, voice.width()));
        session.record_mut().prevent_mut().settings = rows;
        edits.map_err(|obstacle| refused(session, &[obstacle]))
    }
}

/// Everything that forbids a change now.
fn gates(
    session: &Session,
    found: &Found,
    world: &World,
    wishes: &PreventWishes,
) -> Result<(), Failure> {
    let mut obstacles = found.in_the_way.clone();
    obstacles.extend(decide::restart_obstacles(world));
    obstacles.extend(decide::kubelet_obstacle(world.node.kubelet.as_ref()));
    obstacles.extend(wishes.quota.and_then(|quota| decide::quota_obstacle(world, quota)));
    if let Err(error) = open_to_changes(&found.manifest.path) {
        let next = error.hint().unwrap_or_else(|| "see what is wrong there".to_owned());
        obstacles.push(Obstacle { what: error.to_string(), next });
    }
    if obstacles.is_empty() { Ok(()) } else { Err(refused(session, &obstacles)) }
}

fn refused(session: &Session, obstacles: &[Obstacle]) -> Failure {
    let join =
        |part: fn(&Obstacle) -> &str| obstacles.iter().map(part).collect::<Vec<_>>().join("\n");
    session.stopped(
        join(|it| &it.what),
        format!("{}\nThen: `{}`", join(|it| &it.next), session.again()),
    )
}

fn unfit_obstacle(manifest: &Manifest, why: &str) -> Obstacle {
    Obstacle {
        what: format!("{}: {why}", manifest.path.display()),
        next: "edit it by hand: a copy outside of its directory, then `mv` it over the old one"
            .to_owned(),
    }
}

/// The difference and what to know about it.
fn show(
    session: &Session,
    found: &Found,
    world: &World,
    wishes: &PreventWishes,
    edited: &EditedManifest,
) {
    let mut cautions = decide::restart_cautions(world);
    cautions.extend(
        wishes.quota.into_iter().flat_map(|quota| decide::quota_cautions(quota, world.node.memory)),
    );
    let voice = &session.voice;
    voice.answer(&format!("\nThe change to {}:", found.manifest.path.display()));
    voice.answer(&human::diff(&edited.lines));
    cautions.extend(edited.notes.iter().cloned());
    for caution in &cautions {
        voice.warn(caution);
    }
    let mut record = session.record_mut();
    let answer = record.prevent_mut();
    answer.diff = PreventAnswer::diff(&edited.lines);
    answer.cautions = cautions;
}

fn planned(session: &Session) -> Exit {
    session.voice.say(&format!("Nothing was changed. To do it: `{}`", session.again()));
    let answer = session.record_mut().prevent_mut().clone();
    session.voice.json(&answer.ended(Outcome::Planned, Exit::Ok, None));
    Exit::Ok
}

fn take_lock(session: &Session) -> Result<NodeLock, Failure> {
    let mut lock = NodeLock::take().map_err(|error| locked(session, &error))?;
    lock.describe(&session.again());
    Ok(lock)
}

/// The member's name, typed or given with `--confirm`.
async fn consent(
    session: &Session,
    question: &str,
    member: &str,
    confirmed: Option<&str>,
) -> Result<Consent, Failure> {
    let details = "The old manifest is kept outside of the kubelet's directory, and put back by \
                   itself when etcd does not run well with the new one.";
    let given = consent::by_word_or_flag(question, member, details, confirmed, &session.voice);
    given.await.map_err(|why| {
        let record = session.record();
        Failure::new(
            Exit::NeedsDecision,
            format!("the manifest was not changed: {why}"),
            record.state(),
            format!(
                "in a terminal (`ssh -t MASTER`): `{0}`; or without questions: `{0} --confirm {1}`",
                session.again(),
                crate::settings::quoted(member)
            ),
        )
    })
}

/// Everything is as it was wanted; of a quota the alarm may still be on.
async fn nothing_to_do(
    session: &Session,
    here: &Here,
    world: &World,
    wanted: &Prevent,
    wishes: &PreventWishes,
    lock: Option<NodeLock>,
) -> Result<Exit, Failure> {
    session.voice.answer("Nothing to do: the manifest says so already.");
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
async fn conclude(
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
        voice.say(&format!(
            "To see it yourself: `{}`",
            decide::etcdctl_line(&world.node, "endpoint status -w table")
        ));
    }
    let others = next_master::others(world, &member, wishes.quota.map(|quota: Bytes| quota));
    if let Some(next) = others.first() {
        let names: Vec<String> = others.iter().map(|member| member.label()).collect();
        let line = next_master::line_for(session, next, wanted);
        voice.heading("The other masters, one at a time");
        voice.say(&format!("Still to do: {}. The next one:\n{line}", names.join(", ")));
        session.record_mut().prevent_mut().next = Some(line);
    }
    if let Some(persist) = next_master::persist(&world.node, wishes) {
        voice.heading("So that it lasts");
        voice.say(&persist);
        session.record_mut().prevent_mut().persist = Some(persist);
    }
    let answer = session.record_mut().prevent_mut().clone();
    session.voice.json(&answer.ended(outcome, Exit::Ok, None));
    Ok(Exit::Ok)
}
