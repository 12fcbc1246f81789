//! Starting this very program once more, also where it is run by an emulator of
//! its CPU (qemu-aarch64 and its kin), which the kernel has to start then. Knows
//! nothing of what the child is for.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// This program's file, wherever it was copied to, or removed from (proc(5)).
pub const THIS_PROGRAM: &str = "/proc/self/exe";

/// The same file to the kernel. An emulator answers for the other spelling with
/// the program that it runs, and knows only that one; this is itself.
const AS_THE_KERNEL_SEES: &str = "/proc//self/exe";

/// A command that starts `program`, a file of this program; its arguments are to
/// be added.
#[must_use]
pub fn command(program: &Path) -> Command {
    match emulated() {
        Some(file) if program == Path::new(THIS_PROGRAM) => {
            let mut emulator = Command::new(AS_THE_KERNEL_SEES);
            emulator.arg(file);
            emulator
        }
        _ => Command::new(program),
    }
}

/// The file of this program when an emulator runs it, which has a file of its own.
fn emulated() -> Option<PathBuf> {
    let ours = fs::read_link(THIS_PROGRAM).ok()?;
    (fs::read_link(AS_THE_KERNEL_SEES).ok()? != ours).then_some(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_emulator_the_file_itself_is_started() {
        assert_eq!(emulated(), None);
        for program in [THIS_PROGRAM, "/usr/bin/other"] {
            let command = command(Path::new(program));
            assert_eq!(command.get_program(), program);
            assert_eq!(command.get_args().count(), 0);
        }
        assert!(Path::new(AS_THE_KERNEL_SEES).exists(), "the kernel knows this spelling");
    }
}
