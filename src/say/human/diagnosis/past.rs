//! What the past hours left behind: etcd's log as lines over time, what its
//! clients suffered, and the kernel log.

use super::{
    figures::{squeezed, timeline},
    numbers::{minute, ms, second, thousands},
    page::Page,
};
use crate::model::diagnosis::{
    KernelEvent, KernelEventKind, KernelEvents, LogSign, LogSignKind, LogStory, Symptom,
    SymptomKind,
};

/// The shortest line over time that tells anything.
const LEAST: usize = 24;
/// The longest.
const LETTERS: usize = 48;
/// Kernel lines shown without `-v`.
const KERNEL_LINES: usize = 5;
/// Kernel lines shown with it.
const MORE_LINES: usize = 40;

/// etcd's own log.
pub(super) fn log(page: &mut Page, story: &LogStory) {
    if story.lines == 0 {
        return;
    }
    page.heading(&format!(
        "etcd's log: {} lines, {} to {}",
        thousands(story.lines),
        minute(story.from),
        minute(story.to)
    ));
    if story.signs.is_empty() {
        page.line("", "nothing in it tells of slowness");
        return;
    }
    let heads = heads(&story.signs);
    let head = heads.iter().map(String::len).max().unwrap_or(0);
    // Too narrow for both: the line over time goes below its sign.
    let beside = page.room() >= head + 2 + LEAST;
    let letters = if beside { page.room() - head - 2 } else { page.room() }.min(LETTERS);
    let mut drawn = 0;
    for (sign, text) in story.signs.iter().zip(&heads) {
        let pieces = squeezed(&sign.timeline, letters);
        let most = pieces.iter().max().copied().unwrap_or(0);
        drawn = drawn.max(pieces.len());
        let line = timeline(&pieces, most, letters, page.layout.blocks);
        page.figure(if beside {
            vec![format!("{text:<head$}  {line}")]
        } else {
            vec![text.clone(), line]
        });
    }
    axis(page, story, if beside { head + 2 } else { 0 }, drawn);
    let told = if page.layout.verbose > 0 { &story.signs[..] } else { &[] };
    for sign in told {
        page.line(&format!("{}: ", sign_text(sign.kind)), &sign.example);
    }
}

/// The times at both ends, below the timelines.
fn axis(page: &mut Page, story: &LogStory, indent: usize, drawn: usize) {
    let day = 86_400_000_000_000;
    let short = |nanos: i64| -> String {
        let text = second(nanos);
        // Of a longer story nobody wants the seconds, of a short one the day.
        if story.to - story.from > day / 24 {
            text.chars().take("11-23 03:00".len()).collect()
        } else {
            text.chars().skip("11-23 ".len()).collect()
        }
    };
    let (from, to) = (short(story.from), short(story.to));
    let gap = drawn.saturating_sub(from.len() + to.len());
    if gap > 0 {
        page.figure([format!("{}{from}{}{to}", " ".repeat(indent), " ".repeat(gap))]);
    }
}

/// What is beside each line over time: the sign, how often, the worst.
fn heads(signs: &[LogSign]) -> Vec<String> {
    let counts: Vec<String> = signs.iter().map(|sign| thousands(sign.count)).collect();
    let worst = signs.iter().map(|sign| match sign.worst_ms {
        Some(worst) => format!("worst {} ms", ms(worst)),
        None => String::new(),
    });
    let worst: Vec<String> = worst.collect();
    let longest = |texts: &[String]| texts.iter().map(String::len).max().unwrap_or(0);
    let name = signs.iter().map(|sign| sign_text(sign.kind).len()).max().unwrap_or(0);
    let (count, last) = (longest(&counts), longest(&worst));
    let cells = signs.iter().zip(counts.iter().zip(&worst));
    let cells = cells.map(|(sign, (counted, worst))| {
        format!("{:<name$}  {counted:>count$}x  {worst:>last$}", sign_text(sign.kind))
    });
    cells.collect()
}

