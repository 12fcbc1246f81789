//! The table of `usage`: a line for each resource, below it its namespaces and
//! their biggest objects, and what was left out with its sums.

use super::{super::super::usage_order, cut};
use crate::{
    cli::{self, SortBy},
    model::{
        Bytes,
        usage::{Account, NamespaceUsage, ObjectUsage, ResourceUsage, Usage},
    },
};

/// Columns of the smallest and of the largest bar.
const BAR: std::ops::RangeInclusive<usize> = 6..=20;
/// Names are cut before they are shorter than this.
const NAME: usize = 16;
/// Namespaces below this part of everything (5 %) are not worth a line, unless
/// more than the usual number of lines is asked for.
const SMALL: u64 = 20;
/// `--top` when it is not given.
const USUAL_TOP: u16 = 10;

/// One line.
struct Line {
    /// Indented.
    name: String,
    /// What its bar shows; `None` = no bar.
    weight: Option<u64>,
    cells: Vec<String>,
}

/// The table, headed.
pub(super) fn table(usage: &Usage, wanted: &cli::Usage, width: usize) -> String {
    let view = View { usage, wanted };
    let mut lines = Vec::new();
    let resources = usage_order::resources(&usage.resources, wanted.sort);
    let (shown, rest) = resources.split_at(fitting(resources.len(), usize::from(wanted.top)));
    for resource in shown {
        view.resource(resource, &mut lines);
    }
    lines.extend(view.more(0, rest.iter().map(|one| &one.account)));
    lines.push(Line { weight: None, ..view.line("total".to_owned(), &usage.total) });
    laid_out(&view.titles(), &lines, usage_order::weight(&usage.total, wanted.sort), width)
}

/// What is asked for, and what it is asked of.
struct View<'a> {
    usage: &'a Usage,
    wanted: &'a cli::Usage,
}

impl View<'_> {
    fn titles(&self) -> Vec<&'static str> {
        let mut titles = vec!["LIVE"];
        if self.usage.history {
            titles.push("HISTORY");
        }
        titles.push("KEYS");
        if self.usage.history {
            let growth = self.wanted.sort == SortBy::Growth;
            titles.push(if growth { "WRITES" } else { "REV/KEY" });
        }
        titles
    }

    fn line(&self, name: String, account: &Account) -> Line {
        let history = self.usage.history;
        let mut cells = vec![Bytes(account.live_bytes).to_string()];
        if history {
            cells.push(Bytes(account.old_bytes).to_string());
        }
        cells.push(account.keys.to_string());
        if history && self.wanted.sort == SortBy::Growth {
            cells.push(account.recent.to_string());
        } else if history {
            let per_key = usage_order::revisions_per_key(account, history);
            cells.push(per_key.map_or_else(|| "-".to_owned(), |number| format!("{number:.1}")));
        }
        Line { name, weight: Some(usage_order::weight(account, self.wanted.sort)), cells }
    }

    fn resource(&self, resource: &ResourceUsage, lines: &mut Vec<Line>) {
        let name = if resource.name.is_empty() { "(no name)" } else { &resource.name };
        lines.push(self.line(name.to_owned(), &resource.account));
        if self.wanted.depth < 2 {
            return;
        }
        let namespaces = usage_order::namespaces(&resource.namespaces, self.wanted.sort);
        let big = namespaces.iter().filter(|one| self.is_big(&one.account)).count();
        let shown = match big {
            // Something small: its namespaces need no lines of their own,
            // unless it has but one.
            0 if namespaces.len() > 1 => return,
            big => big.max(1).min(usize::from(self.wanted.top)),
        };
        let (shown, rest) = namespaces.split_at(fitting(namespaces.len(), shown));
        for namespace in shown {
            self.namespace(resource, namespace, lines);
        }
        lines.extend(self.more(2, rest.iter().map(|one| &one.account)));
    }

    fn namespace(&self, resource: &ResourceUsage, one: &NamespaceUsage, lines: &mut Vec<Line>) {
        let name = if one.name.is_empty() { "(cluster-wide)" } else { &one.name };
        lines.push(self.line(format!("  {name}"), &one.account));
        if self.wanted.depth < 3 {
            return;
        }
        let begin = format!("{}{}/", resource.prefix, one.name);
        for object in one.objects.iter().take(usize::from(self.wanted.top)) {
            lines.push(self.object(object, &begin));
        }
    }

    /// A single key: what it shares with its neighbours is above it.
    fn object(&self, object: &ObjectUsage, begin: &str) -> Line {
        let name = object.key.strip_prefix(begin).unwrap_or(&object.key);
        let size = Bytes(object.live_bytes).to_string();
        let mut cells = vec![if object.live { size } else { "deleted".to_owned() }];
        if self.usage.history {
            let growth = self.wanted.sort == SortBy::Growth;
            let revisions = if growth { String::new() } else { object.revisions.to_string() };
            cells.extend([String::new(), String::new(), revisions]);
        } else {
            cells.push(String::new());
        }
        Line { name: format!("    {name}"), weight: None, cells }
    }

    /// What is not shown, in one line; none when everything is.
    fn more<'b>(
        &self,
        indent: usize,
        rest: impl ExactSizeIterator<Item = &'b Account>,
    ) -> Option<Line> {
        let number = rest.len();
        let mut sum = Account::default();
        rest.for_each(|account| sum.add(account));
        let name = format!("{}({number} more)", " ".repeat(indent));
        (number > 0).then(|| self.line(name, &sum))
    }

    /// Whether it is worth a line, by what is sorted by or by its bytes.
    fn is_big(&self, account: &Account) -> bool {
        let least = |whole: u64| if self.wanted.top > USUAL_TOP { 0 } else { whole / SMALL };
        let whole = &self.usage.total;
        self.weight(account) > least(self.weight(whole)) || account.bytes() > least(whole.bytes())
    }

    fn weight(&self, account: &Account) -> u64 {
        usage_order::weight(account, self.wanted.sort)
    }
}

