//! Every finding of an examination, the worst first: each room of rules looks
//! at one kind of evidence.

mod cluster;
pub(super) mod device;
pub(super) mod drive;
mod hanging;
mod kernel;
pub(super) mod latency;
pub(super) mod log;
mod origin;
pub(super) mod sharing;
mod storage;
mod symptom;

use std::cmp::Reverse;

use super::case::Case;
use crate::model::{diagnosis::Finding, order::InOrder};

/// Every finding, the worst first; equal ones from etcd down and up again.
#[must_use]
pub(super) fn findings(case: &Case) -> Vec<Finding> {
    let mut found = latency::findings(case);
    found.extend(origin::findings(case));
    found.extend(drive::findings(case));
    found.extend(kernel::findings(case));
    found.extend(hanging::findings(case));
    found.extend(device::findings(case));
    found.extend(storage::findings(case));
    found.extend(cluster::findings(case));
    found.extend(log::findings(case));
    found.extend(sharing::findings(case));
    found.extend(symptom::findings(case));
    found.order_by_key(|finding| Reverse(finding.severity));
    found
}
