//! The simulator's certificate authority: it signs the server, and webhooks of tests.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData as _,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Names of the two files in a directory that keeps an authority.
pub const CERTIFICATE_FILE: &str = "ca.crt";
/// The private key beside it.
pub const KEY_FILE: &str = "ca.key";

/// Whose authority signs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Source {
    /// One made anew with every start.
    #[default]
    New,
    /// The one in a directory, as `ca.crt` and `ca.key`; made there when both are missing.
    Kept(PathBuf),
    /// The one in two PEM files, which somebody else made.
    Files {
        /// The authority's own certificate.
        certificate: PathBuf,
        /// Its private key: PKCS #8, PKCS #1 or SEC 1.
        key: PathBuf,
    },
}

/// A certificate authority.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// `ca.key` of a directory.
struct Kept {
    /// The key, and in files of ours behind it the certificate that it belongs to.
    key: String,
}

impl Kept {
    fn of(dir: &Path) -> anyhow::Result<Option<Self>> {
        let file = dir.join(KEY_FILE);
        match std::fs::read_to_string(&file) {
            Ok(key) => Ok(Some(Self { key })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read the authority's {}", file.display())),
        }
    }

    fn certificate(&self) -> Option<&str> {
        self.key.find("-----BEGIN CERTIFICATE-----").and_then(|at| self.key.get(at..))
    }
}

/// A certificate and its key, as PEM.
pub struct Issued {
    /// The certificate, followed by the authority's.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl Authority {
    /// The authority that `source` names.
    ///
    /// # Errors
    /// When a file cannot be read or written, or what they hold cannot sign a server that a client would trust.
    pub fn of(source: &Source) -> anyhow::Result<Self> {
        match source {
            Source::New => Self::generate(),
            Source::Kept(dir) => Self::kept(dir),
            Source::Files { certificate, key } => Self::read(certificate, key),
        }
    }

    /// A new authority.
    ///
    /// # Errors
    /// When the cryptography refuses, which it has no reason to.
    pub fn generate() -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("cannot make a key")?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "azure-sim");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// An authority that somebody made. It is tried: one that no client would trust is refused here, where the reason can
    /// still be said.
    ///
    /// # Errors
    /// When one of the two is no PEM, they do not belong together, or the certificate is no authority's or is expired.
    pub fn from_pem(certificate: &str, key: &str) -> anyhow::Result<Self> {
        let pair = KeyPair::from_pem(key).context("the key is no private key in PEM")?;
        // Only the first one signs; what follows in a bundle is not ours.
        let der = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|error| anyhow::anyhow!("the certificate is not PEM: {error}"))?;
        judge(&der, &pair)?;
        let issuer = Issuer::from_ca_cert_der(&der, pair).context("the certificate cannot be read")?;
        Ok(Self { certificate: certificate.trim_end().to_owned() + "\n", issuer })
    }

    /// The authority in two PEM files.
    ///
    /// # Errors
    /// As [`Authority::from_pem`], and when a file cannot be read.
    pub fn read(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let text = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| format!("cannot read the authority's {}", path.display()))
        };
        Self::from_pem(&text(certificate)?, &text(key)?)
            .with_context(|| format!("the authority of {} and {} cannot be used", certificate.display(), key.display()))
    }

    /// The authority in a directory; made there when it has none, so that clients trust the next start as they did this one.
    ///
    /// # Errors
    /// As [`Authority::read`], when the key is there without its certificate, and when they cannot be written.
    pub fn kept(dir: &Path) -> anyhow::Result<Self> {
        // `ca.crt` alone is what a run without a kept authority leaves for its clients.
        let Some(kept) = Kept::of(dir)? else {
            let authority = Self::generate()?;
            authority.keep(dir)?;
            return Ok(authority);
        };
        let files = || format!("the authority in {} cannot be used", dir.display());
        if let Some(certificate) = kept.certificate() {
            return Self::from_pem(certificate, &kept.key).with_context(files);
        }
        let certificate = dir.join(CERTIFICATE_FILE);
        let text = std::fs::read_to_string(&certificate)
            .with_context(|| format!("cannot read the authority's {}", certificate.display()))?;
        Self::from_pem(&text, &kept.key).with_context(files)
    }

    /// Writes `ca.crt` and `ca.key` into a directory, which is made when missing.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn keep(&self, dir: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        // The key last: its presence says that both are whole.
        write(&dir.join(CERTIFICATE_FILE), self.pem(), 0o644)?;
        // With its certificate, as `ca.crt` is every run's, also of one with another authority.
        write(&dir.join(KEY_FILE), &(self.key_pem() + self.pem()), 0o600)
    }

    /// Writes `ca.crt` for clients of this run. What another run kept in that directory stays whole.
    ///
    /// # Errors
    /// When something cannot be read or written.
    pub fn publish(&self, dir: &Path) -> anyhow::Result<()> {
        let published = dir.join(CERTIFICATE_FILE);
        if let Some(kept) = Kept::of(dir)?.filter(|kept| kept.certificate().is_none())
            && let Ok(certificate) = std::fs::read_to_string(&published)
            && let Ok(pair) = Self::from_pem(&certificate, &kept.key)
            && pair.pem() != self.pem()
        {
            write(&dir.join(KEY_FILE), &(kept.key.trim_end().to_owned() + "\n" + pair.pem()), 0o600)?;
        }
        write(&published, self.pem(), 0o644)
    }

    /// The authority's own certificate, as PEM.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// Its private key, as PEM. Whoever has it can be anyone to those who trust the authority.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A server certificate for host names and addresses.
    ///
    /// # Errors
    /// When a name cannot be put into a certificate.
    pub fn issue(&self, names: &[String]) -> anyhow::Result<Issued> {
        let key = KeyPair::generate().context("cannot make a key")?;
        let mut params = CertificateParams::new(names.to_vec()).context("not a host name or address")?;
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("azure-sim", String::as_str));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate: format!("{}{}", certificate.pem(), self.pem()), key: key.serialize_pem() })
    }
}

