//! Tests of the rules as data; what Prometheus makes of them is tested with
//! promtool.

use std::collections::BTreeSet;

use super::*;
use crate::model::Thresholds;

fn wishes() -> RuleWishes {
    RuleWishes {
        prefix: "EtcdRescue".to_owned(),
        etcd_job: ".*".to_owned(),
        node_job: ".*".to_owned(),
        smart_job: ".*".to_owned(),
        masters: ".*".to_owned(),
        fsync: Thresholds { warn: 0.025, page: 0.1 },
        commit: Thresholds { warn: 0.05, page: 0.25 },
        quota: Thresholds { warn: 90.0, page: 95.0 },
        util: 80.0,
        wear_left: 10.0,
        severity_label: "severity".to_owned(),
        warning: "warning".to_owned(),
        critical: "critical".to_owned(),
        runbook_url: None,
    }
}

fn rules(wishes: &RuleWishes) -> Vec<Rule> {
    rule_groups(wishes).into_iter().flat_map(|group| group.rules).collect()
}

#[test]
fn every_alert_has_a_name_of_its_own_a_for_and_a_command_to_type() {
    let rules = rules(&wishes());
    let names: BTreeSet<&str> = rules.iter().map(|rule| rule.alert.as_str()).collect();
    assert_eq!(names.len(), rules.len());
    for rule in &rules {
        assert!(rule.alert.starts_with("EtcdRescue"), "{}", rule.alert);
        assert!(rule.hold.ends_with(['m', 'h']), "{rule:?}");
        assert!(matches!(rule.labels[0].1.as_str(), "warning" | "critical"), "{rule:?}");
        let names: Vec<&str> = rule.annotations.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["summary", "description", "runbook"]);
        assert!(rule.annotations[2].1.contains("etcd-rescue"), "{rule:?}");
    }
}

#[test]
fn wishes_reach_the_expressions() {
    let wishes = RuleWishes {
        prefix: "Ours".to_owned(),
        etcd_job: "a\\.b\"c".to_owned(),
        masters: "m.*".to_owned(),
        fsync: Thresholds { warn: 0.032, page: 0.2 },
        critical: "page".to_owned(),
        severity_label: "level".to_owned(),
        runbook_url: Some("https://example.com/etcd".to_owned()),
        ..wishes()
    };
    let rules = rules(&wishes);
    let fsync = rules.iter().find(|rule| rule.alert == "OursFsyncVerySlow").expect("there");
    assert!(fsync.expr.contains(r#"{job=~"a\\.b\"c"}"#) && fsync.expr.ends_with("> 0.2"));
    assert_eq!(fsync.labels, [("level".to_owned(), "page".to_owned())]);
    assert_eq!(fsync.annotations[3].1, "https://example.com/etcd");
    let busy = rules.iter().find(|rule| rule.alert == "OursDiskBusy").expect("there");
    assert!(busy.expr.contains(r#"{instance=~"m.*",device!~"#), "{}", busy.expr);
}

#[test]
fn wear_goes_by_value_where_the_raw_number_counts_the_other_way() {
    let rules = rules(&wishes());
    let worn = rules.iter().find(|rule| rule.alert == "EtcdRescueDriveWornOut").expect("there");
    let of_202 = worn.expr.lines().find(|line| line.contains("\"202\"")).expect("there");
    assert!(of_202.contains("attribute_value_type=\"value\""), "{of_202}");
    assert!(!worn.expr.contains("attribute_id=~\"202\",attribute_value_type=\"raw\""));
}