fn sign_text(kind: LogSignKind) -> &'static str {
    match kind {
        LogSignKind::SlowFdatasync => "slow fdatasync",
        LogSignKind::SlowApply => "apply took too long",
        LogSignKind::LateHeartbeat => "heartbeat late",
        LogSignKind::SlowReadIndex => "ReadIndex slow",
        LogSignKind::SlowAgreement => "agreement slow",
        LogSignKind::SlowRequest => "slow request",
        LogSignKind::LeaderLost => "leader lost",
        LogSignKind::NoSpace => "no space",
        LogSignKind::PeerTrouble => "peer trouble",
    }
}

/// What etcd's clients on this node suffered.
pub(super) fn symptoms(page: &mut Page, symptoms: &[Symptom]) {
    if symptoms.is_empty() {
        return;
    }
    page.heading("What its clients on this node suffer (symptoms, not causes)");
    for symptom in symptoms {
        let text = format!(
            "{} {}, {} to {}",
            thousands(symptom.count),
            symptom_text(symptom.kind),
            second(symptom.first_at),
            second(symptom.last_at)
        );
        page.line("", &symptom.container);
        page.indented(4, "", &text);
        if page.layout.verbose > 0 {
            page.indented(4, "", &symptom.example);
        }
    }
}

fn symptom_text(kind: SymptomKind) -> &'static str {
    match kind {
        SymptomKind::ApiServerTimeouts => "lines about requests to etcd that timed out",
        SymptomKind::LostLease => "lines about a leader lease that was lost",
        SymptomKind::CoreDnsSlow => "lines about health checks of more than 1 s",
        SymptomKind::MetricsServerTimeouts => "lines about handlers that timed out",
    }
}

/// The kernel's lines about etcd's disks and about memory.
pub(super) fn kernel(page: &mut Page, kernel: &KernelEvents) {
    if let Some(why) = &kernel.unreadable {
        page.heading("Kernel log");
        page.line("could not be read: ", why);
        return;
    }
    let since = match kernel.from {
        0 => String::new(),
        from => format!(" since {}", minute(from)),
    };
    let lost = if kernel.lost { "; older lines are lost" } else { "" };
    page.heading(&format!("Kernel log{since}{lost}"));
    if kernel.events.is_empty() {
        page.line(
            "",
            "nothing about disks, filesystems or memory. A command has to take 30 s before the \
             kernel says a word: that clears no disk",
        );
        return;
    }
    for (kind, disk, count) in counts(&kernel.events) {
        let disk = disk.map(|disk| format!(" on {disk}")).unwrap_or_default();
        page.line("", &format!("{} {}{disk}", thousands(count), kind_text(kind)));
    }
    let most = if page.layout.verbose > 0 { MORE_LINES } else { KERNEL_LINES };
    let skipped = kernel.events.len().saturating_sub(most);
    page.line("", &if skipped > 0 { format!("the last {most}:") } else { "line by line:".into() });
    for event in kernel.events.iter().skip(skipped) {
        page.indented(4, &format!("{}  ", second(event.at)), &event.text);
    }
}

/// How many there are of each kind for each disk, in the order they came.
fn counts(events: &[KernelEvent]) -> Vec<(KernelEventKind, Option<&str>, u64)> {
    let mut counts: Vec<(KernelEventKind, Option<&str>, u64)> = Vec::new();
    for event in events {
        let disk = event.disk.as_deref();
        match counts.iter_mut().find(|(kind, of, _)| *kind == event.kind && *of == disk) {
            Some((_, _, count)) => *count += 1,
            None => counts.push((event.kind, disk, 1)),
        }
    }
    counts
}

fn kind_text(kind: KernelEventKind) -> &'static str {
    match kind {
        KernelEventKind::CommandTimeout => "x a command was not answered in time",
        KernelEventKind::Reset => "x a link, controller or device was reset",
        KernelEventKind::MediumError => "x a sector could not be read or written",
        KernelEventKind::IoError => "x an I/O error",
        KernelEventKind::CableError => "x a transfer error (cable or backplane)",
        KernelEventKind::LostWrite => "x written data were lost",
        KernelEventKind::FilesystemError => "x a filesystem error",
        KernelEventKind::ReadOnly => "x a filesystem became read-only",
        KernelEventKind::ArrayTrouble => "x trouble with an array or a pool",
        KernelEventKind::HungTask => "x a task hung for minutes",
        KernelEventKind::ControllerFault => "x a fault of a controller",
        KernelEventKind::OutOfMemory => "x a process was killed for memory",
    }
}
