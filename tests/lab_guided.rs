//! The guided recovery as a tired person meets it: questions in a real terminal
//! of 80 by 24 on a real master, answered well, badly, too early and not at all.

mod common;

#[path = "common/stage.rs"]
mod stage;
#[path = "common/terminal.rs"]
mod terminal;

use std::{fs, path::PathBuf, thread, time::Duration};

use common::{alone, fill, judge, release, rescue::binary, three};
use lab::{Fill, Lab, Spec, Until};
use stage::{flat, too_wide};
use terminal::{Terminal, plain};

const GOOD: &str = "TERM=xterm-256color LANG=C.UTF-8";
const COMPACT: &str = "on every member? (? = show the details again) [y/N/?]";
const FOLLOWER: &str =
    "now? (a = yes to all remaining followers, ? = show the details again) [y/N/a/?]";
const LEADER: &str = "Defragment master-1, the leader, now? (? = show the details again) [y/N/?]";

/// Where the program was copied to.
fn home() -> PathBuf {
    binary().parent().unwrap().to_owned()
}

/// The guided recovery, begun.
fn begin(terminal: &Terminal, flags: &str) {
    terminal.run(&format!("cd {} && ./etcd-rescue {flags}", home().display()));
}

/// Its end with this code; what it said since the last question.
#[track_caller]
fn ends(terminal: &mut Terminal, code: i32) -> String {
    let (ended, text) = terminal.end();
    assert_eq!(ended, code, "{text}");
    flat(&text)
}

/// No line is wider than the terminal, but what is to be copied.
#[track_caller]
fn fits(terminal: &Terminal) {
    // A bar is drawn over itself; what stays of it ends at the edge.
    let raw = terminal.raw();
    let printed = raw.lines().filter(|line| !line.contains("ready> "));
    let lines = printed.map(|line| line.rsplit("\u{1b}[2K").next().unwrap_or_default());
    too_wide(&plain(&lines.collect::<Vec<_>>().join("\n")));
}

/// What a person sees who says no: the state, and the command to go on with.
#[track_caller]
fn stopped(text: &str, why: &str, done: &str) {
    for part in [why, "State", done, "Next", "`./etcd-rescue recover`"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn three_masters_by_question_and_answer() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20)).unwrap();
    fill(&lab, Fill::churn(), "master-1");
    let first = lab.master("master-1");
    let revision = judge::revision(first);

    no_is_the_default_on_a_dumb_terminal(&lab);
    assert!(!judge::is_compacted(first, revision - 1), "nothing was compacted");
    let mut terminal = Terminal::open(first, GOOD);
    junk_is_no_answer(&mut terminal);
    typing_ahead_answers_nothing(&mut terminal);
    control_c_at_a_question(&mut terminal);
    assert!(judge::alarms(&lab).contains("NOSPACE"), "nobody took it off");
    yes_all_the_way(&mut terminal);
    assert_eq!(judge::alarms(&lab), "");
    for master in lab.masters() {
        assert!(judge::put(master, "/after"), "{}", master.name());
    }
    judge::equal_hashes(&lab);
    nothing_left_to_do(&mut terminal);
    fits(&terminal);
}

fn no_is_the_default_on_a_dumb_terminal(lab: &Lab) {
    let mut terminal = Terminal::open(lab.master("master-1"), "TERM=dumb LANG=C");
    begin(&terminal, "");
    let shown = flat(&terminal.read_to(COMPACT));
    for part in ["NOSPACE", "Cause", "Plan", "Undo", "by hand etcdctl --endpoints", "meanwhile"] {
        assert!(shown.contains(part), "`{part}` is not in: {shown}");
    }
    terminal.enter("");
    let text = ends(&mut terminal, 3);
    let untouched = "Nothing was changed in etcd.";
    stopped(&text, "step `compact` was not done: the answer was no", untouched);
    // stderr in a file: nobody can be asked, and there is nothing but text.
    let file = "/run/stderr-of-a-test";
    begin(&terminal, &format!("2>{file}"));
    let text = ends(&mut terminal, 3);
    assert!(text.contains("Plan ") && text.contains("compact history"), "{text}");
    let written = fs::read_to_string(lab.master("master-1").path(file)).unwrap();
    assert!(flat(&written).contains("nobody to ask: this is not a terminal"), "{written}");
    for text in [terminal.raw(), written] {
        assert!(!text.contains('\u{1b}'), "escape codes: {text:?}");
        assert!(text.is_ascii(), "{text:?}");
    }
    fits(&terminal);
}

