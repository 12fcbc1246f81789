//! Certificate and key files: every form that works, and every mistake told
//! apart before anything is dialled.

mod fake;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use etcd_rescue::{
    model::CertificateRole,
    wire::{FileRole, Tls, TlsError},
};
use fake::pki::{Authority, Files};
use rcgen::date_time_ymd;

fn load(files: &Files, cert: &str, key: &str) -> Result<Tls, TlsError> {
    Tls::load(None, Some(&files.path(cert)), Some(&files.path(key)))
}

/// `None` where there is no openssl command.
fn openssl(files: &Files, args: &str) -> Option<()> {
    let done =
        Command::new("openssl").args(args.split(' ')).current_dir(files.path(".")).output().ok()?;
    assert!(done.status.success(), "{args}: {}", String::from_utf8_lossy(&done.stderr));
    Some(())
}

/// A self-signed pair in `c` and `k` (PKCS#8).
fn pair(files: &Files, kind: &str) -> Option<()> {
    openssl(files, &format!("req -x509 -nodes -subj /CN=client -days 2 -out c -keyout k {kind}"))
}

const P256: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

#[test]
fn every_usual_key_form_is_read() {
    let files = Files::new();
    let kinds = [
        ("-newkey rsa:2048", Some("rsa -traditional")),
        (P256, Some("ec")),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-384", Some("ec")),
        ("-newkey ed25519", None),
    ];
    for (kind, older) in kinds {
        let Some(()) = pair(&files, kind) else { return };
        load(&files, "c", "k").unwrap_or_else(|error| panic!("{kind} PKCS#8: {error}"));
        if let Some(older) = older {
            openssl(&files, &format!("{older} -in k -out old"));
            let text = std::fs::read_to_string(files.path("old")).unwrap();
            assert!(text.contains("RSA PRIVATE KEY") || text.contains("EC PRIVATE KEY"), "{kind}");
            load(&files, "c", "old").unwrap_or_else(|error| panic!("{kind} {older}: {error}"));
        }
    }
}

#[test]
fn a_sec1_key_behind_its_parameters_is_read() {
    let files = Files::new();
    let Some(()) = openssl(&files, "ecparam -name prime256v1 -genkey -out k") else { return };
    assert!(std::fs::read_to_string(files.path("k")).unwrap().contains("EC PARAMETERS"));
    openssl(&files, "req -x509 -key k -subj /CN=client -days 2 -out c");
    load(&files, "c", "k").unwrap();
}

#[test]
fn keys_we_cannot_use_are_named() {
    let files = Files::new();
    let Some(()) = pair(&files, "-newkey ec -pkeyopt ec_paramgen_curve:P-521") else { return };
    let error = load(&files, "c", "k").unwrap_err();
    assert!(matches!(error, TlsError::KeyUnsupported { .. }), "{error}");

    pair(&files, P256);
    openssl(&files, "pkcs8 -topk8 -in k -out locked -passout pass:secret");
    openssl(&files, "ec -in k -out older -aes128 -passout pass:secret");
    for locked in ["locked", "older"] {
        let error = load(&files, "c", locked).unwrap_err();
        assert!(matches!(error, TlsError::KeyEncrypted { .. }), "{locked}: {error}");
        assert!(
            error
                .to_string()
                .ends_with("is encrypted, which is not supported: give an unencrypted one")
        );
    }
}

#[test]
fn files_that_are_missing_or_mixed_up() {
    let (files, ca) = (Files::new(), Authority::new("etcd-ca"));
    let (one, two) = (ca.issue("one", &[]), ca.issue("two", &[]));
    files.write("one.crt", &one.cert);
    files.write("one.key", &one.key);
    files.write("two.key", &two.key);
    files.write("empty", "");
    files.write("torn", &one.key.replace("-----END", "!!-----END"));

    load(&files, "one.crt", "one.key").unwrap();
    let error = load(&files, "one.crt", "two.key").unwrap_err();
    assert!(matches!(&error, TlsError::KeyMismatch { cert, .. } if cert.ends_with("one.crt")));
    let error = load(&files, "none.crt", "one.key").unwrap_err();
    let TlsError::Unreadable { role, path, .. } = &error else { panic!("{error}") };
    assert_eq!(*role, FileRole::Certificate(CertificateRole::Client));
    assert_eq!(error.to_string(), format!("cannot read the client certificate {}", path.display()));
    for (cert, key) in [("empty", "one.key"), ("one.crt", "empty"), ("one.crt", "one.crt")] {
        let error = load(&files, cert, key).unwrap_err();
        assert!(matches!(error, TlsError::NothingInside { .. }), "{cert} {key}: {error}");
    }
    let error = load(&files, "one.crt", "torn").unwrap_err();
    assert!(matches!(error, TlsError::Malformed { role: FileRole::Key, .. }), "{error}");
    let half = Tls::load(None, Some(Path::new("c")), None).unwrap_err();
    assert_eq!(half.to_string(), "c was given without its client key");
}

#[test]
fn a_client_certificate_out_of_its_time_is_told_before_dialling() {
    let (files, ca) = (Files::new(), Authority::new("etcd-ca"));
    let old = ca.issue_with("old", &[], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 3, 1);
    });
    files.write("c", &old.cert);
    files.write("k", &old.key);
    let error = load(&files, "c", "k").unwrap_err();
    assert!(matches!(&error, TlsError::Expired { .. }), "{error}");
    assert!(error.to_string().contains("expired on 2021-03-01 (subject CN=old; this machine's"));

    let future = ca.issue_with("new", &[], |params| params.not_before = date_time_ymd(4000, 1, 1));
    files.write("c", &future.cert);
    files.write("k", &future.key);
    let error = load(&files, "c", "k").unwrap_err();
    assert!(error.to_string().contains("is not valid before 4000-01-01"), "{error}");
}

#[test]
fn a_bundle_may_hold_several_authorities() {
    let files = Files::new();
    let (one, two) = (Authority::new("one"), Authority::new("two"));
    let path: PathBuf = files.write("ca", &format!("# both\n{}\n{}", one.pem, two.pem));
    let tls = Tls::load(Some(&path), None, None).unwrap();
    let shown = format!("{tls:?}");
    assert!(shown.contains("CN=one") && shown.contains("CN=two"), "{shown}");
}

#[test]
fn a_key_never_shows() {
    let (files, ca) = (Files::new(), Authority::new("etcd-ca"));
    let issued = ca.issue("one", &[]);
    let tls = files.tls(&ca, Some(&issued));
    let shown = format!("{tls:?}");
    assert!(shown.contains("CN=one") && !shown.contains("PRIVATE"), "{shown}");
}
