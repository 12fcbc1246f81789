//! What a flag is now, and where that is said. Flags win; a variable counts
//! where there is no flag; what neither says is etcd's default.

use crate::{
    decide::{manifest_edit::variable, wanted_edits::flag as last_value},
    model::{EtcdVersion, Located, flag_default},
};

/// A value and where it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Now {
    /// `None` when it cannot be told.
    pub(super) value: Option<String>,
    /// For people.
    pub(super) source: String,
    /// Whether somebody set it.
    pub(super) is_set: bool,
    /// Whether it may be said in a place that is not read.
    pub(super) is_elsewhere: bool,
}

impl Now {
    fn set(value: &str, source: String) -> Self {
        Self { value: Some(value.to_owned()), source, is_set: true, is_elsewhere: false }
    }
}

/// The flag's value on this node. The manifest counts before the process: it
/// is what is edited.
pub(super) fn now(node: &Located, version: Option<EtcdVersion>, flag: &str) -> Now {
    let manifest = node.manifest.as_ref();
    let container = node.container.as_ref();
    let process = node.process.as_ref();
    let lines = [
        manifest.map(|it| (it.args.as_slice(), it.path.display().to_string())),
        process.map(|it| (it.args.as_slice(), format!("command line of pid {}", it.pid))),
        container
            .map(|it| (it.args.as_slice(), format!("command line of container {}", it.short_id()))),
    ];
    let lines = || lines.iter().flatten();
    if let Some((value, source)) =
        lines().find_map(|(args, source)| Some((last_value(args, flag)?, source)))
    {
        return Now::set(value, source.clone());
    }
    let variable = variable(flag);
    let environments = [process.map(|it| &it.env), container.map(|it| &it.env)];
    let entries = environments.into_iter().flatten().flatten();
    let by_variable = entries
        .filter_map(|entry| entry.split_once('='))
        .find(|(name, value)| *name == variable && !value.is_empty());
    if let Some((_, value)) = by_variable {
        return Now::set(value, format!("variable {variable}"));
    }
    if let Some(now) = told(node, flag) {
        return now;
    }
    // A program that has etcd inside tells it by a file of its own.
    let inside = node.process.is_some() && !node.layout().implied.is_empty();
    let by_file = lines().any(|(args, _)| last_value(args, "config-file").is_some());
    if inside || by_file {
        let source = if inside { "the program it is part of" } else { "etcd's --config-file" };
        return Now { value: None, source: source.to_owned(), is_set: false, is_elsewhere: true };
    }
    let of = version.map_or_else(String::new, |version| format!(" of etcd {version}"));
    let value = flag_default(flag, version).map(str::to_owned);
    Now { value, source: format!("default{of}"), is_set: false, is_elsewhere: false }
}

/// What `locate` found in other places: a script, a configuration file.
fn told(node: &Located, flag: &str) -> Option<Now> {
    match flag {
        "auto-compaction-retention" => {
            let found = node.compaction.as_ref()?;
            Some(Now::set(&found.value, found.source.clone()))
        }
        "quota-backend-bytes" => {
            let found = node.quota.as_ref()?;
            let value = found.value.limit.map_or_else(|| "-1".to_owned(), |it| it.0.to_string());
            Some(Now::set(&value, found.source.clone()))
        }
        "listen-metrics-urls" => {
            let found = node.metrics_url.as_ref().filter(|found| found.source.starts_with(flag))?;
            Some(Now::set(&found.value, found.source.clone()))
        }
        _ => None,
    }
}
