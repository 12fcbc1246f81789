//! A real terminal of 80 by 24 for a shell inside a master, as over SSH: tmux
//! types, and everything printed is kept as it came.
#![allow(dead_code)] // every test file uses another part

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use lab::Master;
use tempfile::TempDir;

/// What is awaited comes within this time even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The terminal; dropping it ends everything in it.
pub struct Terminal {
    dir: TempDir,
    /// How much of what was printed has been looked at.
    seen: usize,
}

impl Terminal {
    /// A shell in this master with these variables.
    pub fn open(master: &Master, variables: &str) -> Self {
        let mut terminal = Self { dir: tempfile::tempdir().unwrap(), seen: 0 };
        let inside = master.command("/usr/bin/env");
        let mut words: Vec<String> = vec![inside.get_program().to_string_lossy().into_owned()];
        words.extend(inside.get_args().map(|arg| arg.to_string_lossy().into_owned()));
        words.extend(variables.split_whitespace().map(str::to_owned));
        words.extend(["sh", "-i"].map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let size = ["-x", "80", "-y", "24"];
        terminal.tmux(&[&["new-session", "-d"], &size[..], &["--"], &words[..]].concat());
        let keep = format!("cat >> {}", terminal.record().display());
        terminal.tmux(&["pipe-pane", &keep]);
        // Typed with a gap, so that only the output has the word.
        terminal.enter("PS1='ready> '; echo op''ened");
        terminal.read_to("opened");
        terminal
    }

    fn record(&self) -> PathBuf {
        self.dir.path().join("record")
    }

    #[track_caller]
    fn tmux(&self, args: &[&str]) -> Output {
        let socket = self.dir.path().join("tmux");
        let output = Command::new("tmux")
            .args(["-f", "/dev/null", "-S"])
            .arg(socket)
            .args(args)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("tmux");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {error}");
        output
    }

    /// Everything printed so far, byte for byte but for carriage returns.
    pub fn raw(&self) -> String {
        let bytes = fs::read(self.record()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\r', "")
    }

    /// Types keys as tmux names them: `y`, `Enter`, `C-c`.
    pub fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types a line.
    pub fn enter(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.keys(&["Enter"]);
    }

    /// Waits until `text` is printed, and returns what came up to it since the
    /// last time, without escape codes.
    #[track_caller]
    pub fn read_to(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = plain(&self.raw());
            let fresh = all.get(self.seen..).unwrap_or_default();
            if let Some(end) = find_words(fresh, text) {
                self.seen += end;
                return fresh[..end].to_owned();
            }
            assert!(Instant::now() < deadline, "never said `{text}`:\n{fresh}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What has been printed since the last time, when nothing more comes for
    /// a while.
    pub fn read_rest(&self) -> String {
        let mut before = usize::MAX;
        loop {
            let all = plain(&self.raw());
            if all.len() == before {
                return all[self.seen..].to_owned();
            }
            before = all.len();
            thread::sleep(Duration::from_millis(700));
        }
    }

    /// Runs a command line in the shell.
    pub fn run(&self, line: &str) {
        self.enter(&format!("{line}; echo end''ed with $?."));
    }

    /// Waits for its end; the code and what it printed since the last time.
    #[track_caller]
    pub fn end(&mut self) -> (i32, String) {
        let text = self.read_to("ended with");
        let code = self.read_to(".").trim().trim_end_matches('.').parse();
        (code.expect("a code"), text)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let socket = self.dir.path().join("tmux");
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}

/// Where the words of `text` end in `raw`, whatever white space is between
/// them.
fn find_words(raw: &str, text: &str) -> Option<usize> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let first = words.first()?;
    raw.match_indices(first).find_map(|(at, _)| {
        let mut end = at + first.len();
        for word in words.iter().skip(1) {
            let rest = raw[end..].trim_start();
            let gap = raw.len() - end - rest.len();
            if gap == 0 || !rest.starts_with(word) {
                return None;
            }
            end += gap + word.len();
        }
        Some(end)
    })
}

/// `text` without the escape codes that move the cursor and colour.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // ESC [ parameters letter; others are two characters long.
            if chars.next() == Some('[') {
                chars.by_ref().find(|c| ('@'..='~').contains(c));
            }
        } else {
            out.push(c);
        }
    }
    out
}
