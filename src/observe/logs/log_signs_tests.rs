//! Tests of `log_signs`, with lines as etcd writes them.

use super::*;
use crate::observe::logs::etcd_log_line::EtcdLine;

fn told(text: &str) -> Option<Telling> {
    telling(&EtcdLine::parse(text).expect("a form of etcd's"))
}

#[track_caller]
fn is(text: &str, kind: LogSignKind, millis: Option<f64>) {
    assert_eq!(told(text), Some(Telling::Sign(kind, millis)), "{text}");
}

#[test]
fn json_of_3_5_and_later_is_understood() {
    is(
        r#"{"level":"warn","ts":"2026-11-23T12:39:52.428026Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"1.2s","expected-duration":"1s"}"#,
        SlowFdatasync,
        Some(1_200.0),
    );
    is(
        r#"{"level":"warn","ts":"2026-11-23T12:40:06.440004Z","caller":"txn/util.go:93","msg":"apply request took too long","took":"1.5s","expected-duration":"100ms","prefix":"read-only range ","request":"key:\"/registry/pods\" range_end:\"/registry/podt\" ","response":"range_response_count:1 size:38"}"#,
        SlowApply,
        Some(1_500.0),
    );
    is(
        r#"{"level":"warn","msg":"leader failed to send out heartbeat on time; took too long, leader is overloaded likely from slow disk","to":"9b4ae030705854cf","heartbeat-interval":"100ms","expected-duration":"200ms","exceeded-duration":"1.5s"}"#,
        LateHeartbeat,
        Some(1_500.0),
    );
    is(
        r#"{"level":"warn","msg":"waiting for ReadIndex response took too long, retrying","sent-request-id":6111281376410645004,"retry-timeout":"500ms"}"#,
        SlowReadIndex,
        None,
    );
    is(
        r#"{"level":"info","msg":"trace[644843575] range","detail":"{range_begin:/registry/pods; }","duration":"846ms","steps":["trace[644843575] 'agreement among raft nodes before linearized reading'  (duration: 845.5ms)"],"step_count":1}"#,
        LogSignKind::SlowAgreement,
        Some(845.5),
    );
    is(
        r#"{"level":"warn","msg":"request stats","start time":"2026-11-23T12:39:52.470921Z","time spent":"1.25s","remote":"127.0.0.1:58534"}"#,
        LogSignKind::SlowRequest,
        Some(1_250.0),
    );
    is(r#"{"msg":"raft.node: 9b lost leader f6 at term 2"}"#, LeaderLost, None);
    is(r#"{"msg":"alarm raised","alarm":"NOSPACE","from":"9b"}"#, NoSpace, None);
    is(
        r#"{"msg":"message exceeded backend quota; raising alarm","quota-size-bytes":16777216}"#,
        NoSpace,
        None,
    );
    is(r#"{"msg":"prober detected unhealthy status","round-tripper-name":"x"}"#, PeerTrouble, None);
}

#[test]
fn text_of_3_4_is_understood() {
    is(
        "2026-11-23 12:39:52.368488 W | wal: sync duration of 1.25s, expected less than 1s",
        SlowFdatasync,
        Some(1_250.0),
    );
    is(
        "2026-11-23 12:40:08.319440 W | etcdserver: read-only range request \"key:\\\"/a took too \
         long (9s)\\\" \" with result \"range_response_count:1 size:38\" took too long (793.5ms) to execute",
        SlowApply,
        Some(793.5),
    );
    is(
        "2026-11-23 12:39:52.368790 W | etcdserver: failed to send out heartbeat on time (exceeded \
         the 100ms timeout for 1.5s, to 79af5d9a696e7d29)",
        LateHeartbeat,
        Some(1_500.0),
    );
    is(
        "raft2026/11/23 12:40:28 INFO: raft.node: 79af5d9a696e7d29 lost leader 9c at term 3",
        LeaderLost,
        None,
    );
    is(
        "2026-11-23 12:40:25.055425 W | etcdserver: alarm NOSPACE raised by peer 9cc20dc8ce62e429",
        NoSpace,
        None,
    );
    is(
        "2026-11-23 12:40:34.387517 W | rafthttp: lost the TCP streaming connection with peer \
         45a1361d3f470852 (stream MsgApp v2 reader)",
        PeerTrouble,
        None,
    );
    is(
        "2026-11-23 12:40:34.387517 W | rafthttp: health check for peer 45 could not connect: dial",
        PeerTrouble,
        None,
    );
}

#[test]
fn starts_ends_and_ordinary_lines_are_no_signs() {
    for (text, expected) in [
        (r#"{"msg":"starting an etcd server","etcd-version":"3.5.30"}"#, Some(Telling::Starting)),
        ("2026-11-23 12:39:47.080490 I | etcdmain: etcd Version: 3.4.23", Some(Telling::Starting)),
        (r#"{"msg":"received signal; shutting down"}"#, Some(Telling::Stopping)),
        (
            "2026-11-23 12:40:34.387826 N | pkg/osutil: received terminated signal, shutting down...",
            Some(Telling::Stopping),
        ),
        (
            r#"{"msg":"9b [term 2] received MsgTimeoutNow from f6 and starts an election to get leadership."}"#,
            Some(Telling::HandedOver),
        ),
        (r#"{"msg":"raft.node: 9b elected leader f6 at term 2"}"#, None),
        (r#"{"level":"debug","msg":"request stats","time spent":"1ms"}"#, None),
        (
            r#"{"msg":"trace[1] put","steps":["trace[1] 'process raft request' (duration: 2s)"]}"#,
            None,
        ),
        (r#"{"msg":"alarm raised","alarm":"CORRUPT"}"#, None),
        ("2026-11-23 12:39:52.368969 W | etcdserver: server is likely overloaded", None),
        (r#"{"level":"warn""#, None),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn an_example_says_what_it_is_and_shows_no_value() {
    let line = EtcdLine::parse(
        r#"{"msg":"apply request took too long","took":"1.5s","request":"put:<key:\"/a\" value:\"hunter2\">","response":"","error":"x"}"#,
    );
    let text = example(&line.expect("a form"));
    assert_eq!(text, "apply request took too long, took 1.5s, request put:<key:\"/a\", error x");
    let text = "2026-11-23 12:40:08.319440 W | etcdserver: request \"put:<key:\\\"a\\\" \
                value:\\\"hunter2\\\" >\" with result \"size:4\" took too long (1s) to execute";
    assert!(!example(&EtcdLine::parse(text).expect("a form")).contains("hunter2"));
}
