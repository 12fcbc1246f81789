//! The members side by side: what a client feels, what their disks take, and
//! what they counted; and a histogram of each slow one.

use super::{
    figures::bars,
    numbers::{bracket, ms, or_none, thousands},
    page::Page,
};
use crate::{
    model::{
        Member, MemberId, World,
        diagnosis::{Account, Latencies, MemberNumbers, MemberView, Scrape, Spread},
    },
    say::human::Column,
};

/// From this median on (milliseconds) a member's fsyncs are shown as bars.
const SLOW: f64 = 16.0;

/// One member with all that is known of it.
struct Row<'a> {
    member: &'a Member,
    view: Option<&'a MemberView>,
    numbers: Option<&'a MemberNumbers>,
}

impl Row<'_> {
    fn last(&self) -> Option<&Scrape> {
        self.view.and_then(|view| view.second.as_ref().or(view.first.as_ref()))
    }
}

/// The members' part of the page.
pub(super) fn members(page: &mut Page, account: &Account) {
    let Some(world) = &account.examined.world else { return };
    let rows: Vec<Row> = world.members.iter().map(|member| row(account, member)).collect();
    page.heading(&format!("Members{}", over(&rows)));
    page.line("", "Reads through a quorum, as clients make them, and from the member alone:");
    reads(page, &rows);
    page.blank();
    page.line("", "Writes to its WAL and commits of its database:");
    disks(page, &rows);
    page.blank();
    page.line("", "Counted since its start, and (+) while it was watched:");
    counters(page, world, &rows);
    notes(page, world, &rows);
    histograms(page, account, &rows);
}

fn row<'a>(account: &'a Account, member: &'a Member) -> Row<'a> {
    let numbers = account.numbers.iter().find(|(id, _)| *id == member.id);
    Row {
        member,
        view: account.examined.views.iter().find(|view| view.id == member.id),
        numbers: numbers.map(|(_, numbers)| numbers),
    }
}

fn over(rows: &[Row]) -> String {
    let seconds = rows.iter().filter_map(|row| row.numbers?.seconds);
    let longest = seconds.fold(0.0_f64, f64::max);
    if longest > 0.0 { format!(", watched for {longest:.0} s; times in ms") } else { String::new() }
}

fn name(row: &Row) -> String {
    format!("{}{}", row.member.label(), if row.member.local { "*" } else { "" })
}

fn names(rows: &[Row]) -> Column {
    Column::text("NAME", rows.iter().map(name).collect())
}

fn column(title: &'static str, rows: &[Row], cell: impl Fn(&Row) -> Option<String>) -> Column {
    Column::number(title, rows.iter().map(|row| or_none(cell(row), |text| text)).collect())
}

fn reads(page: &mut Page, rows: &[Row]) {
    let quorum = |row: &Row| row.view.map(|view| view.linearizable.clone());
    let alone = |row: &Row| row.view.map(|view| view.serializable.clone());
    let quantile = |of: Option<Latencies>, q| of.and_then(|it| it.quantile(q)).map(ms);
    let roles = rows.iter().map(|row| row.member.role().to_owned()).collect();
    page.table(vec![
        names(rows),
        Column::text("ROLE", roles),
        column("READS", rows, |row| Some(thousands(quorum(row)?.millis.len() as u64))),
        column("QUORUM P50", rows, |row| quantile(quorum(row), 0.5)),
        column("P99", rows, |row| quantile(quorum(row), 0.99)),
        column("MAX", rows, |row| quantile(quorum(row), 1.0)),
        column("LOCAL P50", rows, |row| quantile(alone(row), 0.5)),
        column("P99", rows, |row| quantile(alone(row), 0.99)),
        column("FAILED", rows, |row| Some(thousands(quorum(row)?.failed + alone(row)?.failed))),
    ]);
}

fn disks(page: &mut Page, rows: &[Row]) {
    let p99 = |spread: &Option<Spread>| Some(bracket(&spread.as_ref()?.p99));
    page.table(vec![
        names(rows),
        column("FSYNC P99", rows, |row| p99(&row.numbers?.fsync)),
        column("N", rows, |row| Some(thousands(row.numbers?.fsync.as_ref()?.n))),
        column("MEAN", rows, |row| Some(ms(row.numbers?.fsync.as_ref()?.mean_ms))),
        column("SINCE START", rows, |row| p99(&row.numbers?.fsync_since_start)),
        column("COMMIT P99", rows, |row| p99(&row.numbers?.commit)),
        column("SINCE START", rows, |row| p99(&row.numbers?.commit_since_start)),
    ]);
}

