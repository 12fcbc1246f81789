//! Processes by /proc: the etcd of this node, and command lines of others.
//! Only what /proc shows counts: this pid namespace and those inside it, so
//! that a node inside a namespace sees its own etcd alone.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{arguments::Arguments, host::HostRoot};
use crate::{
    model::{Process, layout, order::InOrder},
    sys::proc_stat,
};

/// A process that is, or holds, an etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdProcess {
    /// The process.
    pub process: Process,
    /// Its working directory, as it sees it; relative flags count from here.
    pub cwd: Option<PathBuf>,
    /// Whether it lives in this pid namespace, and not in one inside it (a
    /// container's).
    pub own_namespace: bool,
    /// Its parents' pids, nearest first.
    pub ancestors: Vec<i32>,
}

impl EtcdProcess {
    /// Whether etcd runs inside the k3s process here.
    #[must_use]
    pub fn is_k3s(&self) -> bool {
        self.process.comm.starts_with("k3s")
    }
}

/// Every etcd (and k3s server) process. Empty when /proc cannot be read.
#[must_use]
pub fn etcd_processes(host: &HostRoot) -> Vec<EtcdProcess> {
    let names = layout::column(|row| row.comms);
    let mut found: Vec<EtcdProcess> = entries(host, |comm| names.contains(&comm))
        .into_iter()
        .filter_map(|(entry, comm)| etcd_process(host, &entry, comm))
        .collect();
    found.order_by_key(|etcd| etcd.process.pid);
    found
}

/// The etcd process of a container whose first process is `pid`: that one, or
/// one below it when it is a wrapper.
#[must_use]
pub fn of_container(processes: &[EtcdProcess], pid: i32) -> Option<&EtcdProcess> {
    processes
        .iter()
        .find(|etcd| etcd.process.pid == pid)
        .or_else(|| processes.iter().find(|etcd| etcd.ancestors.contains(&pid)))
}

/// The etcd process in a container's cgroup, whose name holds the container's id
/// with every runtime: for those that do not tell its pid.
#[must_use]
pub fn in_cgroup_of<'a>(
    host: &HostRoot,
    processes: &'a [EtcdProcess],
    id: &str,
) -> Option<&'a EtcdProcess> {
    processes.iter().find(|etcd| {
        let groups = fs::read_to_string(host.path(format!("/proc/{}/cgroup", etcd.process.pid)));
        !id.is_empty() && groups.is_ok_and(|groups| groups.contains(id))
    })
}

/// The etcd process of this node when no container tells: etcd before k3s,
/// the host's own before those inside containers.
///
/// # Errors
/// The candidates when several are equally good.
pub fn of_host(processes: &[EtcdProcess]) -> Result<Option<&EtcdProcess>, Vec<Process>> {
    let rank = |etcd: &&EtcdProcess| (etcd.is_k3s(), !etcd.own_namespace);
    let Some(best) = processes.iter().map(|etcd| rank(&etcd)).min() else { return Ok(None) };
    let mut same = processes.iter().filter(|etcd| rank(etcd) == best);
    match (same.next(), same.next()) {
        (first, None) => Ok(first),
        _ => Err(processes
            .iter()
            .filter(|etcd| rank(etcd) == best)
            .map(|etcd| etcd.process.clone())
            .collect()),
    }
}

/// Of several, the one that alone serves clients at a port that only the main etcd
/// of an installation has, else at the usual one.
#[must_use]
pub fn main_of(processes: &[EtcdProcess]) -> Option<&EtcdProcess> {
    let usual = layout::plain().client_port;
    let ports = layout::ALL.iter().map(|row| row.client_port).filter(|port| *port != usual);
    let own: Vec<String> = ports.map(|port| port.to_string()).collect();
    alone_at(processes, &own).or_else(|| alone_at(processes, &[usual.to_string()]))
}

/// Of several, the one that alone serves clients at the ports of these URLs.
#[must_use]
pub fn named_by<'a>(processes: &'a [EtcdProcess], urls: &[String]) -> Option<&'a EtcdProcess> {
    let ports: Vec<String> = urls.iter().filter_map(|url| port(url)).map(str::to_owned).collect();
    alone_at(processes, &ports)
}

fn alone_at<'a>(processes: &'a [EtcdProcess], ports: &[String]) -> Option<&'a EtcdProcess> {
    let serves = |etcd: &&EtcdProcess| {
        let Process { args, env, .. } = &etcd.process;
        let urls = Arguments::read(args, env, "").listen_client_urls();
        let at = |url: &str| port(url).is_some_and(|port| ports.iter().any(|it| it == port));
        !etcd.is_k3s() && urls.iter().any(|url| at(&url.value))
    };
    let mut found = processes.iter().filter(serves);
    found.next().filter(|_| found.next().is_none())
}

