//! Compiles the vendored protos in pure Rust (no protoc) and records the
//! commit for `--version`.

use std::{error::Error, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(["etcd.proto", "cri.proto"], ["proto"])?;
    tonic_prost_build::configure()
        // The server side is only used by the scripted servers of the tests;
        // link-time optimisation drops it from the release.
        .build_server(true)
        .build_transport(false)
        .bytes(".etcdserverpb.SnapshotResponse.blob")
        .compile_fds(files)?;
    println!("cargo:rustc-env=ETCD_RESCUE_COMMIT={}", commit());
    Ok(())
}

/// The short commit hash; `ETCD_RESCUE_COMMIT` wins, so that a build from a
/// tarball can name its source.
fn commit() -> String {
    println!("cargo:rerun-if-env-changed=ETCD_RESCUE_COMMIT");
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/refs/heads");
    if let Ok(commit) = std::env::var("ETCD_RESCUE_COMMIT") {
        return commit;
    }
    Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|out| out.status.success())
        .and_then(|out| String::from_utf8(out.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
