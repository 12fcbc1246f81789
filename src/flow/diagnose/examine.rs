//! Everything looked at once: members, disks, logs and clients at the same
//! time; then the drives, whose answers hold everybody up for a moment; then,
//! when it is asked for, a load of our own.

use std::time::Duration;

use crate::model::Timestamp;
use tokio::task::JoinSet;

use crate::{
    decide,
    failure::Failure,
    flow::{ended, failures, no_start, session::Session, watch_members::watch_members},
    model::{
        World,
        diagnosis::{
            DiskBelow, DriveHealth, Examined, LogStory, MemberView, ProbeRefusal, ProbeRun, Symptom,
        },
        order::InOrder,
    },
    observe::{self, aside, host::HostRoot, kernel_events},
    settings::DiagnoseSettings,
    wire::WireErrorKind,
};

use super::{
    arrive::{Here, arrive, on_this_node, silence},
    parts::{NotSeen, Parts},
    probe::probe,
};

/// A look at anything of this node that may hang.
const PATIENCE: Duration = Duration::from_secs(15);
/// Beyond the window: the scrapes, and our own writes where nobody else writes.
const WATCHING: Duration = Duration::from_secs(25);
/// Of the whole, kept for what comes after the window.
const AFTERWARDS: Duration = Duration::from_secs(18);
/// What a busy drive needs to answer; with less its silence says nothing.
const FOR_DRIVES: Duration = Duration::from_secs(5);
/// A window that still tells something.
const SHORTEST: Duration = Duration::from_secs(1);

/// What is looked at in the first round only: a drive that is asked holds up
/// everybody else's I/O, and the probe is a load.
#[derive(Default)]
pub struct Once {
    drives: Option<Vec<DriveHealth>>,
    probe: Option<Option<Result<ProbeRun, ProbeRefusal>>>,
}

/// Looks at everything.
///
/// # Errors
/// When there is nothing to look at.
pub async fn examine(
    session: &Session,
    wanted: &DiagnoseSettings,
    once: &mut Once,
) -> Result<Examined, Failure> {
    let parts = Parts::begin();
    let expected = wanted.window + Duration::from_secs(5);
    let work = look(session, &parts, wanted, once.drives.take());
    let (here, mut examined) = parts.shown(&session.voice, expected, work).await?;
    once.drives = Some(examined.drives.clone());
    if wanted.probe && once.probe.is_none() {
        once.probe = Some(probe(session, &here.node, &examined).await);
    }
    examined.probe = once.probe.clone().flatten();
    examined.unseen = parts.into_unseen();
    examined.at = Timestamp::now().as_nanosecond();
    Ok(examined)
}

async fn look(
    session: &Session,
    parts: &Parts,
    wanted: &DiagnoseSettings,
    drives: Option<Vec<DriveHealth>>,
) -> Result<(Here, Examined), Failure> {
    let here = arrive(session, parts).await?;
    let window = wanted.window.min(parts.left().saturating_sub(AFTERWARDS)).max(SHORTEST);
    let (measured, log, symptoms) = tokio::join!(
        measure(session, parts, &here, window, wanted.passive),
        log(parts, &here, wanted.since),
        symptoms(parts, &here, wanted.since),
    );
    let (Members { world, views, not_admitted }, below) = measured?;
    let host = HostRoot::default();
    let kernel = Some(kernel_events::kernel_events(&host, below.as_ref()));
    let drives = match drives {
        Some(drives) => drives,
        None => ask_drives(parts, below.as_ref()).await,
    };
    let now = Timestamp::now().as_nanosecond();
    let story = decide::node_story(&here.node, world.as_ref(), now);
    let no_start = match story.filter(|story| story.exact.is_some()) {
        None => None,
        Some(story) => {
            no_start::find_place(session, &here.node).await;
            let way = ended::what_to_do(session, &here.node, &story);
            Some((story, way))
        }
    };
    let examined = Examined {
        no_start,
        not_admitted,
        nobody_to_ask: here.nobody_to_ask,
        hanging: here.node.hanging.clone(),
        world,
        views,
        below,
        log,
        symptoms: symptoms.unwrap_or_default(),
        kernel,
        drives,
        ..Examined::default()
    };
    Ok((here, examined))
}