fn port(url: &str) -> Option<&str> {
    Some(url.trim().trim_end_matches('/').rsplit_once(':')?.1)
}

/// Pid and arguments of every process of this name in this pid namespace:
/// paths of one inside a container would mean other files.
#[must_use]
pub fn command_lines(host: &HostRoot, name: &str) -> Vec<(i32, Vec<String>)> {
    entries(host, |comm| comm == name)
        .into_iter()
        .filter(|(entry, _)| {
            let status = status(host, entry.pid);
            status.is_none_or(|status| proc_stat::is_in_this_namespace(&status))
        })
        .filter_map(|(entry, _)| Some((entry.pid, entry.args()?)))
        .filter(|(_, args)| !args.is_empty())
        .collect()
}

/// The name of the process that started this one.
#[must_use]
pub fn parent_name(host: &HostRoot, pid: i32) -> Option<String> {
    let parent = proc_stat::parent(&status(host, pid)?);
    let comm = fs::read_to_string(host.path(format!("/proc/{parent}/comm"))).ok()?;
    Some(comm.trim_end().to_owned())
}

/// A variable this process was started with.
#[must_use]
pub fn variable(host: &HostRoot, pid: i32, name: &str) -> Option<String> {
    let entry = Entry { pid, directory: host.path(format!("/proc/{pid}")) };
    let all = entry.environment();
    all.iter().find_map(|it| Some(it.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

/// Whether this pid is an etcd that lives. A dead one that nobody has taken the
/// status of has no arguments any more.
#[must_use]
pub fn is_etcd(pid: i32) -> bool {
    let host = HostRoot::default();
    let entry = Entry { pid, directory: host.path(format!("/proc/{pid}")) };
    let comm = fs::read_to_string(entry.directory.join("comm"));
    let names = layout::column(|row| row.comms);
    comm.is_ok_and(|comm| names.contains(&comm.trim_end()))
        && entry.args().is_some_and(|args| !args.is_empty())
}

/// Whether we were started with SIGHUP ignored, as `nohup` does: then the
/// terminal may go away and the work goes on.
#[must_use]
pub fn hangup_is_ignored() -> bool {
    const SIGHUP: u32 = 1;
    let status = proc_stat::status(Path::new("/proc/self"));
    status.is_some_and(|status| proc_stat::ignores(&status, SIGHUP))
}

/// A process's directory in /proc.
struct Entry {
    pid: i32,
    directory: PathBuf,
}

impl Entry {
    /// Empty for a dead one; `None` when they cannot be read, or are no text.
    fn args(&self) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.directory.join("cmdline")).ok()?;
        Some(text.split('\0').filter(|arg| !arg.is_empty()).map(str::to_owned).collect())
    }

    /// The variables it was started with, "NAME=value"; none when they may not
    /// be read.
    fn environment(&self) -> Vec<String> {
        let bytes = fs::read(self.directory.join("environ")).unwrap_or_default();
        let variables = bytes.split(|byte| *byte == 0);
        variables.map(|variable| String::from_utf8_lossy(variable).into_owned()).collect()
    }
}

/// Processes whose name passes; those that end meanwhile are left out.
fn entries(host: &HostRoot, wanted: impl Fn(&str) -> bool) -> Vec<(Entry, String)> {
    let Ok(directory) = fs::read_dir(host.path("/proc")) else { return Vec::new() };
    directory
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let comm = fs::read(entry.path().join("comm")).ok()?;
            let comm = String::from_utf8_lossy(&comm).trim_end().to_owned();
            wanted(&comm).then(|| (Entry { pid, directory: entry.path() }, comm))
        })
        .collect()
}

fn etcd_process(host: &HostRoot, entry: &Entry, comm: String) -> Option<EtcdProcess> {
    let args = entry.args().filter(|args| !args.is_empty())?;
    // It blanks its command line, which is one word then.
    let serves = |args: &[String]| match args {
        [title] => title.ends_with(" server"),
        [_, what, ..] => what == "server",
        [] => false,
    };
    if comm == "k3s" && !serves(&args) {
        return None;
    }
    let mut env: Vec<String> = entry
        .environment()
        .into_iter()
        .filter(|variable| variable.starts_with("ETCD_") && variable.contains('='))
        .collect();
    env.order();
    let status = status(host, entry.pid).unwrap_or_default();
    Some(EtcdProcess {
        own_namespace: proc_stat::is_in_this_namespace(&status),
        ancestors: ancestors(host, proc_stat::parent(&status)),
        cwd: fs::read_link(entry.directory.join("cwd")).ok(),
        process: Process { pid: entry.pid, args, env, comm },
    })
}

