//! The flags in use as a command line to copy: what the person typed, and no
//! password.

use std::{ffi::OsString, time::Duration};

use super::Settings;
use crate::cli::quoted;

/// What we are called when nobody says otherwise.
pub(super) const PROGRAM: &str = "etcd-rescue";

/// Commands that take a snapshot first or go on without a member.
const CHANGING: [&str; 5] = ["recover", "compact", "defrag", "disarm", "purge"];

impl Settings {
    /// The command line of ours for `command`, with the flags in use that it
    /// takes.
    #[must_use]
    pub fn command_line(&self, command: &str) -> String {
        let mut flags = self.connection_flags();
        match command.split(' ').next() {
            Some(word) if CHANGING.contains(&word) => flags.extend(self.safety_flags()),
            Some("usage") => flags.extend(self.snapshot_flag()),
            _ => {}
        }
        let flags: String = flags.iter().map(|flag| format!(" {flag}")).collect();
        // Behind ` -- ` are another program's arguments.
        let (command, program) = command.split_at(command.find(" -- ").unwrap_or(command.len()));
        format!("{} {command}{flags}{program}", self.program)
    }

    fn connection_flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if !self.endpoints.is_empty() {
            flags.push(format!("--endpoints {}", quoted(&self.endpoints.join(","))));
        }
        let paths = [
            ("--cacert", &self.cacert),
            ("--cert", &self.cert),
            ("--key", &self.key),
            ("--data-dir", &self.data_dir),
        ];
        for (flag, path) in paths {
            flags.extend(
                path.iter().map(|path| format!("{flag} {}", quoted(&path.to_string_lossy()))),
            );
        }
        let texts = [
            ("--runtime-endpoint", self.runtime_endpoint.as_ref()),
            ("--container", self.container.as_ref()),
            ("--user", self.login.as_ref().map(|login| &login.name)),
        ];
        for (flag, text) in texts {
            flags.extend(text.map(|text| format!("{flag} {}", quoted(text))));
        }
        for (flag, span, usual) in
            [("--timeout", self.timeout, Self::TIMEOUT), ("--wait", self.wait, Self::WAIT)]
        {
            if span != usual {
                flags.push(format!("{flag} {}", time(span)));
            }
        }
        flags
    }

    fn snapshot_flag(&self) -> Option<String> {
        let path = self.snapshot_dir.as_ref()?;
        Some(format!("--snapshot-dir {}", quoted(&path.to_string_lossy())))
    }

    fn safety_flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = self.snapshot_flag().into_iter().collect();
        if self.no_snapshot {
            flags.push("--no-snapshot".to_owned());
        }
        if self.full_first {
            flags.push("--snapshot full-first".to_owned());
        }
        if self.parallel {
            flags.push("--parallel".to_owned());
        }
        flags.extend(
            self.allow_missing.iter().map(|name| format!("--allow-missing {}", quoted(name))),
        );
        for (flag, given) in [
            ("--accept-version-risk", self.accept_version_risk),
            ("--accept-nearly-full", self.accept_nearly_full),
            ("--accept-sick-disk", self.accept_sick_disk),
            ("--no-hold", self.no_hold),
        ] {
            flags.extend(given.then(|| flag.to_owned()));
        }
        flags
    }
}

/// How we were called, as it can be typed again: a file that was copied onto
/// a master is rarely on its PATH.
#[must_use]
pub fn called_as(typed: Option<OsString>) -> String {
    // A name that is no text could not be printed either.
    match typed.and_then(|name| name.into_string().ok()) {
        Some(name) if !name.is_empty() => quoted(&name),
        _ => PROGRAM.to_owned(),
    }
}

/// A time as `--timeout` takes it.
fn time(span: Duration) -> String {
    match span.subsec_millis() {
        0 => format!("{}s", span.as_secs()),
        _ => format!("{}ms", span.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Global;

    fn settings(change: impl FnOnce(&mut Global)) -> Settings {
        let mut global = Global { timeout: "5s".into(), wait: "10m".into(), ..Global::default() };
        change(&mut global);
        Settings::resolve(global).expect("good flags")
    }

    #[test]
    fn the_flags_in_use_can_be_pasted_and_hold_no_password() {
        let settings = settings(|global| {
            global.endpoints = vec!["https://[::1]:2379".into()];
            global.cacert = Some("/my ca/ca.crt".into());
            global.user = Some("root:secret".into());
            global.timeout = "1500ms".into();
            global.snapshot_dir = Some("/backup".into());
            global.allow_missing = vec!["master-3".into()];
        });
        let connection = "--endpoints 'https://[::1]:2379' --cacert '/my ca/ca.crt' --user root \
                          --timeout 1500ms";
        assert_eq!(settings.command_line("status"), format!("etcd-rescue status {connection}"));
        assert_eq!(
            settings.command_line("exec -- etcdctl version"),
            format!("etcd-rescue exec {connection} -- etcdctl version")
        );
        assert_eq!(
            settings.command_line("recover"),
            format!(
                "etcd-rescue recover {connection} --snapshot-dir /backup --allow-missing master-3"
            )
        );
    }

    #[test]
    fn the_next_command_is_called_as_this_one_was() {
        let here =
            Settings { program: called_as(Some("./etcd-rescue".into())), ..settings(|_| ()) };
        assert_eq!(here.command_line("status"), "./etcd-rescue status");
        assert_eq!(called_as(Some("/my dir/etcd-rescue".into())), "'/my dir/etcd-rescue'");
        assert_eq!(called_as(Some("".into())), "etcd-rescue");
        assert_eq!(called_as(None), "etcd-rescue");
    }

    #[test]
    fn odd_words_are_quoted() {
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("https://10.0.0.1:2379"), "https://10.0.0.1:2379");
    }
}
