//! Tests of `symptoms`, with lines as the programs' sources write them.

use std::{fs, time::Duration};

use proptest::prelude::*;

use super::*;

use SymptomKind::{ApiServerTimeouts, CoreDnsSlow, LostLease, MetricsServerTimeouts};

#[test]
fn what_a_slow_etcd_does_to_its_clients_is_recognised() {
    for (kind, line) in [
        (
            ApiServerTimeouts,
            r#"{"level":"warn","ts":"2026-11-23T03:08:25.954079Z","logger":"etcd-client","caller":"v3@v3.6.5/retry_interceptor.go:65","msg":"retrying of unary invoker failed","target":"etcd-endpoints://0xc0001c3a40/127.0.0.1:2379","method":"/etcdserverpb.KV/Range","attempt":0,"error":"rpc error: code = DeadlineExceeded desc = context deadline exceeded"}"#,
        ),
        (
            ApiServerTimeouts,
            r#"E1123 03:08:28.151158       1 writers.go:123] "Unhandled Error" err="apiserver was unable to write a JSON response: http: Handler timeout" logger="UnhandledError""#,
        ),
        (
            ApiServerTimeouts,
            r#"E1123 03:08:28.151158       1 status.go:71] "Unhandled Error" err="apiserver received an error that is not an metav1.Status: rpctypes.EtcdError{code:0xe, desc:\"etcdserver: leader changed\"}: etcdserver: leader changed""#,
        ),
        (
            ApiServerTimeouts,
            "E1123 status.go:71] etcdserver: request timed out, possibly due to previous leader failure",
        ),
        (
            ApiServerTimeouts,
            "[-]etcd failed: error getting data from etcd: context deadline exceeded",
        ),
        (
            ApiServerTimeouts,
            r#"W1123 03:01:10.999479       1 logging.go:55] [core] [Channel #2 SubChannel #3]grpc: addrConn.createTransport failed to connect to {Addr: "127.0.0.1:2379", ServerName: "127.0.0.1:2379", }. Err: connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:2379: connect: connection refused""#,
        ),
        (
            ApiServerTimeouts,
            "E1123 wrap.go] Timeout: request did not complete within requested timeout - context deadline exceeded",
        ),
        (
            LostLease,
            "I1123 11:08:47.205695       1 leaderelection.go:278] failed to renew lease kube-system/kube-controller-manager: timed out waiting for the condition",
        ),
        (LostLease, r#"E1123 11:08:47.3       1 controllermanager.go:368] "leaderelection lost""#),
        (LostLease, r#"E1123 11:08:47.3       1 server.go:307] "Leaderelection lost""#),
        (
            LostLease,
            "E1123 11:08:47.205570       1 leaderelection.go:325] error retrieving resource lock kube-system/kube-scheduler: Get \"https://192.168.10.50:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler?timeout=10s\": context deadline exceeded",
        ),
        (
            CoreDnsSlow,
            "[WARNING] plugin/health: Local health request to \"http://:8080/health\" took more than 1s: 1.368083626s",
        ),
        (
            CoreDnsSlow,
            "[WARNING] plugin/health: Local health request to \"http://:8080/health\" failed: Get \"http://:8080/health\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        ),
        (
            MetricsServerTimeouts,
            r#"E1123 01:18:58.175128       1 writers.go:122] "Unhandled Error" err="apiserver was unable to write a JSON response: http: Handler timeout""#,
        ),
    ] {
        assert!(suffers(kind, line), "{kind:?}: {line}");
    }
}

#[test]
fn what_happens_all_day_is_no_symptom() {
    for (kind, line) in [
        (
            ApiServerTimeouts,
            r#"W1123 logging.go:55] [core] [Channel #9 SubChannel #10]grpc: addrConn.createTransport failed to connect to {Addr: "127.0.0.1:2379", ServerName: "127.0.0.1:2379", }. Err: connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:2379: operation was canceled""#,
        ),
        (
            ApiServerTimeouts,
            r#"{"level":"warn","logger":"etcd-client","msg":"retrying of unary invoker failed","target":"etcd-endpoints://0xc/127.0.0.1:2379","error":"rpc error: code = Canceled desc = context canceled"}"#,
        ),
        (ApiServerTimeouts, "[-]etcd failed: etcd client connection not yet established"),
        (
            ApiServerTimeouts,
            "E1123 dispatcher.go] failed calling webhook \"x\": context deadline exceeded",
        ),
        (
            ApiServerTimeouts,
            "I1123 instance.go] Using reconciler: lease, --etcd-servers=https://127.0.0.1:2379",
        ),
        (
            LostLease,
            "I1123 leaderelection.go:285] failed to renew lease kube-system/kube-scheduler: context canceled",
        ),
        (
            LostLease,
            "I1123 leaderelection.go:250] attempting to acquire leader lease kube-system/kube-scheduler...",
        ),
        (
            LostLease,
            "E1123 leaderelection.go:330] error retrieving resource lock kube-system/kube-scheduler: Get \"https://10.0.0.1:6443/x\": dial tcp: connect: connection refused",
        ),
        (
            CoreDnsSlow,
            "[ERROR] plugin/errors: 2 example.com. A: read udp 10.0.1.25:53312->8.8.8.8:53: i/o timeout",
        ),
        (MetricsServerTimeouts, "I1123 server.go] Serving securely on [::]:10250"),
    ] {
        assert!(!suffers(kind, line), "{kind:?}: {line}");
    }
}

#[test]
fn symptoms_are_found_by_the_directory_of_pods_and_by_named_files() {
    let root = tempfile::tempdir().expect("a directory");
    let write = |container: &str, file: &str, text: &str| {
        let directory = root.path().join(container);
        fs::create_dir_all(&directory).expect("made");
        fs::write(directory.join(file), text).expect("written");
    };
    let timeout = "stdout F http: Handler timeout";
    write(
        "pods/kube-system_metrics-server-7d_11/metrics-server",
        "0.log",
        &format!("2026-11-23T03:00:01Z {timeout}\n2026-11-23T03:00:02Z stdout F fine\n"),
    );
    write(
        "pods/kube-system_metrics-server-7d_11/metrics-server",
        "1.log",
        &format!("2026-11-23T03:00:05Z {timeout} again\n"),
    );
    write("pods/default_shop_12/shop", "0.log", &format!("2026-11-23T03:00:05Z {timeout}\n"));
    write(
        "else/kube-system_kube-scheduler-m1_13/kube-scheduler",
        "0.log",
        "2026-11-23T03:00:07Z stderr F E1123 \"Leaderelection lost\"\n",
    );
    let named = [root.path().join("else/kube-system_kube-scheduler-m1_13/kube-scheduler/0.log")];
    let limits = Limits::new(Duration::from_secs(1 << 32), Duration::from_secs(60));
    let found = find(&named, &root.path().join("pods"), limits);
    let told: Vec<_> = found.iter().map(|it| (it.kind, it.container.as_str(), it.count)).collect();
    assert_eq!(
        told,
        [
            (LostLease, "kube-system/kube-scheduler-m1/kube-scheduler", 1),
            (MetricsServerTimeouts, "kube-system/metrics-server-7d/metrics-server", 2),
        ]
    );
    assert_eq!(found[1].example, "http: Handler timeout again");
    assert_eq!(found[1].last_at - found[1].first_at, 4_000_000_000);
}

proptest! {
    #[test]
    fn never_panics(line in ".{0,200}") {
        for kind in [ApiServerTimeouts, LostLease, CoreDnsSlow, MetricsServerTimeouts] {
            let _ = suffers(kind, &line);
        }
    }
}
