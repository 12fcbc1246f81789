//! What etcdutl, sha256sum and a throwaway etcd say about a snapshot file.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use lab::{Master, Release, releases};
use serde_json::Value;

use super::{
    judge::{data_of, said},
    until,
};

/// Where the throwaway etcd listens, in a master's network.
const CLIENT: &str = "http://127.0.0.1:12379";
const PEER: &str = "http://127.0.0.1:12380";

/// The release whose etcdutl is asked: the member's own, else the newest (3.4
/// has none).
fn judge(master: &Master) -> Release {
    let mut having = releases().into_iter().filter(|release| release.etcdutl.is_some());
    let own = having.clone().find(|release| release.version == master.release().version);
    own.or_else(|| having.next_back()).expect("a release with etcdutl")
}

fn etcdutl(master: &Master) -> Command {
    Command::new(judge(master).etcdutl.expect("chosen for it"))
}

/// Revision and number of keys, as etcdutl reads them off a file.
#[track_caller]
pub fn content(master: &Master, file: &Path) -> (u64, u64) {
    let mut command = etcdutl(master);
    command.args(["snapshot", "status", "-w", "json"]).arg(file);
    let text = said(Ok(command.output().expect("etcdutl runs")));
    let status: Value = serde_json::from_str(&text).expect("JSON");
    let number = |key: &str| status[key].as_u64().expect("a number");
    (number("revision"), number("totalKey"))
}

/// The same of a snapshot that etcdctl itself takes of a member now.
#[track_caller]
pub fn content_now(master: &Master) -> (u64, u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("judge.db");
    said(master.etcdctl(&["snapshot", "save", file.to_str().expect("text")]));
    content(master, &file)
}

/// What sha256sum says.
#[track_caller]
pub fn sha256(file: &Path) -> String {
    let text = said(Ok(Command::new("sha256sum").arg(file).output().expect("it runs")));
    text.split_whitespace().next().expect("a digest").to_owned()
}

/// Fails unless only root can read the file and look into its directory.
#[track_caller]
pub fn private(file: &Path) {
    let mode = |path: &Path| fs::symlink_metadata(path).expect("there").mode() & 0o7777;
    assert_eq!(mode(file), 0o600, "{}", file.display());
    assert_eq!(mode(file.parent().expect("a directory")), 0o700);
}

/// Restores a file with etcdutl, starts an etcd on the result in the network
/// of `master`, and returns its data.
#[track_caller]
pub fn restored(master: &Master, file: &Path) -> String {
    restored_with(master, file, &[])
}

/// The same with more flags of `etcdutl snapshot restore`.
#[track_caller]
pub fn restored_with(master: &Master, file: &Path, flags: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let data_dir = dir.path().join("etcd");
    let mut restore = etcdutl(master);
    restore.args(["snapshot", "restore"]).arg(file).arg("--data-dir").arg(&data_dir);
    restore.args(flags);
    said(Ok(restore.output().expect("etcdutl runs")));
    let etcd = Throwaway::start(master, &data_dir);
    let ask = |args: &[&str]| {
        let mut command = in_network_of(master, &judge(master).etcdctl);
        command.env("ETCDCTL_API", "3").args(["--endpoints", CLIENT]).args(args).output()
    };
    until("the restored etcd answers", Duration::from_secs(60), || {
        ask(&["get", "x"]).is_ok_and(|out| out.status.success())
    });
    let data = data_of(&said(Ok(ask(&["get", "", "--prefix", "-w", "json"]).expect("runs"))));
    drop(etcd);
    data
}

/// Only the network: its files and its pid are the machine's, so that it can
/// be ended like any child.
fn in_network_of(master: &Master, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{}/ns/net", master.init_pid().expect("power")));
    command.arg(program);
    command
}

/// An etcd that ends with its owner.
struct Throwaway(Child);

impl Throwaway {
    fn start(master: &Master, data_dir: &Path) -> Self {
        let mut command = in_network_of(master, &judge(master).etcd);
        command.arg("--data-dir").arg(data_dir);
        command.args(["--listen-client-urls", CLIENT, "--advertise-client-urls", CLIENT]);
        command.args(["--listen-peer-urls", PEER]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("etcd starts"))
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        // It may have ended by itself, which the judge has seen then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
