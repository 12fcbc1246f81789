//! What tells of etcd: its command line, its pages and answers, its files, and
//! the runtime's word about its container.

use std::{io::Cursor, path::Path};

use etcd_rescue::{
    decide::{member_numbers, restart_story},
    model::{CertificateRole, EtcdVersion, LastEnd, Located, diagnosis::MemberView},
    observe::{
        arguments::Arguments, certificate as certificates, container_status as status, endpoints,
        metrics as page, scrape, snapshot_file,
    },
    wire::{blobs::Blobs, certificate::Identity, details, proto::cri, reply},
};
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use tonic::codegen::{
    Bytes,
    http::{HeaderMap, HeaderName, HeaderValue},
};

use super::{halves, lines};

/// A command line, an empty line, the environment.
pub fn etcd_arguments(bytes: &[u8]) {
    let (args, env) = halves(bytes);
    judge(&Arguments::read(&lines(args), &lines(env), "pid 1"));
}

/// A `--config-file`.
pub fn etcd_config(bytes: &[u8]) {
    if let Ok(arguments) = Arguments::from_config_file(&String::from_utf8_lossy(bytes), "file") {
        judge(&arguments);
    }
}

/// Whatever the settings are, what follows from them has a form.
fn judge(arguments: &Arguments) {
    assert!(!arguments.data_dir().value.as_os_str().is_empty());
    let clients = endpoints::clients(arguments);
    let metrics = endpoints::metrics(arguments, clients.first());
    for url in clients.iter().chain(&metrics) {
        assert!(["http://", "https://"].iter().any(|scheme| url.value.starts_with(scheme)));
    }
    let _ = arguments.quota();
}

/// The JSON text of CRI's verbose status.
pub fn container_status(bytes: &[u8]) {
    let mount = cri::Mount { container_path: "/a".into(), host_path: "/b".into(), readonly: false };
    let known = cri::ContainerStatus { mounts: vec![mount], ..Default::default() };
    let info = [("info".to_owned(), String::from_utf8_lossy(bytes).into_owned())].into();
    let answer = cri::ContainerStatusResponse { status: Some(known), info };
    let read = status::container(answer).expect("a status was given");
    assert!(read.pid.is_none_or(|pid| pid > 0));
    assert!(read.mounts.iter().all(|mount| mount.host_path.is_absolute()));
}

/// The page of /metrics: the samples read and names that are not there, and
/// what `diagnose` makes of it as the second page and as the first.
pub fn metrics(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let page = scrape::read(&text, 1.0);
    for pages in [[None, Some(&page)], [Some(&page), Some(&page)], [Some(&page), None]] {
        let [first, second] = pages.map(Option::<&_>::cloned);
        let numbers = member_numbers(&MemberView { first, second, ..MemberView::default() });
        assert!(!numbers.restarted && numbers.fsync.is_none(), "one page alone makes no window");
        for spread in [numbers.fsync_since_start, numbers.commit_since_start].iter().flatten() {
            assert!(spread.n > 0 && spread.p50.over_ms <= spread.p99.over_ms);
            assert_eq!(spread.buckets.iter().map(|(_, count)| count).sum::<u64>(), spread.n);
        }
    }
    for name in ["etcd_server_quota_backend_bytes", "etcd_disk_defrag_inflight", "a"] {
        assert!(page::value(&text, name).is_none() || text.contains(name));
    }
}

/// A PEM file, and the same bytes as one certificate's DER.
pub fn certificate(bytes: &[u8]) {
    for role in [CertificateRole::Ca, CertificateRole::Client] {
        if let Ok(read) = certificates::parse(bytes, Path::new("x.crt"), role) {
            let _ = certificates::out_of_date(&read.certificate, 0);
            let _ = certificates::out_of_date(&read.certificate, i64::MAX);
        }
    }
    let _ = Identity::of(bytes);
}

/// A version: what is read is written the same way.
pub fn version(bytes: &[u8]) {
    if let Ok(version) = String::from_utf8_lossy(bytes).parse::<EtcdVersion>() {
        assert_eq!(version.to_string().parse(), Ok(version));
    }
}

