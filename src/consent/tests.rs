//! The rules of consent, with a scripted person.

use std::{cell::RefCell, collections::VecDeque};

use super::*;
use crate::model::{Bytes, MemberId, Revision};

/// Answers from a list; panics when asked more often than scripted.
struct Script {
    answers: RefCell<VecDeque<Answer>>,
    heard: RefCell<Vec<String>>,
    present: bool,
}

impl Script {
    fn new(answers: &[Answer]) -> Self {
        Self {
            answers: RefCell::new(answers.iter().copied().collect()),
            heard: RefCell::default(),
            present: true,
        }
    }

    fn next(&self, question: String) -> Answer {
        self.heard.borrow_mut().push(question);
        self.answers.borrow_mut().pop_front().expect("a question nobody scripted")
    }
}

impl Ask for Script {
    fn can_ask(&self) -> bool {
        self.present
    }

    async fn yes_no(&self, step: &Step, remaining_offered: bool, _details: &str) -> Answer {
        self.next(format!("{} {remaining_offered}", step.id))
    }

    async fn word(&self, step: &Step, expected: &str, _details: &str) -> Answer {
        self.next(format!("{} type {expected}", step.id))
    }

    async fn word_for(&self, question: &str, expected: &str, _details: &str) -> Answer {
        self.next(format!("{question} type {expected}"))
    }
}

fn step(id: &str, kind: StepKind) -> Step {
    Step {
        id: id.to_owned(),
        member: Some(MemberId(0xa1)),
        member_name: "master-1".to_owned(),
        endpoint: "https://10.0.0.11:2379".to_owned(),
        kind,
    }
}

fn defrag(id: &str, leader: bool) -> Step {
    let kind = StepKind::Defragment {
        revision: Revision(9),
        db_size: Bytes(1 << 20),
        expected_stall_ms: 100,
        stall_basis: None,
        leader,
        undo: crate::model::Undo::Elsewhere,
    };
    step(id, kind)
}

fn compact() -> Step {
    step("compact", StepKind::Compact { revision: Revision(9) })
}

#[test]
fn each_kind_needs_its_word() {
    let snapshot = step(
        "snapshot",
        StepKind::Snapshot {
            path: "/b/x.db".into(),
            sick_disk: None,
            expected: Bytes(1),
            small: false,
        },
    );
    assert_eq!(needed(&snapshot, 3, false), Needed::Nothing);
    assert_eq!(needed(&step("verify", StepKind::Verify), 3, false), Needed::Nothing);
    let plain = Needed::YesNo { remaining_offered: false };
    assert_eq!(needed(&compact(), 3, false), plain);
    assert_eq!(needed(&step("disarm", StepKind::Disarm { alarms: vec![] }), 1, false), plain);
    assert_eq!(needed(&defrag("d", false), 3, false), Needed::YesNo { remaining_offered: true });
    assert_eq!(needed(&defrag("d", false), 3, true), plain, "no snapshot: each by itself");
    assert_eq!(needed(&defrag("d", true), 3, false), plain, "never `a` for the leader");
}

#[test]
fn the_only_member_is_defragmented_by_name() {
    assert_eq!(needed(&defrag("d", true), 1, false), Needed::Typed("master-1".into()));
    assert_eq!(needed(&defrag("d", false), 1, true), Needed::Typed("master-1".into()));
    let nameless = Step { member_name: String::new(), ..defrag("d", true) };
    assert_eq!(needed(&nameless, 1, false), Needed::Typed("a1".into()));
}

#[tokio::test]
async fn no_flag_says_the_name_of_a_failing_disk() {
    let sick_disk = Some("sda".to_owned());
    let snapshot = step(
        "snapshot",
        StepKind::Snapshot { path: "/b/x.db".into(), sick_disk, expected: Bytes(1), small: false },
    );
    assert_eq!(needed(&snapshot, 3, false), Needed::Typed("sda".into()));
    let nobody = Script { present: false, ..Script::new(&[]) };
    for policy in [Policy::AllYes, Policy::None] {
        let mut authority = Authority::new(policy);
        let refused = authority.obtain(&snapshot, needed(&snapshot, 3, false), "", &nobody).await;
        assert_eq!(refused.map(drop), Err(Refused::NotATerminal), "{policy:?}");
    }
    let typed = Script::new(&[Answer::Yes]);
    let mut authority = Authority::new(Policy::Ask);
    assert!(authority.obtain(&snapshot, needed(&snapshot, 3, false), "", &typed).await.is_ok());
}

