//! Findings about directories that do not answer at all.

use std::path::Path;

use crate::{
    decide::diagnosis::case::Case,
    model::diagnosis::{EvidenceKind, Finding, Severity},
};

/// One for each directory: whatever etcd does there waits as well.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    case.examined.hanging.iter().map(|path| hangs(path)).collect()
}

fn hangs(path: &Path) -> Finding {
    let what = format!("{} does not answer, the disk below it hangs", path.display());
    Finding::new("disk_hangs", Severity::Critical, EvidenceKind::Storage, what)
        .because(["a look at it was given up, so that we do not hang with it".to_owned()])
        .then("`dmesg | tail -50`, and see what is below it with `lsblk`")
}

#[cfg(test)]
mod tests {
    use crate::{decide::diagnose, model::diagnosis::Examined};

    #[test]
    fn a_directory_that_does_not_answer_is_the_verdict() {
        let examined = Examined {
            nobody_to_ask: true,
            hanging: vec!["/var/lib/etcd".into()],
            ..Examined::default()
        };
        let diagnosis = diagnose(&examined);
        assert!(diagnosis.has_findings());
        let sentence = &diagnosis.verdict.sentence;
        assert!(sentence.starts_with("/var/lib/etcd does not answer"), "{sentence}");
    }

    #[test]
    fn nobody_to_ask_is_nobodys_silence() {
        let silent = Examined::default();
        assert!(diagnose(&silent).has_findings(), "somebody should have answered");
        let only_a_directory = Examined { nobody_to_ask: true, ..silent.clone() };
        assert!(!diagnose(&only_a_directory).has_findings());
        let without_certificates = Examined { not_admitted: true, ..silent };
        assert!(!diagnose(&without_certificates).has_findings());
    }
}
