//! The rules: each turns one thing that was seen into a finding.

use crate::model::diagnosis::{Examined, Finding};

/// Every finding, the worst first.
#[must_use]
pub fn findings(_examined: &Examined) -> Vec<Finding> {
    Vec::new()
}