#[tokio::test]
async fn a_consent_is_for_one_step() {
    let ask = Script::new(&[Answer::Yes, Answer::No]);
    let mut authority = Authority::new(Policy::Ask);
    let step = compact();
    assert!(authority.obtain(&step, needed(&step, 3, false), "", &ask).await.is_ok());
    let again = authority.obtain(&step, needed(&step, 3, false), "", &ask).await;
    assert_eq!(again.map(drop), Err(Refused::SaidNo), "each step is asked for by itself");
}

#[tokio::test]
async fn remaining_is_remembered_for_followers_and_asked_again_for_the_leader() {
    let ask = Script::new(&[Answer::Remaining, Answer::No]);
    let mut authority = Authority::new(Policy::Ask);
    for (id, leader) in [("defrag:2", false), ("defrag:3", false)] {
        let step = defrag(id, leader);
        let consent = authority.obtain(&step, needed(&step, 3, false), "", &ask).await;
        assert!(consent.is_ok());
    }
    let leader = defrag("defrag:1", true);
    let refused = authority.obtain(&leader, needed(&leader, 3, false), "", &ask).await;
    assert_eq!(refused.map(drop), Err(Refused::SaidNo));
    assert_eq!(*ask.heard.borrow(), ["defrag:2 true", "defrag:1 false"]);
}

#[tokio::test]
async fn anything_but_yes_is_a_refusal() {
    for (answer, refused) in [(Answer::No, Refused::SaidNo), (Answer::Eof, Refused::Eof)] {
        let mut authority = Authority::new(Policy::Ask);
        for step in [compact(), defrag("d", true)] {
            let ask = Script::new(&[answer]);
            let got = authority.obtain(&step, needed(&step, 1, false), "", &ask).await;
            assert_eq!(got.map(drop), Err(refused));
        }
    }
}

#[tokio::test]
async fn nobody_to_ask_allows_only_what_needs_no_word() {
    let mut ask = Script::new(&[]);
    ask.present = false;
    for policy in [Policy::None, Policy::Ask] {
        let mut authority = Authority::new(policy);
        let step = compact();
        let got = authority.obtain(&step, needed(&step, 3, false), "", &ask).await;
        assert_eq!(got.map(drop), Err(Refused::NotATerminal));
        let verify = step_verify();
        assert!(authority.obtain(&verify, needed(&verify, 3, false), "", &ask).await.is_ok());
    }
    assert_eq!(Policy::of(true, true), Policy::AllYes);
    assert_eq!(Policy::of(false, true), Policy::Ask);
    assert_eq!(Policy::of(false, false), Policy::None);
}

fn step_verify() -> Step {
    step("verify", StepKind::Verify)
}

#[tokio::test]
async fn the_yes_flag_mints_without_a_question() {
    let ask = Script::new(&[]);
    let mut authority = Authority::new(Policy::AllYes);
    for step in [compact(), defrag("d", true), step_verify()] {
        assert!(authority.obtain(&step, needed(&step, 1, false), "", &ask).await.is_ok());
    }
    assert!(ask.heard.borrow().is_empty());
}

#[tokio::test]
async fn only_the_typed_word_allows_what_is_no_step() {
    let ask = Script::new(&[Answer::Yes, Answer::No, Answer::Eof]);
    assert!(by_word("Test sda?", "sda", "", &ask).await.is_ok());
    assert_eq!(by_word("Test sda?", "sda", "", &ask).await.err(), Some(Refused::SaidNo));
    assert_eq!(by_word("Test sda?", "sda", "", &ask).await.err(), Some(Refused::Eof));
    assert_eq!(*ask.heard.borrow(), ["Test sda? type sda"; 3]);
    let nobody = Script { present: false, ..Script::new(&[]) };
    assert_eq!(by_word("", "sda", "", &nobody).await.err(), Some(Refused::NotATerminal));
}
