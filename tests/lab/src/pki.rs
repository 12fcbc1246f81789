//! Certificates in kubeadm's places and with kubeadm's names, and in those of other
//! layouts. Makes keys and files; the CA is the lab's, everything else a master's own.

use std::{fs, net::IpAddr, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::layout::{Etcd, Pair, expand, files::NodeFile};

/// The certificate authorities all masters of a lab share.
pub struct Authorities {
    etcd: CertifiedIssuer<'static, KeyPair>,
    cluster: CertifiedIssuer<'static, KeyPair>,
    /// Signs the tokens of service accounts.
    accounts: KeyPair,
}

use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};

impl Authorities {
    /// New ones.
    pub fn new() -> Result<Self> {
        Ok(Self {
            etcd: authority("etcd-ca")?,
            cluster: authority("kubernetes")?,
            accounts: KeyPair::generate()?,
        })
    }

    /// Writes the lab's own client certificate to `dir`, so that a test may break
    /// any file of a master and still ask the cluster.
    pub fn equip_judge(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir)?;
        fs::write(dir.join("ca.crt"), self.etcd.pem())?;
        let judge = Subject { common_name: "lab-judge", organization: None };
        issue(&self.etcd, dir, "client", &judge, &[], &[ClientAuth])
    }

    /// Writes everything kubeadm has on a master below `kubernetes` (the
    /// directory that the master sees as /etc/kubernetes).
    pub fn equip(&self, kubernetes: &Path, name: &str, ip: &str) -> Result<()> {
        let pki = kubernetes.join("pki");
        let etcd = pki.join("etcd");
        fs::create_dir_all(&etcd)?;
        for (dir, ca) in [(&etcd, &self.etcd), (&pki, &self.cluster)] {
            write_pair(dir, "ca", &ca.pem(), ca.key())?;
        }
        let own = names(name, ip)?;
        let both = [ServerAuth, ClientAuth];
        issue(
            &self.etcd,
            &etcd,
            "server",
            &Subject { common_name: name, organization: None },
            &own,
            &both,
        )?;
        issue(
            &self.etcd,
            &etcd,
            "peer",
            &Subject { common_name: name, organization: None },
            &own,
            &both,
        )?;
        let healthcheck =
            Subject { common_name: "kube-etcd-healthcheck-client", organization: None };
        issue(&self.etcd, &etcd, "healthcheck-client", &healthcheck, &[], &[ClientAuth])?;
        let apiserver = Subject {
            common_name: "kube-apiserver-etcd-client",
            organization: Some("system:masters"),
        };
        issue(&self.etcd, &pki, "apiserver-etcd-client", &apiserver, &[], &[ClientAuth])?;
        let serving = Subject { common_name: "kube-apiserver", organization: None };
        issue(&self.cluster, &pki, "apiserver", &serving, &own, &[ServerAuth])?;
        let admin = Subject {
            common_name: "kube-apiserver-kubelet-client",
            organization: Some("system:masters"),
        };
        issue(&self.cluster, &pki, "apiserver-kubelet-client", &admin, &[], &[ClientAuth])?;
        fs::write(pki.join("sa.pub"), self.accounts.public_key_pem())?;
        write_key(&pki.join("sa.key"), &self.accounts)
    }
}

