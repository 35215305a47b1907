//! The event types of Communication Services, as Azure publishes them for the topic type. It adds new ones: who routes events takes
//! any name.

/// All that are known: what an event subscription takes when it names none.
pub const COMMUNICATION: [&str; 54] = [
    "Microsoft.Communication.AdvancedMessageAnalysisCompleted",
    "Microsoft.Communication.AdvancedMessageDeliveryStatusUpdated",
    "Microsoft.Communication.AdvancedMessageReceived",
    "Microsoft.Communication.CallEnded",
    "Microsoft.Communication.CallParticipantAdded",
    "Microsoft.Communication.CallParticipantRemoved",
    "Microsoft.Communication.CallStarted",
    "Microsoft.Communication.ChatAzureBotCommandReceivedInThread",
    "Microsoft.Communication.ChatMessageDeleted",
    "Microsoft.Communication.ChatMessageDeletedInThread",
    "Microsoft.Communication.ChatMessageEdited",
    "Microsoft.Communication.ChatMessageEditedInThread",
    "Microsoft.Communication.ChatMessageReceived",
    "Microsoft.Communication.ChatMessageReceivedInThread",
    "Microsoft.Communication.ChatParticipantAddedToThreadWithUser",
    "Microsoft.Communication.ChatParticipantRemovedFromThreadWithUser",
    "Microsoft.Communication.ChatThreadCreated",
    "Microsoft.Communication.ChatThreadCreatedWithUser",
    "Microsoft.Communication.ChatThreadDeleted",
    "Microsoft.Communication.ChatThreadParticipantAdded",
    "Microsoft.Communication.ChatThreadParticipantRemoved",
    "Microsoft.Communication.ChatThreadPropertiesUpdated",
    "Microsoft.Communication.ChatThreadPropertiesUpdatedPerUser",
    "Microsoft.Communication.ChatThreadWithUserDeleted",
    "Microsoft.Communication.ChatTypingIndicatorReceivedInThread",
    "Microsoft.Communication.EmailDeliveryReportReceived",
    "Microsoft.Communication.EmailEngagementTrackingReportReceived",
    "Microsoft.Communication.IncomingCall",
    "Microsoft.Communication.RecordingFileStatusUpdated",
    "Microsoft.Communication.RouterJobCancelled",
    "Microsoft.Communication.RouterJobClassificationFailed",
    "Microsoft.Communication.RouterJobClassified",
    "Microsoft.Communication.RouterJobClosed",
    "Microsoft.Communication.RouterJobCompleted",
    "Microsoft.Communication.RouterJobDeleted",
    "Microsoft.Communication.RouterJobExceptionTriggered",
    "Microsoft.Communication.RouterJobQueued",
    "Microsoft.Communication.RouterJobReceived",
    "Microsoft.Communication.RouterJobSchedulingFailed",
    "Microsoft.Communication.RouterJobUnassigned",
    "Microsoft.Communication.RouterJobWaitingForActivation",
    "Microsoft.Communication.RouterJobWorkerSelectorsExpired",
    "Microsoft.Communication.RouterWorkerDeleted",
    "Microsoft.Communication.RouterWorkerDeregistered",
    "Microsoft.Communication.RouterWorkerOfferAccepted",
    "Microsoft.Communication.RouterWorkerOfferDeclined",
    "Microsoft.Communication.RouterWorkerOfferExpired",
    "Microsoft.Communication.RouterWorkerOfferIssued",
    "Microsoft.Communication.RouterWorkerOfferRevoked",
    "Microsoft.Communication.RouterWorkerRegistered",
    "Microsoft.Communication.RouterWorkerUpdated",
    "Microsoft.Communication.SMSDeliveryReportReceived",
    "Microsoft.Communication.SMSReceived",
    "Microsoft.Communication.UserDisconnected",
];

/// The type as it is known, whatever its letter case; `None` for any other name.
pub fn known(name: &str) -> Option<&'static str> {
    COMMUNICATION.iter().find(|known| known.eq_ignore_ascii_case(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_named_once() {
        let mut names = COMMUNICATION.to_vec();
        names.dedup();
        assert_eq!(names.len(), COMMUNICATION.len());
        assert_eq!(known("microsoft.communication.smsreceived"), Some("Microsoft.Communication.SMSReceived"));
        assert_eq!(known("Microsoft.Communication.Smoke"), None);
    }
}
