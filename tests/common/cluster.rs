//! A scripted cluster behind mutual TLS, and the flags that lead to it.
#![allow(dead_code)] // every test file uses another part

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::{
    fake::{
        etcd::FakeEtcd,
        pki::{self, Authority, BOTH, Files, Issued},
    },
    stage::{Rescue, rescue},
};

/// Where the servers of the tests listen.
pub const LOCAL: &[&str] = &["localhost", "127.0.0.1"];

/// The cluster with its certificates and a place for snapshots.
pub struct Cluster {
    pub etcd: FakeEtcd,
    pub files: Files,
    pub ca: Authority,
    pub cacert: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
    /// A private directory; nothing is in it.
    pub snapshots: PathBuf,
}

impl Cluster {
    /// So many full members; master-1 leads and raised NOSPACE.
    pub async fn start(size: u64) -> Self {
        Self::with(size, |ca| ca.issue("etcd", LOCAL)).await
    }

    /// With another server certificate.
    pub async fn with(size: u64, server: impl FnOnce(&Authority) -> Issued) -> Self {
        let (files, ca) = (Files::new(), Authority::new("etcd-ca"));
        let config = pki::server(&server(&ca), Some(&ca), &["h2", "http/1.1"], BOTH);
        let etcd = FakeEtcd::start(size, Some(config)).await;
        for member in &mut etcd.state().members {
            // What /metrics would tell otherwise.
            member.told_quota = member.quota;
        }
        let client = ca.issue("client", &[]);
        let snapshots = files.path("snapshots");
        fs::DirBuilder::new().mode(0o700).create(&snapshots).unwrap();
        Self {
            cacert: files.write("ca.crt", &ca.pem),
            cert: files.write("client.crt", &client.cert),
            key: files.write("client.key", &client.key),
            etcd,
            files,
            ca,
            snapshots,
        }
    }

    /// The binary, led to every member of this cluster by flags.
    pub fn rescue(&self, args: &[&str]) -> Rescue {
        let members = self.etcd.state().members.clone();
        let endpoints: Vec<String> = members.into_iter().map(|member| member.endpoint).collect();
        rescue(args).and(&self.flags(&endpoints.join(",")))
    }

    /// The connection flags for any endpoint.
    pub fn flags(&self, endpoint: &str) -> [String; 8] {
        let path = |path: &PathBuf| path.display().to_string();
        [
            "--endpoints".to_owned(),
            endpoint.to_owned(),
            "--cacert".to_owned(),
            path(&self.cacert),
            "--cert".to_owned(),
            path(&self.cert),
            "--key".to_owned(),
            path(&self.key),
        ]
    }

    /// `COMMAND --yes -w json` with the snapshot in this cluster's place.
    pub fn unattended(&self, command: &str) -> Rescue {
        self.rescue(&[command, "--yes", "-w", "json"]).and(&self.snapshot_flags())
    }

    /// `--snapshot-dir` with this cluster's place.
    pub fn snapshot_flags(&self) -> [String; 2] {
        ["--snapshot-dir".to_owned(), self.snapshots.display().to_string()]
    }

    /// The calls that change something or could.
    pub fn changes(&self) -> Vec<String> {
        let changing = [
            "Compact",
            "Defragment",
            "Alarm",
            "LeaseGrant",
            "LeaseRevoke",
            "Snapshot",
            "DeleteRange",
        ];
        let mut calls = self.etcd.calls();
        calls.retain(|call| changing.iter().any(|name| call.contains(name)));
        calls
    }

    /// Files left in the place for snapshots.
    pub fn files_left(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.snapshots).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

/// `status` of one endpoint with these files.
pub fn status(endpoint: &str, cacert: &Path, cert: &Path, key: &Path) -> Rescue {
    let path = |path: &Path| path.display().to_string();
    rescue(&["status", "--endpoints", endpoint]).and(&[
        "--cacert",
        &path(cacert),
        "--cert",
        &path(cert),
        "--key",
        &path(key),
    ])
}
