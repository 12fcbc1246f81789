//! What keeps this node's etcd from starting or taking part, by what its disk,
//! its certificates, the clock and the other members show, held against what
//! its log says. Pure.

use crate::model::{
    Certificate, CertificateRole, ContainerState, Located, NoStart, RestartCause, RestartStory,
    Timestamp, World,
};

use super::restart::restart_story;

/// A file's time may be this far ahead: clocks of a cluster differ a little.
const AHEAD_S: i64 = 300;

/// One thing in the way, with its evidence; no full stop.
struct Hindrance {
    exact: NoStart,
    why: String,
}

/// Why etcd does not run here, by its log and by everything else; as
/// `restart_story`, which it begins with, where etcd is well. `now_ns` counts
/// from the epoch.
#[must_use]
pub fn node_story(node: &Located, world: Option<&World>, now_ns: i64) -> Option<RestartStory> {
    let answered = |world: &World| world.members.iter().any(|member| member.status.is_ok());
    let nospace = world.filter(|world| answered(world)).map(World::has_nospace);
    let story = restart_story(node, nospace, now_ns);
    if !is_unwell(node, world) {
        return story;
    }
    let found = hindrances(node, world, now_ns / 1_000_000_000, story.as_ref());
    let torn = node.stopped.as_ref().and_then(|seen| seen.torn.as_ref());
    let mut story = together(node, story, found)?;
    if let Some(torn) = torn.filter(|_| story.exact != Some(NoStart::WalDamaged)) {
        story.text.push_str(&format!(
            ". On its disk, {torn}, as after a power cut: no damage, etcd cuts it off when it starts"
        ));
    }
    Some(story)
}

/// Whether it is down, or runs and has no part in the cluster.
fn is_unwell(node: &Located, world: Option<&World>) -> bool {
    let runs = node.process.is_some()
        || node.container.as_ref().is_some_and(|it| it.state == ContainerState::Running);
    let is_here = runs || node.container.is_some() || node.manifest.is_some();
    if !is_here && node.stopped.is_none() {
        return false;
    }
    if node.stopped.as_ref().is_some_and(|seen| seen.lock.is_some()) {
        return true;
    }
    let local = world.and_then(|world| world.members.iter().find(|member| member.local));
    match local {
        Some(local) => {
            local.status.as_ref().is_ok_and(|status| status.leader.is_none())
                || local.status.is_err()
        }
        // The others do not know it, or nobody answers.
        None => !runs || world.is_some_and(|world| world.foreign_id.is_some()),
    }
}

/// The log's word and the disk's in one.
fn together(
    node: &Located,
    story: Option<RestartStory>,
    found: Vec<Hindrance>,
) -> Option<RestartStory> {
    // That there is no container yet says less than what keeps it from living.
    let told = |story: &RestartStory| {
        found.is_empty() || node.container.is_some() || story.cause != RestartCause::NeverStarted
    };
    let story = story.filter(told);
    let Some(mut story) = story else {
        let first = found.first()?;
        return Some(RestartStory {
            cause: first.exact.cause(),
            exact: Some(first.exact),
            text: format!("etcd on this node is not well: {}", joined(&found)),
            passes: false,
            next_start: None,
        });
    };
    let Some(first) = found.first() else { return Some(story) };
    let agrees = found.iter().any(|one| Some(one.exact) == story.exact);
    let text = joined(&found);
    if agrees {
        story.text.push_str(&format!(". The disk agrees: {text}"));
    } else if story.exact.is_none() && yields(story.cause, first.exact) {
        story.text.push_str(&format!(". What is found here says more: {text}"));
        (story.cause, story.exact) = (first.exact.cause(), Some(first.exact));
    } else {
        story.text.push_str(&format!(". Found besides: {text}"));
    }
    // Who holds the data may let them go by himself.
    story.passes &= story.exact == Some(NoStart::DataLocked);
    Some(story)
}

fn joined(found: &[Hindrance]) -> String {
    found.iter().map(|one| one.why.as_str()).collect::<Vec<_>>().join("; ")
}

/// Causes that the log only guesses at, or that say less than what was found. An etcd
/// that did not get as far as its data did not end because of them, and one that gave up
/// over its data did not do so because of a date or for want of data.
fn yields(cause: RestartCause, found: NoStart) -> bool {
    let of_the_data = matches!(
        found,
        NoStart::WalDamaged
            | NoStart::DatabaseDamaged
            | NoStart::SnapshotDatabaseMissing
            | NoStart::DataEmpty
            | NoStart::MemberRemoved
            | NoStart::OtherCluster
    );
    let of_a_date =
        matches!(found, NoStart::CertificateExpired | NoStart::CaExpired | NoStart::Clock);
    match cause {
        RestartCause::WrongSettings | RestartCause::NeverStarted => !of_the_data,
        RestartCause::DamagedData => !of_a_date && found != NoStart::DataEmpty,
        RestartCause::Panic | RestartCause::RemovedMember => !of_a_date,
        RestartCause::Unknown | RestartCause::Stopped | RestartCause::ProbeKill => true,
        _ => false,
    }
}

