//! The flags of `prevent` as wishes.

use std::time::Duration;

use crate::{
    cli::Prevent,
    failure::{Exit, Failure},
    flow::session::Session,
    model::{Bytes, PreventWishes},
    settings,
};

/// More than this etcd's makers advise against.
const LARGEST_QUOTA: u64 = 8 << 30;

/// What was asked for: the wishes, and how long the new etcd may take.
pub(super) fn wishes(
    session: &Session,
    wanted: &Prevent,
) -> Result<(PreventWishes, Duration), Failure> {
    let usage = |what: &str, next: String| {
        Failure::new(Exit::Usage, what, "Nothing was contacted or changed.", next)
    };
    let (mode, retention) = (&wanted.auto_compaction_mode, &wanted.auto_compaction_retention);
    // A word that etcd does not know is a caution only: a later release may
    // know it, and what etcd does not start with is taken back by itself.
    for (flag, word) in
        [("--auto-compaction-mode", mode), ("--auto-compaction-retention", retention)]
    {
        if !is_word(word) {
            return Err(usage(
                &format!("{flag}: this has to be one word, without spaces or control characters"),
                format!("leave {flag} out, or give it a value: `etcd-rescue prevent --help`"),
            ));
        }
    }
    let quota = wanted.quota.as_deref().map(|text| settings::size("--quota", text)).transpose()?;
    if quota.is_some_and(|quota| quota > LARGEST_QUOTA) {
        return Err(usage(
            &format!(
                "--quota: {} is more than the 8 GiB that etcd is made for",
                Bytes(quota.unwrap_or_default())
            ),
            format!(
                "take 8GiB at most, and find what fills it: `{}`",
                session.settings.command_line("usage")
            ),
        ));
    }
    let patience = settings::duration("--rollback-after", &wanted.rollback_after)?;
    let keeps = wanted.keep_auto_compaction;
    Ok((
        PreventWishes {
            auto_compaction: (!keeps).then(|| (mode.clone(), retention.clone())),
            quota: quota.map(Bytes),
            snapshot_count: wanted.snapshot_count,
            bootstrap_defrag: wanted.bootstrap_defrag,
            probes: wanted.probes,
        },
        patience,
    ))
}

/// What can stand as one word in a manifest's command line; the kubelet would
/// replace `$(NAME)`.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text.contains("$(")
        && !text.chars().any(|c| {
            c.is_control() || c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
        })
}

#[cfg(test)]
mod tests {
    use super::is_word;

    #[test]
    fn only_what_cannot_be_a_word_is_a_usage_error() {
        for word in ["periodic", "bogus", "banana", "1h", "10000", "-1", "1h30m", "'", "#"] {
            assert!(is_word(word), "{word}");
        }
        for text in ["", " ", "a b", "a\nb", "a\u{1b}[0m", "a\u{85}b", "a\u{2028}b", "$(HOST)"] {
            assert!(!is_word(text), "{text:?}");
        }
    }
}