fn status(host: &HostRoot, pid: i32) -> Option<String> {
    proc_stat::status(&host.path(format!("/proc/{pid}")))
}

/// The chain of parents; bounded, as it is read while it changes.
fn ancestors(host: &HostRoot, parent: i32) -> Vec<i32> {
    let mut chain = Vec::new();
    let mut next = parent;
    while next > 0 && chain.len() < 64 {
        chain.push(next);
        next = status(host, next).map_or(0, |status| proc_stat::parent(&status));
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etcd(pid: i32, comm: &str, own_namespace: bool, ancestors: &[i32]) -> EtcdProcess {
        let process =
            Process { pid, args: vec!["etcd".into()], env: Vec::new(), comm: comm.to_owned() };
        EtcdProcess { process, cwd: None, own_namespace, ancestors: ancestors.to_vec() }
    }

    #[test]
    fn a_containers_etcd_and_the_hosts_are_told_apart() {
        let all = [etcd(10, "etcd", false, &[9, 1]), etcd(20, "etcd", true, &[1])];
        let pid = |found: Option<&EtcdProcess>| found.map(|etcd| etcd.process.pid);
        assert_eq!(pid(of_container(&all, 10)), Some(10));
        assert_eq!(pid(of_container(&all, 9)), Some(10), "a wrapper's child");
        assert_eq!(pid(of_container(&all, 30)), None);
        assert_eq!(of_host(&all).map(pid), Ok(Some(20)));
    }

    #[test]
    fn a_k3s_server_is_told_by_its_title() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let at = host.path("/proc/7");
        fs::create_dir_all(&at).expect("made");
        fs::write(at.join("comm"), "k3s\n").expect("written");
        for (cmdline, found) in [("k3s server\0\0\0", 1), ("k3s\0server\0", 1), ("k3s\0agent\0", 0)]
        {
            fs::write(at.join("cmdline"), cmdline).expect("written");
            assert_eq!(etcd_processes(&host).len(), found, "{cmdline}");
        }
    }

    #[test]
    fn equal_candidates_are_an_error_and_k3s_comes_last() {
        let all = [
            etcd(10, "etcd", false, &[]),
            etcd(11, "etcd", false, &[]),
            etcd(12, "k3s", true, &[]),
        ];
        let pids = of_host(&all).map_err(|several| several.iter().map(|p| p.pid).collect());
        assert_eq!(pids.map(|_| ()), Err(vec![10, 11]));
        let pid = of_host(&all[2..]).map(|found| found.map(|etcd| etcd.process.pid));
        assert_eq!(pid, Ok(Some(12)));
        assert_eq!(of_host(&[]), Ok(None));
    }

    #[test]
    fn the_main_etcd_of_kops_is_told_by_its_port() {
        let with = |pid, url: &str| {
            let mut found = etcd(pid, "etcd", false, &[]);
            found.process.env = vec![format!("ETCD_LISTEN_CLIENT_URLS={url}")];
            found
        };
        let both = [with(10, "https://0.0.0.0:4002"), with(11, "https://0.0.0.0:4001")];
        assert_eq!(main_of(&both).map(|found| found.process.pid), Some(11));
        let others = [with(10, "https://0.0.0.0:2379"), with(11, "https://0.0.0.0:2381")];
        assert_eq!(main_of(&others).map(|found| found.process.pid), Some(10));
        let pid = |url: &str| named_by(&others, &[url.to_owned()]).map(|it| it.process.pid);
        assert_eq!(pid("https://127.0.0.1:2381/"), Some(11));
        assert_eq!(pid("https://127.0.0.1:4001"), None);
        assert_eq!(main_of(&[both.clone(), both].concat()), None, "two of them");
    }

    #[test]
    fn this_process_is_in_its_own_namespace() {
        let own = std::process::id() as i32;
        let host = HostRoot::default();
        let comm = fs::read_to_string("/proc/self/comm").expect("proc");
        let found = entries(&host, |name| name == comm.trim_end());
        let entry = found.iter().find(|(entry, _)| entry.pid == own);
        let Some((entry, _)) = entry else { panic!("not found") };
        let read = etcd_process(&host, entry, "etcd".to_owned());
        assert!(read.is_some_and(|etcd| !etcd.ancestors.is_empty() && etcd.cwd.is_some()));
    }
}