/// What came from the members.
#[derive(Default)]
struct Members {
    world: Option<World>,
    views: Vec<MemberView>,
    not_admitted: bool,
}

/// The members and the disks over the same window.
async fn measure(
    session: &Session,
    parts: &Parts,
    here: &Here,
    window: Duration,
    passive: bool,
) -> Result<(Members, Option<DiskBelow>), Failure> {
    let (members, below) =
        tokio::join!(members(session, parts, here, window, passive), below(parts, here, window));
    Ok((members?, below))
}

async fn members(
    session: &Session,
    parts: &Parts,
    here: &Here,
    window: Duration,
    passive: bool,
) -> Result<Members, Failure> {
    let Some(access) = &here.access else {
        return Ok(Members { not_admitted: true, ..Members::default() });
    };
    if here.node.endpoints.is_empty() && here.node.siblings.is_empty() {
        return Ok(Members::default());
    }
    let (mut failure, mut not_admitted) = (None, false);
    let world = parts
        .part("the members", PATIENCE, async {
            observe::look(&here.node, access, &[], &[], &[]).await.map_err(|nobody| {
                not_admitted = nobody.0.iter().any(|error| keeps_us_out(error.kind));
                let nobody = failures::nobody_answers(session, &here.node, &nobody.0);
                failure = Some(nobody.clone());
                silence(nobody)
            })
        })
        .await;
    // Nothing else is here to be looked at.
    if let Some(failure) = failure.filter(|_| !on_this_node(&here.node)) {
        return Err(failure);
    }
    let Some(world) = world else { return Ok(Members { not_admitted, ..Members::default() }) };
    let watched =
        async { Ok::<_, NotSeen>(watch_members(session, access, &world, window, passive).await) };
    let views = parts.part("the members' speed", window + WATCHING, watched).await;
    Ok(Members { world: Some(world), views: views.unwrap_or_default(), not_admitted })
}

/// Whether a member answers, and it is we who have not what it wants.
fn keeps_us_out(kind: WireErrorKind) -> bool {
    matches!(
        kind,
        WireErrorKind::WantsTls
            | WireErrorKind::WrongCa
            | WireErrorKind::NoCa
            | WireErrorKind::ClientCertRefused
            | WireErrorKind::AuthRequired
            | WireErrorKind::LoginRefused
            | WireErrorKind::PermissionDenied
    )
}

async fn below(parts: &Parts, here: &Here, window: Duration) -> Option<DiskBelow> {
    if here.node.data_dir.is_none() && here.node.wal_dir.is_none() {
        let why = "no data directory of etcd is known on this node";
        parts.unseen("the disks", why, "a run on the member's own master, or --data-dir DIR");
        return None;
    }
    let patience = parts.at_most(window + PATIENCE);
    parts.part("the disks", patience, aside::disk_below(&here.node, window, patience)).await
}

async fn log(parts: &Parts, here: &Here, since: Duration) -> Option<LogStory> {
    let patience = parts.at_most(PATIENCE);
    parts.part("etcd's log", patience, aside::log_story(&here.node, since, patience)).await
}

async fn symptoms(parts: &Parts, here: &Here, since: Duration) -> Option<Vec<Symptom>> {
    let work = aside::symptoms(&here.node, since, parts.at_most(PATIENCE));
    parts.part("the logs of etcd's clients", PATIENCE, work).await
}

/// Every drive at the same time: one that hangs must not hide the others.
async fn ask_drives(parts: &Parts, below: Option<&DiskBelow>) -> Vec<DriveHealth> {
    let patience = parts.at_most(PATIENCE);
    let leaves = below.map_or(&[][..], |below| &below.leaves);
    if patience < FOR_DRIVES && !leaves.is_empty() {
        let why = "there was no time left to ask them: other things do not answer";
        parts.unseen("the drives' firmware", why, "run it again");
        return Vec::new();
    }
    let mut asked = JoinSet::new();
    for (place, leaf) in leaves.iter().cloned().enumerate() {
        asked.spawn(async move { (place, aside::drive(&leaf, patience).await) });
    }
    let all = async {
        let mut drives = asked.join_all().await;
        drives.order_by_key(|(place, _)| *place);
        Ok::<_, NotSeen>(drives.into_iter().map(|(_, drive)| drive).collect())
    };
    parts.part("the drives' firmware", patience, all).await.unwrap_or_default()
}
