//! Azure's messages may repeat what was sent to it. Before one goes into a status, every secret that was sent is taken out.

use serde_json::Value;

/// What stands where a secret was.
const HIDDEN: &str = "***";

/// Shorter texts are names and words; every kind of key that is sent is longer.
const SHORTEST_SECRET: usize = 12;

/// Words before a secret, in whatever text they occur.
const LABELS: [&str; 6] =
    ["sharedaccesskey=", "accountkey=", "accesskey=", "sig=", "sharedaccesssignature=", "bearer "];

/// `text` without those secrets, and without anything that is labelled as one.
pub fn scrub(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        text = text.replace(secret.as_str(), HIDDEN);
    }
    LABELS.iter().fold(text, |text, label| hide_labelled(&text, label))
}

fn hide_labelled(text: &str, label: &str) -> String {
    // ASCII lower case keeps every byte where it was.
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(found) = lower.get(from..).and_then(|rest| rest.find(label)) {
        let start = from + found + label.len();
        let rest = text.get(start..).unwrap_or_default();
        let len = rest.find(|c: char| c.is_whitespace() || ";&,\"'<>".contains(c)).unwrap_or(rest.len());
        out.push_str(text.get(from..start).unwrap_or_default());
        if len > 0 {
            out.push_str(HIDDEN);
        }
        from = start + len;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Texts of a request body that may be secret: everything but ids of resources, and the parts of connection strings.
pub fn secrets_of(body: &Value) -> Vec<String> {
    let mut secrets = Vec::new();
    collect(body, &mut secrets);
    // A part of a secret must not be taken out first, or what is left of the whole stays.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.starts_with("/subscriptions/") => {
            secrets.push(text.clone());
            // Azure may repeat a multi-line secret in one line, or one part of it.
            secrets.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
            secrets.push(serde_json::to_string(text).unwrap_or_default().trim_matches('"').to_owned());
            secrets.extend(text.lines().map(str::trim).filter(|line| line.len() > 30).map(str::to_owned));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, secrets)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, secrets)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_secret_that_was_sent_comes_back() {
        let canary = "C4N4RYc4n4ryC4N4RYc4n4ry";
        let body = json!({
            "resourceId": "/subscriptions/s/resourceGroups/rg/x",
            "connectionString": format!("Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey={canary}="),
            "nested": [{"key": format!("-----BEGIN PRIVATE KEY-----\n{canary}{canary}{canary}\n-----END PRIVATE KEY-----")}],
        });
        let secrets = secrets_of(&body);
        for message in [
            format!(
                "The connection string 'Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey={canary}=' is invalid."
            ),
            format!("Bad value sharedaccesskey={canary}="),
            format!("key -----BEGIN PRIVATE KEY----- {canary}{canary}{canary} -----END PRIVATE KEY----- refused"),
            format!(
                "key \"-----BEGIN PRIVATE KEY-----\\n{canary}{canary}{canary}\\n-----END PRIVATE KEY-----\" refused"
            ),
            format!("line {canary}{canary}{canary} refused"),
            format!("https://x.example/?sig={canary}&se=1"),
            format!("Authorization: Bearer {canary}"),
        ] {
            let scrubbed = scrub(&message, &secrets);
            assert!(!scrubbed.contains(canary), "{scrubbed}");
            assert!(scrubbed.contains(HIDDEN));
        }
        let kept = "Resource '/subscriptions/s/resourceGroups/rg/x' in 'westeurope' was not found; ümläut.";
        assert_eq!(scrub(kept, &secrets), kept);
    }
}
