//! Compiles the vendored protos in pure Rust (no protoc), packs the runbook, and
//! records the commit for `--version`.

use std::{env, error::Error, fs, path::Path, process::Command};

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
    println!("cargo:rerun-if-changed=RUNBOOK.md");
    let runbook = miniz_oxide::deflate::compress_to_vec(&fs::read("RUNBOOK.md")?, 10);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("runbook.deflate"), runbook)?;
    let source = source().unwrap_or_else(|| "unknown".to_owned());
    let (commit, date) = source.split_once(' ').unwrap_or((&source, ""));
    println!("cargo:rustc-env=ETCD_RESCUE_COMMIT={commit}");
    match date {
        "" => println!("cargo:rustc-env=ETCD_RESCUE_SOURCE=commit {commit}"),
        date => println!("cargo:rustc-env=ETCD_RESCUE_SOURCE={commit}, {date}"),
    }
    Ok(())
}

/// The commit and its day (`13e3e2d2cf11 2026-11-23`, `-dirty` behind a commit with
/// changes). `ETCD_RESCUE_COMMIT` wins, so that a build from a tarball can name
/// its source. A debug build names none: everything would be built again after
/// each commit.
fn source() -> Option<String> {
    println!("cargo:rerun-if-env-changed=ETCD_RESCUE_COMMIT");
    if let Ok(source) = env::var("ETCD_RESCUE_COMMIT") {
        return Some(source);
    }
    // A tarball that was unpacked in somebody's repository is none of it.
    if env::var("PROFILE").as_deref() != Ok("release")
        || !git(&["rev-parse", "--show-cdup"])?.is_empty()
    {
        return None;
    }
    for file in ["HEAD", "logs/HEAD", "index"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let commit = git(&["describe", "--always", "--abbrev=12", "--dirty", "--exclude", "*"])?;
    Some(format!("{commit} {}", git(&["show", "-s", "--format=%cs", "HEAD"])?))
}

/// What git says; none when there is no git, or no repository.
fn git(args: &[&str]) -> Option<String> {
    let out = Command::new("git").args(args).output().ok().filter(|out| out.status.success())?;
    Some(String::from_utf8(out.stdout).ok()?.trim().to_owned())
}
