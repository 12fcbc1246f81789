//! One contender before one outage: what it took, what the prober saw, what the
//! judge says afterwards.

use std::{path::Path, thread, time::Duration};

use anyhow::{Context, Result};
use lab::Lab;
use serde::Serialize;

use crate::{
    clock,
    contender::Contender,
    content::{self, Content},
    judge,
    measured::{self, Ran},
    numbers,
    outage::Outage,
    prober::{Prober, Seen},
    tools::Tools,
};

/// The prober works so long before and after.
const MARGIN: Duration = Duration::from_secs(2);

/// A snapshot the contender left behind.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    pub bytes: u64,
    /// The contender says that it verified it.
    pub verified: bool,
    /// What is wrong with it; empty when etcdutl restores from it what was held.
    pub complaint: String,
}

/// Everything about one run. Times are milliseconds since the contender's process
/// started; lists have one entry per member.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub contender: &'static str,
    pub outage: String,
    pub round: usize,
    pub leader: String,
    pub ended: String,
    pub exit_ok: bool,
    pub first_write_ms: Option<f64>,
    /// When every member was down to its live size, by a quarter or 1 MiB, and stayed there.
    pub all_small_ms: Option<f64>,
    pub total_ms: f64,
    /// The longest time without an answered read, until 2 s after the end.
    pub stall_ms: Vec<f64>,
    /// The same in the 2 s before the start: what this machine makes of nothing.
    pub quiet_stall_ms: f64,
    pub refused_after_first: usize,
    pub final_bytes: Vec<u64>,
    pub live_bytes: Vec<u64>,
    /// How long a defragmentation of nothing but live data takes.
    pub settled_defrag_ms: Vec<f64>,
    /// The alarms that are on at the end; empty when none is.
    pub alarms: String,
    pub writes_accepted: bool,
    pub data_kept: bool,
    pub snapshot: Option<Snapshot>,
    pub cpu_ms: f64,
    pub peak_kib: u64,
    /// Its last words, when it failed.
    pub said: String,
    /// Why the cluster could not be judged; empty when it could.
    pub unjudged: String,
}

impl Run {
    /// What is wrong with the outcome; empty when nothing is.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if !self.exit_ok {
            failures.push(self.ended.clone());
        }
        if !self.alarms.is_empty() {
            failures.push("alarm on".to_owned());
        }
        if !self.writes_accepted {
            failures.push("writes refused".to_owned());
        }
        if !self.data_kept {
            failures.push("other keys".to_owned());
        }
        let bad = |snapshot: &Snapshot| !snapshot.complaint.is_empty();
        if self.snapshot.as_ref().is_some_and(bad) {
            failures.push("snapshot not restorable".to_owned());
        }
        if self.exit_ok && self.snapshot.is_none() && saves(self.contender) {
            failures.push("no snapshot".to_owned());
        }
        if !self.unjudged.is_empty() {
            failures.push(format!("not to be judged: {}", self.unjudged));
        }
        failures
    }

    /// The final and the live size in bytes of the member that kept most.
    pub fn worst_size(&self) -> (u64, u64) {
        let pairs = self.final_bytes.iter().copied().zip(self.live_bytes.iter().copied());
        pairs.max_by_key(|&(end, live)| end.saturating_sub(live)).unwrap_or_default()
    }

    /// Whether a member kept more than a tenth above its live size. What the prober
    /// writes afterwards makes a file grow by up to some 100 kB.
    pub fn bloated(&self) -> bool {
        let (end, live) = self.worst_size();
        end > live + (live / 10).max(1 << 20)
    }
}

/// Whether a contender is one that takes a snapshot: without one it was quick at
/// something else.
fn saves(letter: &str) -> bool {
    [Contender::ArticleWithSnapshot, Contender::Rescue, Contender::RescueFullFirst]
        .iter()
        .any(|one| one.letter() == letter)
}

