//! Admin commands to an NVMe controller: one call into the kernel, its answer
//! as it came. What a command means is the caller's.
//!
//! Source: Linux `include/uapi/linux/nvme_ioctl.h`.
#![allow(unsafe_code)]

use std::{fs::File, os::fd::AsRawFd};

use nix::errno::Errno;

/// `struct nvme_passthru_cmd`.
#[repr(C)]
#[derive(Default)]
struct Passthrough {
    opcode: u8,
    flags: u8,
    reserved: u16,
    nsid: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    address: u64,
    metadata_len: u32,
    data_len: u32,
    cdw10: u32,
    cdw11: u32,
    cdw12: u32,
    cdw13: u32,
    cdw14: u32,
    cdw15: u32,
    timeout_ms: u32,
    result: u32,
}

const _: () = assert!(size_of::<Passthrough>() == 72);

mod kernel {
    nix::ioctl_readwrite!(
        /// `NVME_IOCTL_ADMIN_CMD`, 0xC0484E41.
        admin_command,
        b'N',
        0x41,
        super::Passthrough
    );
}

/// Every namespace, or the controller itself.
pub const ALL: u32 = 0xFFFF_FFFF;

/// What differs between the commands that are sent from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Opcode.
    pub opcode: u8,
    /// Namespace.
    pub nsid: u32,
    /// Command dword 10.
    pub cdw10: u32,
}

/// Sends a command and takes what comes into `data`, which may be empty. The
/// answer is the status field of NVMe (status code in bits 7:0, its type in
/// bits 10:8), 0 = good. The kernel's own time limit for admin commands holds
/// (60 s): a shorter one would have it reset a controller that is only slow.
///
/// # Errors
/// The kernel's refusal: `EACCES` without CAP_SYS_ADMIN, `ENOTTY` where no
/// NVMe is behind the node.
pub fn admin(device: &File, command: Admin, data: &mut [u8]) -> Result<u16, Errno> {
    let mut passthrough = Passthrough {
        opcode: command.opcode,
        nsid: command.nsid,
        cdw10: command.cdw10,
        address: if data.is_empty() { 0 } else { data.as_mut_ptr() as u64 },
        data_len: u32::try_from(data.len()).map_err(|_| Errno::EINVAL)?,
        ..Passthrough::default()
    };
    // SAFETY: the structure is the kernel's (its size is asserted above), and
    // its address is that of `data_len` bytes that outlive the call, which
    // returns only when the command is over.
    let status = unsafe { kernel::admin_command(device.as_raw_fd(), &mut passthrough) }?;
    // Bits 14:0 are the status field; what is negative was an error above.
    Ok((status & 0x7FFF) as u16)
}
