//! The certificates and keys of one cluster. Elliptic curves: made in milliseconds.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

pub(super) const AUTHORITY: &str = "ca.crt";
pub(super) const SERVER_CERTIFICATE: &str = "apiserver.crt";
pub(super) const SERVER_KEY: &str = "apiserver.key";
pub(super) const KUBELET_CLIENT_CERTIFICATE: &str = "apiserver-kubelet.crt";
pub(super) const KUBELET_CLIENT_KEY: &str = "apiserver-kubelet.key";
pub(super) const TOKEN_KEY: &str = "service-account.key";
pub(super) const TOKEN_PUBLIC_KEY: &str = "service-account.pub";

const ALL_RIGHTS: &str = "system:masters";

/// Whom a client certificate names.
pub(super) struct Identity {
    user: String,
    group: Option<&'static str>,
}

impl Identity {
    pub(super) fn admin() -> Self {
        Self { user: "admin".to_owned(), group: Some(ALL_RIGHTS) }
    }

    /// A name of its own, so that the audit log tells it from a test; all rights, as it has no accounts per controller.
    pub(super) fn controller_manager() -> Self {
        Self { user: "system:kube-controller-manager".to_owned(), group: Some(ALL_RIGHTS) }
    }

    /// The API server when it asks a kubelet for logs.
    pub(super) fn kubelet_client() -> Self {
        Self { user: "kube-apiserver-kubelet-client".to_owned(), group: Some(ALL_RIGHTS) }
    }

    /// Reads Services and their endpoints. There is no role of that name to begin with, and none is made: whoever looks
    /// at the cluster's RBAC should find there what he put there.
    pub(super) fn coredns() -> Self {
        Self { user: "system:coredns".to_owned(), group: Some(ALL_RIGHTS) }
    }

    /// Rights by a role that every cluster has.
    pub(super) fn scheduler() -> Self {
        Self { user: "system:kube-scheduler".to_owned(), group: None }
    }

    /// Rights by a role that every cluster has.
    pub(super) fn proxy() -> Self {
        Self { user: "system:kube-proxy".to_owned(), group: None }
    }

    /// The kubelet of a node, whom the node authorizer knows by name and group.
    pub(super) fn node(name: &str) -> Self {
        Self { user: format!("system:node:{name}"), group: Some("system:nodes") }
    }
}

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: String,
}

pub(super) struct ClientCertificate {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Writes what the API server, which is called by `names`, needs into `dir`; returns the authority that signs clients.
pub(super) fn write(dir: &Path, names: Vec<String>) -> Result<Authority> {
    let authority = authority()?;
    put(dir, AUTHORITY, &authority.certificate)?;
    authority.write_server(dir, "kube-apiserver", names, SERVER_CERTIFICATE, SERVER_KEY)?;
    let tokens = KeyPair::generate()?;
    put(dir, TOKEN_KEY, &tokens.serialize_pem())?;
    put(dir, TOKEN_PUBLIC_KEY, &tokens.public_key_pem())?;
    Ok(authority)
}

fn put(dir: &Path, name: &str, text: &str) -> Result<()> {
    fs::write(dir.join(name), text).with_context(|| format!("writing {name}"))
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
    /// Writes the certificate and the key of a server that is called by `names`.
    pub(super) fn write_server(
        &self,
        dir: &Path,
        title: &str,
        names: Vec<String>,
        certificate_file: &str,
        key_file: &str,
    ) -> Result<()> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, title);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        put(dir, certificate_file, &params.signed_by(&key, &self.issuer)?.pem())?;
        put(dir, key_file, &key.serialize_pem())
    }

    /// Writes a client's certificate and key to files of their own, for a program that takes no kubeconfig.
    pub(super) fn write_client(
        &self,
        dir: &Path,
        identity: &Identity,
        certificate_file: &str,
        key_file: &str,
    ) -> Result<()> {
        let client = self.issue(identity)?;
        put(dir, certificate_file, &client.certificate)?;
        put(dir, key_file, &client.key)
    }

    pub(super) fn issue(&self, identity: &Identity) -> Result<ClientCertificate> {
        let mut params = CertificateParams::new(Vec::new())?;
        if let Some(group) = identity.group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.distinguished_name.push(DnType::CommonName, identity.user.as_str());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(ClientCertificate { certificate, key: key.serialize_pem() })
    }
}
