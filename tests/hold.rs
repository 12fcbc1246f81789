//! Holding a kubelet, with processes that are only called so: in a pid
//! namespace and a /run of each test's own. Needs root.

use std::{
    env, fs,
    io::Write,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use etcd_rescue::{
    act::{HoldError, HoldNews, KubeletHold, let_go_of_ours},
    consent::{Answer, Ask, Authority, Consent, Needed, Policy},
    model::{Guardian, KubeletProcess, Step, StepKind},
    observe::{host::HostRoot, kubelet_process},
};
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Set inside the namespaces.
const INSIDE: &str = "ETCD_RESCUE_TEST_INSIDE";
/// Set for the process that is killed.
const HOLDER: &str = "ETCD_RESCUE_TEST_HOLDER";
const RECORD: &str = "/run/etcd-rescue/kubelet-hold.json";
/// What the process that is killed was told about its hold.
const NEWS: &str = "/run/news";
const GUARDIAN: &str = "kubelet-guard";

/// Runs this test again in namespaces of its own; true when this is that run.
fn alone(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"])
        .args(["--mount-proc", "sh", "-c", "mount -t tmpfs none /run && \"$@\"; exit $?", "sh"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    false
}

/// A process called kubelet, which does nothing.
struct Kubelet {
    child: Child,
}

impl Kubelet {
    fn start() -> Self {
        Self::start_as(0)
    }

    fn start_as(user: u32) -> Self {
        let mut command = Command::new("/bin/sleep");
        let child = command.arg0("/usr/bin/kubelet").arg("600").uid(user).spawn().unwrap();
        let kubelet = Self { child };
        // Between fork and exec it still has our name.
        let words = format!("/proc/{}/cmdline", kubelet.pid());
        until("its name", || fs::read(&words).is_ok_and(|it| it.starts_with(b"/usr/bin/kubelet")));
        kubelet
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    fn state(&self) -> char {
        state(self.pid())
    }

    fn end(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn state(pid: i32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-')
}

fn seen() -> Option<KubeletProcess> {
    kubelet_process(&HostRoot::default(), None)
}

/// The guardians that live.
fn guardians() -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let called = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == GUARDIAN)
    };
    pids.filter(called).filter(|pid| state(*pid) != 'Z').collect()
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: never");
        thread::sleep(Duration::from_millis(10));
    }
}

struct Nobody;

impl Ask for Nobody {
    fn can_ask(&self) -> bool {
        false
    }

    async fn yes_no(&self, _: &Step, _: bool, _: &str) -> Answer {
        Answer::No
    }

    async fn word(&self, _: &Step, _: &str, _: &str) -> Answer {
        Answer::No
    }

    async fn word_for(&self, _: &str, _: &str, _: &str) -> Answer {
        Answer::No
    }
}

/// What `--yes` says to the step.
fn consent() -> Consent {
    let step = Step {
        id: "hold-kubelet".into(),
        member: None,
        member_name: String::new(),
        endpoint: String::new(),
        kind: StepKind::HoldKubelet { pid: 0, why: String::new() },
    };
    let needed = Needed::YesNo { remaining_offered: false };
    let mut authority = Authority::new(Policy::AllYes);
    let asked = authority.obtain(&step, needed, "", &Nobody);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(asked).unwrap()
}

fn program() -> PathBuf {
    let named = env::var_os("ETCD_RESCUE_BIN").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_etcd-rescue").into())
}

fn take() -> Result<KubeletHold, HoldError> {
    KubeletHold::take_by(&program(), &seen().expect("a kubelet"), &consent())
}

#[track_caller]
fn nothing_is_left() {
    until("no guardian", || guardians().is_empty());
    assert!(!Path::new(RECORD).exists(), "the record is left");
}

#[test]
fn it_is_stopped_while_it_is_held_and_runs_afterwards() {
    if !alone("it_is_stopped_while_it_is_held_and_runs_afterwards") {
        return;
    }
    let kubelet = Kubelet::start();
    let hold = take().unwrap();
    assert_eq!((hold.pid(), kubelet.state()), (kubelet.pid(), 'T'));
    let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
    let seen = seen().unwrap();
    assert!(seen.stopped);
    assert_eq!(seen.held_by, Some(Guardian { pid: guardian, runs: true }));
    let record = fs::metadata(RECORD).unwrap().permissions();
    assert_eq!(record.mode() & 0o777, 0o600);
    let directory = Path::new(RECORD).parent().unwrap().metadata().unwrap().permissions();
    assert_eq!(directory.mode() & 0o777, 0o700);
    assert!(matches!(take(), Err(HoldError::HeldByAnother(pid)) if pid == guardian));
    assert_eq!(let_go_of_ours().unwrap(), None, "its guardian lives");
    assert_eq!(kubelet.state(), 'T');
    hold.release().unwrap();
    assert_ne!(kubelet.state(), 'T');
    nothing_is_left();
    drop(take().unwrap());
    assert_ne!(kubelet.state(), 'T', "dropped");
    nothing_is_left();
}

#[test]
fn a_guardian_takes_nothing_along_and_listens_to_no_signal() {
    if !alone("a_guardian_takes_nothing_along_and_listens_to_no_signal") {
        return;
    }
    let kubelet = Kubelet::start();
    // As a careless caller leaves one open.
    let inherited = fs::File::open("/dev/zero").unwrap();
    fcntl(&inherited, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let mut hold = take().unwrap();
    let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
    let fds = fs::read_dir(format!("/proc/{guardian}/fd")).unwrap().flatten();
    let fds: Vec<PathBuf> = fds.map(|fd| fs::read_link(fd.path()).unwrap()).collect();
    assert!(!fds.contains(&"/dev/zero".into()), "{fds:?}");
    assert!(fs::read(format!("/proc/{guardian}/environ")).unwrap().is_empty());
    assert_eq!(fs::read_link(format!("/proc/{guardian}/cwd")).unwrap(), Path::new("/"));
    let stat = fs::read_to_string(format!("/proc/{guardian}/stat")).unwrap();
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap();
    assert_eq!(session, guardian.to_string(), "a session of its own");
    for signal in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGPIPE,
        Signal::SIGUSR1,
    ] {
        kill(Pid::from_raw(guardian), signal).unwrap();
    }
    thread::sleep(Duration::from_millis(500));
    assert_eq!(hold.check().unwrap(), []);
    assert_eq!((guardians(), kubelet.state()), (vec![guardian], 'T'));
    hold.release().unwrap();
    assert_ne!(kubelet.state(), 'T');
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn a_holder() {
    if env::var_os(HOLDER).is_none() {
        return;
    }
    let mut hold = take().unwrap();
    let mut news = fs::File::create(NEWS).unwrap();
    loop {
        for told in hold.check().unwrap() {
            writeln!(news, "{told:?}").unwrap();
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn start_holder() -> Child {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_holder"])
        .env(HOLDER, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("held", || seen().is_some_and(|kubelet| kubelet.stopped));
    child
}

#[test]
fn a_killed_rescue_holds_nothing() {
    if !alone("a_killed_rescue_holds_nothing") {
        return;
    }
    let kubelet = Kubelet::start();
    let mut holder = start_holder();
    assert_eq!(kubelet.state(), 'T');
    holder.kill().unwrap();
    until("it goes on", || kubelet.state() != 'T');
    nothing_is_left();
    holder.wait().unwrap();
}

#[test]
fn a_suspended_rescue_holds_nothing_until_it_goes_on() {
    if !alone("a_suspended_rescue_holds_nothing_until_it_goes_on") {
        return;
    }
    let kubelet = Kubelet::start();
    let mut holder = start_holder();
    let pid = Pid::from_raw(holder.id().cast_signed());
    kill(pid, Signal::SIGSTOP).unwrap();
    until("it goes on", || kubelet.state() != 'T');
    assert!(!Path::new(RECORD).exists());
    kill(pid, Signal::SIGCONT).unwrap();
    until("it is held again", || kubelet.state() == 'T');
    let told = format!("HeldAgain({})\n", kubelet.pid());
    until("told", || fs::read_to_string(NEWS).unwrap() == told);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(fs::read_to_string(NEWS).unwrap(), told, "once");
    holder.kill().unwrap();
    until("it goes on", || kubelet.state() != 'T');
    nothing_is_left();
    holder.wait().unwrap();
}

#[test]
fn a_guardian_that_is_stopped_itself_counts_as_dead() {
    if !alone("a_guardian_that_is_stopped_itself_counts_as_dead") {
        return;
    }
    let kubelet = Kubelet::start();
    let stop_it = || {
        let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
        kill(Pid::from_raw(guardian), Signal::SIGSTOP).unwrap();
        until("stopped", || state(guardian) == 'T');
        guardian
    };
    let mut hold = take().unwrap();
    let first = stop_it();
    until("news", || hold.check().unwrap() == [HoldNews::GuardianReplaced]);
    let [second] = guardians()[..] else { panic!("{:?}", guardians()) };
    assert!(second != first && state(first) == '-' && kubelet.state() == 'T');
    stop_it();
    hold.release().unwrap();
    assert_ne!(kubelet.state(), 'T');
    nothing_is_left();
    // And when the rescue is gone before it notices.
    let mut holder = start_holder();
    kill(Pid::from_raw(holder.id().cast_signed()), Signal::SIGSTOP).unwrap();
    let guardian = stop_it();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(seen().unwrap().held_by, Some(Guardian { pid: guardian, runs: false }));
    assert_eq!(let_go_of_ours().unwrap(), Some(kubelet.pid()));
    assert_ne!(kubelet.state(), 'T');
    nothing_is_left();
}

#[test]
fn every_kubelet_of_roots_is_held_and_no_other() {
    if !alone("every_kubelet_of_roots_is_held_and_no_other") {
        return;
    }
    let foreign = Kubelet::start_as(1000);
    assert_eq!(seen(), None, "anybody may call a process so");
    let kubelets = [Kubelet::start(), Kubelet::start()];
    let states = || [kubelets[0].state(), kubelets[1].state(), foreign.state()];
    let mut hold = take().unwrap();
    assert_eq!(states(), ['T', 'T', 'S']);
    let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
    kill(Pid::from_raw(guardian), Signal::SIGKILL).unwrap();
    until("news", || hold.check().unwrap() == [HoldNews::GuardianReplaced]);
    assert_eq!(states(), ['T', 'T', 'S']);
    let third = Kubelet::start();
    until("the new one is held too", || third.state() == 'T');
    hold.release().unwrap();
    assert_eq!((states(), third.state()), (['S', 'S', 'S'], 'S'));
    nothing_is_left();
}

#[test]
fn the_record_of_another_guardian_stays() {
    if !alone("the_record_of_another_guardian_stays") {
        return;
    }
    let kubelet = Kubelet::start();
    let hold = take().unwrap();
    let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
    let record = fs::read_to_string(RECORD).unwrap();
    // As another rescue's would be that took the kubelet meanwhile.
    let own = format!("\"pid\":{},\"start_time\":{}", std::process::id(), start_time());
    let theirs = record.find(&format!("\"pid\":{guardian},")).unwrap();
    let another = record[..theirs].to_owned() + &own + "}}";
    fs::write(RECORD, &another).unwrap();
    hold.release().unwrap();
    assert_ne!(kubelet.state(), 'T');
    assert_eq!(fs::read_to_string(RECORD).unwrap(), another);
}

/// Field 22 of our own stat (proc(5)).
fn start_time() -> String {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().to_owned()
}

#[test]
fn a_guardian_that_cannot_be_replaced_is_tried_again() {
    if !alone("a_guardian_that_cannot_be_replaced_is_tried_again") {
        return;
    }
    let kubelet = Kubelet::start();
    let (copy, away) = (Path::new("/run/rescue"), Path::new("/run/away"));
    fs::copy(program(), copy).unwrap();
    let mut hold = KubeletHold::take_by(copy, &seen().unwrap(), &consent()).unwrap();
    fs::rename(copy, away).unwrap();
    let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
    kill(Pid::from_raw(guardian), Signal::SIGKILL).unwrap();
    until("it is lost", || hold.check().is_err());
    assert_ne!(kubelet.state(), 'T', "nothing is stopped without a guardian");
    assert!(matches!(hold.check(), Err(HoldError::NoGuardian(_))));
    fs::rename(away, copy).unwrap();
    assert_eq!(hold.check().unwrap(), [HoldNews::GuardianReplaced]);
    assert_eq!(kubelet.state(), 'T');
    hold.release().unwrap();
    assert_ne!(kubelet.state(), 'T');
    nothing_is_left();
}

#[test]
fn what_a_rescue_and_its_guardian_left_is_recognised() {
    if !alone("what_a_rescue_and_its_guardian_left_is_recognised") {
        return;
    }
    let kubelet = Kubelet::start();
    let leave_it = || {
        let mut holder = start_holder();
        let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
        // The holder must have no time to notice.
        kill(Pid::from_raw(holder.id().cast_signed()), Signal::SIGSTOP).unwrap();
        kill(Pid::from_raw(guardian), Signal::SIGKILL).unwrap();
        holder.kill().unwrap();
        holder.wait().unwrap();
        until("no guardian", || guardians().is_empty());
        assert_eq!(kubelet.state(), 'T', "nobody is left to let it go");
        let held_by = seen().unwrap().held_by;
        assert_eq!(held_by, Some(Guardian { pid: guardian, runs: false }));
    };
    leave_it();
    assert_eq!(let_go_of_ours().unwrap(), Some(kubelet.pid()));
    assert_ne!(kubelet.state(), 'T');
    nothing_is_left();
    assert_eq!(let_go_of_ours().unwrap(), None);
    leave_it();
    let hold = take().unwrap();
    assert_eq!(kubelet.state(), 'T', "taken over");
    hold.release().unwrap();
    assert_ne!(kubelet.state(), 'T');
    nothing_is_left();
}

#[test]
fn a_record_of_another_process_is_no_reason_to_touch_one() {
    if !alone("a_record_of_another_process_is_no_reason_to_touch_one") {
        return;
    }
    let kubelet = Kubelet::start();
    kubelet.signal(Signal::SIGSTOP);
    until("stopped", || kubelet.state() == 'T');
    let start_time = seen().unwrap().start_time;
    // The same pid at another time, and no record at all.
    for record in [
        format!(
            "{{\"kubelets\":[{{\"pid\":{},\"start_time\":{}}}],\
             \"guardian\":{{\"pid\":4000,\"start_time\":1}}}}",
            kubelet.pid(),
            start_time - 1
        ),
        "{\"pid\": tru".to_owned(),
    ] {
        fs::create_dir_all(Path::new(RECORD).parent().unwrap()).unwrap();
        fs::write(RECORD, record).unwrap();
        assert_eq!(seen().unwrap().held_by, None);
        assert_eq!(let_go_of_ours().unwrap(), None);
        assert_eq!(kubelet.state(), 'T', "somebody else stopped it");
    }
}

#[test]
fn a_kubelet_that_somebody_else_stopped_is_left_alone() {
    if !alone("a_kubelet_that_somebody_else_stopped_is_left_alone") {
        return;
    }
    let kubelet = Kubelet::start();
    kubelet.signal(Signal::SIGSTOP);
    until("stopped", || kubelet.state() == 'T');
    assert_eq!(seen().unwrap().held_by, None);
    assert!(matches!(take(), Err(HoldError::Foreign(pid)) if pid == kubelet.pid()));
    assert_eq!(kubelet.state(), 'T');
    assert_eq!(let_go_of_ours().unwrap(), None);
    assert_eq!(kubelet.state(), 'T');
    nothing_is_left();
}

#[test]
fn a_restarted_kubelet_is_held_again() {
    if !alone("a_restarted_kubelet_is_held_again") {
        return;
    }
    let first = Kubelet::start();
    let mut hold = take().unwrap();
    first.end();
    let second = Kubelet::start();
    until("it is stopped", || second.state() == 'T');
    let mut news = Vec::new();
    until("news", || {
        news.extend(hold.check().unwrap());
        !news.is_empty()
    });
    assert_eq!(news, [HoldNews::HeldAgain(second.pid())]);
    assert_eq!(hold.pid(), second.pid());
    // As systemd does before it ends a service.
    second.signal(Signal::SIGCONT);
    until("it is stopped again", || {
        hold.check().unwrap() == [HoldNews::HeldAgain(second.pid())] && second.state() == 'T'
    });
    hold.release().unwrap();
    assert_ne!(second.state(), 'T');
    nothing_is_left();
}

#[test]
fn a_killed_guardian_is_replaced() {
    if !alone("a_killed_guardian_is_replaced") {
        return;
    }
    let kubelet = Kubelet::start();
    let mut hold = take().unwrap();
    let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
    kill(Pid::from_raw(guardian), Signal::SIGKILL).unwrap();
    until("news", || hold.check().unwrap() == [HoldNews::GuardianReplaced]);
    assert_eq!(kubelet.state(), 'T');
    let [second] = guardians()[..] else { panic!("{:?}", guardians()) };
    assert_ne!(second, guardian);
    kill(Pid::from_raw(second), Signal::SIGKILL).unwrap();
    hold.release().unwrap();
    assert_ne!(kubelet.state(), 'T', "nobody checked in between");
    nothing_is_left();
}

#[test]
fn it_runs_for_a_while_and_is_held_again() {
    if !alone("it_runs_for_a_while_and_is_held_again") {
        return;
    }
    let kubelet = Kubelet::start();
    let mut hold = take().unwrap();
    hold.pause().unwrap();
    assert_ne!(kubelet.state(), 'T');
    thread::sleep(Duration::from_millis(1500));
    assert_ne!(kubelet.state(), 'T', "for as long as it takes");
    assert!(hold.is_paused() && hold.check().unwrap().is_empty());
    hold.resume().unwrap();
    assert_eq!(kubelet.state(), 'T');
    hold.pause().unwrap();
    let [guardian] = guardians()[..] else { panic!("{:?}", guardians()) };
    kill(Pid::from_raw(guardian), Signal::SIGKILL).unwrap();
    until("gone", || guardians().is_empty());
    hold.resume().unwrap();
    assert_eq!(kubelet.state(), 'T', "by another guardian");
    drop(hold);
    assert_ne!(kubelet.state(), 'T');
    nothing_is_left();
}

#[test]
fn a_kubelet_that_is_just_being_restarted_is_held_when_it_comes() {
    if !alone("a_kubelet_that_is_just_being_restarted_is_held_when_it_comes") {
        return;
    }
    let first = Kubelet::start();
    let known = seen().unwrap();
    first.end();
    let hold = KubeletHold::take_by(&program(), &known, &consent()).unwrap();
    let second = Kubelet::start();
    until("it is stopped", || second.state() == 'T');
    hold.release().unwrap();
    assert_ne!(second.state(), 'T');
    nothing_is_left();
}

#[test]
fn without_a_guardian_nothing_is_stopped() {
    if !alone("without_a_guardian_nothing_is_stopped") {
        return;
    }
    let kubelet = Kubelet::start();
    for program in ["/nonexistent", "/bin/true"] {
        let taken = KubeletHold::take_by(Path::new(program), &seen().unwrap(), &consent());
        assert!(matches!(taken, Err(HoldError::NoGuardian(_))), "{taken:?}");
        assert_ne!(kubelet.state(), 'T');
    }
    // No place for the record: a kubelet that nobody would recognise later.
    fs::write("/run/etcd-rescue", "a file").unwrap();
    assert!(matches!(take(), Err(HoldError::Failed(why)) if why.contains("/run/etcd-rescue")));
    assert_ne!(kubelet.state(), 'T');
    until("no guardian", || guardians().is_empty());
}
