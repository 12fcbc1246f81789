//! A virtual machine without an operating system: Debian's kernel, busybox,
//! smartctl and the program under test in an initramfs, commands over a serial
//! port. Knows no disk but as qemu's arguments.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{disks::Disk, qmp::Qmp};

/// Without KVM a boot takes 10 to 20 s, on a busy machine more.
const BOOT: Duration = Duration::from_secs(180);

/// A command that takes longer hangs: `diagnose` promises 60 s.
const COMMAND: Duration = Duration::from_secs(100);

/// The first process of the guest: loads the modules, mounts what has a
/// filesystem and does what the second serial port says, a command a line.
const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /mnt /var/log
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
exec >/dev/console 2>&1
# Not every processor has the instructions of every module.
while read -r module; do insmod "/modules/$module"; done </modules/order
stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
echo ready >&3
while read -r command <&3; do
    sh -c "$command" </dev/null >/tmp/stdout 2>/tmp/stderr 3>&-
    code=$?
    echo "$code $(stat -c %s /tmp/stdout) $(stat -c %s /tmp/stderr)" >&3
    cat /tmp/stdout /tmp/stderr >&3
done
"#;

/// How one command ended.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Answer {
    /// Fails with everything it said unless it ended with one of these codes.
    #[track_caller]
    pub fn ends(self, codes: &[i32]) -> Self {
        assert!(codes.contains(&self.code), "{}: {}{}", self.code, self.stdout, self.stderr);
        self
    }

    /// Its stdout, which has to be exactly one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }
}

/// A running machine; it ends with this value, or with the thread that made it.
pub struct Guest {
    qemu: Child,
    serial: BufReader<UnixStream>,
    pub qmp: Qmp,
    folder: TempDir,
}

/// What `scripts/setup smart` fetched; why not, where it did not.
fn fetched() -> Result<PathBuf, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/smart");
    match path.join("ready").exists() {
        true => Ok(path),
        false => Err("no virtual machine: scripts/setup smart fetches what it needs".to_owned()),
    }
}

/// The program under test: this build's, or the static one that
/// `ETCD_RESCUE_BIN` names. Both run in the guest, which has a C library for
/// smartctl.
fn binary() -> PathBuf {
    let named = env::var_os("ETCD_RESCUE_BIN").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_etcd-rescue").into())
}

#[track_caller]
fn done(command: &mut Command) {
    let ended = command.status();
    assert!(ended.as_ref().is_ok_and(|ended| ended.success()), "{command:?}: {ended:?}");
}

/// The root directory with the program under test, packed for the kernel.
fn initramfs(parts: &Path, folder: &Path) -> PathBuf {
    let (root, archive) = (folder.join("root"), folder.join("initramfs"));
    done(Command::new("cp").arg("-a").arg(parts.join("guest")).arg(&root));
    fs::copy(binary(), root.join("bin/etcd-rescue")).expect("the program under test is built");
    fs::write(root.join("init"), INIT).unwrap();
    done(Command::new("chmod").arg("755").arg(root.join("init")));
    let packed = fs::File::create(&archive).unwrap();
    let pack = r#"find . | "$1" cpio -o -H newc 2>/dev/null"#;
    done(
        Command::new("sh")
            .args(["-c", pack, "pack"])
            .arg(parts.join("guest/bin/busybox"))
            .current_dir(&root)
            .stdout(packed),
    );
    fs::remove_dir_all(&root).unwrap();
    archive
}

