//! Whose word about etcd's settings counts: the running process, else the
//! container's specification, else the manifest, else the environment file of
//! a systemd unit.

use std::path::PathBuf;

use super::{
    arguments::Arguments,
    host::HostRoot,
    k3s::{self, Store},
    path_map::PathMap,
    process::{self, EtcdProcess},
    yaml,
};
use crate::model::{Located, Mount, layout};

/// etcd's settings, and what its relative paths count from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The settings.
    pub arguments: Arguments,
    /// Working directory of the process.
    pub cwd: Option<PathBuf>,
}

/// The settings of this node's etcd; `None` when nothing tells of any.
#[must_use]
pub fn read(
    host: &HostRoot,
    process: Option<&EtcdProcess>,
    located: &mut Located,
) -> Option<Configuration> {
    let cwd = process.and_then(|etcd| etcd.cwd.clone());
    if let Some(etcd) = process.filter(|etcd| etcd.is_k3s()) {
        let Store::Etcd(arguments) = k3s::store(host, &etcd.process) else { return None };
        located.complaints.push(format!(
            "etcd runs inside the k3s process (pid {}): there is no container to look into",
            etcd.process.pid
        ));
        return Some(Configuration { arguments, cwd: None });
    }
    let arguments = process
        .and_then(|etcd| implied(&etcd.process.comm))
        .or_else(|| spoken(process, located))
        .or_else(|| environment_file(host, located))?;
    let arguments = configured(host, arguments, cwd.as_deref(), located);
    Some(Configuration { arguments, cwd })
}

/// The settings of an etcd that is told none: its installation always has the same.
fn implied(comm: &str) -> Option<Arguments> {
    let row =
        layout::ALL.iter().find(|row| !row.implied.is_empty() && row.comms.contains(&comm))?;
    Some(Arguments::of_layout(row, None))
}

/// The first one that has a command line.
fn spoken(process: Option<&EtcdProcess>, located: &mut Located) -> Option<Arguments> {
    if let Some(EtcdProcess { process, .. }) = process {
        let owner = format!("pid {}", process.pid);
        return Some(Arguments::read(&process.args, &process.env, &owner));
    }
    if let Some(container) = located.container.as_ref().filter(|it| !it.args.is_empty()) {
        let owner = format!("container {}", container.short_id());
        return Some(Arguments::read(&container.args, &container.env, &owner));
    }
    let manifest = located.manifest.as_ref().filter(|manifest| !manifest.args.is_empty())?;
    let arguments = Arguments::read(&manifest.args, &[], &manifest.path.display().to_string());
    if located.container.is_none() {
        located
            .complaints
            .push("etcd does not run on this node: there is only its manifest".to_owned());
    }
    Some(arguments)
}

/// Only where no etcd runs: of several it may be another one's.
fn environment_file(host: &HostRoot, located: &mut Located) -> Option<Arguments> {
    if process::etcd_processes(host).iter().any(|etcd| !etcd.is_k3s()) {
        return None;
    }
    let (path, text) = layout::column(|row| row.env_files)
        .into_iter()
        .find_map(|path| Some((path, yaml::read(&host.path(path)).ok()?)))?;
    let env: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().split_once('='))
        .filter(|(name, _)| name.starts_with("ETCD_"))
        .map(|(name, value)| format!("{name}={}", value.trim_matches(['"', '\''])))
        .collect();
    let arguments = Arguments::read(&[], &env, path);
    if arguments.is_empty() {
        return None;
    }
    located
        .complaints
        .push(format!("etcd does not run on this node: there are only its settings in {path}"));
    Some(arguments)
}

/// Given a `--config-file`, etcd uses nothing else.
fn configured(
    host: &HostRoot,
    arguments: Arguments,
    cwd: Option<&std::path::Path>,
    located: &mut Located,
) -> Arguments {
    let Some(file) = arguments.path("config-file") else { return arguments };
    let container = located.container.as_ref();
    let mounts: &[Mount] = container.map_or(&[], |container| &container.mounts);
    let pid = located.process.as_ref().map(|process| process.pid);
    let path = PathMap { host, mounts, pid, cwd }.to_host(&file.value);
    let owner = path.display().to_string();
    match yaml::read(&path).and_then(|text| Arguments::from_config_file(&text, &owner)) {
        Ok(arguments) => arguments,
        Err(error) => {
            located.complaints.push(format!("etcd's --config-file {owner}: {error}"));
            arguments
        }
    }
}
