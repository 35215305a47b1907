//! What the directory holds: applications with their credentials, resources that tokens are for, managed identities.

use std::collections::BTreeMap;

use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::config::Config;
use super::super::signing::Certified;
use super::super::token::{self, Mint, Version};
use super::super::world::World;
use super::{Denied, denied};

/// Whose assertions about whom an application takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Federated {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) jwks: JwkSet,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Application {
    pub(super) secret: Option<String>,
    /// A secret whose time is over is told apart from a wrong one.
    pub(super) secret_expired: bool,
    pub(super) certificates: Vec<Certified>,
    pub(super) federated: Vec<Federated>,
}

/// An identity of the machine or app that asks without a credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) client_id: String,
    /// None for the one that comes with the machine.
    pub(super) resource_id: Option<String>,
}

/// The directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Applications {
    pub(super) by_id: BTreeMap<String, Application>,
    /// Application id URIs, and the version of token each wants.
    resources: BTreeMap<String, Version>,
    pub(super) identities: Vec<Identity>,
    /// What an app must show to its identity endpoint.
    pub(crate) identity_header: String,
    pub(crate) mint: Mint,
}

/// Resources of Microsoft's that every directory knows.
const FIRST_PARTY: [&str; 6] = [
    "https://storage.azure.com",
    "https://communication.azure.com",
    "https://eventgrid.azure.net",
    "https://servicebus.azure.net",
    "https://vault.azure.net",
    "https://graph.microsoft.com",
];

impl Applications {
    pub(crate) fn new(config: &Config) -> Self {
        let machine = token::object_id(&config.tenant_id, &format!("identity of the machine {}", config.seed));
        let mut applications = Self {
            by_id: BTreeMap::new(),
            resources: BTreeMap::new(),
            identities: vec![Identity { client_id: machine, resource_id: None }],
            identity_header: token::object_id(&config.tenant_id, &format!("identity header {}", config.seed))
                .replace('-', "")
                .to_ascii_uppercase(),
            mint: Mint::new(config.seed),
        };
        applications.add(&config.client_id, Some(config.client_secret.clone()));
        applications
    }

    /// An application with a secret; a secret that is there already is replaced.
    pub(crate) fn add(&mut self, client_id: &str, secret: Option<String>) {
        let application = self.by_id.entry(client_id.to_ascii_lowercase()).or_default();
        if secret.is_some() {
            application.secret = secret;
            application.secret_expired = false;
        }
    }

    /// Lets an application's secret be over; false when there is no such application.
    pub(crate) fn expire_secret(&mut self, client_id: &str) -> bool {
        let application = self.by_id.get_mut(&client_id.to_ascii_lowercase());
        application.map(|application| application.secret_expired = true).is_some()
    }

    /// Lets an application sign in with what the key of this certificate signed.
    pub(crate) fn certify(&mut self, client_id: &str, certificate: &str) -> Result<(), String> {
        let certified = Certified::from_pem(certificate)?;
        let application = self.by_id.entry(client_id.to_ascii_lowercase()).or_default();
        application.certificates.retain(|c| c.sha1 != certified.sha1);
        application.certificates.push(certified);
        Ok(())
    }

    /// Trusts `issuer`'s assertions about `subject`, replacing an older record of the same two.
    pub(crate) fn trust(&mut self, client_id: &str, issuer: &str, subject: &str, jwks: &Value) -> Result<(), String> {
        let jwks = serde_json::from_value(jwks.clone()).map_err(|e| format!("jwks: {e}"))?;
        let application = self.by_id.entry(client_id.to_ascii_lowercase()).or_default();
        application.federated.retain(|f| f.issuer != issuer || f.subject != subject);
        application.federated.push(Federated { issuer: issuer.into(), subject: subject.into(), jwks });
        Ok(())
    }

    /// Registers a resource that tokens may be for, under its application id URI.
    pub(crate) fn add_resource(&mut self, uri: &str, version: Version) {
        self.resources.insert(bare(uri).to_owned(), version);
    }

    /// Gives the machine a user-assigned identity.
    pub(crate) fn add_identity(&mut self, client_id: &str, resource_id: &str) {
        let client_id = client_id.to_ascii_lowercase();
        self.identities.retain(|i| i.client_id != client_id);
        self.identities.push(Identity { client_id, resource_id: Some(resource_id.to_owned()) });
    }

    /// The version of token that a resource wants; 1.0 where nobody registered another.
    pub(crate) fn version_of(&self, audience: &str) -> Version {
        self.resources.get(bare(audience)).copied().unwrap_or_default()
    }

    fn knows(&self, resource: &str) -> bool {
        let id = resource.strip_prefix("api://").unwrap_or(resource).to_ascii_lowercase();
        self.resources.contains_key(resource) || self.by_id.contains_key(&id)
    }
}

fn bare(uri: &str) -> &str {
    uri.trim_end_matches('/')
}

/// Whether a token can be for this; Entra knows a resource with and without its last slash, and keeps it as it was asked
/// for.
pub(super) fn resource(world: &World, resource: &str) -> Result<(), Denied> {
    let plain = bare(resource);
    // A storage account is a resource of its own: https://account.blob.core.windows.net.
    let account = plain.starts_with("https://") && plain.ends_with(".core.windows.net");
    let known = plain == world.config().base_url
        || token::ARM_AUDIENCES.contains(&plain)
        || FIRST_PARTY.contains(&plain)
        || account
        || world.applications.knows(plain);
    if known {
        return Ok(());
    }
    let message = format!(
        "The resource principal named {resource} was not found in the tenant named {}. This can happen if the \
         application has not been installed by the administrator of the tenant or consented to by any user in the \
         tenant. You might have sent your authentication request to the wrong tenant.",
        world.config().tenant_id
    );
    Err(denied(400, "invalid_resource", 500_011, message))
}

/// The tenant of a token request.
pub(super) fn of_tokens(world: &World, tenant: &str) -> Result<(), Denied> {
    if tenant.eq_ignore_ascii_case(&world.config().tenant_id) {
        return Ok(());
    }
    let name = tenant.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    let guid = tenant.len() == 36 && tenant.bytes().filter(|b| *b == b'-').count() == 4;
    // A word that is neither a guid nor a domain never names a directory.
    if !name || !(guid || tenant.contains('.')) {
        let message =
            format!("Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.");
        return Err(denied(400, "invalid_request", 900_023, message));
    }
    let message = format!(
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the \
         correct cloud. Check with your subscription administrator, this may happen if there are no active \
         subscriptions for the tenant."
    );
    Err(denied(400, "invalid_request", 90002, message))
}

/// The tenant of a document: also the names that stand for any directory.
pub(super) fn of_documents(world: &World, tenant: &str) -> Result<(), Denied> {
    match tenant {
        "common" | "organizations" | "consumers" => Ok(()),
        _ => of_tokens(world, tenant),
    }
}
