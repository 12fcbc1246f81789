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
    if !matches!(mode.as_str(), "periodic" | "revision") {
        return Err(usage(
            &format!("--auto-compaction-mode: `{mode}` is neither periodic nor revision"),
            "`etcd-rescue prevent --auto-compaction-mode periodic`".to_owned(),
        ));
    }
    if mode == "revision" && retention.parse::<u64>().is_err() {
        return Err(usage(
            "with --auto-compaction-mode revision the retention is a number of revisions",
            "`etcd-rescue prevent --auto-compaction-mode revision --auto-compaction-retention \
             10000`"
                .to_owned(),
        ));
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
