//! A certificate authority of our own, made anew for each server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::process::Account;

/// The name in a server's certificate. The address `127.0.0.1` is *not* in it, so that a test can connect with
/// the right name and with a wrong one.
pub(super) const SERVER_NAME: &str = "localhost";

/// Files of a server's TLS identity.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The authority that signed the server's certificate, PEM.
    pub authority: PathBuf,
    /// Another authority, which signed nothing, PEM.
    pub stranger: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificates {
    /// Makes them in `directory`; the private key is readable by the server alone.
    pub(super) fn make(directory: &Path, account: Option<Account>) -> Self {
        let authority = authority("Sensei tests");
        let stranger = self::authority("A stranger");
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new([SERVER_NAME.to_owned()]).expect("a valid name");
        parameters.distinguished_name.push(DnType::CommonName, SERVER_NAME);
        let certificate = parameters.signed_by(&key, &authority).expect("a certificate");
        let files = Self {
            authority: directory.join("authority.pem"),
            stranger: directory.join("stranger.pem"),
            certificate: directory.join("server.pem"),
            key: directory.join("server.key"),
        };
        for (path, text, mode) in [
            (&files.authority, authority.pem(), 0o644),
            (&files.stranger, stranger.pem(), 0o644),
            (&files.certificate, certificate.pem(), 0o644),
            (&files.key, key.serialize_pem(), 0o600),
        ] {
            fs::write(path, text).expect("a certificate file");
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its permissions");
            if let Some(account) = account {
                account.own(path);
            }
        }
        files
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("a self-signed certificate")
}
