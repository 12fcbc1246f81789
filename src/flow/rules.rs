//! `rules`: Prometheus alert rules for both incidents, on stdout.

use serde::Serialize;

use crate::{
    cli::Rules,
    decide,
    failure::{Exit, Failure},
    model::{RuleGroup, RuleWishes, Thresholds},
    say::human,
    settings,
};

use super::session::Session;

/// Prints the rules; `-w json` prints the same file, which is YAML as well.
pub fn rules(session: &Session, wanted: &Rules) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct File {
        groups: Vec<RuleGroup>,
    }
    let groups = decide::rule_groups(&wishes(wanted)?);
    if session.voice.is_json() {
        session.voice.json(&File { groups });
    } else {
        // A closed pipe is the reader's wish.
        let _ = session.voice.raw(human::rules(&groups, &wanted.words()).as_bytes());
    }
    Ok(Exit::Ok)
}

/// What is wanted, once it makes sense.
fn wishes(wanted: &Rules) -> Result<RuleWishes, Failure> {
    let seconds = |flag: &str, text: &str| {
        settings::duration(flag, text).map(|duration| duration.as_secs_f64())
    };
    let wishes = RuleWishes {
        prefix: name("--prefix", &wanted.prefix)?,
        etcd_job: regex("--etcd-job", &wanted.etcd_job)?,
        node_job: regex("--node-job", &wanted.node_job)?,
        smart_job: regex("--smart-job", &wanted.smart_job)?,
        masters: regex("--masters", &wanted.masters)?,
        fsync: Thresholds {
            warn: seconds("--fsync-warn", &wanted.fsync_warn)?,
            page: seconds("--fsync-page", &wanted.fsync_page)?,
        },
        commit: Thresholds {
            warn: seconds("--commit-warn", &wanted.commit_warn)?,
            page: seconds("--commit-page", &wanted.commit_page)?,
        },
        quota: Thresholds { warn: wanted.quota_warn.into(), page: wanted.quota_page.into() },
        util: wanted.util.into(),
        wear_left: wanted.wear_left.into(),
        severity_label: name("--severity-label", &wanted.severity_label)?,
        warning: line("--warning", &wanted.warning)?,
        critical: line("--critical", &wanted.critical)?,
        runbook_url: wanted
            .runbook_url
            .as_deref()
            .map(|url| line("--runbook-url", url))
            .transpose()?,
    };
    for (flag, thresholds) in
        [("fsync", wishes.fsync), ("commit", wishes.commit), ("quota", wishes.quota)]
    {
        if thresholds.warn > thresholds.page {
            let what = format!("--{flag}-warn is more than --{flag}-page: it would page first");
            return Err(usage(what));
        }
    }
    Ok(wishes)
}

/// A name of a label or an alert (prometheus common/model: label names).
fn name(flag: &str, text: &str) -> Result<String, Failure> {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    let fits = text.starts_with(begins) && text.chars().all(|c| begins(c) || c.is_ascii_digit());
    if fits && !text.starts_with("__") {
        return Ok(text.to_owned());
    }
    Err(usage(format!("{flag}: `{text}` is no name: letters, digits and _, a letter first")))
}

/// Anything of one line.
fn line(flag: &str, text: &str) -> Result<String, Failure> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(usage(format!("{flag}: it has to be one line of text")));
    }
    Ok(text.to_owned())
}

/// A regular expression, as far as that can be told without a parser for
/// them: what is open is closed, and what repeats has something to repeat.
fn regex(flag: &str, text: &str) -> Result<String, Failure> {
    let bad = |why: &str| Err(usage(format!("{flag}: `{text}` is no regular expression: {why}")));
    let text = line(flag, text)?;
    let (mut open, mut class, mut chars, mut repeats) = (0_u32, false, text.chars(), true);
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return bad("it ends with a backslash"),
            ']' if class => class = false,
            _ if class => {}
            '[' => class = true,
            '(' => open += 1,
            ')' if open == 0 => return bad("a ) without a ("),
            ')' => open -= 1,
            '*' | '+' | '?' if repeats && c != '?' => return bad("nothing to repeat"),
            _ => {}
        }
        repeats = matches!(c, '(' | '|') && !class;
    }
    match (open, class) {
        (0, false) => Ok(text),
        (_, true) => bad("a [ without a ]"),
        _ => bad("a ( without a )"),
    }
}

fn usage(what: String) -> Failure {
    let next = "`etcd-rescue rules --help` shows every flag and its default";
    Failure::new(Exit::Usage, what, "Nothing was printed or changed.", next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_expression_is_told() {
        for text in
            [".*etcd.*", "a|b", "kube-(etcd|x)", "[a-z*(]+", "a\\)", "(?i)etcd", ".*", "a*?"]
        {
            assert_eq!(regex("--etcd-job", text), Ok(text.to_owned()));
        }
        for text in ["", "*", "(a", "a)", "[a", "a\\", "a|*", "(+)", "a\nb"] {
            assert!(regex("--etcd-job", text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_those_of_prometheus() {
        for text in ["EtcdRescue", "_x", "a1"] {
            assert_eq!(name("--prefix", text), Ok(text.to_owned()));
        }
        for text in ["", "1a", "a-b", "__a", "ä", "a b"] {
            assert!(name("--prefix", text).is_err(), "{text}");
        }
    }
}
