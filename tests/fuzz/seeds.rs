//! Inputs to begin with, and the words of the language they are in.

mod evil;
mod lives;

use std::collections::BTreeSet;
use std::path::Path;

use azure_sim::model::{HUBS_DATA_PLANE, Operation, operations};
use serde_json::{Value, json};

use crate::property;

/// What the placeholders of paths become, the longest first: what an input need not spell out, it cannot break.
const PLACES: &[(&str, &str)] = &[
    ("/subscriptions/{subscriptionId}", "{S}"),
    ("{S}/resourceGroups/{resourceGroupName}", "{G}"),
    ("{G}/providers/Microsoft.Communication/communicationServices/{communicationServiceName}", "{A}"),
    ("{G}/providers/Microsoft.NotificationHubs/namespaces/{namespaceName}", "{N}"),
    ("{N}/notificationHubs/{notificationHubName}", "{H}"),
    ("{G}/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}", "{T}"),
    ("{G}/providers/{providerNamespace}/{resourceTypeName}/{resourceName}", "{A}"),
    ("/{scope}", "{A}"),
    ("{notificationHubName}", "phones"),
    ("{eventSubscriptionName}", "relay"),
    ("{ruleName}", "sender"),
    ("{lockName}", "kept"),
    ("{resourceProviderNamespace}", "Microsoft.EventGrid"),
    ("{topicTypeName}", "Microsoft.Communication.CommunicationServices"),
    ("{location}", "global"),
    ("{operationId}", "0c7e4a52-9d1b-4f60-a3c8-5b6d7e8f9a0b"),
    ("{installationId}", "phone-1"),
    ("{registrationId}", "1-2"),
    ("{notificationId}", "1"),
    ("{jobId}", "1"),
    ("{tag}", "team:shop"),
];

/// Writes seeds and dictionary as libFuzzer reads them, and how many properties are checked.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path) -> std::io::Result<()> {
    let place = folder.join("seeds");
    std::fs::create_dir_all(&place)?;
    for (name, bytes) in all() {
        std::fs::write(place.join(name), bytes)?;
    }
    std::fs::write(folder.join("dictionary"), dictionary())?;
    // With the one that needs no words: no panic.
    std::fs::write(folder.join("properties"), (property::ALL.len() + 1).to_string())
}

/// Every operation once, whole lives, and what no client of good will sends; each with a name.
pub fn all() -> Vec<(String, Vec<u8>)> {
    let each = operations().into_iter().map(|operation| {
        let plane = operation.provider.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        (format!("{plane}-{}", operation.name.to_ascii_lowercase()), of(&operation).into_bytes())
    });
    each.chain(lives::all()).chain(evil::all()).collect()
}

/// The words of paths, bodies and headers, as libFuzzer reads them.
pub fn dictionary() -> String {
    let mut words: BTreeSet<String> = BTreeSet::new();
    for operation in operations() {
        words.extend(
            operation.path.split('/').filter(|s| !s.is_empty() && !s.starts_with('{')).map(|s| format!("/{s}")),
        );
        words.extend(operation.versions.iter().map(|version| format!("?api-version={version}")));
        words.insert(format!("{} ", operation.method));
        let mut pending = vec![body(&operation)];
        while let Some(value) = pending.pop() {
            match value {
                Value::Object(members) => {
                    words.extend(members.keys().map(|name| format!("\"{name}\":")));
                    pending.extend(members.into_iter().map(|(_, value)| value));
                }
                Value::Array(values) => pending.extend(values),
                Value::String(text) => _ = words.insert(format!("\"{text}\"")),
                _ => {}
            }
        }
    }
    let marks = "{token} {sas} {link} {S} {G} {A} {N} {H} {T} {4M} {deep} {long} %2f .. %00 %ff null [] {} true -1 1e308 \
                 /_sim/faults /_sim/sms /_sim/chat /_sim/call /_sim/phones /_sim/portal/unlink /_sim/portal/set /msi/token? /metadata/identity/oauth2/token? {identity} &direct $skipToken= $top= \
                 $filter= NamespaceActive Microsoft.Resources Standard Free";
    words.extend(marks.split_whitespace().map(str::to_owned));
    words.extend(
        ["\nANSWER 503\n\n\n~~~~\n", "\nANSWER late\n~~~~\n", "\nANSWER cut\n~~~~\n", "IDENTITY GET "]
            .map(str::to_owned),
    );
    words.extend(
        ["\n~~~~ 60\n", "\n~~~~ 3600\n", "\nauthorization: {token}", "\ncontent-type: application/json"]
            .map(str::to_owned),
    );
    words.iter().map(|word| format!("\"{}\"\n", quoted(word))).collect()
}

