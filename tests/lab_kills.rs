//! SIGKILL of the rescue at random moments: whenever it comes, the next run
//! ends well and nothing of the first one is left.
//!
//! `ETCD_RESCUE_KILLS` says how often; `ETCD_RESCUE_SEED` repeats a series.

mod common;

use std::{
    env, fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant, SystemTime},
};

use common::{
    alone, fill, judge, release,
    rescue::{PLACE, Rescue, files, rescue},
    until,
};
use lab::{Fill, Lab, Master, Probes, Spec};

const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];

const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// Killed runs in one lab, which is filled anew before each.
const KILLS_OF_A_LAB: u64 = 3;

/// Most of it stays live, so that snapshots and defragmentations take a moment.
const PATTERN: Fill = Fill::Churn { keys: 200, value_bytes: 100_000 };

/// Masters, release, probes and speed of the kubelet. `Health` has etcd killed
/// while the alarm is on, so that the kubelet is held.
const LABS: [(usize, &str, Probes, u32); 4] = [
    (3, "3.5.16", Probes::Auto, 1),
    (1, "3.4.23", Probes::Health, 10),
    (3, "3.4.23", Probes::Auto, 1),
    (1, "3.5.16", Probes::Health, 10),
];

fn number_of(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect(variable))
}

/// Moments, each as likely as any other (splitmix64).
struct Moments(u64);

impl Moments {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, whole: Duration) -> Duration {
        let micros = u64::try_from(whole.as_micros()).expect("not that long");
        Duration::from_micros(self.number() % micros.max(1))
    }
}

/// How long an undisturbed run takes: up to the proof, and in all.
struct Undisturbed {
    work: Duration,
    all: Duration,
}

impl Undisturbed {
    fn measure(lab: &Lab) -> Self {
        fill_calmly(lab);
        let began = Instant::now();
        let mut run = Rescue::start(lab.master("master-1"), &RECOVER);
        run.await_line("proving");
        let work = began.elapsed();
        assert_eq!(run.finish().ends(0).json()["outcome"], "recovered");
        Self { work, all: began.elapsed() }
    }

    /// The proof is the longest part and changes nothing: every other moment
    /// lies before it.
    fn moment(&self, moments: &mut Moments) -> Duration {
        let whole = if moments.number().is_multiple_of(2) { self.work } else { self.all };
        moments.within(whole)
    }
}

/// Fills to the alarm, and waits until the kubelet lets etcd serve.
fn fill_calmly(lab: &Lab) {
    fill(lab, PATTERN, "master-1");
    lab.wait_serving(Duration::from_secs(120)).unwrap();
}

/// Every file of the manifests directory with what is in it.
fn manifests(master: &Master) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = files(master, MANIFESTS)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).expect("readable")))
        .collect();
    all.sort();
    all
}

/// Fails when a run left a file where it has nothing to be.
#[track_caller]
fn nothing_is_left(lab: &Lab) {
    for master in lab.masters() {
        let found = [files(master, "/var/lib/etcd/member/snap"), files(master, PLACE)].concat();
        for path in found {
            let name = path.file_name().expect("a name").to_string_lossy();
            assert!(!name.contains("db.tmp.") && !name.ends_with(".part"), "{}", path.display());
        }
        assert!(master.pid_of("kubelet-guard").is_none());
        assert!(!master.path("/run/etcd-rescue/kubelet-hold.json").exists());
        assert!(master.state_of("kubelet").is_some_and(|state| state != 'T'));
    }
}

/// One killed run, the next one, and what etcd's own tools say afterwards.
fn killed_and_run_again(lab: &Lab, moment: Duration) {
    let first = lab.master("master-1");
    fill_calmly(lab);
    let before = judge::data(first);
    let kept: Vec<_> = lab.masters().iter().map(manifests).collect();

    let run = Rescue::start(first, &RECOVER);
    thread::sleep(moment);
    run.kill();
    until("the kubelet runs", Duration::from_secs(2), || {
        first.state_of("kubelet").is_some_and(|state| state != 'T')
    });
    let killed = run.finish();
    eprintln!("killed after: {}", killed.stderr.lines().last().unwrap_or("nothing said"));

    let answer = rescue(first, &RECOVER).ends(0).json();
    let outcome = answer["outcome"].as_str().expect("an outcome");
    eprintln!("the next run: {outcome}");
    assert!(["recovered", "nothing_to_do"].contains(&outcome), "{answer}");
    judge::same_data(&before, lab.masters());
    assert_eq!(judge::alarms(lab), "");
    assert!(lab.masters().iter().all(|master| judge::put(master, "/judge/writes")));
    let now: Vec<_> = lab.masters().iter().map(manifests).collect();
    assert!(now == kept, "another manifest");
    nothing_is_left(lab);
}

#[test]
fn a_run_killed_at_any_moment_is_finished_by_the_next() {
    let _turn = alone();
    let kills = number_of("ETCD_RESCUE_KILLS").unwrap_or(1);
    let now = || SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let seed = number_of("ETCD_RESCUE_SEED").unwrap_or_else(now);
    eprintln!("ETCD_RESCUE_SEED={seed}");
    let mut moments = Moments(seed);
    let mut left = kills;
    let labs = LABS.iter().cycle().skip((seed % 4) as usize);
    for &(masters, wanted, probes, speed) in labs {
        if left == 0 {
            return;
        }
        let spec = Spec::new(masters, &[release(wanted)]).quota(32 << 20);
        let lab = Lab::up(spec.probes(probes).speed(speed)).unwrap();
        let undisturbed = Undisturbed::measure(&lab);
        let kills_here = left.min(KILLS_OF_A_LAB);
        for _ in 0..kills_here {
            let moment = undisturbed.moment(&mut moments);
            let number = kills - left + 1;
            eprintln!("kill {number} of {kills}: {masters} x {wanted}, {probes:?}, {moment:.3?}");
            killed_and_run_again(&lab, moment);
            left -= 1;
        }
    }
}
