//! The programs that are measured and those that judge, and their versions.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use lab::{Release, releases};

/// Where they are.
#[derive(Clone, Debug)]
pub struct Tools {
    pub rescue: PathBuf,
    pub etcd_defrag: Option<PathBuf>,
    pub etcd: Release,
    /// Judges the snapshots; etcd 3.4 has none of its own.
    pub etcdutl: Option<PathBuf>,
}

impl Tools {
    pub fn find(rescue: &Path, etcd_defrag: Option<&Path>, etcd: &str) -> Result<Self> {
        let rescue = rescue.canonicalize().with_context(|| format!("{}", rescue.display()))?;
        let etcd = lab::release(etcd)?;
        let newest = releases().into_iter().rev().find_map(|release| release.etcdutl);
        let etcdutl = etcd.etcdutl.clone().or(newest);
        let etcd_defrag = match etcd_defrag {
            Some(named) if !named.is_file() => bail!("{} is not there", named.display()),
            Some(named) => Some(named.canonicalize()?),
            None => on_path("etcd-defrag"),
        };
        Ok(Self { rescue, etcd_defrag, etcd, etcdutl })
    }

    /// Name and version of each, for the description.
    pub fn versions(&self) -> Vec<(&'static str, String)> {
        let mut versions = vec![
            ("etcd-rescue", first_line(Command::new(&self.rescue).arg("--version"))),
            ("etcd", first_line(Command::new(&self.etcd.etcd).arg("--version"))),
            ("etcdctl", first_line(Command::new(&self.etcd.etcdctl).arg("version"))),
        ];
        if let Some(etcdutl) = &self.etcdutl {
            versions.push(("etcdutl", first_line(Command::new(etcdutl).arg("version"))));
        }
        let defrag = self.etcd_defrag.as_ref();
        let defrag = defrag.map(|path| first_line(Command::new(path).arg("--version")));
        versions.push(("etcd-defrag", defrag.unwrap_or_else(|| "not found".to_owned())));
        versions
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// What a command says first, on either stream.
pub fn first_line(command: &mut Command) -> String {
    let Ok(out) = command.output() else { return "does not run".to_owned() };
    let text = [out.stdout, out.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("says nothing").trim().to_owned()
}
