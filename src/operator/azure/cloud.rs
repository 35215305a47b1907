//! Azure clouds, by name. Endpoints come only from the operator's configuration: a tenant's object names a cloud, never a host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::{Host, Url};

/// One Azure cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Name, as in `AzureAccount.spec.cloud`.
    pub name: String,
    /// Azure Resource Manager.
    pub arm_endpoint: Url,
    /// Entra ID.
    pub authority: Url,
    /// Audience of tokens for ARM, without a slash at its end: Entra answers `//.default` with a token that ARM refuses.
    pub audience: String,
    /// Audience of a federated assertion.
    pub exchange_audience: String,
    /// PEM file with authorities that are trusted for this cloud and for no other.
    pub ca_bundle: Option<PathBuf>,
    /// Where relays connect for pushes instead of the hub's own host: for simulators.
    pub push_endpoint: Option<String>,
}

/// A cloud that cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum CloudError {
    #[error("cloud \"{cloud}\": {what} \"{url}\" is not a URL: {cause}")]
    NotAUrl { cloud: String, what: &'static str, url: String, cause: url::ParseError },
    #[error("cloud \"{cloud}\": {what} \"{url}\" must be an https origin (http is for loopback hosts only)")]
    NotAnOrigin { cloud: String, what: &'static str, url: String },
    #[error("cloud \"{cloud}\": authority \"{url}\" must be https: secrets are sent to it")]
    PlainAuthority { cloud: String, url: String },
    #[error("cloud \"{cloud}\": name and audience must not be empty")]
    Empty { cloud: String },
}

impl Cloud {
    /// A cloud of the operator's configuration.
    ///
    /// # Errors
    /// If a URL is none, or would send a token in the clear.
    pub fn new(name: &str, arm_endpoint: &str, authority: &str, audience: &str) -> Result<Self, CloudError> {
        let audience = audience.trim_end_matches('/');
        if name.is_empty() || audience.is_empty() {
            return Err(CloudError::Empty { cloud: name.to_owned() });
        }
        let arm_endpoint = origin(name, "ARM endpoint", arm_endpoint)?;
        let authority = origin(name, "authority", authority)?;
        // The identity library refuses it with every token, on a loopback address too: better said at start.
        if authority.scheme() != "https" {
            return Err(CloudError::PlainAuthority { cloud: name.to_owned(), url: authority.to_string() });
        }
        Ok(Self {
            name: name.to_owned(),
            arm_endpoint,
            authority,
            audience: audience.to_owned(),
            exchange_audience: "api://AzureADTokenExchange".to_owned(),
            ca_bundle: None,
            push_endpoint: None,
        })
    }

    /// With another audience for federated assertions: each sovereign cloud has its own.
    #[must_use]
    pub fn with_exchange_audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.exchange_audience);
        self
    }

    /// True if both endpoints are on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.arm_endpoint) && is_loopback(&self.authority)
    }

    /// Scope to ask for in a token request.
    pub fn scope(&self) -> String {
        format!("{}/.default", self.audience)
    }
}

