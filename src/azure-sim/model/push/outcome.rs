//! What a platform said to one push, in the words of telemetry.

use serde::{Deserialize, Serialize};

use super::{Platform, Silence};

/// One push's outcome (documented with telemetry, except where noted).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Success,
    /// The handle was never one.
    BadChannel,
    /// The handle was one, and its app is gone.
    ExpiredChannel,
    /// The hub has no credential for the platform.
    InvalidCredentials,
    /// Known from the hub's metrics only.
    InvalidNotificationFormat,
    InvalidNotificationSize,
    /// Nobody was chosen.
    NoTargets,
    PnsUnavailable,
    /// A second registration with the handle.
    Skipped,
    /// The handle is another app's.
    WrongChannel,
    WrongToken,
}

impl Outcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::BadChannel => "BadChannel",
            Self::ExpiredChannel => "ExpiredChannel",
            Self::InvalidCredentials => "InvalidCredentials",
            Self::InvalidNotificationFormat => "InvalidNotificationFormat",
            Self::InvalidNotificationSize => "InvalidNotificationSize",
            Self::NoTargets => "NoTargets",
            Self::PnsUnavailable => "PnsUnavailable",
            Self::Skipped => "Skipped",
            Self::WrongChannel => "WrongChannel",
            Self::WrongToken => "WrongToken",
        }
    }

    /// A debug send says it in a sentence. That of success is documented; the others are the simulator's own.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Success => "The Notification was successfully sent to the Push Notification System",
            Self::BadChannel => "The Push Notification System handle for the registration is invalid",
            Self::ExpiredChannel => "The Push Notification System handle for the registration is no longer valid",
            Self::InvalidCredentials => "The notification hub has no valid credential for the Push Notification System",
            Self::InvalidNotificationFormat => "The Push Notification System refuses the format of the notification",
            Self::InvalidNotificationSize => "The notification is larger than the Push Notification System takes",
            Self::NoTargets => "No registration was found",
            Self::PnsUnavailable => "The Push Notification System is not available",
            Self::Skipped => "The Push Notification System handle is that of another registration, too",
            Self::WrongChannel | Self::WrongToken => {
                "The Push Notification System handle for the registration belongs to another app"
            }
        }
    }

    /// Whether the hub forgets the registration (documented: the faulting registration is removed).
    pub(crate) fn removes(self) -> bool {
        matches!(self, Self::BadChannel | Self::ExpiredChannel)
    }

    /// Whether the platform itself reported it: only that is listed among the platform's errors.
    pub(crate) fn reported(self) -> bool {
        !matches!(self, Self::Success | Self::NoTargets | Self::Skipped)
    }

    /// What the hub is told when a push is lost at the platform. What is lost on the device is a success to the hub.
    pub(super) fn of(silence: Silence, platform: Platform) -> Self {
        match silence {
            Silence::Uninstalled => Self::ExpiredChannel,
            // The words that the documented metrics have for each platform; for APNs and web push unverified.
            Silence::WrongApp if platform == Platform::FcmV1 => Self::WrongChannel,
            Silence::WrongApp => Self::WrongToken,
            Silence::PayloadTooLarge => Self::InvalidNotificationSize,
            Silence::RefusedByPlatform => Self::InvalidNotificationFormat,
            Silence::PlatformRetired => Self::PnsUnavailable,
            Silence::NoCredentials => Self::InvalidCredentials,
            Silence::NoTarget => Self::NoTargets,
            Silence::Undecryptable => Self::Success,
            _ => Self::BadChannel,
        }
    }
}
