//! Whether somebody who does not answer can be expected back without anybody's
//! help: what is worth waiting for. Pure.

use crate::model::{
    AlarmKind, ContainerState, Located, Member, ProbeKind, RestartCause, RestartStory, SilenceKind,
    World,
};

/// When somebody who does not answer is expected back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comeback {
    /// Not without somebody's help.
    No,
    /// Within moments, if at all: a first restart comes without a pause.
    Soon,
    /// When its kubelet starts it again; the pause grows to five minutes.
    InTime,
}

/// How long a container that runs may take until etcd answers: it reads its
/// WAL and its database first. A kubelet's startup probe allows about four
/// minutes (24 × 10 s), but what is silent for longer than this usually hangs.
const STARTING_NS: i64 = 60 * 1_000_000_000;

/// Whether this node's etcd, which does not answer, will. `now_ns` is the time
/// since the epoch.
#[must_use]
pub fn local_comes_back(node: &Located, story: Option<&RestartStory>, now_ns: i64) -> bool {
    let passes = story.is_none_or(|story| story.passes);
    let probed_to_death = story.is_some_and(|story| story.cause == RestartCause::ProbeKill);
    match &node.container {
        Some(container) if container.state == ContainerState::Running => {
            // Without its siblings, which are killed just like it, it starts
            // and waits for them.
            let starting = now_ns.saturating_sub(container.started_at) < STARTING_NS;
            passes && (starting || probed_to_death)
        }
        // What was started again before will be, also by a kubelet that is not
        // recognised here; a stopped one starts nothing.
        Some(container) => story.is_some_and(|story| {
            let unseen = node.kubelet.is_none() && container.restarts > 0;
            story.passes && (story.next_start.is_some() || unseen)
        }),
        // The kubelet is about to make the container anew.
        None => node.manifest.is_some() && node.kubelet.is_some(),
    }
}

/// Whether a member that does not answer will: this node's by what is seen
/// here; another one when it is likely to be in the same loop as this one,
/// killed by the kubelet for as long as the alarm is on. That is little more
/// than a guess before this node's own etcd was killed that way.
#[must_use]
pub fn comes_back(
    world: &World,
    member: &Member,
    story: Option<&RestartStory>,
    now_ns: i64,
) -> Comeback {
    let Err(silence) = &member.status else { return Comeback::No };
    if member.local {
        return match local_comes_back(&world.node, story, now_ns) {
            true => Comeback::InTime,
            false => Comeback::No,
        };
    }
    let alarm = world.alarms().iter().any(|alarm| alarm.kind == AlarmKind::NoSpace);
    let host_is_up = matches!(silence.kind, SilenceKind::Refused | SilenceKind::Hangs);
    if !(alarm && host_is_up && has_killing_probe(world)) {
        return Comeback::No;
    }
    match story {
        Some(story) if story.cause == RestartCause::ProbeKill => Comeback::InTime,
        _ => Comeback::Soon,
    }
}

/// Whether the kubelet here kills an etcd whose cluster refuses writes.
fn has_killing_probe(world: &World) -> bool {
    let alarms = world.alarms().len();
    let local = world.members.iter().find(|member| member.local);
    let version = local.and_then(|member| member.status.as_ref().ok()?.version);
    let probes = world.node.manifest.as_ref().map_or(&[][..], |manifest| &manifest.probes);
    probes.iter().any(|probe| {
        probe.kind != ProbeKind::Readiness && probe.fails_under_nospace(version, alarms)
    })
}
