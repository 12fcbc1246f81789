//! Findings about the cluster: silence, leaders, alarms, size, what waits, and
//! the network between members.

use crate::{
    decide::diagnosis::{
        case::{Case, Patient},
        wording::{bracket, listed, many, thousands},
    },
    model::{
        AlarmKind, Bytes, SilenceKind, World,
        diagnosis::{EvidenceKind, Finding, Severity, Spread},
        order::InOrder,
    },
};

/// What the members say of the cluster.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some((story, way)) = &case.examined.no_start {
        let code = "etcd_will_not_start";
        found.push(cluster(code, Severity::Critical, story.text.clone()).then(way));
    }
    let Some(world) = &case.examined.world else {
        if case.examined.nobody_to_ask || case.examined.not_admitted {
            return found;
        }
        let what = "no member of etcd answers".to_owned();
        found.push(
            cluster("etcd_silent", Severity::Critical, what)
                .then("see why this node's etcd does not run with `etcd-rescue locate`"),
        );
        return found;
    };
    found.extend(alarms(world));
    found.extend(leaderless(world));
    let refused = found.iter().any(|finding| finding.code == "nospace");
    for patient in &case.patients {
        found.extend(silent(world, patient));
        found.extend(size(patient, refused));
        found.extend(events(patient));
    }
    found.extend(network(case));
    found
}

fn cluster(code: &'static str, severity: Severity, what: String) -> Finding {
    Finding::new(code, severity, EvidenceKind::Cluster, what)
}

fn alarms(world: &World) -> Vec<Finding> {
    let mut kinds: Vec<AlarmKind> = world.alarms().iter().map(|alarm| alarm.kind).collect();
    kinds.order();
    kinds.dedup();
    kinds
        .into_iter()
        .map(|kind| match kind {
            AlarmKind::NoSpace => cluster(
                "nospace",
                Severity::Critical,
                "etcd refuses every write: the NOSPACE alarm is on, as its database passed its \
                 quota"
                    .to_owned(),
            )
            .then("make it writable again with `etcd-rescue recover`"),
            kind => cluster(
                "corrupt",
                Severity::Critical,
                format!("the {kind} alarm is on: members disagree about the data"),
            )
            .then("take a snapshot of each member before anything else"),
        })
        .collect()
}

fn leaderless(world: &World) -> Option<Finding> {
    let answers = world.members.iter().any(|member| member.status.is_ok());
    (answers && world.leader().is_none()).then(|| {
        let silent: Vec<String> = world
            .voters()
            .filter_map(|member| {
                let silence = member.status.as_ref().err()?;
                Some(format!("{} ({silence})", member.label()))
            })
            .collect();
        let silent = match &silent[..] {
            [] => String::new(),
            [one] => format!("; {one} does not answer"),
            all => format!("; {} do not answer", listed(all)),
        };
        let what = format!("etcd has no leader, so nothing can be written{silent}");
        cluster("no_leader", Severity::Critical, what)
    })
}

/// A silent voter is critical when no other may be lost, or it was one too
/// many.
fn silent(world: &World, patient: &Patient) -> Option<Finding> {
    let silence = patient.member.status.as_ref().err()?;
    let answering = world.voters().filter(|member| member.status.is_ok()).count();
    let who = patient.whose();
    let (severity, means) = match answering.cmp(&world.quorum()) {
        _ if patient.member.learner => (Severity::Info, "it does not vote"),
        std::cmp::Ordering::Less => (Severity::Critical, "too few members are left to write"),
        std::cmp::Ordering::Equal => (Severity::Warning, "writes stop as soon as one more is lost"),
        std::cmp::Ordering::Greater => (Severity::Warning, "the others go on"),
    };
    let what = format!("{who} does not answer ({silence}): {means}");
    let finding = cluster("member_silent", severity, what).of(&patient.label);
    let hangs = silence.kind == SilenceKind::Hangs;
    Some(if patient.member.local && hangs {
        finding.then(
            "it runs and hangs: see its last words with `etcd-rescue logs --tail 30`, and whether \
             its disk answers below",
        )
    } else if patient.member.local {
        finding.then("see why it does not run with `etcd-rescue locate`")
    } else {
        finding.then(format!("look at {} itself: {}", patient.label, patient.look_there()))
    })
}