impl Authorities {
    /// What etcd has on a master of this layout, the `n`th of its lab.
    pub fn files(&self, etcd: &Etcd, name: &str, n: usize, ip: &str) -> Result<Vec<NodeFile>> {
        let mut files = Vec::new();
        let mut put = |pair: &Pair, common_name: &str, sans: &[SanType], usages: &[_]| {
            let (cert, key) = (expand(pair.cert, name, n), expand(pair.key, name, n));
            if files.iter().any(|file: &NodeFile| file.path == cert) {
                return Ok(());
            }
            let subject =
                Subject { common_name: &expand(common_name, name, n), organization: None };
            let (certificate, pair) = signed(&self.etcd, &subject, sans, usages)?;
            files.push(NodeFile::open(cert, certificate));
            files.push(NodeFile::private(key, pair.serialize_pem()));
            anyhow::Ok(())
        };
        let own = names(name, ip)?;
        let at_home = [
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress("127.0.0.1".parse::<IpAddr>()?),
        ];
        let both = [ServerAuth, ClientAuth];
        put(&etcd.server, "{node}", if etcd.loopback_only { &at_home } else { &own }, &both)?;
        put(&etcd.peer, "{node}", &own, &both)?;
        for (pair, common_name) in etcd.clients {
            put(pair, common_name, &[], &[ClientAuth])?;
        }
        let mut authorities = vec![etcd.ca, etcd.peer_ca];
        authorities.dedup();
        files.extend(authorities.iter().map(|path| NodeFile::open(*path, self.etcd.pem())));
        Ok(files)
    }
}

/// Makes a master's peer certificate anew, signed by the CA that is there,
/// valid between these many days from now on.
pub fn reissue_peer(etcd: &Path, name: &str, ip: &str, days: (i64, i64)) -> Result<()> {
    let subject = Subject { common_name: "etcd-ca", organization: None };
    let mut ca = params(&subject, 3650);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::from_pem(&fs::read_to_string(etcd.join("ca.key"))?)?;
    let ca = rcgen::Issuer::new(ca, key);
    let mut peer = params(&Subject { common_name: name, organization: None }, 1);
    let now = OffsetDateTime::now_utc();
    (peer.not_before, peer.not_after) =
        (now + Duration::days(days.0), now + Duration::days(days.1));
    peer.subject_alt_names = names(name, ip)?;
    peer.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    peer.extended_key_usages = vec![ServerAuth, ClientAuth];
    peer.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = peer.signed_by(&key, &ca)?;
    write_pair(etcd, "peer", &certificate.pem(), &key)
}

struct Subject<'a> {
    common_name: &'a str,
    organization: Option<&'a str>,
}

fn names(name: &str, ip: &str) -> Result<Vec<SanType>> {
    let mut names =
        vec![SanType::DnsName("localhost".try_into()?), SanType::DnsName(name.try_into()?)];
    for address in [ip, "127.0.0.1", "::1"] {
        names.push(SanType::IpAddress(address.parse::<IpAddr>()?));
    }
    Ok(names)
}

fn params(subject: &Subject<'_>, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if !subject.common_name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, subject.common_name);
    }
    if let Some(organization) = subject.organization {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::minutes(5);
    params.not_after = now + Duration::days(days);
    params
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = params(&Subject { common_name: name, organization: None }, 3650);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
    ];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        .context("making a certificate authority")
}

fn issue(
    ca: &CertifiedIssuer<'static, KeyPair>,
    dir: &Path,
    file: &str,
    subject: &Subject<'_>,
    names: &[SanType],
    usages: &[ExtendedKeyUsagePurpose],
) -> Result<()> {
    let (certificate, key) = signed(ca, subject, names, usages)?;
    write_pair(dir, file, &certificate, &key)
}

fn signed(
    ca: &CertifiedIssuer<'static, KeyPair>,
    subject: &Subject<'_>,
    names: &[SanType],
    usages: &[ExtendedKeyUsagePurpose],
) -> Result<(String, KeyPair)> {
    let mut params = params(subject, 365);
    params.subject_alt_names = names.to_vec();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = usages.to_vec();
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, ca)?;
    Ok((certificate.pem(), key))
}

fn write_pair(dir: &Path, file: &str, certificate: &str, key: &KeyPair) -> Result<()> {
    fs::write(dir.join(format!("{file}.crt")), certificate)?;
    write_key(&dir.join(format!("{file}.key")), key)
}

fn write_key(path: &Path, key: &KeyPair) -> Result<()> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).and_then(|mut out| out.write_all(key.serialize_pem().as_bytes()))?;
    Ok(())
}
