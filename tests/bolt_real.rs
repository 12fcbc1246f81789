//! The database reader on what real etcds wrote, and the real tools on what the
//! tests' writer makes: `snapshot status` of each release is the judge.

use std::{
    fs::{self, File},
    io::Write,
    net::TcpListener,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use etcd_rescue::observe::bolt::{BoltError, BoltFile};
use lab::Release;

#[path = "../src/observe/bolt/testing.rs"]
#[allow(dead_code)]
mod testing;

use testing::{Writer, rows};

const PATIENCE: Duration = Duration::from_secs(30);

/// An etcd of one member, without TLS, gone when dropped.
struct Etcd {
    release: Release,
    dir: tempfile::TempDir,
    endpoint: String,
    process: Child,
}

impl Etcd {
    fn start(release: Release) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [client, peer] = free_ports().map(|port| format!("http://127.0.0.1:{port}"));
        let log = File::create(dir.path().join("log")).unwrap();
        let process = Command::new(&release.etcd)
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .args(["--name", "m", "--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client, "--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("m={peer}")])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let etcd = Self { release, dir, endpoint: client, process };
        let begin = Instant::now();
        while !etcd.ctl(&["get", "nothing"], b"").0 {
            assert!(begin.elapsed() < PATIENCE, "{} does not start", etcd.release);
            thread::sleep(Duration::from_millis(50));
        }
        etcd
    }

    fn ctl(&self, args: &[&str], input: &[u8]) -> (bool, String) {
        let mut ctl = Command::new(&self.release.etcdctl);
        ctl.env("ETCDCTL_API", "3").args(["--endpoints", &self.endpoint]).args(args);
        piped(&mut ctl, input)
    }

    #[track_caller]
    fn must(&self, args: &[&str], input: &[u8]) -> String {
        let (is_done, said) = self.ctl(args, input);
        assert!(is_done, "{} {args:?}: {said}", self.release);
        said
    }

    /// Several puts at once.
    fn put_all(&self, puts: &[String]) {
        for some in puts.chunks(100) {
            let text = format!("\n{}\n\n\n", some.join("\n"));
            self.must(&["txn"], text.as_bytes());
        }
    }

    fn db(&self) -> PathBuf {
        self.dir.path().join("data/member/snap/db")
    }

    /// Ends it as a kubelet would.
    fn stop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.process.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_ports() -> [u16; 2] {
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn piped(command: &mut Command, input: &[u8]) -> (bool, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who wants no input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    let out = child.wait_with_output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Revision, rows of all buckets and size, by the release's own tool.
fn judged(release: &Release, path: &Path) -> [u64; 3] {
    let tool = release.etcdutl.as_ref().unwrap_or(&release.etcdctl);
    let mut status = Command::new(tool);
    status.env("ETCDCTL_API", "3").args(["snapshot", "status", "-w", "json"]).arg(path);
    let (is_done, said) = piped(&mut status, b"");
    assert!(is_done, "{release}: {said}");
    let json = said.lines().find(|line| line.starts_with('{')).expect("an answer");
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    ["revision", "totalKey", "totalSize"].map(|name| json[name].as_u64().unwrap())
}

/// The same by our own reader. Every row has to be whole.
fn read(path: &Path) -> [u64; 3] {
    let file = BoltFile::open(path).unwrap();
    let (mut revision, mut total, mut pages) = (0, 0, 2);
    for bucket in file.buckets().unwrap() {
        let walked = file.walk_back(&bucket, &mut |row| {
            if bucket == b"key" {
                assert!(row.key.len() == 17 || row.key.len() == 18);
                revision = revision.max(u64::from_be_bytes(row.key[..8].try_into().unwrap()));
            }
            assert!(row.head.len() as u64 >= row.value_len.min(2048));
            ControlFlow::Continue(())
        });
        let walked = walked.unwrap();
        assert!(walked.found && walked.damage.is_none(), "{walked:?}");
        // The page of the buckets themselves is in each.
        pages += walked.pages - 1;
        total += walked.records;
    }
    assert!((pages + 1) * u64::from(file.page_size()) <= file.size().0);
    [revision, total, file.size().0]
}

/// Keys of many sizes, overwritten and deleted ones, a lease.
fn fill(etcd: &Etcd) {
    let puts: Vec<_> = (0..800)
        .map(|n| format!("put /registry/pods/{} {}", n % 300, "x".repeat(1 + n * 37 % 3000)))
        .collect();
    etcd.put_all(&puts);
    for size in [4000, 4096, 20_000, 65_536, 300_000, 1 << 20] {
        etcd.must(&["put", &format!("big/{size}")], &vec![b'y'; size]);
        etcd.must(&["put", "big/over"], &vec![b'z'; size]);
    }
    etcd.must(&["del", "--prefix", "/registry/pods/1"], b"");
    etcd.must(&["lease", "grant", "3600"], b"");
}

#[test]
fn what_etcd_wrote_is_read_whole() {
    let releases = lab::releases();
    if releases.is_empty() {
        eprintln!("skipped: no etcd here (scripts/setup lab fetches some)");
    }
    for release in releases {
        let mut etcd = Etcd::start(release.clone());
        fill(&etcd);
        let live = BoltFile::open(&etcd.db()).unwrap();
        assert!(matches!(live.refuse_if_in_use(), Err(BoltError::InUse)), "{release}");
        let snapshot = etcd.dir.path().join("snapshot.db");
        etcd.must(&["snapshot", "save", snapshot.to_str().unwrap()], b"");
        etcd.stop();
        live.refuse_if_in_use().unwrap();

        let file = BoltFile::open(&snapshot).unwrap();
        assert!(file.is_snapshot() && file.check_sum().unwrap());
        for path in [&snapshot, &etcd.db()] {
            let read = read(path);
            // 15 revisions and more of keys, and what etcd itself keeps.
            assert!(read[1] > 800, "{read:?}");
            assert_eq!(read, judged(&release, path), "{release}: {}", path.display());
        }
        eprintln!("{release}: {:?}", self::read(&snapshot));
    }
}

#[test]
fn the_tools_read_what_the_tests_write() {
    let Some(release) = lab::releases().into_iter().rev().find(|one| one.etcdutl.is_some()) else {
        return eprintln!("skipped: no etcdutl here (scripts/setup lab fetches one)");
    };
    let dir = tempfile::tempdir().unwrap();
    for page_size in [4096, 65536] {
        let mut writer = Writer::new(page_size);
        writer.free(5);
        writer.scattered = true;
        writer.bucket("key", rows((0..9000).map(|n| vec![1; n * 7919 % 12_000])));
        writer.inline("lease", &rows([vec![1; 30]]));
        writer.inline("alarm", &[]);
        let path = dir.path().join(format!("{page_size}.db"));
        fs::write(&path, writer.snapshot()).unwrap();
        assert_eq!(read(&path), judged(&release, &path));
    }
}

#[test]
fn a_million_keys_are_read() {
    let mut writer = Writer::new(4096);
    writer.bucket("key", rows((0..1_000_000).map(|n| vec![1; n % 50])));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&writer.snapshot()).unwrap();
    assert_eq!(read(file.path())[..2], [1_000_000, 1_000_000]);
}
