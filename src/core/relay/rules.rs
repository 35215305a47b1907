//! Push rules: whether their expressions can be compiled, and whether two paths would make a phone ring for one call.

use acs_expressions::Expression;

use crate::kinds::relay::PushRule;

/// A call that comes in. Communication Services itself pushes it through the hub that it is linked to.
pub const INCOMING_CALL: &str = "Microsoft.Communication.IncomingCall";

/// What is wrong with a rule's expressions; one sentence, with the rule's name and the position.
pub fn mistake(rule: &PushRule) -> Option<String> {
    let title = rule.alert.title.as_ref().map(|title| ("alert.title", title));
    let all = [("installationTag", &rule.installation_tag), ("alert.body", &rule.alert.body)];
    all.into_iter().chain(title).find_map(|(member, text)| {
        let error = Expression::compile(text).err()?;
        Some(format!("Push rule \"{}\", `{member}`, {error}.", rule.name))
    })
}

/// True for a rule on calls.
pub fn is_on_calls(rule: &PushRule) -> bool {
    rule.event_types.iter().any(|name| name.eq_ignore_ascii_case(INCOMING_CALL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(tag: &str, body: &str) -> PushRule {
        serde_json::from_value(json!({"name": "call", "eventTypes": ["microsoft.communication.incomingcall"],
            "installationTag": tag, "alert": {"body": body}}))
        .unwrap()
    }

    #[test]
    fn a_mistake_is_told_with_rule_member_and_position() {
        assert_eq!(mistake(&rule("'user:' + event.data.to.rawId", "event.subject")), None);
        let wrong = mistake(&rule("'user:'", "event.data.")).unwrap();
        assert!(wrong.contains("\"call\"") && wrong.contains("`alert.body`") && wrong.contains("line 1"), "{wrong}");
        assert!(mistake(&rule("evnt.id", "'x'")).unwrap().contains("`installationTag`"));
    }

    #[test]
    fn types_are_compared_as_event_grid_does() {
        assert!(is_on_calls(&rule("'a'", "'b'")));
    }
}
