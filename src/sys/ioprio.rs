//! The I/O priority of this process, by `ioprio_set(2)`, which no library of
//! ours wraps.
#![allow(unsafe_code)]

use std::io;

use nix::libc;

/// `IOPRIO_WHO_PROCESS` of linux/ioprio.h; process 0 is the calling one.
const WHO_PROCESS: libc::c_int = 1;
/// `IOPRIO_CLASS_BE`, shifted by `IOPRIO_CLASS_SHIFT`.
const BEST_EFFORT: libc::c_int = 2 << 13;
/// The last in the line of the best-effort class.
const LOWEST: libc::c_int = 7;

/// Lets everybody else's I/O go first, where the scheduler heeds priorities
/// (bfq; mq-deadline heeds the class only).
///
/// # Errors
/// The kernel's words.
pub fn step_back() -> io::Result<()> {
    // SAFETY: ioprio_set takes three integers and touches no memory of ours.
    let done = unsafe {
        libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0 as libc::c_int, BEST_EFFORT | LOWEST)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn stepping_back_needs_no_right() {
        assert!(super::step_back().is_ok());
    }
}
