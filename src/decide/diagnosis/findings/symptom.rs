//! What etcd's clients on this node suffer. Symptoms explain what somebody was
//! called for; they are never the cause, and no finding by themselves.

use crate::{
    decide::{
        diagnosis::{case::Case, wording::many},
        restart::ago,
    },
    model::diagnosis::{EvidenceKind, Finding, Severity, Symptom, SymptomKind},
};

/// Every symptom, as good to know.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    case.examined
        .symptoms
        .iter()
        .filter(|symptom| symptom.count > 0)
        .map(|symptom| {
            let what = format!("{}, the last {}", told(symptom), ago(case.since(symptom.last_at)));
            Finding::new(code(symptom.kind), Severity::Info, EvidenceKind::Symptom, what)
                .because([symptom.example.clone()])
        })
        .collect()
}

fn code(kind: SymptomKind) -> &'static str {
    match kind {
        SymptomKind::ApiServerTimeouts => "apiserver_timeouts",
        SymptomKind::LostLease => "lease_lost",
        SymptomKind::CoreDnsSlow => "coredns_slow",
        SymptomKind::MetricsServerTimeouts => "metrics_server_timeouts",
    }
}

/// "kube-system/kube-apiserver-master-1/kube-apiserver: 412 lines about …".
fn told(symptom: &Symptom) -> String {
    let about = match symptom.kind {
        SymptomKind::ApiServerTimeouts => "requests to etcd that timed out or were cancelled",
        SymptomKind::LostLease => "a lost lease",
        SymptomKind::CoreDnsSlow => "a health check of more than a second",
        SymptomKind::MetricsServerTimeouts => "an answer that came too late",
    };
    format!("{}: {} about {about}", symptom.container, many(symptom.count, "line"))
}
