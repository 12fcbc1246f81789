//! What a line of etcd's log is a sign of, by the words of 3.4, 3.5 and 3.6.
//! Pure; counting is done elsewhere.

use super::{
    etcd_log_line::{EtcdLine, shortened},
    go_duration,
};
use crate::model::diagnosis::LogSignKind;

/// Longest example, in characters.
const WIDTH: usize = 240;

/// Longest field in an example, in characters.
const FIELD: usize = 100;

/// What etcd writes in the middle of a trace.
const AGREEMENT: &str = "agreement among raft nodes before linearized reading";

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Telling {
    /// Trouble, and the time that the line tells, milliseconds.
    Sign(LogSignKind, Option<f64>),
    /// An attempt begins: elections and silent peers are normal now.
    Starting,
    /// It was asked to end: so they are from here on.
    Stopping,
    /// Another member asks this one to lead: the next election is no trouble.
    HandedOver,
}

/// Where the words stand in the message.
#[derive(Clone, Copy)]
enum At {
    Start,
    Inside,
}

use At::{Inside, Start};
use LogSignKind::{
    LateHeartbeat, LeaderLost, NoSpace, PeerTrouble, SlowApply, SlowFdatasync, SlowReadIndex,
};

/// Messages with the kind they are a sign of. etcd: wal.go, util.go,
/// txn/util.go, raft.go, v3_server.go, quota.go, apply.go, rafthttp; raft:
/// node.go, raft.go.
const SIGNS: [(LogSignKind, At, &str); 23] = [
    (SlowFdatasync, Start, "slow fdatasync"),
    (SlowFdatasync, Start, "sync duration of "),
    (SlowApply, Start, "apply request took too long"),
    (SlowApply, Inside, " took too long ("),
    (LateHeartbeat, Start, "leader failed to send out heartbeat on time"),
    (LateHeartbeat, Start, "failed to send out heartbeat on time"),
    (SlowReadIndex, Start, "waiting for ReadIndex response took too long"),
    (SlowReadIndex, Start, "timed out waiting for read index response"),
    (LeaderLost, Inside, " lost leader "),
    (LeaderLost, Inside, " changed leader from "),
    (LeaderLost, Inside, " is starting a new election at term "),
    (LeaderLost, Inside, " stepped down to follower since quorum is not active"),
    (NoSpace, Start, "message exceeded backend quota"),
    (NoSpace, Start, "applying raft message exceeded backend quota"),
    (NoSpace, Start, "alarm NOSPACE raised by peer"),
    (PeerTrouble, Start, "prober detected unhealthy status"),
    (PeerTrouble, Start, "health check for peer "),
    (PeerTrouble, Start, "dropped internal Raft message"),
    (PeerTrouble, Start, "dropped internal raft message"),
    (PeerTrouble, Start, "lost TCP streaming connection"),
    (PeerTrouble, Start, "lost the TCP streaming connection"),
    (PeerTrouble, Start, "peer became inactive"),
    (PeerTrouble, Inside, " became inactive (message send to peer failed)"),
];

/// What this line tells; `None` = nothing of this.
#[must_use]
pub fn telling(line: &EtcdLine<'_>) -> Option<Telling> {
    let message = line.message();
    if message.starts_with("starting an etcd server") || message.starts_with("etcd Version: ") {
        return Some(Telling::Starting);
    }
    if message.starts_with("received") && message.contains("shutting down") {
        return Some(Telling::Stopping);
    }
    if message.contains(" received MsgTimeoutNow from ") && message.contains("election") {
        return Some(Telling::HandedOver);
    }
    if let Some(other) = by_fields(line, &message) {
        return Some(other);
    }
    let (kind, ..) = SIGNS.iter().find(|(_, at, words)| match at {
        Start => message.starts_with(words),
        Inside => message.contains(words),
    })?;
    Some(Telling::Sign(*kind, millis(*kind, line, &message)))
}

/// Messages that mean trouble only with what stands beside them.
fn by_fields(line: &EtcdLine<'_>, message: &str) -> Option<Telling> {
    if message.starts_with("trace[") {
        let (_, rest) = line.text().split_once(AGREEMENT)?;
        let time = between(rest, "(duration: ", ")");
        return Some(Telling::Sign(LogSignKind::SlowAgreement, time));
    }
    // Every request is written down at level debug.
    if message == "request stats" && line.field("level").as_deref() != Some("debug") {
        let time = line.field("time spent").and_then(|time| go_duration::millis(&time));
        return Some(Telling::Sign(LogSignKind::SlowRequest, time));
    }
    if message.starts_with("start time = ") {
        let time = between(message, "time spent = ", ",");
        return Some(Telling::Sign(LogSignKind::SlowRequest, time));
    }
    let alarm = message == "alarm raised" && line.field("alarm").as_deref() == Some("NOSPACE");
    alarm.then_some(Telling::Sign(NoSpace, None))
}

/// The time that a line tells. A retry's timer is none.
fn millis(kind: LogSignKind, line: &EtcdLine<'_>, message: &str) -> Option<f64> {
    let field = |name: &str| go_duration::millis(&line.field(name)?);
    match kind {
        SlowFdatasync => field("took").or_else(|| between(message, "sync duration of ", ",")),
        SlowApply => field("took").or_else(|| {
            // The request's own text may hold the same words.
            let (_, rest) = message.rsplit_once(" took too long (")?;
            between(rest, "", ")")
        }),
        LateHeartbeat => {
            field("exceeded-duration").or_else(|| between(message, " timeout for ", ","))
        }
        _ => None,
    }
}

fn between(text: &str, before: &str, after: &str) -> Option<f64> {
    let (_, rest) = text.split_once(before)?;
    go_duration::millis(rest.split([',', ')']).next().filter(|_| rest.contains(after))?)
}

/// The line for people: the message and what explains it, without times and
/// ids that say nothing.
#[must_use]
pub fn example(line: &EtcdLine<'_>) -> String {
    let mut text = line.message();
    for name in [
        "took",
        "time spent",
        "duration",
        "exceeded-duration",
        "expected-duration",
        "prefix",
        "request",
        "response type",
        "detail",
        "to",
        "alarm",
        "remote-peer-id",
        "peer-id",
        "error",
    ] {
        if let Some(value) = line.field(name).filter(|value| !value.trim().is_empty()) {
            text.push_str(&format!(", {name} {}", shortened(value.trim(), FIELD)));
        }
    }
    shortened(&text, WIDTH)
}

#[cfg(test)]
#[path = "log_signs_tests.rs"]
mod tests;
