//! etcd's configuration as it was started: flags, `ETCD_*` environment or a
//! configuration file. Pure; which process or container the words come from
//! is the caller's.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use saphyr::YamlOwned;

use super::yaml;
use crate::model::{Found, Quota, QuotaSource, layout::Layout};

/// Flags read here that take a value, so that the next word belongs to them
/// even when it begins with a dash (`--quota-backend-bytes -1`).
const VALUED: [&str; 20] = [
    "name",
    "data-dir",
    "wal-dir",
    "config-file",
    "listen-client-urls",
    "listen-client-http-urls",
    "listen-peer-urls",
    "listen-metrics-urls",
    "advertise-client-urls",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "cert-file",
    "key-file",
    "trusted-ca-file",
    "peer-cert-file",
    "peer-key-file",
    "peer-trusted-ca-file",
    "quota-backend-bytes",
    "auto-compaction-mode",
    "auto-compaction-retention",
];

/// The value of one flag of another program, in either spelling (`--flag=value`,
/// `--flag value`); the last one counts.
#[must_use]
pub fn flag_of(args: &[String], name: &str) -> Option<String> {
    let mut value = None;
    let mut words = args.iter().peekable();
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix("--").and_then(|rest| rest.strip_prefix(name)) else {
            continue;
        };
        if let Some(text) = rest.strip_prefix('=') {
            value = Some(text.to_owned());
        } else if rest.is_empty() {
            value = words.peek().map(|next| (*next).clone());
        }
    }
    value.filter(|text| !text.is_empty())
}

/// What etcd listens on when nothing says otherwise (etcd embed/config.go).
const DEFAULT_CLIENT_URL: &str = "http://localhost:2379";

/// The settings of one etcd, each with its origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    settings: BTreeMap<String, Found<String>>,
}

impl Arguments {
    /// Reads a command line and an environment (`NAME=value`); `owner` says
    /// whose they are ("pid 4711"). Flags win over the environment, as in
    /// etcd. A program in front of etcd (`sh -c`, `nice`) is looked through.
    #[must_use]
    pub fn read(args: &[String], env: &[String], owner: &str) -> Self {
        let mut settings = BTreeMap::new();
        for entry in env {
            let Some((name, value)) = entry.split_once('=') else { continue };
            let Some(flag) = name.strip_prefix("ETCD_").filter(|_| !value.is_empty()) else {
                continue;
            };
            let flag = flag.to_ascii_lowercase().replace('_', "-");
            settings.insert(flag, Found::new(value.to_owned(), format!("{name} of {owner}")));
        }
        // What only a shell can expand is as good as unset.
        let known = |value: &str| !value.contains(['$', '`']);
        for (flag, value) in flags(&without_wrapper(args)) {
            if !known(&value) {
                continue;
            }
            let source = format!("flag --{flag} of {owner}");
            settings.insert(flag, Found::new(value, source));
        }
        Self { settings }
    }

    /// What this installation always tells etcd, with everything below another
    /// directory than usual when `home` says so: (the usual one, the one in use).
    #[must_use]
    pub fn of_layout(row: &Layout, home: Option<(&str, &Path)>) -> Self {
        let moved = |value: &str| {
            let (usual, home) = home?;
            let rest = Path::new(value).strip_prefix(usual).ok()?;
            Some(home.join(rest).display().to_string())
        };
        let source = format!("the usual of {}", row.name);
        let settings = row.implied.iter().map(|(flag, value)| {
            let value = moved(value).unwrap_or_else(|| (*value).to_owned());
            ((*flag).to_owned(), Found::new(value, source.clone()))
        });
        Self { settings: settings.collect() }
    }

    /// Reads the text of a `--config-file`. etcd ignores flags and
    /// environment when it is given one, so this stands alone.
    ///
    /// # Errors
    /// One line when the text is no YAML.
    pub fn from_config_file(text: &str, owner: &str) -> Result<Self, String> {
        let mut settings = BTreeMap::new();
        for document in yaml::parse(text)? {
            for (section, prefix) in [
                (None, ""),
                (Some("client-transport-security"), ""),
                (Some("peer-transport-security"), "peer-"),
            ] {
                let Some(node) = section.map_or(Some(&document), |key| yaml::at(&document, &[key]))
                else {
                    continue;
                };
                for key in yaml::keys(node) {
                    if let Some(value) = config_value(node, &key) {
                        let source = format!("{key} in {owner}");
                        settings.insert(format!("{prefix}{key}"), Found::new(value, source));
                    }
                }
            }
        }
        Ok(Self { settings })
    }

