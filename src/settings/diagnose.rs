//! The flags of `diagnose`, resolved: times within their bounds, and flags that
//! contradict each other refused.

use std::time::Duration;

use super::{Settings, duration, usage};
use crate::{
    cli::{self, SelfTestKind},
    failure::Failure,
};

/// What `diagnose` was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagnoseSettings {
    /// How long members and disks are watched.
    pub window: Duration,
    /// How far back logs are read.
    pub since: Duration,
    /// Grant no lease: look only.
    pub passive: bool,
    /// Measure with a small load of our own.
    pub probe: bool,
    /// Have the drive test itself.
    pub self_test: Option<SelfTestKind>,
    /// Look again so long after each look.
    pub watch: Option<Duration>,
}

impl DiagnoseSettings {
    /// The shortest and the longest `--window`.
    pub const WINDOW: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
    /// The shortest and the longest `--since`.
    pub const SINCE: (Duration, Duration) =
        (Duration::from_secs(60), Duration::from_secs(30 * 86_400));
    /// The shortest and the longest `--watch`.
    pub const WATCH: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3_600));

    /// Resolves the flags.
    ///
    /// # Errors
    /// A usage failure for a time that cannot be read or is out of bounds, and
    /// for flags that do not go together.
    pub fn resolve(typed: &cli::Diagnose, settings: &Settings) -> Result<Self, Failure> {
        let watch = typed.watch.as_deref();
        let (dry_run, loads) = (settings.dry_run, typed.probe || typed.self_test.is_some());
        if loads && (dry_run || typed.passive) {
            let (quiet, loud) = (
                if dry_run { "--dry-run" } else { "--passive" },
                if typed.probe { "--probe" } else { "--self-test" },
            );
            return Err(usage(
                &format!("{quiet} and {loud} do not go together: the one only looks"),
                &format!("leave one of them out: `etcd-rescue diagnose {loud}`"),
            ));
        }
        if watch.is_some() && typed.self_test.is_some() {
            return Err(usage(
                "--watch and --self-test do not go together: a test is started once",
                "start it, then watch: `etcd-rescue diagnose --self-test short`",
            ));
        }
        Ok(Self {
            window: within("--window", &typed.window, Self::WINDOW)?,
            since: within("--since", &typed.since, Self::SINCE)?,
            passive: typed.passive || dry_run,
            probe: typed.probe,
            self_test: typed.self_test,
            watch: watch.map(|text| within("--watch", text, Self::WATCH)).transpose()?,
        })
    }
}

fn within(
    flag: &str,
    text: &str,
    (shortest, longest): (Duration, Duration),
) -> Result<Duration, Failure> {
    let span = duration(flag, text).map_err(|failure| Failure {
        next: format!(
            "write it like 5s, 10m or 7d: `etcd-rescue diagnose {flag} {}`",
            shown(longest)
        ),
        ..failure
    })?;
    if (shortest..=longest).contains(&span) {
        return Ok(span);
    }
    let (from, to) = (shown(shortest), shown(longest));
    Err(usage(
        &format!("{flag} takes {from} to {to}, not {text}"),
        &format!(
            "`etcd-rescue diagnose {flag} {}`",
            shown(if span < shortest { shortest } else { longest })
        ),
    ))
}

/// A whole time as one types it.
fn shown(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::Global, failure::Exit};

    fn resolve(
        change: impl FnOnce(&mut cli::Diagnose),
        dry_run: bool,
    ) -> Result<DiagnoseSettings, Failure> {
        let mut typed = cli::Diagnose {
            window: "5s".into(),
            since: "24h".into(),
            passive: false,
            probe: false,
            self_test: None,
            watch: None,
        };
        change(&mut typed);
        let global =
            Global { timeout: "5s".into(), wait: "10m".into(), dry_run, ..Global::default() };
        DiagnoseSettings::resolve(&typed, &Settings::resolve(global).expect("good flags"))
    }

    #[test]
    fn times_have_bounds_and_the_way_out_is_told() {
        let good = resolve(|typed| typed.watch = Some("10s".into()), false).expect("good flags");
        assert_eq!(good.window, Duration::from_secs(5));
        assert_eq!(good.watch, Some(Duration::from_secs(10)));
        let bad = resolve(|typed| typed.window = "31s".into(), false).expect_err("too long");
        assert_eq!(bad.exit, Exit::Usage);
        assert_eq!(bad.what, "--window takes 1s to 30s, not 31s");
        assert_eq!(bad.next, "`etcd-rescue diagnose --window 30s`");
        let bad = resolve(|typed| typed.since = "5s".into(), false).expect_err("too short");
        assert_eq!(bad.what, "--since takes 1m to 30d, not 5s");
        assert!(resolve(|typed| typed.window = "soon".into(), false).is_err());
        assert!(resolve(|typed| typed.watch = Some("2h".into()), false).is_err());
    }

    #[test]
    fn looking_only_and_loading_the_disk_contradict_each_other() {
        assert!(resolve(|_| (), true).expect("looks").passive);
        let bad = resolve(|typed| typed.probe = true, true).expect_err("a contradiction");
        assert_eq!(bad.exit, Exit::Usage);
        assert!(bad.what.starts_with("--dry-run and --probe"), "{}", bad.what);
        assert!(
            resolve(|typed| (typed.passive, typed.probe) = (true, true), false).is_err(),
            "--passive"
        );
    }
}
