//! The few fields of /proc/PID/status and /proc/PID/stat (proc(5)) that are
//! needed here. None is had of a process that is not there any more.

use std::{fs, path::Path};

/// A process's status file, for the functions below.
#[must_use]
pub fn status(directory: &Path) -> Option<String> {
    let bytes = fs::read(directory.join("status")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What stands behind `name` ("PPid:") in a status file.
fn line<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// The decimal numbers of a line.
pub fn numbers<'a>(status: &'a str, name: &str) -> Option<impl Iterator<Item = u32> + use<'a>> {
    let numbers = line(status, name)?.split_whitespace();
    Some(numbers.map_while(|number| number.parse().ok()))
}

/// The parent's pid; 0 for none that can be seen.
#[must_use]
pub fn parent(status: &str) -> i32 {
    line(status, "PPid:").and_then(|pid| pid.parse().ok()).unwrap_or(0)
}

/// Whether signals of this number (1 to 64) are ignored. Bit 0 is signal 1.
#[must_use]
pub fn ignores(status: &str, signal: u32) -> bool {
    let mask = line(status, "SigIgn:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 != 0)
}

/// NSpid has one number per pid namespace, from this one inwards; kernels
/// before 4.1 do not tell.
#[must_use]
pub fn is_in_this_namespace(status: &str) -> bool {
    numbers(status, "NSpid:").is_none_or(|pids| pids.count() <= 1)
}

/// Fields 3, 4 and 22 of /proc/PID/stat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// 'R', 'S', 'D', 'T', 'Z' ...
    pub state: char,
    /// The parent's pid.
    pub parent: i32,
    /// When it was started, in clock ticks since boot.
    pub start_time: u64,
}

impl Stat {
    /// That of a process; `proc` is where /proc is.
    #[must_use]
    pub fn of(proc: &Path, pid: i32) -> Option<Self> {
        let text = fs::read(proc.join(pid.to_string()).join("stat")).ok()?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// The fields are counted behind the name in parentheses, which may hold
    /// anything.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.rsplit_once(") ")?.1.split(' ');
        Some(Self {
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            start_time: fields.nth(17)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tetcd\nUmask:\t0022\nTgid:\t4711\nPid:\t4711\nPPid:\t42\n\
                          Uid:\t0\t1000\t0\t0\nNSpid:\t4711\t1\nSigIgn:\t0000000000001001\n";

    #[test]
    fn lines_of_a_status_are_found() {
        let uids: Vec<u32> = numbers(STATUS, "Uid:").into_iter().flatten().collect();
        assert_eq!((parent(STATUS), &uids[..]), (42, &[0, 1000, 0, 0][..]));
        assert!(!is_in_this_namespace(STATUS), "a container's");
        assert!(ignores(STATUS, 1) && ignores(STATUS, 13) && !ignores(STATUS, 2));
    }

    #[test]
    fn what_is_not_told_is_nothing_special() {
        assert_eq!(parent("Pid:\t1\n"), 0);
        assert!(is_in_this_namespace(""));
        assert!(!ignores("SigIgn:\tnonsense", 1));
        assert!(numbers("", "Uid:").is_none());
    }

    #[test]
    fn a_name_may_hold_anything() {
        let text = "7 (a) R 1 (b) T 3 0 0 0 -1 1 2 3 4 5 6 7 8 9 20 0 1 0 909 11\n";
        let stat = Stat::parse(text);
        assert_eq!(stat, Some(Stat { state: 'T', parent: 3, start_time: 909 }));
        assert_eq!(Stat::parse("7 (a) T 3"), None);
    }

    #[test]
    fn this_process_has_them() {
        let status = status(Path::new("/proc/self")).expect("proc");
        let stat = Stat::of(Path::new("/proc"), std::process::id().cast_signed()).expect("proc");
        assert!(parent(&status) == stat.parent && stat.start_time > 0);
    }
}