    /// Whether nothing at all was set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }

    /// A flag's value by its long name without dashes; `None` when it is
    /// unset or empty.
    #[must_use]
    pub fn get(&self, flag: &str) -> Option<&Found<String>> {
        self.settings.get(flag).filter(|found| !found.value.is_empty())
    }

    /// A flag that holds a path.
    #[must_use]
    pub fn path(&self, flag: &str) -> Option<Found<PathBuf>> {
        self.get(flag).map(|found| Found::new(PathBuf::from(&found.value), found.source.clone()))
    }

    /// The data directory as etcd sees it; relative ones count from its
    /// working directory. Unset it is `<name>.etcd`.
    #[must_use]
    pub fn data_dir(&self) -> Found<PathBuf> {
        self.path("data-dir").unwrap_or_else(|| {
            let name = self.get("name").map_or("default", |found| found.value.as_str());
            Found::new(PathBuf::from(format!("{name}.etcd")), "etcd's default")
        })
    }

    /// A flag that holds URLs separated by commas; empty when it is unset.
    #[must_use]
    pub fn urls(&self, flag: &str) -> Vec<Found<String>> {
        let Some(found) = self.get(flag) else { return Vec::new() };
        found
            .value
            .split(',')
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(|url| Found::new(url.trim_end_matches('/').to_owned(), found.source.clone()))
            .collect()
    }

    /// Where it listens for clients, etcd's default included.
    #[must_use]
    pub fn listen_client_urls(&self) -> Vec<Found<String>> {
        let urls = self.urls("listen-client-urls");
        if urls.is_empty() {
            return vec![Found::new(DEFAULT_CLIENT_URL.to_owned(), "etcd's default")];
        }
        urls
    }

    /// The quota, when it is set.
    ///
    /// # Errors
    /// The value as it was written when it is no number.
    pub fn quota(&self) -> Result<Option<Found<Quota>>, String> {
        let Some(found) = self.get("quota-backend-bytes") else { return Ok(None) };
        let value: i64 = found.value.parse().map_err(|_| found.value.clone())?;
        let quota = Quota::from_flag(value, QuotaSource::Args);
        Ok(Some(Found::new(quota, found.source.clone())))
    }
}

/// A value of the configuration file; a list is joined as the flag would
/// have it.
fn config_value(node: &YamlOwned, key: &str) -> Option<String> {
    yaml::text(node, &[key])
        .or_else(|| Some(yaml::texts(node, &[key]).join(",")).filter(|joined| !joined.is_empty()))
}

/// The words behind etcd's name: for `sh -c SCRIPT` those of the script, as
/// far as splitting at blanks goes.
fn without_wrapper(args: &[String]) -> Vec<String> {
    let script = args
        .iter()
        .position(|arg| arg == "-c")
        .filter(|_| args.first().is_some_and(|program| program.ends_with("sh")))
        .and_then(|at| args.get(at + 1));
    let words: Vec<String> = match script {
        Some(script) => script
            .split_whitespace()
            .filter(|word| *word != "\\")
            .map(|word| word.replace(['"', '\''], ""))
            .collect(),
        None => args.to_vec(),
    };
    let is_etcd = |word: &String| word.rsplit('/').next() == Some("etcd");
    let start = words.iter().position(is_etcd).map_or(1, |at| at + 1);
    words.into_iter().skip(start).collect()
}