/// What is in the way, what has to go first first.
fn hindrances(
    node: &Located,
    world: Option<&World>,
    now_s: i64,
    story: Option<&RestartStory>,
) -> Vec<Hindrance> {
    let mut found = Vec::new();
    let mut add = |exact, why: Option<String>| {
        found.extend(why.map(|why| Hindrance { exact, why }));
    };
    if let Some(seen) = &node.stopped {
        add(NoStart::DataLocked, seen.lock.clone());
        add(NoStart::MemberRemoved, removed(node, world));
        add(NoStart::OtherCluster, other_cluster(node, world));
        let full = seen.full.as_ref();
        add(NoStart::DiskFull, full.map(|why| format!("on the disk of its data {why}")));
        let read_only = "the filesystem of its data is mounted read-only".to_owned();
        add(NoStart::ReadOnly, seen.read_only.then_some(read_only));
        add(NoStart::WalDamaged, of("its raft log is damaged", seen.wal.as_ref()));
        add(NoStart::DatabaseDamaged, of("its database is damaged", seen.database.as_ref()));
        add(NoStart::SnapshotDatabaseMissing, seen.snap_db.clone());
        add(NoStart::DataEmpty, empty(node, world, story));
    } else {
        add(NoStart::OtherCluster, other_cluster(node, world));
    }
    certificates(node, now_s, &mut add);
    add(NoStart::Clock, from_the_future(node, now_s));
    found
}

fn of(what: &str, why: Option<&String>) -> Option<String> {
    why.map(|why| format!("{what}: {why}"))
}

/// By its own database, or by the other members, whose cluster it is of.
fn removed(node: &Located, world: Option<&World>) -> Option<String> {
    let seen = node.stopped.as_ref()?;
    let id = seen.member_id;
    if seen.removed {
        return Some(format!("its own database lists it (member {id:x}) as removed"));
    }
    let world = world.filter(|world| world.cluster_id == seen.cluster_id && id != 0)?;
    let known = world.members.iter().any(|member| member.id.0 == id);
    (!known && world.leader().is_some())
        .then(|| format!("the other members do not have it (member {id:x}) any more"))
}

fn other_cluster(node: &Located, world: Option<&World>) -> Option<String> {
    let world = world.filter(|world| world.cluster_id != 0)?;
    let by_disk = node.stopped.as_ref().map(|seen| seen.cluster_id).filter(|id| *id != 0);
    let own = world.foreign_id.or(by_disk).filter(|id| *id != world.cluster_id)?;
    Some(format!(
        "its data are of cluster {own:x}, the other members' cluster is {:x}",
        world.cluster_id
    ))
}

/// A new member's directory is empty, too: it is in the way only where etcd
/// did not bear it, or where the cluster has seen this member before.
fn empty(node: &Located, world: Option<&World>, story: Option<&RestartStory>) -> Option<String> {
    node.stopped.as_ref().filter(|seen| seen.empty && seen.lock.is_none())?;
    let failed = node.last_end.as_ref().is_some_and(|end| end.exit_code != 0);
    let name = node.name.as_ref().map_or("", |found| found.value.as_str());
    // A member that never started has no name.
    let known = world.is_some_and(|world| {
        !name.is_empty() && world.members.iter().any(|member| member.name == name)
    });
    let refused = story.is_some_and(|story| story.exact == Some(NoStart::DataEmpty));
    (known || refused || failed).then(|| {
        let data =
            node.data_dir.as_ref().map_or("it".into(), |found| found.value.display().to_string());
        let known = if known { ", although the cluster knows this member" } else { "" };
        format!("{data} holds no raft log at all{known}")
    })
}

/// Those that etcd itself starts with: a client's never keeps it from starting.
fn certificates(node: &Located, now_s: i64, add: &mut dyn FnMut(NoStart, Option<String>)) {
    for certificate in node.certificates.iter().filter(|it| it.role != CertificateRole::Client) {
        let Certificate { role, path, not_before, not_after, .. } = certificate;
        let said = |word: &str, when| {
            Some(format!("the {role} certificate {} {word} {}", path.display(), day(when)))
        };
        let expired = if *role == CertificateRole::Ca {
            NoStart::CaExpired
        } else {
            NoStart::CertificateExpired
        };
        if now_s > *not_after {
            add(
                expired,
                said("expired on", *not_after).map(|text| text + &asleep(node, now_s, *not_after)),
            );
        } else if now_s < *not_before {
            let text = said("is not valid before", *not_before);
            let now = format!("{} now by this node's clock", day(now_s));
            add(NoStart::Clock, text.map(|text| format!("{text}, and it is {now}")));
        }
    }
}

/// It was off when the certificate expired, or the clock jumped.
fn asleep(node: &Located, now_s: i64, not_after: i64) -> String {
    let newest = node.stopped.as_ref().map_or(0, |seen| seen.newest);
    if newest <= 0 || newest >= not_after {
        return String::new();
    }
    format!(" (etcd last wrote on {}; it is {} by this node's clock)", day(newest), day(now_s))
}

fn from_the_future(node: &Located, now_s: i64) -> Option<String> {
    let newest = node.stopped.as_ref()?.newest;
    (newest > now_s + AHEAD_S).then(|| {
        format!(
            "its files were written on {}, and it is {} by this node's clock, which is slow",
            day(newest),
            day(now_s)
        )
    })
}

fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|| "an unknown day".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC"))
}

#[cfg(test)]
#[path = "no_start_tests.rs"]
mod tests;