fn origin(cloud: &str, what: &'static str, text: &str) -> Result<Url, CloudError> {
    let url = Url::parse(text).map_err(|cause| CloudError::NotAUrl {
        cloud: cloud.to_owned(),
        what,
        url: text.to_owned(),
        cause,
    })?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.path() == "/";
    if safe && bare && url.host().is_some() {
        Ok(url)
    } else {
        Err(CloudError::NotAnOrigin { cloud: cloud.to_owned(), what, url: text.to_owned() })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Clouds by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clouds(BTreeMap<String, Cloud>);

impl Clouds {
    /// `Public`, `UsGov` and `China`.
    ///
    /// # Errors
    /// None in practice: the table is tested.
    pub fn built_in() -> Result<Self, CloudError> {
        let public = Cloud::new(
            "Public",
            "https://management.azure.com",
            "https://login.microsoftonline.com",
            "https://management.azure.com",
        )?;
        let us_gov = Cloud::new(
            "UsGov",
            "https://management.usgovcloudapi.net",
            "https://login.microsoftonline.us",
            "https://management.usgovcloudapi.net",
        )?
        .with_exchange_audience("api://AzureADTokenExchangeUSGov");
        let china = Cloud::new(
            "China",
            "https://management.chinacloudapi.cn",
            "https://login.chinacloudapi.cn",
            "https://management.chinacloudapi.cn",
        )?
        .with_exchange_audience("api://AzureADTokenExchangeChina");
        let mut clouds = Self::default();
        for cloud in [public, us_gov, china] {
            clouds.add(cloud);
        }
        Ok(clouds)
    }

    /// The built-in clouds, with `Public` moved to where `AZURE_RESOURCE_MANAGER_ENDPOINT` and `AZURE_AUTHORITY_HOST` say.
    /// `variable` reads an environment variable.
    ///
    /// # Errors
    /// If a variable holds no usable URL.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, CloudError> {
        let mut clouds = Self::built_in()?;
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let (arm, authority) = (set("AZURE_RESOURCE_MANAGER_ENDPOINT"), set("AZURE_AUTHORITY_HOST"));
        if let Some(public) = clouds.0.get("Public").cloned() {
            let arm = arm.as_deref().unwrap_or(public.arm_endpoint.as_str());
            let authority = authority.as_deref().unwrap_or(public.authority.as_str());
            clouds.add(Cloud::new("Public", arm, authority, &public.audience)?);
        }
        Ok(clouds)
    }

    /// Adds a cloud, or replaces the one of that name.
    pub fn add(&mut self, cloud: Cloud) {
        self.0.insert(cloud.name.clone(), cloud);
    }

    /// The cloud of that name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Cloud> {
        self.0.get_mut(name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Cloud> {
        self.0.values()
    }

    /// The cloud of that name.
    pub fn get(&self, name: &str) -> Option<&Cloud> {
        self.0.get(name)
    }

    /// Names, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// True if calls may leave this machine, through a proxy where there is one. A sovereign cloud that is merely built in does
    /// not count: a demo moves `Public` to a loopback address, which no proxy reaches.
    pub fn any_remote(&self) -> bool {
        let built_in = Self::built_in().unwrap_or_default();
        let configured = |cloud: &Cloud| cloud.name == "Public" || built_in.get(&cloud.name) != Some(cloud);
        self.0.values().any(|cloud| configured(cloud) && !cloud.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_clouds_are_sound_and_distinct() {
        let clouds = Clouds::built_in().unwrap();
        assert_eq!(clouds.names(), ["China", "Public", "UsGov"]);
        assert_eq!(clouds.get("Public").unwrap().scope(), "https://management.azure.com/.default");
        assert!(clouds.any_remote());
    }

    #[test]
    fn the_environment_moves_public_and_nothing_else() {
        let clouds = Clouds::from_environment(|name| match name {
            "AZURE_RESOURCE_MANAGER_ENDPOINT" => Some("https://127.0.0.1:8443".to_owned()),
            "AZURE_AUTHORITY_HOST" => Some("https://127.0.0.1:8443/".to_owned()),
            _ => None,
        })
        .unwrap();
        let public = clouds.get("Public").unwrap();
        assert_eq!(public.arm_endpoint.as_str(), "https://127.0.0.1:8443/");
        assert_eq!(public.audience, "https://management.azure.com");
        assert_eq!(clouds.get("China"), Clouds::built_in().unwrap().get("China"));
        assert!(!clouds.any_remote());
    }

    #[test]
    fn a_token_is_never_sent_in_the_clear_to_another_machine() {
        for (url, fine) in [
            ("https://arm.example", true),
            ("http://127.0.0.1:80", true),
            ("http://[::1]:80", true),
            ("http://localhost:1", true),
            ("http://arm.example", false),
            ("http://127.0.0.1.example", false),
            ("https://user@arm.example", false),
            ("https://arm.example/base", false),
            ("https://arm.example?x=1", false),
            ("ftp://arm.example", false),
            ("arm.example", false),
        ] {
            assert_eq!(Cloud::new("x", url, "https://login.example", "a").is_ok(), fine, "{url}");
        }
        for authority in ["http://127.0.0.1:80", "http://login.example"] {
            assert!(Cloud::new("x", "https://arm.example", authority, "a").is_err(), "{authority}");
        }
    }
}
