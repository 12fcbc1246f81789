//! What of a recording the README shows as text, and where: between two comments.
//! Leaves lines out, and says where; changes none.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};

/// Marks lines that were left out.
const LEFT_OUT: &str = "[...]";

/// A run without questions: of the plan only its first step.
pub fn run(version: &str, printed: &[String]) -> Result<String> {
    let at = |what: &str| {
        let found = printed.iter().position(|line| line.starts_with(what));
        found.with_context(|| format!("no line of the run begins with `{what}`"))
    };
    let (second, first_done) = (at(" 2. ")?, at("Step 1 of")?);
    ensure!(second < first_done, "the plan comes after its first step");
    let mut text = format!(
        "On master-1 of three (etcd {version}, quota 64 MiB, filled until etcd raised\n\
         NOSPACE), as printed, without questions:\n\n"
    );
    let (before, rest) = (&printed[..second], &printed[first_done..]);
    indent(&mut text, before);
    indent(&mut text, &[LEFT_OUT.to_owned(), String::new()]);
    indent(&mut text, rest);
    Ok(text)
}

/// What a person sees before the first member is defragmented, with the question.
pub fn step(page: &[String]) -> Result<String> {
    let begins = |line: &String| line.starts_with("Step ") && line.contains(": defragment ");
    let first = page.iter().position(begins).context("no step defragments")?;
    let asks = |line: &String| line.contains("[y/N/a/?]");
    let length = page[first..].iter().position(asks).context("nothing is asked there")?;
    let mut text = String::new();
    let mut lines = page[first..=first + length].to_vec();
    // The question, without the answer.
    let last = lines.last_mut().context("no line")?;
    last.truncate(last.find("[y/N/a/?]").context("no question")? + "[y/N/a/?]".len());
    indent(&mut text, &lines);
    Ok(text)
}

/// What fills it: the sentences, and the head of the table.
pub fn usage(printed: &[String]) -> Result<String> {
    let first = printed.iter().position(|line| line.starts_with("- "));
    let table = printed.iter().position(|line| line.starts_with("RESOURCE"));
    let (first, table) = (first.context("no sentence")?, table.context("no table")?);
    ensure!(first < table, "the table comes before the sentences");
    let sentences = &printed[first..table];
    let next =
        sentences.iter().position(|line| line.starts_with("- Next")).unwrap_or(table - first);
    let mut text = String::new();
    indent(&mut text, &sentences[..next]);
    indent(&mut text, &[String::new()]);
    indent(&mut text, &printed[table..printed.len().min(table + 8)]);
    indent(&mut text, &[LEFT_OUT.to_owned()]);
    Ok(text)
}

fn indent(text: &mut String, lines: &[String]) {
    for line in lines {
        let line = format!("    {line}");
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// The page with this between the comments of that name.
pub fn replace(page: &str, name: &str, block: &str) -> Result<String> {
    let begin = format!("<!-- recorded: {name} -->\n");
    let end = "<!-- end -->";
    let missing = || format!("the README has no block called {name}");
    let from = page.find(&begin).with_context(missing)? + begin.len();
    let to = from + page[from..].find(end).with_context(missing)?;
    Ok(format!("{}\n{}\n\n{}", &page[..from], block.trim_matches('\n'), &page[to..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn of_the_plan_the_first_step_stays() {
        let printed =
            lines("Plan 1: 2 steps\n 1. a\n    $ b\n 2. c\n    $ d\n\nStep 1 of 2: a\nOK");
        let text = run("3.5.1", &printed).unwrap();
        assert!(text.ends_with("    $ b\n    [...]\n\n    Step 1 of 2: a\n    OK\n"), "{text}");
        assert!(!text.contains("2. c"), "{text}");
        assert!(run("3.5.1", &printed[..3]).is_err(), "a run without steps");
    }

    #[test]
    fn the_question_has_no_answer() {
        let page =
            lines("Step 1 of 3: compact\nStep 2 of 3: defragment b\n  stall\nNow? [y/N/a/?] y\nOK");
        assert_eq!(
            step(&page).unwrap(),
            "    Step 2 of 3: defragment b\n      stall\n    Now? [y/N/a/?]\n"
        );
        assert!(step(&page[..2]).is_err(), "nothing is asked");
    }

    #[test]
    fn only_the_block_of_that_name_is_replaced() {
        let page = "a\n<!-- recorded: x -->\nold\n<!-- end -->\nb\n<!-- recorded: y -->\nz\n<!-- end -->\n";
        let new = replace(page, "x", "    new\n").unwrap();
        assert_eq!(new.replace("\n    new\n\n", "old\n"), page);
        assert_eq!(replace(&new, "x", "    new\n").unwrap(), new, "twice is once");
        assert!(replace(page, "none", "").is_err());
    }
}
