//! The real binary on a stage of its own: an empty /run and /var/log and no
//! processes but its own, so that nothing of the machine is found and nothing is
//! left there.
//! Keeps what it said. Needs root.
#![allow(dead_code)] // every test file uses another part

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    os::{
        fd::OwnedFd,
        unix::fs::{OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    fcntl::OFlag,
    pty::{grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::common::rescue::binary;

/// A run to be.
#[derive(Clone, Debug)]
pub struct Rescue {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(&'static str, String)>,
    setup: String,
    redirect: String,
    last: String,
    before: Vec<OsString>,
}

/// The binary with these arguments; stdin is no terminal and nothing comes.
pub fn rescue<S: AsRef<str>>(args: &[S]) -> Rescue {
    Rescue {
        program: binary(),
        args: Vec::new(),
        env: Vec::new(),
        setup: "true".to_owned(),
        redirect: String::new(),
        last: String::new(),
        before: Vec::new(),
    }
    .and(args)
}

impl Rescue {
    /// With more arguments.
    pub fn and<S: AsRef<str>>(mut self, args: &[S]) -> Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().into()));
        self
    }

    /// With a variable in the otherwise empty environment.
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// With a shell line that sets the stage as root.
    pub fn setup(mut self, line: &str) -> Self {
        self.setup = format!("{} && {line}", self.setup);
        self
    }

    /// With its stdout in a file, as a shell does it.
    pub fn stdout_to(mut self, path: &Path) -> Self {
        self.redirect = format!("> '{}'", path.display());
        self
    }

    /// With its stdin from a file, as a shell does it.
    pub fn stdin_from(mut self, path: &Path) -> Self {
        self.redirect = format!("< '{}'", path.display());
        self
    }

    /// With its stdout read by another program; the run is over when both have
    /// ended.
    pub fn pipe_into(mut self, reader: &str) -> Self {
        self.redirect = format!("| {reader}");
        self
    }

    /// With a shell line that looks at the stage in the end.
    pub fn in_the_end(mut self, line: &str) -> Self {
        self.last = format!("; code=$?; {line}; exit $code");
        self
    }

    /// As a user that is not root, who may read `program`.
    pub fn nobody(mut self, program: &Path) -> Self {
        let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        self.before.extend(words.map(OsString::from));
        program.clone_into(&mut self.program);
        self
    }

    /// In a network of its own, where 10.9.9.2 never answers.
    pub fn beside_a_black_hole(mut self) -> Self {
        let script = "ip link set lo up && ip link add veth1 type veth peer veth2 && \
                      ip link set veth1 up && ip link set veth2 up && \
                      ip address add 10.9.9.1/24 dev veth1 && \
                      ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:09 dev veth1 && exec \"$@\"";
        let words = ["unshare", "--net", "sh", "-c", script, "net"];
        self.before.extend(words.map(OsString::from));
        self
    }

    /// Lets it begin.
    pub fn spawn(&self) -> Running {
        Running { child: self.command().spawn().expect("unshare") }
    }

    /// Lets it begin with a terminal of its own; closing what comes back is a
    /// dropped SSH session.
    pub fn spawn_in_terminal(mut self) -> (Running, File) {
        // A handle in any child would keep the session open.
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
        let name = ptsname_r(&master).expect("a terminal");
        let open =
            || OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(&name);
        let slave = open().expect("a terminal");
        self.before.splice(0..0, ["setsid", "--ctty"].map(OsString::from));
        let end = || Stdio::from(slave.try_clone().expect("a handle"));
        let child = self.command().stdin(end()).stdout(end()).stderr(end()).spawn();
        let master = File::from(OwnedFd::from(master));
        (Running { child: child.expect("unshare") }, master)
    }

    fn command(&self) -> Command {
        let Self { setup, redirect, last, .. } = self;
        let run = if last.is_empty() { "exec" } else { "" };
        let script = format!(
            "mount -t tmpfs none /run && mount -t tmpfs none /var/log && {setup} && {run} \"$@\" \
             {redirect} {last}"
        );
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "sh", "-c", &script, "stage"])
            .args(&self.before)
            .arg(self.program.file_name().expect("a file"))
            .args(&self.args)
            .env_clear()
            .env("PATH", self.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The program is called by its name: what it tells to type next begins
    /// with how it was called.
    fn path(&self) -> String {
        let own = self.program.parent().expect("a folder");
        format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", own.display())
    }

    /// Runs it to its end.
    pub fn run(&self) -> Said {
        self.spawn().finish()
    }
}

/// A run under way.
pub struct Running {
    child: Child,
}

impl Running {
    /// A signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("it runs");
    }

    /// The root of its file tree, for as long as it runs.
    pub fn root(&self) -> PathBuf {
        format!("/proc/{}/root", self.pid()).into()
    }

    fn pid(&self) -> i32 {
        let launcher = self.child.id();
        let children = format!("/proc/{launcher}/task/{launcher}/children");
        let children = fs::read_to_string(children).expect("it runs");
        children.split_whitespace().next().expect("it runs").parse().unwrap()
    }

    /// Its end.
    pub fn finish(self) -> Said {
        let output = self.child.wait_with_output().expect("it ends");
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// What a run said.
#[derive(Clone, Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Both streams.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// stderr without its line breaks, as words are wrapped anywhere.
    pub fn told(&self) -> String {
        flat(&self.err)
    }

    /// The one JSON document on stdout.
    pub fn json(&self) -> Value {
        let documents: Vec<Value> = serde_json::Deserializer::from_str(&self.out)
            .into_iter()
            .map(|document| document.unwrap_or_else(|error| panic!("{error} in {self:?}")))
            .collect();
        let [document] = &documents[..] else { panic!("{} documents: {self:?}", documents.len()) };
        document.clone()
    }

    /// Itself, when it ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.all());
        self
    }
}