/// A snapshot file, as it is and with its checksums put right, so that what is
/// behind them is reached too.
pub fn snapshot(bytes: &[u8]) {
    assert!(check(bytes).is_none_or(|length| length == bytes.len() as u64));
    let mut right = bytes.to_vec();
    for page in [0, 4096] {
        seal_meta(&mut right, page + 16);
    }
    right.extend_from_slice(digest(&SHA256, &right).as_ref());
    assert!(check(&right).is_none_or(|length| length == right.len() as u64));
    assert!(check(&right[..right.len() - SHA256_OUTPUT_LEN]).is_none());
}

/// The size of a good snapshot.
fn check(bytes: &[u8]) -> Option<u64> {
    let file = snapshot_file::check_content(&mut Cursor::new(bytes), bytes.len() as u64);
    file.ok().map(|good| good.bytes.0)
}

/// FNV-1a of a bbolt meta page's first 56 bytes, behind them (bbolt
/// internal/common/meta.go).
pub(super) fn seal_meta(bytes: &mut [u8], at: usize) {
    let Some(meta) = bytes.get_mut(at..at + 64) else { return };
    let (body, sum) = meta.split_at_mut(56);
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    sum.copy_from_slice(&hash.to_le_bytes());
}

/// The trailers of a gRPC answer, one `name: value` a line.
pub fn grpc_reply(bytes: &[u8]) {
    let mut trailers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(at);
        let value = value.strip_prefix(b": ").unwrap_or_default();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            // A map of headers panics beyond 32768 names.
            let _ = trailers.try_append(name, value);
        }
    }
    details::remove(&mut trailers);
    let Some(status) = tonic::Status::from_header_map(&trailers) else { return };
    let _ = (reply::kind(&status), reply::is_auth_off(&status));
    let said = reply::text(&status);
    assert!(!said.is_empty() && !said.contains(['\n', '\r']), "{said:?}");
}

/// The last lines of an etcd that ended: whatever they are, there is a story,
/// and it fits a screen.
pub fn last_lines(bytes: &[u8]) {
    let (code, rest) = bytes.split_first().map_or((0, bytes), |(code, rest)| (*code, rest));
    let status = cri::ContainerStatus {
        state: 2,
        exit_code: code.into(),
        finished_at: 1 << 60,
        ..cri::ContainerStatus::default()
    };
    let answer = cri::ContainerStatusResponse { status: Some(status), ..Default::default() };
    let end = LastEnd {
        exit_code: code.into(),
        finished_at: 1 << 60,
        last_lines: lines(rest),
        ..LastEnd::default()
    };
    let node =
        Located { container: status::container(answer), last_end: Some(end), ..Default::default() };
    for nospace in [None, Some(false), Some(true)] {
        let story = restart_story(&node, nospace, (1 << 60) + 1).expect("it ended");
        assert!(!story.text.is_empty() && story.text.len() < 2_000, "{}", story.text);
    }
}

/// A snapshot stream, whole and cut into pieces of as many bytes as its first
/// byte says: the same comes out, and no more than went in.
pub fn snapshot_stream(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let whole = blobs_of(stream, stream.len());
    let cut = blobs_of(stream, usize::from(*size));
    assert_eq!(whole, cut);
    assert!(whole.0.len() <= stream.len());
}

/// The blobs in pieces of `size`, and what was wrong with the stream.
fn blobs_of(stream: &[u8], size: usize) -> (Vec<u8>, Option<String>) {
    let (mut blobs, mut found) = (Blobs::default(), Vec::new());
    for piece in stream.chunks(size.max(1)) {
        let mut piece = Bytes::copy_from_slice(piece);
        loop {
            match blobs.next(&mut piece) {
                Ok(Some(blob)) => found.extend_from_slice(&blob),
                Ok(None) => break,
                Err(status) => return (found, Some(status.message().to_owned())),
            }
        }
    }
    let torn = blobs.end().err();
    (found, torn.map(|status| status.message().to_owned()))
}