/// Totals, and in brackets what came during the watch.
fn counters(page: &mut Page, world: &World, rows: &[Row]) {
    let counted = |total: Option<u64>, more: Option<u64>| {
        let more = more.filter(|more| *more > 0).map(|more| format!(" (+{})", thousands(more)));
        Some(format!("{}{}", thousands(total?), more.unwrap_or_default()))
    };
    let status = |row: &Row| row.member.status.as_ref().ok().cloned();
    page.table(vec![
        names(rows),
        column("SLOW APPLIES", rows, |row| {
            counted(row.last()?.slow_applies, row.numbers?.slow_applies)
        }),
        column("SLOW READS", rows, |row| counted(row.last()?.slow_reads, row.numbers?.slow_reads)),
        column("LATE BEATS", rows, |row| {
            counted(row.last()?.heartbeat_failures, row.numbers?.heartbeat_failures)
        }),
        column("LEADER CHANGES", rows, |row| {
            counted(row.last()?.leader_changes, row.numbers?.leader_changes)
        }),
        column("PENDING", rows, |row| row.numbers?.pending_proposals.map(thousands)),
        column("PEER RTT P99", rows, |row| slowest_peer(world, row)),
        column("OPEN READS", rows, |row| row.numbers?.open_reads.map(thousands)),
        column("DB SIZE", rows, |row| Some(status(row)?.db_size.to_string())),
        column("IN USE", rows, |row| Some(status(row)?.db_size_in_use.to_string())),
        column("QUOTA", rows, |row| {
            let limit = status(row)?.quota.limit;
            Some(limit.map_or_else(|| "off".to_owned(), |limit| limit.to_string()))
        }),
    ]);
}

/// The peer that takes longest, with its name where there is a choice.
fn slowest_peer(world: &World, row: &Row) -> Option<String> {
    let numbers = row.numbers?;
    let all =
        if numbers.peer_rtt.is_empty() { &numbers.peer_rtt_since_start } else { &numbers.peer_rtt };
    let slowest = all.iter().max_by(|a, b| a.1.p99.estimate_ms.total_cmp(&b.1.p99.estimate_ms))?;
    let name = |id: MemberId| world.member(id).map_or_else(|| id.to_string(), Member::label);
    Some(format!("{} {}", name(slowest.0), bracket(&slowest.1.p99)))
}

fn notes(page: &mut Page, world: &World, rows: &[Row]) {
    if rows.iter().any(|row| row.member.local) {
        page.line("* ", "this node");
    }
    for row in rows {
        let name = row.member.label();
        if let Err(silence) = &row.member.status {
            page.line("", &format!("{name} ({}) does not answer: {silence}", row.member.endpoint));
        }
        if let Some(why) = row.view.and_then(|view| view.no_metrics.as_ref()) {
            page.line("", &format!("{name}: no metrics: {why}"));
        }
        if row.numbers.is_some_and(|numbers| numbers.restarted) {
            page.line("", &format!("{name} was restarted meanwhile: its window is not counted"));
        }
        if let Some(writes) = row.view.map(|view| &view.writes).filter(|it| !it.millis.is_empty()) {
            page.line("", &own_writes(&name, writes));
        }
    }
    let counts = rows.iter().filter_map(|row| Some(row.numbers?.fsync.as_ref()?.n));
    if counts.min().is_some_and(|least| least < 100) {
        page.line("", "Of fewer than 100 fsyncs the p99 is the bucket of the slowest.");
    }
    let alarms = crate::say::human::alarms(world);
    if alarms != "none" {
        page.line("Alarms: ", &alarms);
    }
    for complaint in &world.complaints {
        page.line("Note: ", complaint);
    }
}

fn own_writes(name: &str, writes: &Latencies) -> String {
    let at = |q| or_none(writes.quantile(q), ms);
    format!(
        "{name}: hardly anybody wrote, so {} entries of the raft log were made through it: p50 {} ms, \
         longest {} ms",
        thousands(writes.millis.len() as u64),
        at(0.5),
        at(1.0)
    )
}

/// Of the slow member, or of those whose every other fsync is slow; with `-v`
/// of all.
fn histograms(page: &mut Page, account: &Account, rows: &[Row]) {
    let slow_member = account.diagnosis.verdict.slow_member.as_deref();
    for row in rows {
        let Some(numbers) = row.numbers else { continue };
        let now = numbers.fsync.as_ref().map(|spread| (spread, "during the watch"));
        let ever = numbers.fsync_since_start.as_ref().map(|spread| (spread, "since its start"));
        // One slow fsync of few is no slow member, least of all beside one.
        let slow = |spread: &Spread| {
            slow_member.is_none() && spread.p50.upto_ms.is_none_or(|upto| upto > SLOW)
        };
        let named = slow_member == Some(row.member.label().as_str());
        for (spread, when) in now.into_iter().chain(ever.filter(|_| page.layout.verbose > 0)) {
            if slow(spread) || named || page.layout.verbose > 0 {
                let head = format!(
                    "WAL fsyncs of {} {when} (n={}, mean {} ms)",
                    row.member.label(),
                    thousands(spread.n),
                    ms(spread.mean_ms)
                );
                page.blank();
                page.line("", &head);
                let lines = bars(spread, page.room(), page.layout.blocks);
                page.figure(lines);
            }
        }
    }
}
