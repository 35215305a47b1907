//! How far along a resource or an operation is, from what Azure says.

use super::call::Body;
use super::error::AzureError;

/// How far along a resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provisioning {
    /// Usable.
    Succeeded,
    /// On its way; with Azure's word for it.
    Running(String),
    /// Being deleted.
    Deleting,
    /// Event Grid waits for the endpoint's owner.
    AwaitingManualAction,
    /// Ended without success; with Azure's word for it.
    Failed(String),
}

/// State of a resource by its body. Absent means Succeeded; words that no specification lists (`Accepted`, `Activating`)
/// do occur, so every unknown word means that it is still running.
pub fn of_resource(body: &Body) -> Provisioning {
    let word = body.text("/properties/provisioningState");
    let enabled = body.at("/properties/enabled").and_then(serde_json::Value::as_bool);
    match word.to_ascii_lowercase().as_str() {
        // A Notification Hubs namespace can be Succeeded and not yet enabled: children are refused until it is.
        "" | "succeeded" if enabled != Some(false) => Provisioning::Succeeded,
        "" | "succeeded" => Provisioning::Running("not enabled yet".to_owned()),
        "failed" | "canceled" => Provisioning::Failed(word.to_owned()),
        "deleting" => Provisioning::Deleting,
        "awaitingmanualaction" => Provisioning::AwaitingManualAction,
        _ => Provisioning::Running(word.to_owned()),
    }
}

/// State of a long-running operation by what its URL answered.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationState {
    /// Not ended.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly; why.
    Failed(AzureError),
    /// Azure knows the operation no more: only the resource can tell.
    Lost,
}

/// State of an operation. Decides by HTTP status first: the words of a Location poll differ from year to year.
pub fn of_operation(answer: &Result<super::call::ArmReply, AzureError>) -> Result<OperationState, AzureError> {
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) if matches!(error.status, Some(404 | 410)) => return Ok(OperationState::Lost),
        // By Location, an operation that ended badly answers as the call itself would have: asking again changes nothing.
        Err(error) if matches!(error.status, Some(400 | 409 | 412 | 422)) => {
            return Ok(OperationState::Failed(error.clone()));
        }
        Err(error) => return Err(error.clone()),
    };
    if reply.status == 202 {
        return Ok(OperationState::Running);
    }
    match reply.body.text("/status").to_ascii_lowercase().as_str() {
        "" | "succeeded" | "deleted" | "completed" => Ok(OperationState::Succeeded),
        "failed" | "canceled" => {
            let code = reply.body.text("/error/code");
            let code = if code.is_empty() { reply.body.text("/status") } else { code };
            Ok(OperationState::Failed(AzureError::of_operation(code, reply.body.text("/error/message"))))
        }
        _ => Ok(OperationState::Running),
    }
}