fn quoted(word: &str) -> String {
    let escape = |byte: u8| match byte {
        b'"' => "\\\"".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    word.bytes().map(escape).collect()
}

/// One operation as an input.
fn of(operation: &Operation) -> String {
    let mut path = operation.path.to_owned();
    for (placeholder, place) in PLACES {
        path = path.replace(placeholder, place);
    }
    let body = body(operation);
    let mut head = "authorization: {token}\n";
    match operation.provider {
        HUBS_DATA_PLANE => head = "host: {host}\nauthorization: {sas}\n",
        "Entra" => {
            let form = "grant_type=client_credentials&client_id={client}&client_secret={secret}\
                        &scope=https%3A%2F%2Fmanagement.azure.com%2F.default\n";
            let form = if operation.method == "POST" { form } else { "" };
            return format!("{} {path}\n\n{form}", operation.method);
        }
        _ => {}
    }
    // The data plane asks some things by header.
    let head = match operation.name {
        "Notifications_Send" | "Notifications_SendBatch" => format!("{head}servicebusnotification-format: apple\n"),
        "ScheduledNotifications_Create" => format!(
            "{head}servicebusnotification-format: apple\nservicebusnotification-scheduletime: 2027-01-16T00:00:00\n"
        ),
        _ => head.to_owned(),
    };
    let query = operation.versions.last().map(|version| format!("?api-version={version}")).unwrap_or_default();
    if body.is_null() {
        return format!("{} {path}{query}\n{head}\n", operation.method);
    }
    format!("{} {path}{query}\n{head}content-type: application/json\n\n{body}\n", operation.method)
}

/// A body that the operation takes; null where it takes none.
fn body(operation: &Operation) -> Value {
    if !matches!(operation.method, "PUT" | "PATCH" | "POST") {
        return Value::Null;
    }
    let resource = operation.name.split('_').next().unwrap_or_default();
    match (resource, operation.method) {
        (_, "POST") => action(operation.name.rsplit('_').next().unwrap_or_default()),
        (_, "PATCH") if resource == "Installations" => json!([{"op": "add", "path": "/tags", "value": "a"}]),
        ("CommunicationServices", _) => {
            json!({"location": "global", "tags": {"a": "b"}, "identity": {"type": "SystemAssigned"},
            "properties": {"dataLocation": "Europe", "linkedDomains": [], "disableLocalAuth": false}})
        }
        ("Namespaces", _) if operation.path.contains("{ruleName}") => rule(),
        ("NotificationHubs", _) if operation.path.contains("{ruleName}") => rule(),
        ("Namespaces", _) => {
            json!({"location": "westeurope", "sku": {"name": "Free"}, "properties": {"enabled": true}})
        }
        ("NotificationHubs", _) => json!({"location": "westeurope", "properties": {"registrationTtl": "P90D",
            "apnsCredential": {"properties": {"endpoint": "https://api.push.apple.com:443/3/device", "token": "p", "keyId": "k",
                "appId": "t", "appName": "com.shop"}},
            "fcmV1Credential": {"properties": {"clientEmail": "e", "privateKey": "k", "projectId": "shop"}}}}),
        ("SystemTopics", _) => json!({"location": "global", "tags": {}, "properties": {"source": "{A}",
            "topicType": "Microsoft.Communication.CommunicationServices"}}),
        ("SystemTopicEventSubscriptions" | "EventSubscriptions", _) => event_subscription(),
        ("Tags", _) => json!({"operation": "Merge", "properties": {"tags": {"a": "b"}}}),
        ("ManagementLocks", _) => json!({"properties": {"level": "ReadOnly", "notes": "n"}}),
        ("Installations", _) => {
            json!({"installationId": "phone-1", "platform": "apns", "pushChannel": "abababababababababababababababababababababababababababababababab",
            "tags": ["user:anna"], "templates": {"t": {"body": "{\"aps\":{\"alert\":\"$(m)\"}}", "tags": ["a"]}}})
        }
        _ => json!({"location": "westeurope", "tags": {"a": "b"}}),
    }
}

fn rule() -> Value {
    json!({"properties": {"rights": ["Listen", "Send", "Manage"]}})
}

fn event_subscription() -> Value {
    json!({"properties": {
        "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/events?code=c",
            "maxEventsPerBatch": 1, "preferredBatchSizeInKilobytes": 64, "deliveryAttributeMappings": [
                {"name": "key", "type": "Static", "properties": {"value": "v", "isSecret": true}}]}},
        "filter": {"includedEventTypes": ["Microsoft.Communication.SMSReceived"], "subjectBeginsWith": "/phone",
            "enableAdvancedFilteringOnArrays": true,
            "advancedFilters": [{"operatorType": "StringContains", "key": "data.message", "values": ["a"]},
                {"operatorType": "NumberInRange", "key": "data.n", "values": [[1, 2]]}]},
        "labels": ["a"], "eventDeliverySchema": "CloudEventSchemaV1_0", "expirationTimeUtc": "2030-01-01T00:00:00Z",
        "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
        "deadLetterDestination": {"endpointType": "StorageBlob", "properties": {
            "resourceId": "{G}/providers/Microsoft.Storage/storageAccounts/a", "blobContainerName": "dead"}},
    }})
}

fn action(name: &str) -> Value {
    match name {
        "RegenerateKey" => json!({"keyType": "Primary"}),
        "RegenerateKeys" => json!({"policyKey": "PrimaryKey"}),
        "LinkNotificationHub" => json!({"resourceId": "{H}", "connectionString": "{link}"}),
        "CheckNameAvailability" => json!({"name": "shop", "type": "Microsoft.Communication/CommunicationServices"}),
        "CheckAvailability" | "CheckNotificationHubAvailability" => json!({"name": "shop-hubs"}),
        "DebugSend" => json!({"data": {"message": "m"}}),
        "Send" | "SendBatch" | "Create" => json!({"aps": {"alert": "hello"}}),
        _ => Value::Null,
    }
}
