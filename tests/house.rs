//! Holds the house's directions by reading the `use` lines and paths of every
//! source file, and a few habits that a compiler does not know.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each room and the rooms it may name.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("cli", &[]),
    ("model", &["model"]),
    ("settings", &["cli", "failure"]),
    ("failure", &["model"]),
    ("decide", &["decide", "model"]),
    ("sys", &["sys", "model"]),
    ("wire", &["wire", "model", "settings", "sys"]),
    ("observe", &["observe", "wire", "sys", "model", "settings"]),
    ("consent", &["consent", "model"]),
    ("act", &["act", "wire", "sys", "consent", "model"]),
    ("say", &["say", "consent", "model", "failure", "settings", "cli"]),
    (
        "flow",
        &[
            "flow", "observe", "decide", "consent", "act", "say", "wire", "model", "settings",
            "failure", "cli",
        ],
    ),
];

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 10, "the sources are gone");
    found
}

/// The room of a file: its first path segment below src.
fn room(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let first = below.expect("below src").components().next().expect("a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// Every room named by `crate::room` in the file, also inside `use crate::{…}`.
fn named_rooms(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_u32;
            let mut item = String::new();
            // One item per comma outside of inner braces; its first word is
            // the room.
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.push(std::mem::take(&mut item)),
                    c if depth == 0 => item.push(c),
                    _ => {}
                }
            }
            rooms.push(item);
        } else {
            rooms.push(first_word(rest));
        }
    }
    rooms.iter().map(|item| first_word(item)).collect()
}

fn first_word(text: &str) -> String {
    text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn doors_open_one_way() {
    let mut wrong = Vec::new();
    for path in sources() {
        let room = room(&path);
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(name, _)| *name == room) else {
            assert!(matches!(room.as_str(), "main" | "lib"), "{room} has no row");
            continue;
        };
        let text = fs::read_to_string(&path).expect("a source");
        for named in named_rooms(without_tests(&text)) {
            let is_room = DIRECTIONS.iter().any(|(name, _)| *name == named);
            if is_room && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{} names {named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_check_itself_sees_groups_and_paths() {
    let rooms =
        named_rooms("use crate::{\n    act,\n    model::{A, B},\n    say::x,\n};\ncrate::wire::Y");
    for room in ["act", "model", "say", "wire"] {
        assert!(rooms.contains(&room.to_owned()), "{room} in {rooms:?}");
    }
}

#[test]
fn only_the_voice_prints_and_only_main_exits() {
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source");
        let text = without_tests(&text);
        let room = room(&path);
        for word in ["println!", "eprintln!", "print!(", "io::stdout", "io::stderr"] {
            assert!(room == "say" || !text.contains(word), "{}: {word}", path.display());
        }
        let exits = text.contains("process::exit") || text.contains("process::abort");
        assert!(!exits, "{} exits", path.display());
    }
}

#[test]
fn every_file_says_what_it_owns() {
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source");
        assert!(text.starts_with("//!"), "{}", path.display());
    }
}

/// What depends on a release of etcd is a row of the table, with its source.
#[test]
fn releases_are_told_apart_in_one_table() {
    let table = Path::new("src/model/release");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(table).is_dir());
    for path in sources() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let for_tests = name.ends_with("testing.rs") || name.ends_with("tests.rs");
        if for_tests || path.to_string_lossy().contains("/src/model/release/") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let text = without_tests(&text);
        for word in ["EtcdVersion::new(", "\"experimental-bootstrap"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}
