//! A directory of a master on a disk that hangs: a FUSE filesystem that takes
//! every request and answers none is mounted over it. What looks at it waits in
//! state D and cannot even be killed, as with a dead disk. Dropping the value
//! lets everybody go; should the process die, the kernel does that, and the
//! mount goes with the master.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, Result, anyhow};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
};

use crate::Master;

/// FUSE_INIT, the only request that is answered (linux/fuse.h).
const INIT: u32 = 26;

/// The largest request without data, and more than the kernel asks for at least
/// (FUSE_MIN_READ_BUFFER).
const BUFFER: usize = 256 << 10;

/// A directory that hangs as long as this value lives.
#[derive(Debug)]
pub struct Hung {
    /// Of the master, while it has power.
    mounts: File,
    path: PathBuf,
}

impl Master {
    /// Makes a directory of the master hang; what has it open or mounted already
    /// (etcd's container) does not notice.
    ///
    /// # Errors
    /// When it cannot be mounted over.
    pub fn hang(&self, path: impl AsRef<Path>) -> Result<Hung> {
        let pid = self.init_pid().context("it has no power")?;
        let mounts = File::open(format!("/proc/{pid}/ns/mnt"))?;
        let hung = Hung { mounts: mounts.try_clone()?, path: path.as_ref().to_owned() };
        let at = hung.path.clone();
        let device = inside(&mounts, move || {
            let device = File::options().read(true).write(true).open("/dev/fuse")?;
            let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
            let options = Some(options.as_str());
            mount(Some("hangs"), &at, Some("fuse"), MsFlags::empty(), options)?;
            Ok(device)
        })?;
        thread::spawn(move || take_everything(device));
        Ok(hung)
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        let path = self.path.clone();
        // Forced: everybody who waits gets an error. A mount that went with its
        // master is gone already.
        let forced = MntFlags::MNT_FORCE | MntFlags::MNT_DETACH;
        let _gone = inside(&self.mounts, move || Ok(umount2(&path, forced)?));
    }
}

/// Does something in another mount namespace, in a thread of its own.
fn inside<T: Send + 'static>(
    mounts: &File,
    what: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let mounts = mounts.try_clone()?;
    let done = thread::spawn(move || {
        unshare(CloneFlags::CLONE_FS)?;
        setns(mounts, CloneFlags::CLONE_NEWNS)?;
        what()
    });
    done.join().map_err(|_| anyhow!("the thread died"))?
}

/// Answers the greeting, and nothing after it; ends when it is unmounted.
fn take_everything(mut device: File) {
    let mut request = vec![0; BUFFER];
    while let Ok(length) = device.read(&mut request) {
        // fuse_in_header: length, opcode, unique.
        let head = request.get(..length).and_then(|request| request.first_chunk::<16>());
        let Some(head) = head else { continue };
        let [_, _, _, _, a, b, c, d, unique @ ..] = *head;
        if u32::from_ne_bytes([a, b, c, d]) == INIT {
            let _unmounted = device.write_all(&greeting(unique));
        }
    }
}

/// fuse_out_header and fuse_init_out of protocol 7.23 and later.
fn greeting(unique: [u8; 8]) -> Vec<u8> {
    const LENGTH: u32 = 16 + 64;
    let mut reply = Vec::new();
    reply.extend(LENGTH.to_ne_bytes());
    reply.extend(0_u32.to_ne_bytes());
    reply.extend(unique);
    // major, minor, max_readahead, flags, max_background and congestion_threshold,
    // max_write, time_gran
    for word in [7_u32, 31, 0, 0, 0, 4096, 1] {
        reply.extend(word.to_ne_bytes());
    }
    reply.resize(LENGTH as usize, 0);
    reply
}
