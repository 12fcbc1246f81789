//! Values of auto-compaction: whether it is on, and whether etcd will take
//! what was asked for.

use crate::model::Located;

/// The retention etcd runs or is to run with; `None` when auto-compaction is
/// off, by nothing or by zero.
pub(in crate::decide) fn retention(node: &Located) -> Option<String> {
    let words = [
        node.manifest.as_ref().map(|manifest| manifest.args.as_slice()),
        node.container.as_ref().map(|container| container.args.as_slice()),
        node.container.as_ref().map(|container| container.env.as_slice()),
        node.process.as_ref().map(|process| process.args.as_slice()),
        node.process.as_ref().map(|process| process.env.as_slice()),
    ];
    let told = node.compaction.as_ref().map(|found| found.value.clone());
    told.into_iter()
        .chain(words.into_iter().flatten().filter_map(|words| spoken(&words.join(" "))))
        .find(|value| !is_zero(value))
}

/// The value behind the flag or variable, also inside a shell's script.
fn spoken(text: &str) -> Option<String> {
    let names = ["auto-compaction-retention", "ETCD_AUTO_COMPACTION_RETENTION"];
    let after = names.iter().find_map(|name| text.split_once(name)).map(|(_, after)| after)?;
    let value = after.trim_start_matches(['=', ' ', '"', '\'']);
    let end = value.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(value.len());
    Some(value[..end].to_owned()).filter(|value| !value.is_empty())
}

/// "0", "0h", "0h0m".
pub(super) fn is_zero(value: &str) -> bool {
    !value.contains(|c: char| c.is_ascii_digit() && c != '0')
}

/// Whether etcd knows this mode (etcd server/embed/config.go).
fn is_mode(mode: &str) -> bool {
    matches!(mode, "periodic" | "revision")
}

/// Whether etcd reads this retention: a whole number, in periodic mode of
/// hours; or there a duration of Go's (time.ParseDuration).
fn is_retention(mode: &str, retention: &str) -> bool {
    let is_number = !retention.is_empty() && retention.bytes().all(|byte| byte.is_ascii_digit());
    is_number || (mode == "periodic" && is_duration(retention))
}

fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let after = &rest[digits..];
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let is_number = rest[..digits].bytes().any(|byte| byte.is_ascii_digit())
            && rest[..digits].matches('.').count() < 2;
        if !is_number || !matches!(&after[..unit], "h" | "m" | "s" | "ms" | "us" | "ns") {
            return false;
        }
        rest = &after[unit..];
    }
    !text.is_empty()
}

/// What to know about these values; none of it forbids them.
pub(super) fn cautions(mode: &str, retention: &str) -> Vec<String> {
    let stops = "etcd may not start with it; the old manifest comes back by itself then";
    let mut cautions = Vec::new();
    if !is_mode(mode) {
        cautions.push(format!("`{mode}` is no mode of auto-compaction that we know: {stops}"));
    } else if !is_retention(mode, retention) {
        cautions
            .push(format!("`{retention}` is no retention that we know in mode {mode}: {stops}"));
    } else if is_zero(retention) {
        cautions.push(format!("a retention of {retention} switches auto-compaction off"));
    }
    cautions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_etcd_does_not_take_are_a_caution() {
        for (mode, retention) in
            [("periodic", "1h"), ("periodic", "8"), ("periodic", "1h30m"), ("revision", "10000")]
        {
            assert_eq!(cautions(mode, retention), Vec::<String>::new(), "{mode} {retention}");
        }
        for (mode, retention) in [
            ("periodic", "banana"),
            ("periodic", ""),
            ("periodic", "1d"),
            ("periodic", "1.2.3h"),
            ("revision", "1h"),
            ("sometimes", "1h"),
        ] {
            assert!(cautions(mode, retention)[0].contains("comes back by itself"), "{retention}");
        }
        assert!(cautions("periodic", "0h")[0].contains("switches auto-compaction off"));
    }
}
