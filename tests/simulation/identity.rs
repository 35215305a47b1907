//! On whose behalf calls are made: client secrets, and federated assertions that cannot be had in a namespace that goes.

use acs_core::azure::call::{Access, Proof};
use acs_core::azure::error::{AzureError, Fate};

use crate::sim::Sim;

impl Sim {
    /// A token for an account, as the operator would get it: kept once had, else by the Secret.
    ///
    /// # Errors
    /// As the operator's own code words it.
    pub fn token(&mut self, replica: usize, access: &Access, fresh: bool) -> Result<String, AzureError> {
        let cached = self.replicas.get(replica).and_then(|view| view.tokens.get(&access.account)).cloned();
        if let Some(token) = cached.filter(|_| !fresh) {
            return Ok(token);
        }
        let Proof::ClientSecret { secret, key } = &access.proof else { return self.federated(replica, access) };
        let content = self.cluster.secret(&access.account.namespace, secret).and_then(|secret| secret.content.get(key));
        let Some(content) = content.cloned() else { return Err(unavailable("the Secret is gone")) };
        let token = self.azure.token(&access.tenant, &access.client, &content, self.now)?;
        if let Some(view) = self.replicas.get_mut(replica) {
            view.tokens.insert(access.account.clone(), token.clone());
        }
        Ok(token)
    }

    /// A token by the assertion at hand, by a new one, or by the one that was put away before the namespace began to go.
    fn federated(&mut self, replica: usize, access: &Access) -> Result<String, AzureError> {
        let account = &access.account;
        let put_away = acs_core::names::assertion_secret(&account.name);
        let put_away = self.cluster.secret(&account.namespace, &put_away);
        let kept = put_away.is_some_and(|secret| secret.content.contains_key(acs_wire::secret_keys::ASSERTION));
        let refused = self.cluster.is_terminating(&account.namespace);
        let Some(view) = self.replicas.get_mut(replica) else { return Err(unavailable("no replica")) };
        if !refused {
            view.assertions.insert(account.clone());
        }
        if !kept && !view.assertions.contains(account) {
            return Err(unavailable("no assertion can be had in a namespace that is going"));
        }
        // How Entra checks assertions is azure-sim's own test; here only whether there is one counts.
        let config = self.azure.world.config().clone();
        let token = self.azure.token(&config.tenant_id, &config.client_id, &config.client_secret, self.now)?;
        if let Some(view) = self.replicas.get_mut(replica) {
            view.tokens.insert(account.clone(), token.clone());
        }
        Ok(token)
    }
}

/// Nothing was sent, for want of a credential.
pub fn unavailable(why: &str) -> AzureError {
    AzureError { status: None, fate: Fate::NotApplied, ..AzureError::of_operation("CredentialUnavailable", why) }
}
