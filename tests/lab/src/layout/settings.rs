//! What one etcd is told, as names and values, and the three ways to write it
//! down: flags, variables, a configuration file.

use std::{collections::BTreeMap, fmt::Write};

use super::expand;
use crate::{site, spec::Spec};

/// Settings by flag name, without those of [`crate::MasterSpec::flags`].
pub type Settings = BTreeMap<String, String>;

/// The settings of the master with this index; empty when it has no etcd.
pub fn of(spec: &Spec, index: usize) -> Settings {
    let master = &spec.masters[index];
    let Some(etcd) = &master.layout.row().etcd else { return Settings::new() };
    let (name, ip) = (site::master_name(index), site::master_ip(index));
    let path = |text: &str| expand(text, &name, index + 1);
    let client = |host: &str| format!("https://{host}:2379");
    let peer = format!("https://{ip}:2380");
    let (listen, advertise) = match etcd.loopback_only {
        true => (client("127.0.0.1"), client("127.0.0.1")),
        false => (format!("{},{}", client("127.0.0.1"), client(&ip)), client(&ip)),
    };
    let mut settings: Settings = [
        ("advertise-client-urls", advertise),
        ("cert-file", path(etcd.server.cert)),
        ("client-cert-auth", "true".to_owned()),
        ("data-dir", etcd.data_dir.to_owned()),
        ("initial-advertise-peer-urls", peer.clone()),
        ("initial-cluster", initial_cluster(spec)),
        ("key-file", path(etcd.server.key)),
        ("listen-client-urls", listen),
        ("listen-peer-urls", peer),
        ("name", path(etcd.member)),
        ("peer-cert-file", path(etcd.peer.cert)),
        ("peer-client-cert-auth", "true".to_owned()),
        ("peer-key-file", path(etcd.peer.key)),
        ("peer-trusted-ca-file", path(etcd.peer_ca)),
        ("snapshot-count", "10000".to_owned()),
        ("trusted-ca-file", path(etcd.ca)),
    ]
    .map(|(flag, value)| (flag.to_owned(), value))
    .into();
    let more = etcd.metrics.map(|url| ("listen-metrics-urls", url)).into_iter();
    let more = more.chain(etcd.more.iter().copied());
    settings.extend(more.map(|(flag, value)| (flag.to_owned(), value.to_owned())));
    let quota = master.quota.map(|bytes| ("quota-backend-bytes".to_owned(), bytes.to_string()));
    settings.extend(quota);
    settings
}

fn initial_cluster(spec: &Spec) -> String {
    let member = |(i, master): (usize, &crate::MasterSpec)| {
        let etcd = master.layout.row().etcd.as_ref()?;
        let name = expand(etcd.member, &site::master_name(i), i + 1);
        Some(format!("{name}=https://{}:2380", site::master_ip(i)))
    };
    spec.masters.iter().enumerate().filter_map(member).collect::<Vec<_>>().join(",")
}

/// With the flags that were asked for by hand (`--name=value`).
pub fn with(mut settings: Settings, flags: &[String]) -> Settings {
    for flag in flags {
        let flag = flag.trim_start_matches('-');
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        settings.insert(name.to_owned(), value.to_owned());
    }
    settings
}

/// `--name=value` of each.
pub fn flags(settings: &Settings) -> Vec<String> {
    settings.iter().map(|(flag, value)| format!("--{flag}={value}")).collect()
}

/// `ETCD_NAME` and value of each.
pub fn variables(settings: &Settings) -> Vec<(String, String)> {
    let name = |flag: &str| format!("ETCD_{}", flag.to_uppercase().replace('-', "_"));
    settings.iter().map(|(flag, value)| (name(flag), value.clone())).collect()
}

/// A `--config-file`: what secures connections is in sections.
pub fn config_file(settings: &Settings) -> String {
    const SECURITY: [&str; 4] = ["cert-file", "client-cert-auth", "key-file", "trusted-ca-file"];
    let secures = |flag: &str| SECURITY.contains(&flag.trim_start_matches("peer-"));
    let mut text = String::new();
    for (flag, value) in settings.iter().filter(|(flag, _)| !secures(flag)) {
        let _ = writeln!(text, "{flag}: {value}");
    }
    for (section, prefix) in
        [("client-transport-security", ""), ("peer-transport-security", "peer-")]
    {
        let _ = writeln!(text, "{section}:");
        for name in SECURITY {
            if let Some(value) = settings.get(&format!("{prefix}{name}")) {
                let _ = writeln!(text, "  {name}: {value}");
            }
        }
    }
    text
}
