//! Alert rules as a Prometheus rule file. Texts are written as JSON strings,
//! which YAML 1.2 reads as they are (section 1.3, flow scalars); expressions of
//! several lines as a block.

use std::fmt::Write;

use crate::model::{Rule, RuleGroup};

/// The file.
#[must_use]
pub fn rules(groups: &[RuleGroup], words: &str) -> String {
    let mut out = String::new();
    // Whoever finds the file should be able to make it again.
    let words: String = words.chars().filter(|c| !c.is_control()).collect();
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(out, "# etcd-rescue {version}: etcd-rescue {words}");
    out.push_str("groups:\n");
    for group in groups {
        let _ = writeln!(out, "  - name: {}\n    rules:", text(&group.name));
        group.rules.iter().for_each(|one| rule(&mut out, one));
    }
    out
}

fn rule(out: &mut String, rule: &Rule) {
    let _ = writeln!(out, "      - alert: {}", text(&rule.alert));
    if rule.expr.contains('\n') {
        out.push_str("        expr: |-\n");
        for line in rule.expr.lines() {
            let _ = writeln!(out, "          {line}");
        }
    } else {
        let _ = writeln!(out, "        expr: {}", text(&rule.expr));
    }
    let _ = writeln!(out, "        for: {}", text(&rule.hold));
    for (name, pairs) in [("labels", &rule.labels), ("annotations", &rule.annotations)] {
        let _ = writeln!(out, "        {name}:");
        for (name, value) in pairs {
            let _ = writeln!(out, "          {}: {}", text(name), text(value));
        }
    }
}

/// Plain where that is surely a string, else quoted.
fn text(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// What YAML 1.1 takes for something else than a string.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_they_could_be_something_else() {
        for (given, expected) in [
            ("EtcdRescueFsync-Slow_1", "EtcdRescueFsync-Slow_1"),
            ("no", "\"no\""),
            ("10m", "\"10m\""),
            ("a: b # c", "\"a: b # c\""),
            ("say \"\\d\"", r#""say \"\\d\"""#),
            ("", "\"\""),
        ] {
            assert_eq!(text(given), expected);
        }
    }
}
