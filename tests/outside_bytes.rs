//! Every parser of bytes from outside, by the functions that are fuzzed too: on
//! each input of the corpus, on inputs near those, and on any bytes. None may
//! panic, and what each says of its answer has to hold.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

#[path = "../fuzz/src/lib.rs"]
mod targets;

use targets::{TARGETS, Target};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs kept for a target, each with its name.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let dir = fuzz().join("corpus").join(name);
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut inputs: Vec<_> =
        paths.map(|path| (path.display().to_string(), fs::read(path).expect("read"))).collect();
    inputs.sort();
    inputs
}

#[test]
fn the_corpus_passes() {
    for (name, run) in TARGETS {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "no input for {name}");
        for (path, input) in inputs {
            eprintln!("{path}");
            run(&input);
        }
    }
}

/// An input, shown so that it can be put into the corpus by printf.
struct Input(Vec<u8>);

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// A place and what happens there: a byte flipped, a piece cut out, copied, or
/// put in.
type Change = (Index, u8, Index, Vec<u8>);

fn change(bytes: &mut Vec<u8>, (at, kind, end, new): &Change) {
    let at = at.index(bytes.len() + 1);
    let end = at + end.index(bytes.len() - at + 1);
    match kind % 4 {
        0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (kind >> 5)),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.extend_from_within(at..end),
        _ => drop(bytes.splice(at..at, new.iter().copied())),
    }
}

fn near_the_corpus((name, run): Target) {
    let inputs = corpus(name);
    // What is found belongs into the corpus, not into a file of its own.
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(200) });
    let one = (any::<Index>(), any::<u8>(), any::<Index>(), vec(any::<u8>(), 0..12));
    let changes = vec(one, 0..4);
    let near = (any::<Index>(), changes).prop_map(|(which, changes)| {
        let mut bytes = which.get(&inputs).1.clone();
        changes.iter().for_each(|one| change(&mut bytes, one));
        bytes
    });
    let any_bytes = vec(any::<u8>(), 0..300);
    let inputs = prop_oneof![3 => near, 1 => any_bytes].prop_map(Input);
    let ran = runner.run(&inputs, |input| {
        run(&input.0);
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn nothing_near_the_corpus_panics() {
    TARGETS.iter().copied().for_each(near_the_corpus);
}

#[test]
fn every_target_can_be_fuzzed() {
    let cargo = fs::read_to_string(fuzz().join("Cargo.toml")).expect("read");
    for (name, _) in TARGETS {
        assert!(cargo.contains(&format!("name = \"{name}\"\n")), "{name} has no [[bin]]");
        let program = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs")));
        let program = program.unwrap_or_default();
        assert!(program.contains(&format!("etcd_rescue_fuzz::{name}(bytes)")), "{name}: {program}");
    }
    assert_eq!(cargo.matches("[[bin]]").count(), TARGETS.len());
}
