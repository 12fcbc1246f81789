//! docs/SAFETY.md names the tests that hold each promise: they have to be there, and
//! each promise has to have some. And what the pages beside it link to and show has to
//! be in the tree, and to need nothing from elsewhere.

use std::{fs, path::Path};

/// Fewer names than this means that the page was cut.
const AT_LEAST: usize = 50;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/SAFETY.md")).expect("docs/SAFETY.md")
}

/// `file.rs::test` and files of scenarios, as the page names them.
fn named(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    lines.filter(|name| name.contains(".rs::") || name.ends_with(".txt")).collect()
}

/// Why nothing holds what the page says under this name; none when it does.
fn missing(name: &str) -> Option<String> {
    let (file, test) = name.split_once("::").unwrap_or((name, ""));
    let Ok(text) = fs::read_to_string(root().join(file)) else {
        return Some(format!("{file} is not there"));
    };
    // A test is a function right behind its attribute.
    let is_test = |(at, found): (usize, &str)| {
        let before = text[..at].trim_end().trim_end_matches("async").trim_end();
        text[at + found.len()..].starts_with('(')
            && before.ends_with(']')
            && before.contains("test")
    };
    let there = test.is_empty() || text.match_indices(&format!("fn {test}")).any(is_test);
    (!there).then(|| format!("{file} has no test {test}"))
}

#[test]
fn every_test_that_is_named_is_there() {
    let page = page();
    let names = named(&page);
    assert!(names.len() >= AT_LEAST, "only {} names", names.len());
    let wrong: Vec<String> = names.into_iter().filter_map(missing).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_promise_has_its_tests() {
    let page = page();
    let mut promises = page.split("\n## ").filter(|part| part.starts_with(char::is_numeric));
    assert_eq!(promises.clone().count(), 8);
    let bare = promises.find(|part| named(part).is_empty());
    assert!(bare.is_none(), "{bare:?}");
}

/// Where the links of a page lead in the tree; those that leave it are left out.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

#[test]
fn what_the_pages_link_to_is_there() {
    let mut all = 0;
    for page in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/SAFETY.md"] {
        let path = root().join(page);
        let text = fs::read_to_string(&path).expect(page);
        for link in links(&text) {
            let there = path.parent().expect("a folder").join(link).exists();
            assert!(there, "{page} links to {link}, which is not there");
            all += 1;
        }
    }
    assert!(all >= 8, "only {all} links");
}

#[test]
fn the_recording_is_small_and_needs_nothing_from_elsewhere() {
    let svg = fs::read_to_string(root().join("docs/recovery.svg")).expect("docs/recovery.svg");
    assert!(svg.len() < 200_000, "{} bytes", svg.len());
    for word in ["<script", "<image", "@import", "@font-face", "href=", "url("] {
        assert!(!svg.contains(word), "{word}");
    }
    assert!(svg.contains("Recovered in"), "it shows no recovery");
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    for block in ["run", "step", "usage"] {
        let marks = readme.matches(&format!("<!-- recorded: {block} -->")).count();
        assert_eq!(marks, 1, "scripts/record writes the block {block}");
    }
}

#[test]
fn the_check_itself_sees_what_is_not_there() {
    assert_eq!(missing("tests/safety_page.rs::every_promise_has_its_tests"), None);
    for wrong in ["tests/safety_page.rs::every_promise", "tests/none.rs::a", "tests/none.txt"] {
        assert!(missing(wrong).is_some(), "{wrong}");
    }
    assert!(missing("tests/safety_page.rs::page").is_some(), "no test, only a function");
}