/// How many of `all` are shown when at most `top` are wanted: a line about one
/// more takes as much room as that one.
fn fitting(all: usize, top: usize) -> usize {
    if all == top + 1 { all } else { all.min(top) }
}

/// Name, bar and share on the left, the numbers on the right.
fn laid_out(titles: &[&str], lines: &[Line], whole: u64, width: usize) -> String {
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(index, title)| {
            let cells = lines.iter().filter_map(|line| line.cells.get(index));
            cells.map(String::len).max().unwrap_or(0).max(title.len())
        })
        .collect();
    // Two columns between two cells; "100 %" is five.
    let numbers: usize = widths.iter().map(|width| width + 2).sum();
    let left = width.saturating_sub(numbers + 2 + 1 + 5);
    let longest = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let name = longest.min(left.saturating_sub(*BAR.start())).max(NAME);
    let bar = left.saturating_sub(name).clamp(*BAR.start(), *BAR.end());
    let mut text =
        vec![row("RESOURCE", name, &format!("{:<1$}", "SHARE", bar + 6), titles, &widths)];
    for line in lines {
        let share = match line.weight {
            Some(weight) => {
                format!("{:<bar$} {:>5}", hashes(weight, whole, bar), percent(weight, whole))
            }
            None => " ".repeat(bar + 6),
        };
        let cells: Vec<&str> = line.cells.iter().map(String::as_str).collect();
        text.push(row(&cut(&line.name, name), name, &share, &cells, &widths));
    }
    text.join("\n")
}

fn row(name: &str, name_width: usize, share: &str, cells: &[&str], widths: &[usize]) -> String {
    let mut text = format!("{name:<name_width$}  {share}");
    for (cell, width) in cells.iter().zip(widths) {
        text.push_str(&format!("  {cell:>width$}"));
    }
    text.trim_end().to_owned()
}

/// A bar, to the nearest sign.
fn hashes(part: u64, whole: u64, room: usize) -> String {
    let whole = u128::from(whole.max(1));
    let signs = (u128::from(part) * room as u128 + whole / 2) / whole;
    "#".repeat(usize::try_from(signs).unwrap_or(room).min(room))
}

fn percent(part: u64, whole: u64) -> String {
    // Not rounded up: the shares of the sentences are not, either.
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    match (percent, part) {
        (0, 1..) => "<1 %".to_owned(),
        _ => format!("{percent} %"),
    }
}
