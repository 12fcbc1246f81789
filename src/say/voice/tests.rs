//! What is heard on which stream, and how a failure looks.

use super::*;

fn failure(exit: Exit) -> Failure {
    Failure::new(
        exit,
        "The server certificate of https://10.0.0.11:2379 expired 12 days ago, so nothing \
         that verifies it can connect.",
        "Nothing was contacted or changed.",
        "renew it on this node, then run this again:\nkubeadm certs renew etcd-server\n\
         etcd-rescue recover --endpoints https://10.0.0.11:2379,https://10.0.0.12:2379",
    )
}

#[test]
fn a_failure_has_three_labelled_paragraphs() {
    let voice = Voice::captured(Terminal::pipe(), false, 0);
    voice.failure(&failure(Exit::Unreachable));
    let (out, err) = voice.heard();
    assert_eq!(out, "");
    assert_eq!(
        err,
        "
FAIL   The server certificate of https://10.0.0.11:2379 expired 12 days ago, so
       nothing that verifies it can connect.
State  Nothing was contacted or changed.
Next   renew it on this node, then run this again:
       kubeadm certs renew etcd-server
       etcd-rescue recover --endpoints https://10.0.0.11:2379,https://10.0.0.12:2379
"
    );
    let decision = Voice::captured(Terminal::pipe(), false, 0);
    decision.failure(&failure(Exit::NeedsDecision));
    assert!(decision.heard().1.starts_with("\nWARN   The server"));
}

#[test]
fn answers_go_to_stdout_and_talk_to_stderr() {
    let voice = Voice::captured(Terminal::pipe(), false, 1);
    voice.answer("table");
    voice.heading("Members");
    voice.ok("done");
    voice.detail(1, "dialled");
    voice.detail(2, "every call");
    assert_eq!(voice.heard(), ("table\n".into(), "\nMembers\nOK     done\ndialled\n".into()));
}

#[test]
fn json_mode_has_one_document_on_stdout() {
    let voice = Voice::captured(Terminal::pipe(), true, 0);
    voice.answer("a table for people");
    voice.warn("careful");
    voice.json(&serde_json::json!({"outcome": "recovered"}));
    let (out, err) = voice.heard();
    assert_eq!(out, "{\n  \"outcome\": \"recovered\"\n}\n");
    assert_eq!(err, "WARN   careful\n");
}

#[test]
fn what_interrupts_a_question_starts_on_a_line_of_its_own() {
    let voice = Voice::captured(Terminal::pipe(), false, 0);
    voice.question("Go on? [y/N]");
    voice.say("interrupted");
    voice.question("Go on? [y/N]");
    voice.answered();
    voice.say("going on");
    let (_, err) = voice.heard();
    assert_eq!(err, "Go on? [y/N] \ninterrupted\nGo on? [y/N] going on\n");
}

#[test]
fn colour_only_adds_to_the_words() {
    let terminal = Terminal { color: true, ..Terminal::pipe() };
    let voice = Voice::captured(terminal, false, 0);
    voice.ok("fine");
    voice.fail("not \u{1b}[31mso");
    let (_, err) = voice.heard();
    assert_eq!(err, "\x1b[32mOK\x1b[0m     fine\n\x1b[1;31mFAIL\x1b[0m   not [31mso\n");
}
