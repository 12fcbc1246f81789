//! A filesystem that never answers, on a real block device: the child that
//! looks below etcd says so in time, with everything that the kernel's tables
//! tell. Needs root, a loop device and FUSE.

use std::{
    fs::File,
    io::Read,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use etcd_rescue::model::diagnosis::{DiskBelow, LayerKind};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// A mount whose FUSE server is there and says nothing. It ends with the
/// server's descriptor.
struct Hung {
    directory: tempfile::TempDir,
    device: String,
    _server: File,
}

impl Hung {
    fn new() -> Self {
        let directory = tempfile::tempdir_in("/var/tmp").expect("a directory");
        let image = directory.path().join("image");
        File::create(&image).and_then(|file| file.set_len(4 << 20)).expect("an image");
        let made = Command::new("losetup").args(["-f", "--show"]).arg(&image).output();
        let made = made.expect("losetup runs");
        assert!(made.status.success(), "{made:?}");
        let device = String::from_utf8(made.stdout).expect("a name").trim().to_owned();
        let server = File::options().read(true).write(true).open("/dev/fuse").expect("FUSE");
        let hung = Self { directory, device, _server: server };
        std::fs::create_dir(hung.mount_point()).expect("made");
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0,blksize=512",
            hung._server.as_raw_fd()
        );
        let device = Some(hung.device.as_str());
        mount(
            device,
            &hung.mount_point(),
            Some("fuseblk"),
            MsFlags::empty(),
            Some(options.as_str()),
        )
        .expect("mounted");
        hung
    }

    fn mount_point(&self) -> PathBuf {
        self.directory.path().join("mount")
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        let _may_not_be_mounted = umount2(&self.mount_point(), MntFlags::MNT_DETACH);
        let _best_effort = Command::new("losetup").args(["-d", &self.device]).status();
    }
}

/// Asks the child as `diagnose` does.
fn below(data_dir: &Path) -> DiskBelow {
    let (mut channel, theirs) = UnixStream::pair().expect("a channel");
    let mut child = Command::new(env!("CARGO_BIN_EXE_etcd-rescue"))
        .args(["__look-aside", "disks", "900", "0"])
        .arg(data_dir)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    channel.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    let mut answer = Vec::new();
    let read = channel.read_to_end(&mut answer);
    let _may_have_ended = child.kill();
    read.expect("an answer in time");
    child.wait().expect("ended");
    postcard::from_bytes(&answer).expect("a whole answer")
}

#[test]
fn a_data_directory_that_never_answers_still_has_its_disks() {
    let hung = Hung::new();
    let below = below(&hung.mount_point().join("etcd"));
    let complained = |what: &str| below.complaints.iter().any(|text| text.contains(what));
    assert!(complained("does not answer: its filesystem or disk hangs"), "{below:?}");
    assert!(complained("the room of"), "{below:?}");
    let [place] = &below.places[..] else { panic!("{below:?}") };
    assert_eq!((place.filesystem.as_str(), &place.source), ("fuseblk", &hung.device));
    assert_eq!(place.size.0, 0);
    let name = hung.device.trim_start_matches("/dev/");
    let layer = below.layers.iter().find(|layer| layer.name == name).expect("the loop device");
    assert_eq!(layer.kind, LayerKind::Loop);
    assert!(below.windows.iter().filter(|window| window.name == name).count() >= 3, "{below:?}");
}
