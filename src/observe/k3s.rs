//! etcd inside the k3s process: there is no etcd process and no container,
//! only the configuration file k3s writes for it. k3s blanks its command line, so
//! where it keeps its data is told by what it has open, then by its settings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{arguments::Arguments, host::HostRoot, process, yaml};
use crate::model::{Process, layout};

/// Where k3s keeps everything, unless it is told otherwise.
const HOME: &str = "/var/lib/rancher/k3s";

/// k3s's own configuration; what is in the directory beside it counts more.
const CONFIG: &str = "/etc/rancher/k3s/config.yaml";

/// Its etcd's database and its sqlite file, below where it keeps everything.
const ETCD: &str = "server/db/etcd/member/snap/db";
const SQLITE: &str = "server/db/state.db";

/// What a k3s server keeps its data in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// An etcd of its own, with these settings.
    Etcd(Arguments),
    /// sqlite or an SQL database, and what says so.
    Sql(String),
    /// Nothing says where.
    Unknown,
}

/// What this k3s server keeps its data in. Only what is seen counts as sqlite.
#[must_use]
pub fn store(host: &HostRoot, process: &Process) -> Store {
    let home = opened(host, process.pid).or_else(|| data_dir(host, process));
    let home = home.unwrap_or_else(|| PathBuf::from(HOME));
    let etcd = host.path(home.join("server/db/etcd"));
    if etcd.is_dir() {
        return arguments(&etcd, &home).map_or(Store::Unknown, Store::Etcd);
    }
    let owner = format!("{} (pid {})", process.comm, process.pid);
    let sqlite = home.join(SQLITE);
    if host.path(&sqlite).exists() {
        return Store::Sql(format!("{owner} keeps its data in {}", sqlite.display()));
    }
    // It holds a password, and may name an etcd.
    match setting(host, process, "datastore-endpoint") {
        Some(url) if !url.starts_with("http") && !url.starts_with("etcd") => {
            Store::Sql(format!("{owner} has a datastore-endpoint"))
        }
        _ => Store::Unknown,
    }
}

fn arguments(etcd: &Path, home: &Path) -> Option<Arguments> {
    let config = etcd.join("config");
    let owner = config.display().to_string();
    let read = yaml::read(&config)
        .and_then(|text| Arguments::from_config_file(&text, &owner))
        .ok()
        .filter(|arguments| arguments.get("data-dir").is_some());
    let row = layout::ALL.iter().find(|row| row.comms.contains(&"k3s"))?;
    Some(read.unwrap_or_else(|| Arguments::of_layout(row, Some((HOME, home)))))
}

/// By the database it has open.
fn opened(host: &HostRoot, pid: i32) -> Option<PathBuf> {
    let open = fs::read_dir(host.path(format!("/proc/{pid}/fd"))).ok()?;
    let mut files = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    files.find_map(|file| {
        let below = [ETCD, SQLITE].into_iter().find(|below| file.ends_with(below))?;
        file.ancestors().nth(Path::new(below).components().count()).map(Path::to_owned)
    })
}

fn data_dir(host: &HostRoot, process: &Process) -> Option<PathBuf> {
    let mut words = process.args.iter();
    let mut by_flag = None;
    while let Some(word) = words.next() {
        if let Some(path) = word.strip_prefix("--data-dir=").or_else(|| word.strip_prefix("-d=")) {
            by_flag = Some(path.to_owned());
        } else if word == "--data-dir" || word == "-d" {
            by_flag = words.next().cloned();
        }
    }
    by_flag.or_else(|| setting(host, process, "data-dir")).map(PathBuf::from)
}

