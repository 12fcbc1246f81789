//! The kernel's log, etcd's, and its clients'.

use etcd_rescue::model::diagnosis::{
    KernelEvent, KernelEventKind, KernelEvents, LogSign, LogSignKind, LogStory, Symptom,
    SymptomKind,
};

use super::{AT, Words, age};

/// `kernel KIND AGE TEXT disk=sda`.
pub fn kernel(words: &Words, kernel: &mut KernelEvents) {
    let kind = match words.at(0) {
        "kernel-lost" => {
            (kernel.lost, kernel.from) = (true, AT - age(words.at(1)));
            return;
        }
        "kernel-unreadable" => {
            kernel.unreadable = Some(words.rest(1));
            return;
        }
        _ => words.at(1),
    };
    let kind = match kind {
        "quiet" => return,
        "timeout" => KernelEventKind::CommandTimeout,
        "reset" => KernelEventKind::Reset,
        "medium" => KernelEventKind::MediumError,
        "cable" => KernelEventKind::CableError,
        "read-only" => KernelEventKind::ReadOnly,
        "hung" => KernelEventKind::HungTask,
        "memory" => KernelEventKind::OutOfMemory,
        other => panic!("what is the kernel's {other}?"),
    };
    kernel.events.push(KernelEvent {
        at: AT - age(words.at(2)),
        kind,
        disk: words.get("disk").map(str::to_owned),
        text: words.rest(3),
    });
}

/// `log-from AGE pieces=24`, `log KIND COUNT worst=MS first=AGE last=AGE at=1:30 at=7:12`.
pub fn sign(words: &Words, story: &mut LogStory) {
    if words.at(0) == "log-from" {
        story.from = AT - age(words.at(1));
        story.to = AT;
        story.lines = 100_000;
        story.piece = age(words.at(1)) / words.number::<i64>("pieces").unwrap_or(24);
        return;
    }
    let (kind, example) = match words.at(1) {
        "fdatasync" => (LogSignKind::SlowFdatasync, "slow fdatasync"),
        "heartbeat" => (LogSignKind::LateHeartbeat, "leader failed to send out heartbeat on time"),
        "apply" => (LogSignKind::SlowApply, "apply request took too long"),
        "read-index" => {
            (LogSignKind::SlowReadIndex, "waiting for ReadIndex response took too long, retrying")
        }
        "leader" => (LogSignKind::LeaderLost, "lost leader"),
        other => panic!("what is the sign {other}?"),
    };
    let mut timeline = vec![0; 24];
    for piece in words.all("at") {
        let (at, count) = piece.split_once(':').expect("PIECE:COUNT");
        timeline[at.parse::<usize>().expect("a piece")] = count.parse().expect("a count");
    }
    story.signs.push(LogSign {
        kind,
        count: words.at(2).parse().expect("a count"),
        worst_ms: words.number("worst"),
        worst_at: None,
        first_at: AT - age(words.get("first").expect("first=")),
        last_at: AT - age(words.get("last").expect("last=")),
        example: example.to_owned(),
        timeline,
    });
}

/// `symptom KIND COUNT last=AGE`.
pub fn symptom(words: &Words) -> Symptom {
    let (kind, container) = match words.at(1) {
        "apiserver" => {
            let container = "kube-system/kube-apiserver-master-1/kube-apiserver";
            (SymptomKind::ApiServerTimeouts, container)
        }
        "lease" => {
            let container = "kube-system/kube-scheduler-master-1/kube-scheduler";
            (SymptomKind::LostLease, container)
        }
        "coredns" => (SymptomKind::CoreDnsSlow, "kube-system/coredns-x/coredns"),
        "metrics-server" => {
            let container = "kube-system/metrics-server-x/metrics-server";
            (SymptomKind::MetricsServerTimeouts, container)
        }
        other => panic!("what is the symptom {other}?"),
    };
    Symptom {
        kind,
        container: container.to_owned(),
        count: words.at(2).parse().expect("a count"),
        first_at: AT - age("23h"),
        last_at: AT - age(words.get("last").expect("last=")),
        example: "context deadline exceeded".to_owned(),
    }
}
