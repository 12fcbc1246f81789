//! Every finding of an examination, the worst first: each room of rules looks
//! at one kind of evidence.

use std::cmp::Reverse;

use super::{
    case::Case, cluster_findings, device_findings, drive_findings, hanging_findings,
    kernel_findings, latency_findings, log_findings, origin_findings, sharing_findings,
    storage_findings, symptom_findings,
};
use crate::model::diagnosis::Finding;

/// Every finding, the worst first; equal ones from etcd down and up again.
#[must_use]
pub(super) fn findings(case: &Case) -> Vec<Finding> {
    let mut found = latency_findings::findings(case);
    found.extend(origin_findings::findings(case));
    found.extend(drive_findings::findings(case));
    found.extend(kernel_findings::findings(case));
    found.extend(hanging_findings::findings(case));
    found.extend(device_findings::findings(case));
    found.extend(storage_findings::findings(case));
    found.extend(cluster_findings::findings(case));
    found.extend(log_findings::findings(case));
    found.extend(sharing_findings::findings(case));
    found.extend(symptom_findings::findings(case));
    found.sort_by_key(|finding| Reverse(finding.severity));
    found
}