/// Refuses a certificate that is none of an authority, is not valid now, or has another key.
fn judge(certificate: &CertificateDer<'_>, key: &KeyPair) -> anyhow::Result<()> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).context("the certificate cannot be read")?;
    anyhow::ensure!(read.is_ca(), "the certificate is not that of an authority: its basic constraints do not say CA");
    anyhow::ensure!(
        read.validity().is_valid(),
        "the certificate is not valid now: from {} to {}",
        read.validity().not_before,
        read.validity().not_after
    );
    anyhow::ensure!(read.public_key().raw == key.subject_public_key_info(), "the key is not the certificate's");
    Ok(())
}

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path).with_context(context)?;
    file.write_all(text.as_bytes()).with_context(context)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn pair() -> (String, String) {
        let authority = Authority::generate().unwrap();
        (authority.pem().to_owned(), authority.key_pem())
    }

    #[test]
    fn a_directory_keeps_one_authority_and_only_its_owner_reads_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Source::Kept(dir.path().join("new"));
        let first = Authority::of(&kept).unwrap();
        let second = Authority::of(&kept).unwrap();
        assert_eq!(first.pem(), second.pem());
        assert_ne!(first.pem(), Authority::of(&Source::New).unwrap().pem());
        let mode = std::fs::metadata(dir.path().join("new").join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_no_client_would_trust_is_refused_with_the_reason() {
        let ((certificate, key), (_, other)) = (pair(), pair());
        assert!(Authority::from_pem(&certificate, &key).is_ok());
        let leaf = Authority::generate().unwrap().issue(&["x.test".to_owned()]).unwrap();
        for (certificate, key, why) in [
            (certificate.as_str(), other.as_str(), "the key is not the certificate's"),
            (&leaf.certificate, &leaf.key, "not that of an authority"),
            (&certificate, "key", "no private key"),
            ("certificate", &key, "not PEM"),
        ] {
            let error = Authority::from_pem(certificate, key).err().unwrap();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }

    #[test]
    fn a_key_that_is_missing_is_named_and_nothing_is_made_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
        std::fs::write(&certificate, pair().0).unwrap();
        let error = Authority::of(&Source::Files { certificate, key: key.clone() }).err().unwrap();
        assert!(format!("{error:#}").contains("tls.key"), "{error:#}");
        assert!(!key.exists());
    }
}