/// `text` with every run of white space as one space.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a bad input must lead to.
pub struct Refusal<'a> {
    pub code: i32,
    pub outcome: &'a str,
    /// Parts of what happened.
    pub what: &'a [&'a str],
    /// Parts of what to type next.
    pub next: &'a [&'a str],
}

/// Runs it for people and for scripts: both must say what happened, what state
/// the cluster is in and what to type next, and end with the code.
#[track_caller]
pub fn refuses(rescue: &Rescue, wanted: &Refusal<'_>) -> (Said, Value) {
    let human = rescue.run().code(wanted.code);
    let told = human.told();
    for part in wanted.what.iter().chain(wanted.next) {
        assert!(told.contains(part), "`{part}` is not in: {}", human.err);
    }
    for label in ["\nState ", "\nNext "] {
        assert!(human.err.contains(label), "no {label:?} in: {}", human.err);
    }
    assert!(!human.all().contains('\u{1b}'), "escape codes: {human:?}");
    too_wide(&human.all());
    let said = rescue.clone().and(&["-w", "json"]).run().code(wanted.code);
    let document = said.json();
    assert_eq!(document["outcome"], wanted.outcome, "{document}");
    assert_eq!(document["exit_code"], wanted.code, "{document}");
    let part = |name: &str| flat(document["error"][name].as_str().unwrap_or_default());
    for wanted in wanted.what {
        assert!(part("what").contains(wanted), "`{wanted}` is not in: {document}");
    }
    for wanted in wanted.next {
        assert!(part("next").contains(wanted), "`{wanted}` is not in: {document}");
    }
    assert!(!part("state").is_empty(), "{document}");
    (human, document)
}

/// No way to etcd: exit code 7.
#[track_caller]
pub fn unreachable(rescue: &Rescue, what: &[&str], next: &[&str]) {
    refuses(rescue, &Refusal { code: 7, outcome: "unreachable", what, next });
}

/// A directory that everybody may look into, with the program in it.
pub fn for_everybody() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("etcd-rescue");
    fs::copy(binary(), &program).unwrap();
    (dir, program)
}

/// Fails at a line that does not fit 80 columns, unless it is a command to copy
/// or a path, which are not broken.
#[track_caller]
pub fn too_wide(text: &str) {
    for line in text.lines().filter(|line| line.chars().count() > 80) {
        let command = ["`", "$ etcdctl ", "etcdctl --", "etcd-rescue --"];
        let whole = command.iter().any(|mark| line.contains(mark));
        let path = line.split_whitespace().count() == 1;
        assert!(whole || path, "wider than 80 columns: {line}");
    }
}
