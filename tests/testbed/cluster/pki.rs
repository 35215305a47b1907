//! The certificates and keys of one bare cluster. Elliptic curves: made in milliseconds.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

pub(super) const AUTHORITY: &str = "ca.crt";
pub(super) const SERVER_CERTIFICATE: &str = "apiserver.crt";
pub(super) const SERVER_KEY: &str = "apiserver.key";
pub(super) const TOKEN_KEY: &str = "service-account.key";
pub(super) const TOKEN_PUBLIC_KEY: &str = "service-account.pub";

/// Whom a client certificate names.
pub(super) struct Identity {
    user: &'static str,
    group: &'static str,
}

impl Identity {
    pub(super) const ADMIN: Identity = Identity { user: "admin", group: "system:masters" };
    /// A name of its own, so that the audit log tells it from a test; all rights, as it has no accounts per controller.
    pub(super) const CONTROLLER_MANAGER: Identity =
        Identity { user: "system:kube-controller-manager", group: "system:masters" };
}

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: String,
}

pub(super) struct ClientCertificate {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Writes what the API server needs into `dir` and returns the authority that signs clients.
pub(super) fn write(dir: &Path) -> Result<Authority> {
    let put = |name: &str, text: String| fs::write(dir.join(name), text).with_context(|| format!("writing {name}"));
    let authority = authority()?;
    put(AUTHORITY, authority.certificate.clone())?;
    let names = ["127.0.0.1", "10.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc"].map(str::to_owned);
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    put(SERVER_CERTIFICATE, server.signed_by(&key, &authority.issuer)?.pem())?;
    put(SERVER_KEY, key.serialize_pem())?;
    let tokens = KeyPair::generate()?;
    put(TOKEN_KEY, tokens.serialize_pem())?;
    put(TOKEN_PUBLIC_KEY, tokens.public_key_pem())?;
    Ok(authority)
}

fn authority() -> Result<Authority> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "testbed");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(Authority { issuer: Issuer::new(params, key), certificate })
}

impl Authority {
    pub(super) fn issue(&self, identity: &Identity) -> Result<ClientCertificate> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::OrganizationName, identity.group);
        params.distinguished_name.push(DnType::CommonName, identity.user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(ClientCertificate { certificate, key: key.serialize_pem() })
    }
}
