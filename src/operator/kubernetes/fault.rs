//! What the API server's errors mean, in the words of conditions.

use acs_core::azure::error::{Class, Fault, one_line};
use acs_core::reason::Reason;

/// The fault that an error means for someone who tried to do `what`. A refusal names the permission that is missing: the API
/// server says it.
pub fn fault(what: &str, error: &kube::Error) -> Fault {
    match error {
        kube::Error::Api(status) if status.is_forbidden() => {
            let message = format!(
                "{what}: the API server refused: {} Grant the permission to the operator's ServiceAccount (the chart's ClusterRole has it).",
                sentence(&status.message)
            );
            Fault::blocked(Reason::KubernetesForbidden, message)
        }
        kube::Error::Api(status) => {
            retry(format!("{what}: the API server answered {}: {}", status.code, sentence(&status.message)))
        }
        other => retry(format!("{what}: {}", sentence(&other.to_string()))),
    }
}

fn retry(message: String) -> Fault {
    Fault { reason: Reason::RetryingKubernetesError, message, class: Class::Retry }
}

fn sentence(text: &str) -> String {
    let line = one_line(text);
    if line.ends_with(['.', '!', '?']) { line } else { format!("{line}.") }
}