/// Go's flag syntax: one or two dashes, `-flag=value` or `-flag value`.
fn flags(words: &[String]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        if let Some((flag, value)) = flag.split_once('=') {
            found.push((flag.to_owned(), value.to_owned()));
            continue;
        }
        let takes_next = |next: &&String| VALUED.contains(&flag) || !next.starts_with('-');
        let value = words.next_if(takes_next).map_or("true", String::as_str);
        found.push((flag.to_owned(), value.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Bytes;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn value<'a>(arguments: &'a Arguments, flag: &str) -> Option<&'a str> {
        arguments.get(flag).map(|found| found.value.as_str())
    }

    #[test]
    fn reads_flags_in_every_spelling() {
        let args = words(
            "etcd --name=m1 -data-dir /var/lib/etcd --client-cert-auth --quota-backend-bytes -1 \
             --listen-client-urls https://127.0.0.1:2379/,https://10.0.0.1:2379 --pre-vote=true",
        );
        let arguments = Arguments::read(&args, &[], "pid 7");
        assert_eq!(value(&arguments, "name"), Some("m1"));
        assert_eq!(value(&arguments, "client-cert-auth"), Some("true"));
        let data_dir = arguments.data_dir();
        assert_eq!(
            data_dir,
            Found::new(PathBuf::from("/var/lib/etcd"), "flag --data-dir of pid 7")
        );
        let urls: Vec<_> =
            arguments.listen_client_urls().into_iter().map(|found| found.value).collect();
        assert_eq!(urls, ["https://127.0.0.1:2379", "https://10.0.0.1:2379"]);
        let quota = arguments.quota().ok().flatten().map(|found| found.value.limit);
        assert_eq!(quota, Some(None));
    }

    #[test]
    fn flags_win_over_the_environment() {
        let env =
            words("ETCD_NAME=env ETCD_QUOTA_BACKEND_BYTES=8589934592 PATH=/bin ETCD_WAL_DIR=");
        let arguments = Arguments::read(&words("/usr/bin/etcd --name flag"), &env, "pid 7");
        assert_eq!(value(&arguments, "name"), Some("flag"));
        assert_eq!(value(&arguments, "wal-dir"), None);
        let quota = arguments.quota().ok().flatten().map(|found| (found.value.limit, found.source));
        let source = "ETCD_QUOTA_BACKEND_BYTES of pid 7".to_owned();
        assert_eq!(quota, Some((Some(Bytes(8 << 30)), source)));
    }

    #[test]
    fn knows_etcds_defaults() {
        let arguments = Arguments::read(&words("etcd"), &[], "pid 7");
        assert_eq!(arguments.data_dir().value, PathBuf::from("default.etcd"));
        assert_eq!(
            arguments.listen_client_urls(),
            [Found::new("http://localhost:2379".to_owned(), "etcd's default")]
        );
        assert_eq!(arguments.quota(), Ok(None));
        let odd = Arguments::read(&words("etcd --quota-backend-bytes=8G --name x"), &[], "pid 7");
        assert_eq!(odd.quota(), Err("8G".to_owned()));
        assert_eq!(odd.data_dir().value, PathBuf::from("x.etcd"));
    }

    #[test]
    fn looks_through_a_shell() {
        let script = "set -x\nexec nice -n -19 ionice -c2 -n0 etcd \\\n --logger=zap \\\n \
                      --data-dir=/var/lib/etcd \\\n --name \"${NODE}\" --cert-file='/c/s.crt'";
        let args = ["/bin/sh", "-c", script].map(str::to_owned);
        let arguments = Arguments::read(&args, &[], "container abc");
        assert_eq!(value(&arguments, "data-dir"), Some("/var/lib/etcd"));
        assert_eq!(value(&arguments, "cert-file"), Some("/c/s.crt"));
        assert_eq!(value(&arguments, "n"), None);
    }

    #[test]
    fn reads_a_configuration_file() {
        let text = "name: server-0\ndata-dir: /db/etcd\nquota-backend-bytes: 4294967296\n\
                    listen-client-urls: https://127.0.0.1:2379,https://10.0.0.1:2379\n\
                    client-transport-security:\n  cert-file: /tls/s.crt\n  client-cert-auth: true\n\
                    peer-transport-security:\n  cert-file: /tls/p.crt\n";
        let arguments = Arguments::from_config_file(text, "/db/config");
        let Ok(arguments) = arguments else { panic!("{arguments:?}") };
        assert_eq!(value(&arguments, "cert-file"), Some("/tls/s.crt"));
        assert_eq!(value(&arguments, "peer-cert-file"), Some("/tls/p.crt"));
        assert_eq!(arguments.listen_client_urls().len(), 2);
        assert!(arguments.quota().is_ok_and(|quota| quota.is_some()));
        assert_eq!(arguments.data_dir().source, "data-dir in /db/config");
        assert!(Arguments::from_config_file("a: [", "x").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(
            args in prop::collection::vec(".{0,12}", 0..8),
            env in prop::collection::vec("(ETCD_)?.{0,12}", 0..4),
            text in ".{0,80}",
        ) {
            let _ = Arguments::read(&args, &env, "pid 1").data_dir();
            let _ = Arguments::from_config_file(&text, "file");
        }
    }
}