fn connect(path: &Path, qemu: &mut Child, deadline: Instant) -> UnixStream {
    loop {
        let ended = qemu.try_wait().expect("qemu can be waited for");
        assert!(ended.is_none(), "qemu ended: {ended:?}");
        match UnixStream::connect(path) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < deadline, "{}: {error}", path.display()),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

impl Guest {
    /// Boots with these disks and mounts their filesystems; `None`, with the
    /// reason printed, on a machine that has no qemu.
    pub fn boot(disks: &[Disk]) -> Option<Self> {
        let parts = match fetched() {
            Ok(parts) => parts,
            Err(why) => {
                eprintln!("SKIPPED: {why}");
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let archive = initramfs(&parts, folder.path());
        let mut qemu = start(&parts, &archive, disks, folder.path());
        let deadline = began + BOOT;
        // Taken before the guest says its first word, which nobody repeats.
        let serial = connect(&folder.path().join("serial"), &mut qemu, deadline);
        serial.set_read_timeout(Some(BOOT)).unwrap();
        let qmp = Qmp::new(connect(&folder.path().join("qmp"), &mut qemu, deadline));
        let mut guest = Self { qemu, serial: BufReader::new(serial), qmp, folder };
        assert_eq!(guest.line(), "ready", "{}", guest.console());
        guest.serial.get_ref().set_read_timeout(Some(COMMAND)).unwrap();
        for disk in disks {
            guest.mount(disk);
        }
        eprintln!("the guest is up after {:?}", began.elapsed());
        Some(guest)
    }

    /// By label: the kernel names disks in the order it finds them.
    fn mount(&mut self, disk: &Disk) {
        let (name, place) = (disk.name, disk.place());
        let command = format!(
            "mkdir -p {place}; for i in $(seq 100); do \
             device=$(findfs LABEL={name} 2>/dev/null) && break; sleep 0.1; done; \
             mount -t ext4 $device {place} && echo -n $device"
        );
        let answer = self.run(&command).ends(&[0]);
        disk.found(&answer.stdout);
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.serial.read_line(&mut line);
        assert!(read.is_ok_and(|read| read > 0), "the guest is silent\n{}", self.console());
        line.trim_end().to_owned()
    }

    /// Runs one line of shell to its end.
    #[track_caller]
    pub fn run(&mut self, command: &str) -> Answer {
        let began = Instant::now();
        assert!(!command.contains('\n'), "one line");
        writeln!(self.serial.get_mut(), "{command}").unwrap();
        let header = self.line();
        let numbers: Vec<i32> =
            header.split(' ').map(|word| word.parse().expect("a number")).collect();
        let [code, stdout, stderr] = numbers[..] else { panic!("{header}") };
        let mut text = |length: i32| {
            let mut bytes = vec![0; usize::try_from(length).unwrap()];
            self.serial.read_exact(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (text(stdout), text(stderr));
        Answer { code, stdout, stderr, took: began.elapsed() }
    }

    /// What the kernel wrote on the console so far.
    pub fn console(&self) -> String {
        let bytes = fs::read(self.folder.path().join("console")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn start(parts: &Path, archive: &Path, disks: &[Disk], folder: &Path) -> Child {
    let socket = |id: &str| {
        let path = folder.join(id);
        format!("socket,id={id},path={},server=on,wait=off", path.display())
    };
    // It ends with us, however we end.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(parts.join("qemu"))
        // Never KVM: nested, it is not to be trusted.
        .args(["-accel", "tcg", "-cpu", "qemu64", "-machine", "q35", "-m", "512"])
        .args(["-display", "none", "-nodefaults", "-no-user-config", "-no-reboot"])
        .arg("-kernel")
        .arg(parts.join("vmlinuz"))
        .arg("-initrd")
        .arg(archive)
        .args(["-append", "console=ttyS0 loglevel=4 panic=-1 nokaslr tsc=unstable"])
        .args(["-serial", &format!("file:{}", folder.join("console").display())])
        .args(["-chardev", &socket("serial"), "-serial", "chardev:serial"])
        .args(["-chardev", &socket("qmp"), "-mon", "chardev=qmp,mode=control"]);
    for (place, disk) in disks.iter().enumerate() {
        command.args(disk.arguments(folder, place));
    }
    command.stdin(Stdio::null()).spawn().expect("qemu starts")
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _may_have_ended = self.qemu.kill();
        let _reaped = self.qemu.wait();
        if thread::panicking() {
            eprintln!("{}", self.console());
        }
    }
}
