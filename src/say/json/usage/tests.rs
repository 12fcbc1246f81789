//! The keys that scripts rely on.

use serde_json::{Value, json};

use super::*;
use crate::{
    cli::{ReadHow, SortBy},
    model::{
        Bytes, Revision,
        usage::{Account, NamespaceUsage, ObjectUsage, ResourceUsage},
    },
};

fn usage() -> Usage {
    let account = Account {
        keys: 2,
        live_bytes: 300,
        old_revisions: 1,
        old_bytes: 100,
        tombstones: 1,
        recent: 3,
    };
    let objects: Vec<ObjectUsage> = (0..3)
        .map(|index| ObjectUsage {
            key: format!("/registry/events/a/{index}"),
            live: true,
            live_bytes: 150,
            revisions: 1,
            version: 1,
        })
        .collect();
    let namespaces =
        vec![NamespaceUsage { name: "a".to_owned(), account, objects: objects.clone() }];
    let resource = ResourceUsage {
        name: "events".to_owned(),
        prefix: "/registry/events/".to_owned(),
        account,
        namespaces,
        ..ResourceUsage::default()
    };
    Usage {
        source: Source { why: "no room".to_owned(), ..Source::default() },
        revision: Revision(9),
        compacted: Some(Revision(2)),
        database: Some(DatabaseFile {
            size: Bytes(8192),
            page_size: 4096,
            in_use: Bytes(4096),
            checksum: None,
        }),
        total: account,
        resources: vec![resource],
        biggest: objects.clone(),
        most_rewritten: objects,
        recent_revisions: 7,
        history: true,
        ..Usage::default()
    }
}

fn document(usage: &Usage, failure: Option<&Failure>) -> Value {
    let wanted = cli::Usage {
        from: None,
        read: ReadHow::Auto,
        member: None,
        sort: SortBy::Total,
        depth: 1,
        top: 2,
    };
    serde_json::to_value(UsageAnswer::new(usage, &[], &[], &wanted, failure)).expect("JSON")
}

#[test]
fn everything_is_there_but_objects() {
    let answer = document(&usage(), None);
    let database = json!({"size": 8192, "page_size": 4096, "in_use": 4096, "free": 4096,
        "checksum_ok": null});
    assert_eq!(answer["database"], database);
    let resource = &answer["resources"][0];
    for (key, value) in [
        ("name", json!("events")),
        ("share_percent", json!(100.0)),
        ("bytes", json!(400)),
        ("old_bytes", json!(100)),
        ("revisions_per_key", json!(1.5)),
        ("recent_writes", json!(3)),
    ] {
        assert_eq!(resource[key], value, "{key}");
    }
    assert_eq!(resource["namespaces"][0]["objects"].as_array().map(Vec::len), Some(2));
    assert_eq!(answer["biggest"].as_array().map(Vec::len), Some(2));
    assert_eq!((&answer["complete"], &answer["error"]), (&json!(true), &Value::Null));
}

#[test]
fn what_was_not_visible_is_null() {
    let answer = document(&Usage { history: false, database: None, ..usage() }, None);
    for key in ["database", "most_rewritten", "recent_revisions", "leases"] {
        assert_eq!(answer[key], Value::Null, "{key}");
    }
    for key in ["old_bytes", "old_revisions", "revisions_per_key", "recent_writes"] {
        assert_eq!(answer["total"][key], Value::Null, "{key}");
    }
    assert_eq!(answer["total"]["live_bytes"], 300);
}

#[test]
fn an_incomplete_answer_says_why() {
    let failure = Failure::new(Exit::Refused, "damaged", "read only", "another");
    let answer = document(&usage(), Some(&failure));
    assert_eq!((&answer["complete"], &answer["exit_code"]), (&json!(false), &json!(4)));
    assert_eq!(answer["error"]["what"], "damaged");
}
