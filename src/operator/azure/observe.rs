//! What is counted of calls. Labels hold no names of objects: their number stays small whatever is deployed.

/// Counts calls to Azure.
pub trait Observer: Send + Sync {
    /// A call ended. `status` is 0 if there was no answer.
    fn call(&self, method: &str, resource_type: &str, status: u16, seconds: f64);
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn call(&self, _method: &str, _resource_type: &str, _status: u16, _seconds: f64) {}
}

/// Providers that this operator calls. A `resourceId` in a spec can name any other; those share one label.
const PROVIDERS: [&str; 4] =
    ["microsoft.communication", "microsoft.eventgrid", "microsoft.notificationhubs", "microsoft.resources"];

/// Type of the resource that a path names: `microsoft.notificationhubs/namespaces/notificationhubs`, with the action, if any,
/// last. In lower case, because ARM's own paths vary.
pub fn resource_type(path: &str) -> String {
    let path = path.to_ascii_lowercase();
    let Some((_, rest)) = path.rsplit_once("/providers/") else {
        return if path.contains("/resourcegroups") { "resourcegroups" } else { "subscriptions" }.to_owned();
    };
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty());
    let provider = segments.next().filter(|name| PROVIDERS.contains(name));
    let Some(provider) = provider else { return "other".to_owned() };
    let mut label = provider.to_owned();
    for type_ in segments.step_by(2).take(4) {
        if !type_.chars().all(|c| c.is_ascii_alphabetic()) {
            return "other".to_owned();
        }
        label.push('/');
        label.push_str(type_);
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_hold_types_and_no_names() {
        let group = "/subscriptions/s/resourceGroups/rg";
        for (path, label) in [
            (
                format!("{group}/providers/Microsoft.Communication/communicationServices/shop"),
                "microsoft.communication/communicationservices",
            ),
            (
                format!("{group}/providers/Microsoft.Communication/communicationServices/shop/listKeys"),
                "microsoft.communication/communicationservices/listkeys",
            ),
            (
                format!("{group}/providers/Microsoft.NotificationHubs/namespaces/n/notificationHubs/h"),
                "microsoft.notificationhubs/namespaces/notificationhubs",
            ),
            (
                format!(
                    "{group}/providers/Microsoft.Communication/communicationServices/x/providers/Microsoft.EventGrid/eventSubscriptions/e"
                ),
                "microsoft.eventgrid/eventsubscriptions",
            ),
            (
                "/subscriptions/s/providers/Microsoft.EventGrid/locations/x/operationsStatus/ID".to_owned(),
                "microsoft.eventgrid/locations/operationsstatus",
            ),
            (format!("{group}/providers/Contoso.Secret/things/x"), "other"),
            (format!("{group}/providers/Microsoft.EventGrid/x1/y"), "other"),
            (group.to_owned(), "resourcegroups"),
            ("/subscriptions/s".to_owned(), "subscriptions"),
        ] {
            assert_eq!(resource_type(&path), label, "{path}");
        }
    }
}
