//! Examination in text -> findings and verdict in text: what `diagnose` makes
//! of what it saw, one story per file of `tests/diagnoses/`. Run with
//! UPDATE_DIAGNOSES=1 to rewrite what is expected, then read the difference.

mod examination;

use std::{fmt::Write as _, fs, path::Path};

use etcd_rescue::{
    decide::diagnose,
    model::diagnosis::{Diagnosis, Finding, Severity},
};

const SEPARATOR: &str = "----\n";

#[test]
fn every_examination_is_judged_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnoses");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of diagnoses")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 20, "the examinations are gone");
    let mut wrong = String::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("an examination");
        let (seen, expected) = text.split_once(SEPARATOR).unwrap_or((&text, ""));
        let diagnosis = diagnose(&examination::read(seen));
        holds(&path, &diagnosis);
        let got = told(&diagnosis);
        if std::env::var_os("UPDATE_DIAGNOSES").is_some() {
            fs::write(&path, format!("{seen}{SEPARATOR}{got}")).expect("writing");
        } else if got != expected {
            let _ = writeln!(wrong, "{}:\n{got}\nexpected:\n{expected}", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What holds for every diagnosis.
fn holds(path: &Path, diagnosis: &Diagnosis) {
    let sentence = &diagnosis.verdict.sentence;
    let praises = sentence.to_lowercase().contains("healthy") || sentence.contains("PASS");
    assert!(!praises, "{}: {sentence}", path.display());
    assert!(sentence.ends_with('.'), "{}: {sentence}", path.display());
    let nothing = sentence.starts_with("Nothing slow was found");
    assert_eq!(nothing, !diagnosis.has_findings(), "{}: {sentence}", path.display());
    assert!(diagnosis.findings.is_sorted_by(|a, b| a.severity >= b.severity));
}

fn told(diagnosis: &Diagnosis) -> String {
    let verdict = &diagnosis.verdict;
    let mut out = format!("{}\n", verdict.sentence);
    if let Some(member) = &verdict.slow_member {
        let _ = writeln!(out, "slow member: {member}");
    }
    if let Some(disk) = &verdict.replace {
        let _ = writeln!(out, "replace: {disk}");
    }
    for (title, lines) in
        [("chain", &verdict.chain), ("now", &verdict.now), ("unknown", &verdict.unknown)]
    {
        if !lines.is_empty() {
            let _ = writeln!(out, "{title}:");
        }
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
    }
    for finding in &diagnosis.findings {
        out.push_str(&as_text(finding));
    }
    out
}

fn as_text(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Info => "info",
    };
    let mut out = format!("{severity} {}: {}\n", finding.code, finding.what);
    for line in &finding.evidence {
        let _ = writeln!(out, "    {line}");
    }
    out
}
