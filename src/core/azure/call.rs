//! Calls to ARM and their answers. Bodies may hold keys: nothing here prints one.

use std::fmt;

use serde_json::Value;

use super::error::AzureError;
use crate::kinds::ObjectRef;

/// On whose behalf a call is made. Everything that a token depends on is in it, so that it can key a cache.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// The AzureAccount.
    pub account: ObjectRef,
    /// Cloud, by its configured name.
    pub cloud: String,
    /// Tenant id.
    pub tenant: String,
    /// Subscription id.
    pub subscription: String,
    /// Client id.
    pub client: String,
    /// Where the proof of identity comes from.
    pub proof: Proof,
}

/// Proof of identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// A client secret, in a Secret of the account's namespace.
    ClientSecret {
        /// Name of the Secret.
        secret: String,
        /// Key in it.
        key: String,
    },
    /// A token of a ServiceAccount of the account's namespace.
    ServiceAccount {
        /// Name of the ServiceAccount.
        name: String,
    },
}

/// Method of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the HTTP methods")]
pub enum Method {
    Get,
    Put,
    Patch,
    Post,
    Delete,
}

impl Method {
    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// A JSON body. It may hold keys, so it has no Debug that shows it.
#[derive(Clone, PartialEq, Default)]
pub struct Body(pub Value);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}

impl Body {
    /// Text at a JSON pointer; empty if there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Value at a JSON pointer.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer).filter(|value| !value.is_null())
    }
}

/// A call that changes something.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmCall {
    /// On whose behalf.
    pub access: Access,
    /// Method.
    pub method: Method,
    /// Path without query.
    pub path: String,
    /// Version of the API.
    pub api_version: &'static str,
    /// Body, if any.
    pub body: Option<Body>,
    /// Id of the attempt; Azure logs it.
    pub request_id: String,
}

/// A successful answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArmReply {
    /// HTTP status, 200..=299.
    pub status: u16,
    /// Body; null if there was none.
    pub body: Body,
    /// `Azure-AsyncOperation`, else `Location` of a 202: where progress is reported.
    pub poll_url: Option<String>,
    /// `Retry-After`, in milliseconds.
    pub retry_after: Option<u64>,
}

/// What a call came to.
pub type ArmResult = Result<ArmReply, AzureError>;
