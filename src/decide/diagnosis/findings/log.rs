//! Findings from etcd's log: what comes in bursts is quiet while one looks,
//! and the log still has it.

use crate::{
    decide::{
        diagnosis::{
            bursts::{bursts, longest},
            case::Case,
            wording::{many, millis},
        },
        restart::{ago, span},
    },
    model::diagnosis::{EvidenceKind, Finding, LogSign, LogSignKind, LogStory, Severity},
};

const SECOND: i64 = 1_000_000_000;
/// After its start etcd catches up and elects: lines then are no sign.
const START_UP: i64 = 300 * SECOND;
/// "The last hours": older bursts are told, and no more.
const RECENT: i64 = 12 * 3_600 * SECOND;

/// A kind of line, its words, and from how many on it is a finding.
struct Rule {
    kind: LogSignKind,
    code: &'static str,
    /// "lines about …".
    about: &'static str,
    /// Lines outside of the start-up from which on it is a warning.
    from: u64,
    /// And how long the worst took at least, milliseconds, where it is told.
    worst_ms: f64,
}

/// `u64::MAX`: told, never a finding. Slow applies are common where people
/// list everything, and late heartbeats where CPUs are shared, so a few of
/// them say nothing; an fsync of a second does.
const RULES: &[Rule] = &[
    Rule {
        kind: LogSignKind::SlowFdatasync,
        code: "log_slow_fdatasync",
        about: "an fdatasync of more than a second",
        from: 3,
        worst_ms: 0.0,
    },
    Rule {
        kind: LogSignKind::LateHeartbeat,
        code: "log_late_heartbeats",
        about: "heartbeats that the leader sent too late",
        from: 20,
        worst_ms: 0.0,
    },
    Rule {
        kind: LogSignKind::SlowReadIndex,
        code: "log_slow_read_index",
        about: "reads that waited more than 500 ms for a quorum",
        from: 20,
        worst_ms: 0.0,
    },
    Rule {
        kind: LogSignKind::SlowApply,
        code: "log_slow_applies",
        about: "requests that took too long to apply",
        from: 100,
        worst_ms: 500.0,
    },
    Rule {
        kind: LogSignKind::SlowAgreement,
        code: "log_slow_agreement",
        about: "reads that waited for the members to agree",
        from: 100,
        worst_ms: 500.0,
    },
    Rule {
        kind: LogSignKind::LeaderLost,
        code: "log_leader_lost",
        about: "a lost leader or an election",
        from: 10,
        worst_ms: 0.0,
    },
    Rule {
        kind: LogSignKind::SlowRequest,
        code: "log_slow_requests",
        about: "slow requests",
        from: u64::MAX,
        worst_ms: 0.0,
    },
    Rule {
        kind: LogSignKind::NoSpace,
        code: "log_no_space",
        about: "an exceeded quota",
        from: u64::MAX,
        worst_ms: 0.0,
    },
    Rule {
        kind: LogSignKind::PeerTrouble,
        code: "log_peer_trouble",
        about: "peers that do not answer",
        from: u64::MAX,
        worst_ms: 0.0,
    },
];

/// What etcd's log on this node tells.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let Some(story) = &case.examined.log else { return Vec::new() };
    RULES
        .iter()
        .filter_map(|rule| {
            let sign = story.signs.iter().find(|sign| sign.kind == rule.kind)?;
            let settled = after_start_up(case, story, sign);
            // What every start brings explains nothing, but a slowness that
            // goes on.
            let goes_on = case.is_slow_here() && case.since(sign.last_at) <= 60 * SECOND;
            (settled > 0 || sign.count > 0 && goes_on).then(|| finding(case, sign, rule, settled))
        })
        .collect()
}

/// Whether it may follow from what is so now: one or two lines, or those of
/// hours ago, are told and are no link of a chain.
pub(crate) fn goes_on(case: &Case, finding: &Finding) -> bool {
    let Some(rule) = RULES.iter().find(|rule| rule.code == finding.code) else { return true };
    let story = case.examined.log.as_ref();
    let sign = story.and_then(|log| log.signs.iter().find(|sign| sign.kind == rule.kind));
    let many = sign.is_some_and(|it| it.count >= 3 && case.since(it.last_at) <= 3_600 * SECOND);
    finding.severity > Severity::Info || many
}

fn finding(case: &Case, sign: &LogSign, rule: &Rule, settled: u64) -> Finding {
    let recent = case.since(sign.last_at) <= RECENT;
    let bad = sign.worst_ms.is_none_or(|worst| worst >= rule.worst_ms);
    let is_finding = settled >= rule.from && recent && bad;
    let severity = if is_finding { Severity::Warning } else { Severity::Info };
    let mut what = format!(
        "etcd's log has {} about {}{}, the last {}",
        many(sign.count, "line"),
        rule.about,
        worst(sign),
        ago(case.since(sign.last_at))
    );
    if settled == 0 {
        what.push_str(", all of them since its start a few minutes ago");
    }
    let finding = Finding::new(rule.code, severity, EvidenceKind::EtcdLog, what)
        .because([sign.example.clone()]);
    match case.here() {
        Some(here) => finding.of(&here.label),
        None => finding,
    }
}

fn worst(sign: &LogSign) -> String {
    sign.worst_ms.map(|worst| format!(" (the longest {})", millis(worst))).unwrap_or_default()
}

/// How many lines were not written right after a start. A piece of the
/// timeline that begins in the start-up counts as start-up.
fn after_start_up(case: &Case, story: &LogStory, sign: &LogSign) -> u64 {
    let Some(started) = case.started_at() else { return sign.count };
    let settled = started.saturating_add(START_UP);
    let is_within = |at: i64| (started.saturating_sub(10 * SECOND)..settled).contains(&at);
    if is_within(sign.first_at) && is_within(sign.last_at) {
        return 0;
    }
    if story.piece <= 0 || sign.timeline.is_empty() {
        return sign.count;
    }
    let pieces = sign.timeline.iter().enumerate();
    let during = pieces.filter(|(at, _)| {
        let begin = story.from.saturating_add(story.piece.saturating_mul(*at as i64));
        let end = begin.saturating_add(story.piece);
        end > started && begin < settled && story.piece <= START_UP
    });
    during.fold(sign.count, |left, (_, count)| left.saturating_sub(*count))
}

/// "in 4 bursts over the last 22 h, the longest of 12 min"; `None` for a log
/// without any.
pub(crate) fn bursts_told(case: &Case) -> Option<String> {
    let story = case.examined.log.as_ref()?;
    let bursts = bursts(story);
    let long = longest(&bursts)?;
    let over = span(case.since(story.from));
    let length = span(long.length());
    Some(match bursts.len() {
        1 => format!("in one burst of {length}"),
        n => format!("in {n} bursts over the last {over}, the longest of {length}"),
    })
}
