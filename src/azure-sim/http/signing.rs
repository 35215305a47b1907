//! The key that signs access tokens, made anew for a world that brings none.

use rcgen::{CertificateParams, DnType, KeyPair};

use crate::model::SigningKey;

/// As long as Entra's keys are.
pub(super) fn new() -> anyhow::Result<SigningKey> {
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)?;
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "azure-sim access tokens");
    let certificate = params.self_signed(&key)?;
    SigningKey::from_pem(&key.serialize_pem(), &certificate.pem()).map_err(anyhow::Error::msg)
}
