//! The platforms that a hub pushes to, and the names that each goes by.

use serde::{Deserialize, Serialize};

/// A platform notification service. Written as the format header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// APNs.
    Apple,
    /// Firebase Cloud Messaging, HTTP v1.
    FcmV1,
    /// Firebase's legacy interface: accepted by the hub, switched off by Google in July 2024.
    Gcm,
    /// WNS.
    Windows,
    /// MPNS: accepted by the hub, switched off with Windows Phone.
    WindowsPhone,
    /// Amazon Device Messaging.
    Adm,
    /// Baidu Cloud Push.
    Baidu,
    /// Web push.
    Browser,
    /// Xiaomi.
    Xiaomi,
}

/// One platform's names. They differ from place to place: a format is `apple`, its installations are `apns`.
struct Names {
    format: &'static str,
    installation: &'static str,
    credential: &'static str,
    description: &'static str,
    outcomes: &'static str,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 9] = [
        Self::Apple,
        Self::FcmV1,
        Self::Gcm,
        Self::Windows,
        Self::WindowsPhone,
        Self::Adm,
        Self::Baidu,
        Self::Browser,
        Self::Xiaomi,
    ];

    fn names(self) -> Names {
        let (format, installation, credential, description, outcomes) = match self {
            Self::Apple => ("apple", "apns", "apnsCredential", "Apple", "ApnsOutcomeCounts"),
            Self::FcmV1 => ("fcmv1", "fcmv1", "fcmV1Credential", "FcmV1", "FcmV1OutcomeCounts"),
            Self::Gcm => ("gcm", "gcm", "gcmCredential", "Gcm", "GcmOutcomeCounts"),
            Self::Windows => ("windows", "wns", "wnsCredential", "Windows", "WnsOutcomeCounts"),
            Self::WindowsPhone => ("windowsphone", "mpns", "mpnsCredential", "Mpns", "MpnsOutcomeCounts"),
            Self::Adm => ("adm", "adm", "admCredential", "Adm", "AdmOutcomeCounts"),
            Self::Baidu => ("baidu", "baidu", "baiduCredential", "Baidu", "BaiduOutcomeCounts"),
            Self::Browser => ("browser", "browser", "browserCredential", "Browser", "BrowserOutcomeCounts"),
            Self::Xiaomi => ("xiaomi", "xiaomi", "xiaomiCredential", "Xiaomi", "XiaomiOutcomeCounts"),
        };
        Names { format, installation, credential, description, outcomes }
    }

    /// The word of the header `ServiceBusNotification-Format`.
    pub fn word(self) -> &'static str {
        self.names().format
    }

    /// The platform of that format word, in any case. `fcm` is none.
    pub fn of_format(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.word().eq_ignore_ascii_case(word.trim()))
    }

    /// The platform of an installation's word, in any case.
    pub(crate) fn of_installation(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.installation().eq_ignore_ascii_case(word))
    }

    pub(crate) fn installation(self) -> &'static str {
        self.names().installation
    }

    /// The hub's property with the credential.
    pub(crate) fn credential(self) -> &'static str {
        self.names().credential
    }

    /// The beginning of a registration's element: `AppleRegistrationDescription`.
    pub(crate) fn description(self) -> &'static str {
        self.names().description
    }

    /// The element of telemetry that counts outcomes.
    pub(crate) fn outcomes(self) -> &'static str {
        self.names().outcomes
    }

    /// Whether the platform's own service is gone.
    pub(crate) fn retired(self) -> bool {
        matches!(self, Self::Gcm | Self::WindowsPhone)
    }

    /// Bytes that the platform takes. APNs (VoIP too, as the hub applies it), FCM: documented by Microsoft. WNS, ADM and
    /// Xiaomi: by their owners. Web push: what fits one record of RFC 8291 in the 4096 bytes of RFC 8030. Others: unverified.
    pub(crate) fn largest(self) -> usize {
        match self {
            Self::Windows => 5 * 1024,
            Self::WindowsPhone => 3 * 1024,
            Self::Adm => 6 * 1024,
            Self::Browser => 3993,
            Self::Apple | Self::FcmV1 | Self::Gcm | Self::Baidu | Self::Xiaomi => 4096,
        }
    }

    /// Whether the payload is XML.
    pub(crate) fn speaks_xml(self) -> bool {
        matches!(self, Self::Windows | Self::WindowsPhone)
    }

    /// The member of the credential that says whose app the hub pushes to: a handle of another app is refused.
    pub(crate) fn app_member(self) -> Option<&'static str> {
        match self {
            Self::Apple => Some("appName"),
            Self::FcmV1 => Some("projectId"),
            Self::Windows => Some("packageSid"),
            Self::Browser => Some("vapidPublicKey"),
            Self::Adm => Some("clientId"),
            Self::Gcm | Self::WindowsPhone | Self::Baidu | Self::Xiaomi => None,
        }
    }
}
