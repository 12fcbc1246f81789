//! What was asked for, resolved: flags and environment turned into values the
//! rooms can use. Reads no file and no network.

use std::{path::PathBuf, time::Duration};

pub use self::{diagnose::DiagnoseSettings, size::size, words::called_as};
pub use crate::cli::{Color, quoted};
use crate::{
    cli::{Global, SnapshotWhen, WriteOut},
    failure::{Exit, Failure},
};

mod diagnose;
mod size;
mod words;

/// Name and password for clusters with authentication on. `Debug` hides the
/// password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub name: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The resolved flags of every command.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How we were called, for command lines to copy.
    pub program: String,
    /// `--endpoints`, each with a scheme; empty = discover.
    pub endpoints: Vec<String>,
    /// `--cacert`.
    pub cacert: Option<PathBuf>,
    /// `--cert`.
    pub cert: Option<PathBuf>,
    /// `--key`.
    pub key: Option<PathBuf>,
    /// `--user`.
    pub login: Option<Login>,
    /// `--runtime-endpoint`, as typed.
    pub runtime_endpoint: Option<String>,
    /// `--container`.
    pub container: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// Deadline of one call.
    pub timeout: Duration,
    /// Patience for things that come back by themselves.
    pub wait: Duration,
    /// One JSON document on stdout.
    pub json: bool,
    /// Colour wish.
    pub color: Color,
    /// `-v` count.
    pub verbose: u8,
    /// `--yes`.
    pub yes: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `--snapshot-dir`.
    pub snapshot_dir: Option<PathBuf>,
    /// `--no-snapshot`.
    pub no_snapshot: bool,
    /// `--snapshot full-first`.
    pub full_first: bool,
    /// `--parallel`.
    pub parallel: bool,
    /// `--allow-missing`.
    pub allow_missing: Vec<String>,
    /// `--accept-version-risk`.
    pub accept_version_risk: bool,
    /// `--accept-nearly-full`.
    pub accept_nearly_full: bool,
    /// `--accept-sick-disk`.
    pub accept_sick_disk: bool,
    /// `--no-hold`.
    pub no_hold: bool,
}

impl Settings {
    /// `--timeout` when it is not given.
    pub const TIMEOUT: Duration = Duration::from_secs(5);
    /// `--wait` when it is not given.
    pub const WAIT: Duration = Duration::from_secs(10 * 60);

    /// Resolves the flags.
    ///
    /// # Errors
    /// A usage failure for a time, an endpoint or a login that cannot be read.
    pub fn resolve(global: Global) -> Result<Self, Failure> {
        let endpoints = global
            .endpoints
            .iter()
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
            .map(endpoint)
            .collect::<Result<Vec<_>, _>>()?;
        let path = |path: Option<PathBuf>| path.filter(|path| !path.as_os_str().is_empty());
        let (cacert, cert, key) = (path(global.cacert), path(global.cert), path(global.key));
        if cert.is_some() != key.is_some() {
            return Err(usage(
                "--cert and --key go together (ETCDCTL_CERT and ETCDCTL_KEY count)",
                "give both, or neither: `etcd-rescue --cert FILE --key FILE`",
            ));
        }
        Ok(Self {
            program: words::PROGRAM.to_owned(),
            endpoints,
            cacert,
            cert,
            key,
            login: login(global.user, global.password)?,
            runtime_endpoint: global.runtime_endpoint.filter(|text| !text.is_empty()),
            container: global.container,
            data_dir: global.data_dir,
            timeout: duration("--timeout", &global.timeout)?,
            wait: duration("--wait", &global.wait)?,
            json: global.write_out == WriteOut::Json,
            color: global.color,
            verbose: global.verbose,
            yes: global.yes,
            dry_run: global.dry_run,
            snapshot_dir: global.snapshot_dir,
            no_snapshot: global.no_snapshot,
            full_first: global.snapshot == SnapshotWhen::FullFirst,
            parallel: global.parallel,
            allow_missing: global.allow_missing,
            accept_version_risk: global.accept_version_risk,
            accept_nearly_full: global.accept_nearly_full,
            accept_sick_disk: global.accept_sick_disk,
            no_hold: global.no_hold,
        })
    }
}

fn usage(what: &str, next: &str) -> Failure {
    Failure::new(Exit::Usage, what, "Nothing was contacted or changed.", next)
}

/// An endpoint with its scheme; etcdctl also takes a bare host:port.
fn endpoint(text: &str) -> Result<String, Failure> {
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(['/', ' ', '@']) => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        _ => Err(usage(
            &format!("--endpoints: cannot read `{text}` as a client URL"),
            "write it like `etcd-rescue --endpoints https://10.0.0.11:2379`",
        )),
    }
}

fn login(user: Option<String>, password: Option<String>) -> Result<Option<Login>, Failure> {
    let Some(user) = user.filter(|user| !user.is_empty()) else { return Ok(None) };
    let password = password.filter(|password| !password.is_empty());
    let (name, password) = match (password, user.split_once(':')) {
        (Some(password), _) => (user, password),
        (None, Some((name, password))) => (name.to_owned(), password.to_owned()),
        (None, None) => {
            return Err(usage(
                "--user has no password",
                "`ETCDCTL_PASSWORD=... etcd-rescue --user NAME`, or write --user NAME:PASSWORD",
            ));
        }
    };
    Ok(Some(Login { name, password }))
}

/// A duration as Go and systemd write it: "500ms", "30s", "1m30s", "2h", "7d";
/// a bare number is seconds.
///
/// # Errors
/// A usage failure when it is none, or zero.
pub fn duration(flag: &str, text: &str) -> Result<Duration, Failure> {
    let bad = || {
        let next = format!("write it like 500ms, 30s or 2m: `etcd-rescue {flag} 30s`");
        usage(&format!("{flag}: cannot read `{text}` as a time"), &next)
    };
    if let Ok(seconds) = text.parse::<u32>() {
        return if seconds == 0 { Err(bad()) } else { Ok(Duration::from_secs(seconds.into())) };
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: u32 = rest[..digits].parse().map_err(|_| bad())?;
        let unit_end =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let millis: u64 = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(bad()),
        };
        total += Duration::from_millis(u64::from(number) * millis);
        rest = &rest[unit_end..];
    }
    if total.is_zero() { Err(bad()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_as_people_write_them() {
        for (text, millis) in [
            ("5s", 5_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("7d", 604_800_000),
            ("45", 45_000),
        ] {
            assert_eq!(duration("--timeout", text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "5x", "-1s", "5s3", "0", "0s", "0ms", "99999999999s"] {
            assert!(duration("--timeout", text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_endpoints_as_etcdctl_does() {
        assert_eq!(endpoint("10.0.0.1:2379").as_deref(), Ok("https://10.0.0.1:2379"));
        assert_eq!(endpoint("https://[::1]:2379/").as_deref(), Ok("https://[::1]:2379"));
        for bad in ["https://", "ftp://x", "a b", "https://user@host:1"] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_never_shows() {
        let login = login(Some("root:secret".into()), None).ok().flatten();
        assert!(!format!("{login:?}").contains("secret"));
    }
}
