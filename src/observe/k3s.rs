//! etcd inside the k3s process: there is no etcd process and no container,
//! only the configuration file k3s writes for it.

use std::path::PathBuf;

use super::{arguments::Arguments, host::HostRoot, yaml};
use crate::model::{Process, layout};

/// Where k3s keeps everything, unless it is told otherwise.
const HOME: &str = "/var/lib/rancher/k3s";

/// k3s's own configuration.
const CONFIG: &str = "/etc/rancher/k3s/config.yaml";

/// etcd's settings inside this k3s server; `None` when it runs on sqlite or
/// an external database.
#[must_use]
pub fn arguments(host: &HostRoot, process: &Process) -> Option<Arguments> {
    let home = home(host, &process.args);
    let etcd = host.path(home.join("server/db/etcd"));
    if !etcd.is_dir() {
        return None;
    }
    let config = etcd.join("config");
    let owner = config.display().to_string();
    let read = yaml::read(&config)
        .and_then(|text| Arguments::from_config_file(&text, &owner))
        .ok()
        .filter(|arguments| arguments.get("data-dir").is_some());
    let row = layout::ALL.iter().find(|row| row.comms.contains(&"k3s"))?;
    Some(read.unwrap_or_else(|| Arguments::of_layout(row, Some((HOME, &home)))))
}

fn home(host: &HostRoot, args: &[String]) -> PathBuf {
    let mut words = args.iter();
    let mut by_flag = None;
    while let Some(word) = words.next() {
        if let Some(path) = word.strip_prefix("--data-dir=").or_else(|| word.strip_prefix("-d=")) {
            by_flag = Some(path.to_owned());
        } else if word == "--data-dir" || word == "-d" {
            by_flag = words.next().cloned();
        }
    }
    let by_file = || {
        let documents = yaml::documents(&host.path(CONFIG)).ok()?;
        documents.iter().find_map(|document| yaml::text(document, &["data-dir"]))
    };
    by_flag.or_else(by_file).map_or_else(|| PathBuf::from(HOME), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_etcd_is_read_off_its_file_or_the_layout() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let args = ["k3s", "server", "-d", "/srv/k3s"].map(str::to_owned).to_vec();
        let process = Process { pid: 5, args, env: Vec::new(), comm: "k3s-server".into() };
        assert_eq!(arguments(&host, &process), None, "sqlite");
        let etcd = host.path("/srv/k3s/server/db/etcd");
        std::fs::create_dir_all(&etcd).expect("made");
        let by_layout = arguments(&host, &process).and_then(|a| a.path("cert-file"));
        let cert = PathBuf::from("/srv/k3s/server/tls/etcd/server-client.crt");
        assert_eq!(by_layout.map(|found| found.value), Some(cert));
        std::fs::write(etcd.join("config"), "data-dir: /srv/k3s/server/db/etcd\nname: m1-abc\n")
            .expect("written");
        let by_file = arguments(&host, &process);
        assert!(by_file.is_some_and(|a| a.get("name").is_some_and(|name| name.value == "m1-abc")));
    }
}