/// A setting by k3s's files, the last one first, else by its environment (k3s
/// pkg/configfilearg: what a file says is a flag).
fn setting(host: &HostRoot, process: &Process, name: &str) -> Option<String> {
    let beside = fs::read_dir(host.path(format!("{CONFIG}.d"))).into_iter().flatten();
    let mut files: Vec<PathBuf> = beside.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "yaml" || it == "yml"));
    files.push(host.path(CONFIG));
    // The directory's name is the file's, and longer.
    files.sort_unstable();
    let by_file = files.iter().rev().find_map(|path| {
        let documents = yaml::documents(path).ok()?;
        documents.iter().find_map(|document| yaml::text(document, &[name]))
    });
    let variable = format!("K3S_{}", name.to_ascii_uppercase().replace('-', "_"));
    by_file.or_else(|| process::variable(host, process.pid, &variable))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As k3s leaves its command line.
    fn k3s() -> Process {
        let args = vec!["/usr/local/bin/k3s server".to_owned()];
        Process { pid: 5, args, env: Vec::new(), comm: "k3s-server".into() }
    }

    fn write(host: &HostRoot, path: &str, text: &str) {
        let path = host.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn cert(store: Store) -> Option<PathBuf> {
        let Store::Etcd(arguments) = store else { return None };
        arguments.path("cert-file").map(|found| found.value)
    }

    #[test]
    fn the_embedded_etcd_is_read_off_its_file_or_the_layout() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        write(&host, "/srv/k3s/server/db/etcd/name", "");
        let mut flagged = k3s();
        flagged.args = ["k3s", "server", "-d", "/srv/k3s"].map(str::to_owned).to_vec();
        let pem = PathBuf::from("/srv/k3s/server/tls/etcd/server-client.crt");
        assert_eq!(cert(store(&host, &flagged)), Some(pem));
        let config = "data-dir: /srv/k3s/server/db/etcd\nname: m1-abc\n";
        write(&host, "/srv/k3s/server/db/etcd/config", config);
        let Store::Etcd(by_file) = store(&host, &flagged) else { panic!("no etcd") };
        assert!(by_file.get("name").is_some_and(|name| name.value == "m1-abc"));
    }

    #[test]
    fn a_blanked_command_line_is_made_up_for() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        assert_eq!(store(&host, &k3s()), Store::Unknown);
        for dir in ["a", "b", "c", "d"] {
            write(&host, &format!("/srv/{dir}/server/db/etcd/name"), "");
        }
        let told = || cert(store(&host, &k3s()));
        let pem = |dir: &str| {
            Some(PathBuf::from(format!("/srv/{dir}/{}", "server/tls/etcd/server-client.crt")))
        };
        write(&host, "/proc/5/environ", "A=b\0K3S_DATA_DIR=/srv/a\0");
        assert_eq!(told(), pem("a"));
        write(&host, CONFIG, "data-dir: /srv/b\n");
        assert_eq!(told(), pem("b"));
        write(&host, "/etc/rancher/k3s/config.yaml.d/9.yaml", "data-dir: /srv/c\n");
        assert_eq!(told(), pem("c"));
        fs::create_dir_all(host.path("/proc/5/fd")).expect("made");
        let database = format!("/srv/d/{ETCD}");
        std::os::unix::fs::symlink(database, host.path("/proc/5/fd/7")).expect("linked");
        assert_eq!(told(), pem("d"));
    }

    #[test]
    fn without_etcd_is_only_said_where_it_is_seen() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let endpoint = |url: &str| {
            write(&host, CONFIG, &format!("datastore-endpoint: {url}\n"));
            store(&host, &k3s())
        };
        assert_eq!(endpoint("https://10.0.0.9:2379"), Store::Unknown, "an etcd elsewhere");
        let sql = endpoint("postgres://k3s:secret@db/k3s");
        assert_eq!(sql, Store::Sql("k3s-server (pid 5) has a datastore-endpoint".to_owned()));
        write(&host, &format!("{HOME}/{SQLITE}"), "SQLite format 3");
        assert!(matches!(store(&host, &k3s()), Store::Sql(by) if by.ends_with(SQLITE)));
    }
}