/// The alert mixin's numbers: 95 % of the quota, and half of a database of
/// more than 100 MiB unused; from 80 % on there is time to act. Under the
/// alarm the recovery sees to both.
fn size(patient: &Patient, refused: bool) -> Vec<Finding> {
    let Ok(status) = &patient.member.status else { return Vec::new() };
    let mut found = Vec::new();
    let (size, used) = (status.db_size, status.db_size_in_use);
    let full = status
        .quota
        .limit
        .filter(|limit| limit.0 > 0)
        .map(|limit| (limit, (size.0 as f64 * 100.0 / limit.0 as f64).round() as u64));
    if let Some((limit, percent)) = full.filter(|(_, percent)| *percent >= 80 && !refused) {
        let severity = if percent > 95 { Severity::Critical } else { Severity::Warning };
        let what = format!(
            "{}: its database fills {percent} % of its quota ({size} of {limit}); at 100 % etcd refuses \
             every write",
            patient.whose()
        );
        found.push(
            cluster("db_near_quota", severity, what)
                .of(&patient.label)
                .then("make room with `etcd-rescue recover`, which also works before the alarm"),
        );
    }
    if used > Bytes(100 << 20) && used.0 < size.0 / 2 {
        let severity = if refused { Severity::Info } else { Severity::Warning };
        let what = format!(
            "{}: only {used} of its database of {size} are in use, the rest is free pages",
            patient.whose()
        );
        found.push(
            cluster("db_fragmented", severity, what)
                .of(&patient.label)
                .then(format!("give it back with `etcd-rescue defrag --member {}`", patient.label)),
        );
    }
    found
}

/// What happened on a member during the look.
fn events(patient: &Patient) -> Vec<Finding> {
    let who = patient.whose();
    let numbers = &patient.numbers;
    let mut found = Vec::new();
    if numbers.restarted {
        let what = format!("{who} was started anew during the look");
        let next = if patient.member.local {
            "see why with `etcd-rescue locate`".to_owned()
        } else {
            format!("look at {} itself: {}", patient.label, patient.look_there())
        };
        found.push(cluster("member_restarted", Severity::Warning, what).then(next));
    }
    let counters = [
        ("leader_changed", numbers.leader_changes, 1, "change of the leader"),
        ("heartbeats_failed", numbers.heartbeat_failures, 5, "late heartbeat"),
        ("proposals_failed", numbers.failed_proposals, 3, "failed write"),
        ("reads_failed", numbers.failed_reads, 3, "failed read through a quorum"),
        ("slow_reads", numbers.slow_reads, u64::MAX, "read that waited for a quorum"),
        ("slow_applies", numbers.slow_applies, u64::MAX, "request that took too long to apply"),
    ];
    for (code, count, from, word) in counters {
        let Some(count) = count.filter(|count| *count > 0) else { continue };
        let severity = if count >= from { Severity::Warning } else { Severity::Info };
        let what = format!("{who}: during the look {}", plural(count, word));
        found.push(cluster(code, severity, what));
    }
    if let Some(waiting) = numbers.pending_proposals.filter(|waiting| *waiting >= 10) {
        let severity = if waiting >= 100 { Severity::Warning } else { Severity::Info };
        let what = format!("{who}: {} wait to be agreed on", many(waiting, "write"));
        found.push(cluster("proposals_wait", severity, what));
    }
    found.into_iter().map(|finding| finding.of(&patient.label)).collect()
}

/// "1 failed read through a quorum", "3 failed reads through a quorum".
fn plural(count: u64, word: &str) -> String {
    let nouns = ["change", "heartbeat", "write", "read", "request"];
    let mut words: Vec<String> = word.split(' ').map(str::to_owned).collect();
    if count != 1
        && let Some(noun) = words.iter_mut().find(|word| nouns.contains(&word.as_str()))
    {
        noun.push('s');
    }
    format!("{} {}", thousands(count), words.join(" "))
}

/// What to try when members are far from each other.
const FAR: &str = "see the way between them: `ping -c 20` and `mtr` from one node to the other, the \
                   link's errors (`ip -s link`), and whether they are meant to be that far apart";

/// Round trips are probed every few seconds, so the window has few: a median
/// of those since the start then speaks.
fn network(case: &Case) -> Option<Finding> {
    let name = |id| {
        let found = case.patients.iter().find(|patient| patient.member.id == id);
        found.map_or_else(|| format!("{id}"), |patient| patient.label.clone())
    };
    let mut slow = Vec::new();
    for patient in &case.patients {
        let numbers = &patient.numbers;
        for (peer, ever) in &numbers.peer_rtt_since_start {
            let now = numbers.peer_rtt.iter().find(|(other, rtt)| other == peer && rtt.n >= 5);
            let spread: &Spread = now.map_or(ever, |(_, rtt)| rtt);
            if spread.p50.over_ms >= 50.0 && spread.n >= 5 {
                slow.push(format!(
                    "{} to {}: {} (n={})",
                    patient.label,
                    name(*peer),
                    bracket(&spread.p50),
                    thousands(spread.n)
                ));
            }
        }
    }
    (!slow.is_empty()).then(|| {
        let what = format!("round trips between members are long: {}", listed(&slow));
        cluster("peers_far", Severity::Warning, what).then(FAR).because([
            "half of the round trips take at least that long; a member that hardly gets CPU or \
             stands still answers late as well"
                .to_owned(),
        ])
    })
}
