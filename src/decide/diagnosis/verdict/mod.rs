//! What the findings come to: one sentence, the chain from the bottom up, what
//! to do now, and what stays unknown.

mod cause;
mod chain;
mod circumstances;
pub(super) mod condemned;
mod next_steps;
mod nothing_found;
mod sentence;
mod unknown;

use self::{
    cause::{Cause, cause, slow},
    chain::chain,
    next_steps::next_steps,
    sentence::{sentence, told},
    unknown::unknown,
};
use super::case::Case;
use crate::model::diagnosis::{Finding, Verdict};

/// The verdict over all findings.
#[must_use]
pub(super) fn verdict(case: &Case, findings: &[Finding]) -> Verdict {
    let cause = cause(case, findings);
    let besides = besides(case, findings, &cause);
    let slow_member = match besides.as_ref().unwrap_or(&cause) {
        Cause::SlowThere(at) => case.patients.get(*at),
        Cause::SlowHere | Cause::AboveDrive(_) => case.here(),
        Cause::Replace(condemned) if condemned.slow => case.here(),
        Cause::Hangs(_) => case.here(),
        _ => None,
    };
    Verdict {
        sentence: match &besides {
            Some(besides) => {
                let first = sentence(case, findings, &cause);
                format!("{first} Besides, {}", told(case, findings, besides))
            }
            None => sentence(case, findings, &cause),
        },
        chain: chain(case, findings, besides.as_ref().unwrap_or(&cause)),
        now: next_steps(case, findings, &cause),
        unknown: unknown(case),
        slow_member: slow_member.map(|patient| patient.label.clone()),
        replace: match &cause {
            Cause::Replace(condemned) => Some(condemned.disk.to_owned()),
            _ => None,
        },
    }
}

/// A drive that will fail is not what makes etcd slow now.
fn besides<'a, 'f>(
    case: &Case<'a>,
    findings: &'f [Finding],
    cause: &Cause<'a, 'f>,
) -> Option<Cause<'a, 'f>> {
    match cause {
        Cause::Replace(condemned) if !condemned.slow => slow(case, findings),
        _ => None,
    }
}
