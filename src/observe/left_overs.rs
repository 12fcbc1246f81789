//! Which `db.tmp.*` files in etcd's directory belong to no running
//! defragmentation: by name, kind, age, open files, and etcd's own metric.
//! Looks only; etcd removes such files itself, but not before its next start
//! (etcd server/storage/backend/backend.go, defrag; bootstrap removes `db.tmp*`).

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::cluster;
use crate::{
    model::{Bytes, World},
    sys::open_files,
    wire::Access,
};

/// Those of `files` (`db.tmp*` of one directory) that nobody writes to, each
/// with the bytes its removal frees. A file of which that is not certain is
/// left out.
#[must_use]
pub fn orphans(files: &[(PathBuf, Bytes)], now: SystemTime) -> Vec<(PathBuf, Bytes)> {
    let orphan = |path: &PathBuf| {
        let meta = path.symlink_metadata().ok()?;
        let sure = is_named_so(path) && is_at_rest(&meta, now) && is_closed(path, &meta);
        // st_blocks is in units of 512 bytes (stat(2)).
        sure.then(|| (path.clone(), Bytes(meta.blocks().saturating_mul(512))))
    };
    files.iter().filter_map(|(path, _)| orphan(path)).collect()
}

/// `db.tmp` was its name before etcd 3.4.4, `db.tmp.<digits>` since.
fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.is_some_and(|name| name == "db.tmp" || name.starts_with("db.tmp."))
}

fn is_at_rest(meta: &Metadata, now: SystemTime) -> bool {
    let modified = meta.modified();
    meta.is_file() && modified.is_ok_and(|modified| open_files::is_at_rest(modified, now))
}

fn is_closed(path: &Path, meta: &Metadata) -> bool {
    let name = path.file_name().unwrap_or_default();
    open_files::held_by_others(name, meta.dev(), meta.ino()) == Some(false)
}

/// Takes back every orphan while this node's etcd says that a defragmentation
/// is running: between the last write of the new file and its renaming nobody
/// has it open. An etcd that says nothing (before 3.4.18) is no reason.
pub async fn keep_what_is_used(world: &mut World, access: &Access) {
    let has_orphans = world.node.disk.as_ref().is_some_and(|disk| !disk.orphans.is_empty());
    if !has_orphans {
        return;
    }
    let endpoint = world.members.iter().find(|member| member.local).map(|local| &local.endpoint);
    let metrics = world.node.metrics_url.as_ref().map(|found| &found.value);
    let Some(base) = metrics.or(endpoint) else { return };
    let url = format!("{base}/metrics");
    let running = cluster::defrag_inflight_at(&url, access).await == Some(true);
    if let Some(disk) = world.node.disk.as_mut().filter(|_| running) {
        disk.orphans.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{
        model::{DataDir, Found},
        observe::disk,
        wire::Tls,
    };

    /// The world of a node whose etcd's /metrics answers `page`.
    async fn kept(page: &str) -> usize {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len());
        let serving = async {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let asked = stream.read(&mut [0; 1024]).await.expect("a request");
            assert!(asked > 0);
            stream.write_all(answer.as_bytes()).await.expect("answered");
            std::future::pending::<()>().await;
        };
        let mut world = World::default();
        world.node.metrics_url = Some(Found::new(url, "test"));
        let filesystem = disk::filesystem(Path::new("/")).expect("there");
        world.node.disk = Some(DataDir {
            path: "/var/lib/etcd".into(),
            filesystem,
            used: Bytes(0),
            db_file: None,
            leftovers: Vec::new(),
            orphans: vec![("/var/lib/etcd/member/snap/db.tmp.1".into(), Bytes(1))],
            undo_dir: None,
            undos: Vec::new(),
        });
        let tls = Tls::load(None, None, None).expect("none is needed");
        let access = Access::new(tls, None, Duration::from_secs(5));
        tokio::select! {
            () = keep_what_is_used(&mut world, &access) => {}
            () = serving => {}
        }
        world.node.disk.map_or(0, |disk| disk.orphans.len())
    }

    #[tokio::test]
    async fn nothing_is_an_orphan_while_etcd_says_that_it_defragments() {
        assert_eq!(kept("etcd_disk_defrag_inflight 1\n").await, 0);
        assert_eq!(kept("etcd_disk_defrag_inflight 0\n").await, 1);
        assert_eq!(kept("etcd_other 1\n").await, 1, "before 3.4.18");
    }

    #[test]
    fn only_files_at_rest_with_the_right_name_are_orphans() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let file = |name: &str| (dir.path().join(name), Bytes(5));
        let files = ["db.tmp", "db.tmp.123", "db.tmpx", "db.tmp.link", "db.tmp.dir"].map(file);
        for (path, _) in &files[..3] {
            fs::write(path, "12345").expect("written");
        }
        std::os::unix::fs::symlink("/etc/passwd", &files[3].0).expect("linked");
        fs::create_dir(&files[4].0).expect("made");
        let names = |now| -> Vec<PathBuf> {
            orphans(&files, now).into_iter().map(|(path, _)| path).collect()
        };
        let soon = SystemTime::now() + Duration::from_secs(5);
        assert_eq!(names(soon), Vec::<PathBuf>::new(), "too young");
        let later = SystemTime::now() + Duration::from_secs(60);
        assert_eq!(names(later), [files[0].0.clone(), files[1].0.clone()]);
        let earlier = SystemTime::now() - Duration::from_secs(60);
        assert_eq!(names(earlier), Vec::<PathBuf>::new(), "a clock that was turned back");
    }
}
