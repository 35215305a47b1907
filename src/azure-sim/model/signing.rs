//! The key that signs access tokens, and what of it is public.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An RSA key with its certificate, as Entra's signing keys have one. Cloning shares it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Pem", into = "Pem")]
pub struct SigningKey(Arc<Parts>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pem {
    key: String,
    certificate: String,
}

struct Parts {
    pem: Pem,
    signs: EncodingKey,
    verifies: DecodingKey,
    /// Entra names a key by the SHA-1 thumbprint of its certificate.
    id: String,
    public: Value,
}

impl SigningKey {
    /// From PEM: an RSA private key (PKCS#8 or PKCS#1), and a certificate of that key.
    ///
    /// # Errors
    /// When one of them is not what it should be, or they do not belong together.
    pub fn from_pem(key: &str, certificate: &str) -> Result<Self, String> {
        let signs = EncodingKey::from_rsa_pem(key.as_bytes()).map_err(|e| format!("the signing key: {e}"))?;
        let of_key = rsa(&signs).ok_or("the signing key: not an RSA key")?;
        let certified = Certified::from_pem(certificate)?;
        let verifies = certified.key()?;
        let of_certificate = Jwk::from_decoding_key(&verifies, None).map_err(|e| format!("the certificate: {e}"))?;
        if rsa_parts(&of_certificate).as_ref() != Some(&of_key) {
            return Err("the certificate is not of the signing key".into());
        }
        let (n, e) = of_key;
        let public = json!({
            "kty": "RSA", "use": "sig", "kid": certified.sha1, "x5t": certified.sha1, "n": n, "e": e,
            "x5c": [STANDARD.encode(&certified.der)],
        });
        let pem = Pem { key: key.to_owned(), certificate: certificate.to_owned() };
        Ok(Self(Arc::new(Parts { pem, signs, verifies, id: certified.sha1, public })))
    }

    pub(crate) fn signs(&self) -> &EncodingKey {
        &self.0.signs
    }

    pub(crate) fn verifies(&self) -> &DecodingKey {
        &self.0.verifies
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// The public half as an entry of a key set.
    pub(crate) fn public(&self) -> &Value {
        &self.0.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.0.id).finish()
    }
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.pem == other.0.pem
    }
}

impl TryFrom<Pem> for SigningKey {
    type Error = String;

    fn try_from(pem: Pem) -> Result<Self, String> {
        Self::from_pem(&pem.key, &pem.certificate)
    }
}

impl From<SigningKey> for Pem {
    fn from(key: SigningKey) -> Self {
        key.0.pem.clone()
    }
}

fn rsa(key: &EncodingKey) -> Option<(String, String)> {
    rsa_parts(&Jwk::from_encoding_key(key, Algorithm::RS256).ok()?)
}

fn rsa_parts(jwk: &Jwk) -> Option<(String, String)> {
    match &jwk.algorithm {
        AlgorithmParameters::RSA(key) => Some((key.n.clone(), key.e.clone())),
        _ => None,
    }
}

/// A certificate that an application may sign in with, and its two thumbprints (base64url, as JWT headers carry them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certified {
    pub(crate) der: Vec<u8>,
    pub(crate) sha1: String,
    pub(crate) sha256: String,
}

impl Certified {
    pub(crate) fn from_pem(pem: &str) -> Result<Self, String> {
        use rustls_pki_types::CertificateDer;
        use rustls_pki_types::pem::PemObject as _;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| format!("the certificate: {e}"))?;
        let certified = Self {
            sha1: URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &der)),
            sha256: URL_SAFE_NO_PAD.encode(digest(&SHA256, &der)),
            der: der.to_vec(),
        };
        certified.key()?;
        Ok(certified)
    }

    /// The public key. Entra takes certificates of RSA keys only.
    pub(crate) fn key(&self) -> Result<DecodingKey, String> {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", wrapped(&self.der));
        DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| "the certificate is not of an RSA key".to_owned())
    }
}

/// PEM wants short lines.
fn wrapped(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).filter_map(|at| text.get(at..text.len().min(at + 64))).collect();
    lines.join("\n")
}