fn junk_is_no_answer(terminal: &mut Terminal) {
    begin(terminal, "");
    terminal.read_to(COMPACT);
    for junk in ["yy", "ja", "a", "yes please", "1"] {
        terminal.enter(junk);
        terminal.read_to("Please type y for yes or n for no.");
        terminal.read_to(COMPACT);
    }
    terminal.enter("?");
    let details = flat(&terminal.read_to(COMPACT));
    assert!(details.contains("undo cannot be undone"), "{details}");
    assert!(details.contains("--snapshot full-first saves it before"), "{details}");
    terminal.enter("n");
    let text = ends(terminal, 3);
    stopped(&text, "the answer was no", "Nothing was changed in etcd.");
}

fn typing_ahead_answers_nothing(terminal: &mut Terminal) {
    begin(terminal, "");
    terminal.read_to(COMPACT);
    terminal.keys(&["y", "Enter", "y", "Enter", "a", "Enter", "y", "Enter", "y"]);
    terminal.read_to(FOLLOWER);
    let rest = terminal.read_rest();
    assert!(!rest.contains("OK") && !rest.contains("Step"), "{rest}");
    // The end of input, on an empty line.
    terminal.keys(&["C-u", "C-d"]);
    let text = ends(terminal, 3);
    stopped(&text, "the input ended before an answer", "Done so far: compact.");
}

fn control_c_at_a_question(terminal: &mut Terminal) {
    begin(terminal, "");
    terminal.read_to(COMPACT);
    terminal.keys(&["C-c"]);
    let text = ends(terminal, 130);
    stopped(&text, "interrupted (Ctrl-C)", "Nothing was changed in etcd.");
    // The shell has its terminal back as it was.
    terminal.enter("echo still-''here");
    terminal.read_to("still-here");
}

fn yes_all_the_way(terminal: &mut Terminal) {
    let before = terminal.raw().len();
    terminal.run("NO_COLOR=1 ./etcd-rescue recover");
    terminal.read_to(COMPACT);
    terminal.enter("y");
    terminal.read_to(FOLLOWER);
    terminal.enter("a");
    let followers = flat(&terminal.read_to(LEADER));
    assert!(!followers.contains("/a/?]"), "the other follower was asked for: {followers}");
    assert!(followers.contains("master-2") && followers.contains("master-3"), "{followers}");
    let proven = followers.find("holds what the 2 others hold");
    let saved = followers.find("verified at");
    assert!(proven.is_some() && proven < saved, "{followers}");
    // Not even a second "a" is a yes to the leader.
    terminal.enter("a");
    terminal.read_to("Please type y for yes or n for no.");
    terminal.read_to(LEADER);
    terminal.enter("y");
    terminal.read_to("NOSPACE alarm");
    terminal.read_to("off? (? = show the details again) [y/N/?]");
    terminal.enter("y");
    let text = ends(terminal, 0);
    for part in ["Recovered in", "DB BEFORE", "Alarms now none", "etcd-rescue prevent`"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let raw = terminal.raw();
    let colours: Vec<&str> = raw[before..]
        .split("\u{1b}[")
        .skip(1)
        .filter(|code| {
            code.trim_start_matches(|c: char| c == ';' || c.is_ascii_digit()).starts_with('m')
        })
        .collect();
    assert!(colours.is_empty(), "NO_COLOR: {colours:?}");
}

fn nothing_left_to_do(terminal: &mut Terminal) {
    begin(terminal, "");
    let text = ends(terminal, 0);
    assert!(text.contains("Nothing to do: no alarm is on"), "{text}");
}

#[test]
fn the_only_member_wants_its_name_typed() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(1, &[release("3.5.16")]).quota(32 << 20)).unwrap();
    lab.fill(Fill::churn(), Until::Alarm).unwrap();
    let first = lab.master("master-1");
    let size = judge::db_size(first);
    let mut terminal = Terminal::open(first, GOOD);
    let word = "Type master-1 to go on, or press Enter to stop:";
    for answers in [&["y", "master1", "MASTER-1"][..], &[""]] {
        begin(&terminal, "");
        terminal.read_to(COMPACT);
        terminal.enter("y");
        for answer in answers {
            terminal.read_to(word);
            terminal.enter(answer);
        }
        let text = ends(&mut terminal, 3);
        stopped(&text, "the answer was no", "Done so far: snapshot, compact.");
    }
    assert!(judge::db_size(first) >= size, "it was defragmented");
    begin(&terminal, "");
    terminal.read_to(COMPACT);
    terminal.enter("y");
    terminal.read_to(word);
    terminal.enter("master-1");
    terminal.read_to("off? (? = show the details again) [y/N/?]");
    // An answer may take its time.
    thread::sleep(Duration::from_secs(1));
    terminal.enter("yes");
    let text = ends(&mut terminal, 0);
    assert!(text.contains("Recovered in"), "{text}");
    assert_eq!(judge::alarms(&lab), "");
    assert!(judge::put(first, "/after"));
    fits(&terminal);
}
