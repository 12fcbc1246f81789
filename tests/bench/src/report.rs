//! Where results go: to stdout as they come, into a JSON file, and into
//! BENCHMARKS.md, where each part lies between two markers and nothing else is
//! touched.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// The results of one call.
pub struct Report {
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
    parts: Map<String, Value>,
}

impl Report {
    /// Writes to the files that are named, besides stdout.
    pub fn new(json: Option<PathBuf>, markdown: Option<PathBuf>) -> Self {
        Self { json, markdown, parts: Map::new() }
    }

    /// One part is done: kept at once, as the next one may fail.
    pub fn part(&mut self, key: &str, text: &str, data: Value) -> Result<()> {
        writeln!(std::io::stdout(), "{text}")?;
        self.parts.insert(key.to_owned(), data);
        if let Some(path) = &self.json {
            replace(path, &serde_json::to_string_pretty(&self.parts)?)?;
        }
        if let Some(path) = &self.markdown {
            let old = fs::read_to_string(path).unwrap_or_else(|_| "# Benchmarks\n".to_owned());
            replace(path, &put(&old, key, text))?;
        }
        Ok(())
    }
}

/// The document with that part in it: in its place, or behind all others.
fn put(document: &str, key: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- scripts/bench: {key} -->\n"), "<!-- end -->\n");
    let part = format!("{begin}\n{}\n\n{end}", text.trim());
    let place = document.find(&begin).and_then(|from| {
        let length = document[from..].find(end)? + end.len();
        Some((from, from + length))
    });
    match place {
        Some((from, to)) => [&document[..from], &part, &document[to..]].concat(),
        None => format!("{}\n\n{part}", document.trim_end()),
    }
}

fn replace(path: &Path, text: &str) -> Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, text).and_then(|()| fs::rename(&part, path)).with_context(|| {
        let _ = fs::remove_file(&part);
        format!("writing {}", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_replaces_itself_and_nothing_else() {
        let first = put("# Benchmarks\n\nby hand\n", "start", "old\n");
        assert_eq!(
            first,
            "# Benchmarks\n\nby hand\n\n<!-- scripts/bench: start -->\n\nold\n\n<!-- end -->\n"
        );
        let second = put(&(first + "\nmore by hand\n"), "usage", "other");
        let third = put(&second, "start", "new");
        assert_eq!(third, second.replace("old", "new"));
        assert!(third.contains("more by hand\n\n<!-- scripts/bench: usage -->"), "{third}");
    }
}
