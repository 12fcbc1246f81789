//! SCSI commands to a disk through `SG_IO`: one call into the kernel, its
//! answer as it came. What a command means is the caller's.
//!
//! Source: Linux `include/scsi/sg.h`; the structure is the same on every
//! 64-bit architecture.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    fs::{File, OpenOptions},
    io,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::Path,
    ptr,
};

use nix::{errno::Errno, fcntl::OFlag};

/// `SG_IO`: older than the scheme by which ioctl numbers are made.
const SG_IO: u32 = 0x2285;
/// Longest sense data that is taken (SPC-5: at most 252 bytes).
const SENSE: usize = 252;

/// `struct sg_io_hdr`.
#[repr(C)]
struct Header {
    interface_id: i32,
    direction: i32,
    command_len: u8,
    sense_room: u8,
    iovec_count: u16,
    data_len: u32,
    data: *mut c_void,
    command: *const u8,
    sense: *mut u8,
    timeout_ms: u32,
    flags: u32,
    pack_id: i32,
    user: *mut c_void,
    status: u8,
    masked_status: u8,
    message_status: u8,
    sense_len: u8,
    host_status: u16,
    driver_status: u16,
    residual: i32,
    duration_ms: u32,
    info: u32,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Header>() == 88);

mod kernel {
    nix::ioctl_readwrite_bad!(
        /// `SG_IO`.
        sg_io,
        super::SG_IO,
        super::Header
    );
}

/// What came back for a command that reached the kernel's SCSI layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// SCSI status: 0 = good, 2 = look at the sense data.
    pub status: u8,
    /// The host adapter's word: 0 = good, 1 = no connection, 3 = timeout.
    pub host: u16,
    /// Sense data; may be empty.
    pub sense: Vec<u8>,
    /// Bytes that did not come.
    pub missing: usize,
}

impl Reply {
    /// Whether the command did what it should.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.status == 0 && self.host == 0
    }

    /// Whether the device is gone or gave no answer in time: nothing more
    /// should be asked.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        matches!(self.host, 1 | 3 | 4)
    }
}

/// Opens a disk's node to send commands to it. Reading is enough for the
/// kernel, and nothing is waited for.
///
/// # Errors
/// The kernel's words.
pub fn open(node: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits())
        .open(node)
}

/// Sends a command and takes what comes into `data`, which may be empty: then
/// nothing is transferred. No command here ever sends data to a disk.
///
/// # Errors
/// The kernel's refusal: `ENOTTY` where no SCSI disk is behind the node,
/// `EPERM` without CAP_SYS_RAWIO for most commands.
pub fn command(disk: &File, cdb: &[u8], data: &mut [u8], timeout_ms: u32) -> Result<Reply, Errno> {
    let mut sense = [0_u8; SENSE];
    let command_len = u8::try_from(cdb.len()).map_err(|_| Errno::EINVAL)?;
    let data_len = u32::try_from(data.len()).map_err(|_| Errno::EINVAL)?;
    let mut header = Header {
        interface_id: i32::from(b'S'),
        // SG_DXFER_NONE or SG_DXFER_FROM_DEV.
        direction: if data.is_empty() { -1 } else { -3 },
        command_len,
        sense_room: SENSE as u8,
        iovec_count: 0,
        data_len,
        data: data.as_mut_ptr().cast(),
        command: cdb.as_ptr(),
        sense: sense.as_mut_ptr(),
        timeout_ms,
        flags: 0,
        pack_id: 0,
        user: ptr::null_mut(),
        status: 0,
        masked_status: 0,
        message_status: 0,
        sense_len: 0,
        host_status: 0,
        driver_status: 0,
        residual: 0,
        duration_ms: 0,
        info: 0,
    };
    // SAFETY: the header is the kernel's structure (its size is asserted
    // above), and its three pointers are to memory of the lengths beside them
    // that outlives the call, which returns only when the command is over.
    unsafe { kernel::sg_io(disk.as_raw_fd(), &mut header) }?;
    let sense = sense.get(..usize::from(header.sense_len)).unwrap_or(&sense);
    Ok(Reply {
        status: header.status,
        host: header.host_status,
        sense: sense.to_vec(),
        missing: usize::try_from(header.residual).unwrap_or(0).min(data.len()),
    })
}