/// Raises the outage, lets the contender at it, and takes the lab down again.
pub fn run(
    outage: &Outage,
    contender: Contender,
    round: usize,
    tools: &Tools,
    scratch: &Path,
) -> Result<Run> {
    // A machine under load may not raise it in time: that is no reason to lose what
    // was measured before.
    let lab = outage.strike(round).or_else(|_| outage.strike(round));
    let lab = lab.with_context(|| format!("raising {}", outage.name()))?;
    let first = &lab.masters()[0];
    let leader = lab.leader()?;
    let held = content::of(&lab, first)?;
    let line = contender.line(&lab, tools, scratch)?;
    // What the fill has left to write would be written meanwhile.
    nix::unistd::sync();
    let prober = Prober::start(&lab)?;
    thread::sleep(MARGIN);
    let ran = measured::inside(first, scratch, &line);
    thread::sleep(MARGIN);
    let seen = prober.stop()?;
    let ran = ran?;
    let mut run = observed(&seen, &ran);
    (run.contender, run.round, run.leader) = (contender.letter(), round, leader);
    run.outage = outage.name();
    if let Err(error) = judged(&mut run, &lab, &held) {
        // A cluster that does not answer any more is an outcome, too.
        run.unjudged = format!("{error:#}");
    }
    let limits: Vec<u64> =
        run.live_bytes.iter().map(|live| live + (live / 4).max(1 << 20)).collect();
    run.all_small_ms = all_small(&seen, &ran, &limits);
    run.snapshot = contender.snapshot(&ran).and_then(|(inside, verified)| {
        let file = first.path(inside);
        let bytes = file.metadata().ok()?.len();
        let complaint = judge::snapshot(&lab, tools, scratch, &file, &held);
        Some(Snapshot { bytes, verified, complaint })
    });
    lab.down()?;
    Ok(run)
}

fn observed(seen: &[Seen], ran: &Ran) -> Run {
    let measured = &ran.measured;
    let (start, end) = (measured.started_ns, measured.ended_ns);
    let margin = u64::try_from(MARGIN.as_nanos()).unwrap_or(u64::MAX);
    let since = |at: u64| clock::ms(at - start);
    let accepted = seen.iter().flat_map(|member| &member.accepted).copied();
    let first = accepted.filter(|&at| at > start).min();
    let refused = seen.iter().flat_map(|member| &member.refused);
    let gap = |from: u64, to: u64| {
        seen.iter().map(move |member| clock::ms(numbers::longest_gap(&member.reads, from, to)))
    };
    let failed = measured.code != Some(0);
    Run {
        contender: "",
        outage: String::new(),
        round: 0,
        leader: String::new(),
        ended: measured.ended(),
        exit_ok: !failed,
        first_write_ms: first.map(since),
        all_small_ms: None,
        total_ms: measured.wall_ms(),
        stall_ms: gap(start, end + margin).collect(),
        quiet_stall_ms: gap(start.saturating_sub(margin), start).fold(0.0, f64::max),
        refused_after_first: first.map_or(0, |first| refused.filter(|&&at| at > first).count()),
        final_bytes: Vec::new(),
        live_bytes: Vec::new(),
        settled_defrag_ms: Vec::new(),
        alarms: String::new(),
        writes_accepted: false,
        data_kept: false,
        snapshot: None,
        cpu_ms: measured.cpu_ms,
        peak_kib: measured.peak_kib,
        said: if failed { last_words(&ran.stderr) } else { String::new() },
        unjudged: String::new(),
    }
}

fn judged(run: &mut Run, lab: &Lab, held: &Content) -> Result<()> {
    run.final_bytes = judge::sizes(lab)?;
    run.writes_accepted = judge::all_write(lab);
    run.alarms = judge::alarms(lab)?;
    run.data_kept = lab
        .masters()
        .iter()
        .map(|master| content::of(lab, master))
        .collect::<Result<Vec<_>>>()?
        .iter()
        .all(|now| now == held);
    let live = judge::live(lab)?;
    (run.live_bytes, run.settled_defrag_ms) = (live.bytes, live.defrag_ms);
    Ok(())
}

/// From the start of the contender on.
fn all_small(seen: &[Seen], ran: &Ran, limits: &[u64]) -> Option<f64> {
    let start = ran.measured.started_ns;
    let since = |member: &Seen| {
        member.sizes.iter().copied().filter(|&(at, _)| at >= start).collect::<Vec<_>>()
    };
    let sizes: Vec<_> = seen.iter().map(since).collect();
    numbers::small_from(&sizes, limits).map(|at| clock::ms(at - start))
}

fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::measured::Measured;

    /// A run as it is when all is well.
    pub fn good(contender: &'static str, first_write_ms: f64, total_ms: f64) -> Run {
        Run {
            contender,
            outage: "64 MiB, churn, 3 masters".to_owned(),
            round: 0,
            leader: "master-1".to_owned(),
            ended: "exit 0".to_owned(),
            exit_ok: true,
            first_write_ms: Some(first_write_ms),
            all_small_ms: Some(first_write_ms),
            total_ms,
            stall_ms: vec![60.0, 70.0, 80.0],
            quiet_stall_ms: 55.0,
            refused_after_first: 0,
            final_bytes: vec![1 << 20; 3],
            live_bytes: vec![1 << 20; 3],
            settled_defrag_ms: vec![20.0; 3],
            alarms: String::new(),
            writes_accepted: true,
            data_kept: true,
            snapshot: saves(contender).then(|| Snapshot {
                bytes: 1 << 20,
                verified: true,
                complaint: String::new(),
            }),
            cpu_ms: 30.0,
            peak_kib: 8 << 10,
            said: String::new(),
            unjudged: String::new(),
        }
    }

    #[test]
    fn the_member_that_kept_most_counts() {
        let mut run = good("A", 1.0, 2.0);
        run.final_bytes = vec![1 << 20, 3 << 20, 2 << 20];
        assert_eq!((run.worst_size(), run.bloated()), ((3 << 20, 1 << 20), true));
        (run.final_bytes, run.live_bytes) = (vec![108 << 20; 3], vec![100 << 20; 3]);
        assert!(!run.bloated());
    }

    #[test]
    fn a_failing_contender_is_told_as_failing() {
        let mut run = good("A", 1.0, 2.0);
        assert_eq!(run.failures(), Vec::<String>::new());
        (run.exit_ok, run.ended) = (false, "exit 2".to_owned());
        run.alarms = "memberID:1 alarm:NOSPACE".to_owned();
        (run.writes_accepted, run.data_kept) = (false, false);
        let complaint = "hash".to_owned();
        run.snapshot = Some(Snapshot { bytes: 1, verified: true, complaint });
        run.unjudged = "no answer".to_owned();
        let wanted = [
            "exit 2",
            "alarm on",
            "writes refused",
            "other keys",
            "snapshot not restorable",
            "not to be judged: no answer",
        ];
        assert_eq!(run.failures(), wanted);
    }

    #[test]
    fn who_is_to_save_and_does_not_has_failed() {
        let without = |contender| Run { snapshot: None, ..good(contender, 1.0, 2.0) }.failures();
        assert_eq!(["A", "B"].map(without), [Vec::<String>::new(), Vec::new()]);
        assert_eq!(["A2", "C", "C2"].map(without), [["no snapshot"]; 3]);
    }

    #[test]
    fn what_the_prober_saw_counts_from_the_start_of_the_process() {
        let ms = |at: u64| 10_000_000_000 + at * 1_000_000;
        let member = |reads: &[u64], accepted: &[u64]| Seen {
            reads: reads.iter().map(|&at| ms(at)).collect(),
            accepted: accepted.iter().map(|&at| ms(at)).collect(),
            refused: vec![ms(10), ms(500)],
            sizes: vec![(ms(0), 100), (ms(300), 10)],
        };
        let measured = Measured {
            started_ns: ms(0),
            ended_ns: ms(600),
            cpu_ms: 1.0,
            peak_kib: 1,
            code: Some(5),
            signal: None,
        };
        let ran = Ran { measured, stdout: String::new(), stderr: "a\n\nb\nc\nd\n".to_owned() };
        let steady: Vec<u64> = (0..52).map(|i| i * 50).collect();
        let frozen: Vec<u64> =
            steady.iter().copied().filter(|at| !(101..400).contains(at)).collect();
        let seen = [member(&steady, &[450]), member(&frozen, &[410])];
        let run = observed(&seen, &ran);
        assert_eq!(run.first_write_ms, Some(410.0));
        assert_eq!((run.total_ms, run.exit_ok), (600.0, false));
        assert_eq!(run.stall_ms, [50.0, 300.0]);
        assert_eq!((run.refused_after_first, run.said.as_str()), (2, "b / c / d"));
        assert_eq!(all_small(&seen, &ran, &[20, 20]), Some(300.0));
        assert_eq!(all_small(&seen, &ran, &[20, 5]), None);
    }
}
