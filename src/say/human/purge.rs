//! What would be deleted, what that costs and brings; and what was deleted.

use super::{Column, table};
use crate::{
    model::{Bytes, Purge, PurgeTarget},
    say::text::{clean, hang},
    settings::quoted,
};

/// Groups that are shown; the others are summed.
const SHOWN: usize = 10;
/// Columns of the label.
const LABEL: usize = 7;

/// What was found, for the decision: how much, whose, what is lost, what the
/// database would be without it, and the line to do it by hand.
#[must_use]
pub fn counted_keys(
    purge: &Purge,
    target: &PurgeTarget,
    by_hand: &[String],
    width: usize,
) -> String {
    let found = &purge.found;
    let row = |label: &str, text: &str| hang(&format!("{label:<LABEL$}"), text, width);
    let mut lines = vec![format!(
        "To be deleted: {} with {} below {}",
        keys(found.keys),
        found.bytes,
        found.prefixes.join(", ")
    )];
    lines.push(String::new());
    lines.push(groups(purge, if target.events { "NAMESPACE" } else { "BELOW" }, width));
    lines.push(String::new());
    let examples: Vec<String> = found.examples.iter().map(|key| clean(key, false)).collect();
    lines.push(row("E.g.", &examples.join(", ")));
    lines.push(row("Lost", lost(target)));
    lines.push(row("Size", &size(purge)));
    lines.push(row(
        "Undo",
        "only by restoring the snapshot that is taken first: deleted keys exist nowhere else",
    ));
    lines.push("By hand:".to_owned());
    // A command is not broken, so that it can be copied.
    lines.extend(by_hand.iter().map(|line| format!("`{line}`")));
    lines.join("\n")
}

fn groups(purge: &Purge, title: &'static str, width: usize) -> String {
    let groups = &purge.found.groups;
    let mut names: Vec<String> =
        groups.iter().take(SHOWN).map(|group| clean(&group.name, false)).collect();
    let mut counts: Vec<String> =
        groups.iter().take(SHOWN).map(|group| group.keys.to_string()).collect();
    let mut sizes: Vec<String> =
        groups.iter().take(SHOWN).map(|group| group.bytes.to_string()).collect();
    let rest = groups.get(SHOWN..).unwrap_or_default();
    if !rest.is_empty() {
        names.push(format!("({} more)", rest.len()));
        counts.push(rest.iter().map(|group| group.keys).sum::<u64>().to_string());
        let bytes = rest.iter().fold(Bytes(0), |sum, group| sum.plus(group.bytes));
        sizes.push(bytes.to_string());
    }
    let columns = [
        Column::text(title, names),
        Column::number("KEYS", counts),
        Column::number("BYTES", sizes),
    ];
    table(&columns, width)
}

/// What Kubernetes loses by it.
fn lost(target: &PurgeTarget) -> &'static str {
    if target.events {
        "what `kubectl get events` and `kubectl describe` tell of the last hour; nothing else. \
         Kubernetes drops events by itself after an hour (--event-ttl)"
    } else {
        "these objects, without a word to whoever owns them: no finalizer, no garbage collection, \
         no admission. Controllers see them vanish, and may make them anew"
    }
}

/// Whether it would be enough.
fn size(purge: &Purge) -> String {
    let Some(without) = purge.found.file_size_without else {
        return "what the database would take without them could not be counted in time".to_owned();
    };
    let with = purge.file_size.map_or(String::new(), |with| format!(" instead of {with}"));
    let mut text =
        format!("compacted and defragmented, the database would take about {without}{with}");
    let enough = match purge.is_enough() {
        Some(true) => "would be enough",
        Some(false) => "would not be enough: delete more, or raise the quota",
        None => return text,
    };
    if let Some(quota) = purge.quota {
        let percent = u128::from(without.0) * 100 / u128::from(quota.0.max(1));
        text.push_str(&format!(", {percent} % of the quota of {quota}: that {enough}"));
    }
    text
}

/// What was deleted, in the end.
#[must_use]
pub fn purged(purge: &Purge) -> String {
    let prefixes = purge.found.prefixes.join(", ");
    let (deleted, counted) = (purge.deleted_keys, purge.found.keys);
    let mut text =
        format!("Deleted {} with {} below {prefixes}.", keys(deleted), purge.deleted_bytes);
    if deleted < counted {
        text.push_str(&format!(
            " {} of those counted had gone by themselves meanwhile.",
            counted - deleted
        ));
    } else if deleted > counted {
        text.push_str(&format!(
            " {} more than were counted: written in the very moment of the deletion.",
            deleted - counted
        ));
    }
    match purge.left {
        Some(0) => text.push_str(" None is left there now. To see it:"),
        Some(left) => text.push_str(&format!(
            " {} there now, written since they were counted. To see it:",
            keys(left)
        )),
        None => return text,
    }
    // On lines of their own: a command is not broken.
    for prefix in &purge.found.prefixes {
        text.push_str(&format!("\netcdctl get {} --prefix --keys-only", quoted(prefix)));
    }
    text
}

fn keys(number: u64) -> String {
    if number == 1 { "1 key".to_owned() } else { format!("{number} keys") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PurgeGroup, Purgeable};

    fn purge() -> Purge {
        Purge {
            found: Purgeable {
                prefixes: vec!["/registry/events/".into()],
                keys: 12_345,
                bytes: Bytes(47 << 20),
                file_size_without: Some(Bytes(12 << 20)),
                groups: (0..12)
                    .map(|n| PurgeGroup { name: format!("ns-{n}"), keys: 10, bytes: Bytes(900) })
                    .collect(),
                examples: vec!["/registry/events/ns-0/a.17\u{1b}".into()],
                ..Purgeable::default()
            },
            quota: Some(Bytes(64 << 20)),
            file_size: Some(Bytes(60 << 20)),
            ..Purge::default()
        }
    }

    #[test]
    fn the_decision_is_on_one_page() {
        let target = PurgeTarget { events: true, ..PurgeTarget::default() };
        let text = counted_keys(&purge(), &target, &["etcdctl del X --prefix".to_owned()], 80);
        for part in [
            "To be deleted: 12345 keys with 47.0 MiB below /registry/events/",
            "NAMESPACE",
            "(2 more)",
            "Kubernetes drops events by itself",
            "about 12.0 MiB instead of 60.0 MiB, 18 % of the quota",
            "that would be enough",
            "etcdctl del X",
        ] {
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(part), "{part} is not in {text}");
        }
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn differences_are_told() {
        let ended =
            |deleted, left| purged(&Purge { deleted_keys: deleted, left: Some(left), ..purge() });
        assert!(ended(12_345, 0).ends_with(
            "None is left there now. To see it:\n\
             etcdctl get /registry/events/ --prefix --keys-only"
        ));
        assert!(ended(12_340, 0).contains("5 of those counted had gone"));
        assert!(ended(12_346, 2).contains("1 more than were counted"));
        assert!(ended(12_345, 2).contains("2 keys there now"));
    }
}
