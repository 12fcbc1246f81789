//! Lines of real kernels, and lines no kernel writes.

use std::fs;

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;
const OWN: &str = "0f3c9a7be1120f3c9a7be1120f3c9a7be1120f3c9a7be1120f3c9a7be1120f3c";
const OTHER: &str = "aaaa9a7be1120f3c9a7be1120f3c9a7be1120f3c9a7be1120f3c9a7be1120f3c";

fn wanted() -> Wanted {
    let disks = vec!["sda1".to_owned(), "sda".to_owned()];
    Wanted { id: OWN.to_owned(), finished_at: 1_000 * SECOND, disks }
}

fn lines(log: &str) -> Vec<String> {
    about(&parse(log.as_bytes()), &wanted(), 0)
}

fn oom(id: &str, seconds: u64) -> String {
    format!(
        "6,900,{0}000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={id},\
         mems_allowed=0,oom_memcg=/kubepods/burstable/podab12,task_memcg=/kubepods/burstable/\
         podab12/cri-containerd-{id}.scope,task=etcd,pid=4711,uid=0\n\
         3,901,{0}000001,-;Memory cgroup out of memory: Killed process 4711 (etcd) \
         total-vm:11223344kB, anon-rss:52000kB, oom_score_adj:-997\n SUBSYSTEM=x\n",
        seconds
    )
}

#[test]
fn the_etcd_that_was_killed_for_memory_is_told() {
    let [line] = &lines(&oom(OWN, 999))[..] else { panic!("{:?}", lines(&oom(OWN, 999))) };
    assert!(line.starts_with("Memory cgroup out of memory: Killed process 4711 (etcd)"), "{line}");
    let bare = "3,5,998000000,-;Out of memory: Killed process 12 (etcd) total-vm:1kB";
    assert_eq!(lines(bare).len(), 1);
}

#[test]
fn other_containers_other_programs_and_other_times_are_not() {
    for log in [
        oom(OTHER, 999),
        oom(OWN, 700),
        oom(OWN, 1_100),
        oom(OWN, 999).replace("(etcd)", "(etcd-backup)"),
        oom(OWN, 999).replace("3,901,", "11,901,"),
    ] {
        assert_eq!(lines(&log), Vec::<String>::new(), "{log}");
    }
}

#[test]
fn trouble_of_the_disk_below_the_data_is_told() {
    let log = "\
3,1,990000000,-;I/O error, dev sda, sector 1234 op 0x1:(WRITE) flags 0x800 phys_seg 1\n\
 SUBSYSTEM=block\n DEVICE=b8:0\n\
3,2,990000001,-;I/O error, dev sdb, sector 1234 op 0x1:(WRITE)\n\
2,3,991000000,-;EXT4-fs error (device sda1): ext4_journal_check_start:83: comm etcd: Detected\n\
3,4,991000001,-;EXT4-fs (sda1): Remounting filesystem read-only\n\
6,5,991000002,-;EXT4-fs (sda1): mounted filesystem with ordered data mode\n\
3,6,991000003,-;XFS (sda10): log I/O error -5\n";
    let told = lines(log);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].ends_with("Remounting filesystem read-only"));
}

#[test]
fn escapes_and_odd_lines_are_read() {
    let records = parse(b"6,1,5,-,caller=T1;a\\x5cb\\x09c\\xzz \\x4\nno record\n6,x;y\n");
    let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
    assert_eq!(texts, ["a\\b\\x09c\\xzz \\x4"]);
    assert_eq!(records[0].micros, 5);
}

#[test]
fn nothing_that_steers_a_terminal_gets_through() {
    let told = lines(
        "3,1,990000000,-;I/O error, dev sda \\x1b]0;title\\x07 \\xc2\\x9b2J \u{1b}[2J \u{9b}1m \\x41\n",
    );
    assert_eq!(told, [r"I/O error, dev sda \x1b]0;title\x07 \xc2\x9b2J \x1b[2J \xc2\x9b1m A"],);
}

#[test]
fn a_ring_that_never_ends_is_not_read_for_ever() {
    struct Overwritten(usize);

    impl Read for Overwritten {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            assert!(self.0 <= MOST_READS, "it goes on and on");
            let errno = if self.0.is_multiple_of(2) { Errno::EPIPE } else { Errno::EINTR };
            Err(std::io::Error::from_raw_os_error(errno as i32))
        }
    }
    assert_eq!(read_records(Overwritten(0)).expect("read"), Vec::<u8>::new());
}

#[test]
fn a_log_that_may_not_be_read_says_what_is_missing() {
    struct Refused;

    impl Read for Refused {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(Errno::EPERM as i32))
        }
    }
    assert!(read_records(Refused).is_err());
    let why = read_ring(&HostRoot::new("/nonexistent")).expect_err("not there");
    assert_eq!(why, "/dev/kmsg is not there");
}

#[test]
fn the_first_number_tells_whether_lines_are_lost() {
    let root = tempfile::tempdir().expect("a directory");
    let host = HostRoot::new(root.path());
    fs::create_dir_all(host.path("/dev")).expect("made");
    fs::write(host.path(KMSG), " KEY=x\n14,7549,18232,-;a program\n6,7550,18233,-;the kernel\n")
        .expect("written");
    let ring = read_ring(&host).expect("read");
    assert_eq!(ring.first, Some(Mark { sequence: 7549, micros: 18232 }));
    assert_eq!(ring.records.len(), 1);
}

#[test]
fn only_the_newest_lines_are_kept() {
    let log: String = (0..50)
        .map(|n| format!("3,{n},9900000{n:02},-;I/O error, dev sda, sector {n}\n"))
        .collect();
    let told = lines(&log);
    assert_eq!(told.len(), LINES);
    assert!(told[LINES - 1].ends_with("sector 49"));
}

#[test]
fn a_partition_has_its_disk() {
    let root = tempfile::tempdir().expect("a directory");
    let host = HostRoot::new(root.path());
    let sda1 = host.path("/sys/devices/pci/block/sda/sda1");
    fs::create_dir_all(host.path("/sys/dev/block")).expect("made");
    fs::create_dir_all(&sda1).expect("made");
    fs::write(sda1.join("partition"), "1\n").expect("written");
    std::os::unix::fs::symlink(&sda1, host.path("/sys/dev/block/8:1")).expect("linked");
    assert_eq!(disks(&host, libc::makedev(8, 1)), ["sda", "sda1"]);
    assert_eq!(disks(&host, libc::makedev(8, 2)), Vec::<String>::new());
}

#[test]
fn the_log_of_this_machine_can_be_asked_for() {
    // What it holds, and whether it may be read, is the machine's business.
    let _ = read(&HostRoot::default());
    assert_eq!(read(&HostRoot::new("/nonexistent")), Vec::new());
    assert!(boot(2_000_000_000 * SECOND) < 2_000_000_000 * SECOND);
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let records = parse(&bytes);
        prop_assert!(records.iter().all(|it| it.text.bytes().all(|b| (b' '..=b'~').contains(&b))));
        let _ = about(&records, &wanted(), i64::MIN);
    }

    #[test]
    fn never_panics_on_almost_records(
        log in "([0-9]{1,25},){0,3}-;(oom-kill:|Killed process |\\\\x|out of memory|,pid=|[ -~é]){0,8}\n",
    ) {
        let _ = about(&parse(log.as_bytes()), &wanted(), i64::MAX);
    }
}
