//! What is said when nothing was found: the numbers it rests on, and what
//! could not be seen.

use super::unknown::not_seen;
use crate::{
    decide::diagnosis::{
        case::{Case, Patient},
        findings::device::probe_told,
        members::pace::Pace,
        wording::{bracket, counted, listed, millis, thousands, upto},
    },
    model::diagnosis::{Latencies, Spread},
};

/// Never "healthy": what was measured, and what could not be seen.
pub(crate) fn nothing(case: &Case) -> String {
    let spreads: Vec<(&Patient, &Spread)> = case
        .patients
        .iter()
        .filter_map(|patient| Some((patient, patient.numbers.fsync.as_ref()?)))
        .collect();
    let mut numbers: Vec<String> = Vec::new();
    if !spreads.is_empty() {
        let each: Vec<String> =
            spreads.iter().map(|(patient, spread)| measured(patient, spread)).collect();
        numbers.push(format!("WAL fsync p99 is {}", each.join(", ")));
    }
    let reads: Vec<&Latencies> =
        case.patients.iter().filter_map(|it| it.view).map(|view| &view.linearizable).collect();
    let longest = reads.iter().filter_map(|reads| reads.max()).reduce(f64::max);
    numbers.extend(longest.map(|ms| {
        let millis_of_all = reads.iter().flat_map(|reads| &reads.millis).copied().collect();
        let all = Latencies { millis: millis_of_all, ..Latencies::default() };
        let middle = all.quantile(0.5).unwrap_or_default();
        let n = thousands(all.millis.len() as u64);
        format!(
            "half of {n} reads through a quorum took up to {}, the longest {}",
            millis(middle),
            millis(ms)
        )
    }));
    numbers.extend(disk_numbers(case));
    let probe = case.examined.probe.as_ref().and_then(|probe| probe.as_ref().ok());
    numbers.extend(
        probe.and_then(probe_told).map(|told| format!("our own load had fdatasync {told}")),
    );
    let unseen = not_seen(case);
    let but =
        if unseen.is_empty() { String::new() } else { format!("; not seen: {}", listed(&unseen)) };
    if numbers.is_empty() {
        return format!("Nothing slow was found, but nothing could be measured either{but}.");
    }
    format!("Nothing slow was found: {}{but}.", numbers.join("; "))
}

/// Single slow ones are told as such: with few fsyncs they are the p99.
fn measured(patient: &Patient, spread: &Spread) -> String {
    if patient.fsync == Pace::Unsure && spread.p99.over_ms >= 16.0 {
        let n = thousands(spread.n);
        let (half, some) = (upto(&spread.p50), bracket(&spread.p99));
        return format!("{} {some} by a few stragglers, half {half} (n={n})", patient.label);
    }
    format!("{} {}", patient.label, counted(spread))
}

fn disk_numbers(case: &Case) -> Option<String> {
    let answers = case
        .wal_leaves()
        .into_iter()
        .filter_map(|leaf| Some((leaf.name.clone(), case.device(&leaf.name)?.answers_in()?)));
    let (name, ms) = answers.reduce(|a, b| if a.1 >= b.1 { a } else { b })?;
    Some(format!("{name} answers in {}", millis(ms)))
}
