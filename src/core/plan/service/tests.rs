//! A service whose system topic was there before.

use serde_json::{Value, json};

use crate::azure::call::{ArmReply, Body, Method};
use crate::azure::error::{AzureError, Fate};
use crate::kinds::Kind;
use crate::plan::decide;
use crate::plan::subscription::tests::ground::{GROUP, account, object, world};
use crate::step::{Decision, Step};
use crate::world::{Answer, Memory, Read};

/// Conditions after a pass that sends nothing, beside a topic with that identity.
fn conditions(identity: &Value) -> Vec<(String, String, String)> {
    let id = format!("{GROUP}/Microsoft.Communication/communicationServices/shop-1");
    let topic = json!({"id": format!("{GROUP}/Microsoft.EventGrid/systemTopics/theirs"), "identity": identity,
        "properties": {"source": id}});
    let spec = json!({"dataLocation": "Europe",
        "systemTopic": {"type": "Managed", "identity": {"type": "SystemAssigned"}}});
    let service = json!({"tags": {acs_wire::TAG_OWNER: "c/ns/CommunicationService/shop", acs_wire::TAG_UID: "shop"},
        "properties": {"dataLocation": "Europe", "provisioningState": "Succeeded"}});
    let mut world = world(object(Kind::CommunicationService, "shop", &spec, &Value::Null), 1_000, 1, Memory::default());
    let found = |body: &Value| Ok(ArmReply { status: 200, body: Body(body.clone()), ..ArmReply::default() });
    let absent = || AzureError {
        status: Some(404),
        fate: Fate::NotApplied,
        ..AzureError::of_operation("ResourceNotFound", "not found")
    };
    loop {
        match decide(&world) {
            Decision::Need(reads) => {
                for read in reads {
                    let answer = match &read {
                        Read::Object(_) => Answer::Object(Some(Box::new(account()))),
                        Read::ArmList { .. } => Answer::Arm(found(&json!({"value": [topic]}))),
                        Read::Arm { method: Method::Get, path, .. } if path.ends_with("/theirs") => {
                            Answer::Arm(found(&topic))
                        }
                        Read::Arm { method: Method::Get, path, .. } if path.contains("Microsoft.EventGrid") => {
                            Answer::Arm(Err(absent()))
                        }
                        Read::Arm { method: Method::Get, .. } => Answer::Arm(found(&service)),
                        other => panic!("nobody should ask for {other:?}"),
                    };
                    world.answers.insert(read, answer);
                }
            }
            Decision::Decided(outcome) => {
                assert!(matches!(outcome.step, Step::Rest), "{:?}", outcome.step);
                let text = |condition: &Value, name: &str| condition[name].as_str().unwrap().to_owned();
                let all = outcome.status["conditions"].as_array().unwrap();
                let named = |type_: &str| all.iter().find(|condition| condition["type"] == type_).unwrap();
                return ["Ready", "TopicReady"]
                    .map(named)
                    .map(|one| (text(one, "status"), text(one, "reason"), text(one, "message")))
                    .to_vec();
            }
            Decision::Deposed => panic!("nobody else leads"),
        }
    }
}

#[test]
fn a_topic_of_others_without_the_identity_is_used_for_what_needs_none_and_said() {
    let all = conditions(&Value::Null);
    for (condition, reason) in all.iter().zip(["Ready", "IdentityMissing"]) {
        assert_eq!((condition.0.as_str(), condition.1.as_str()), ("True", reason));
        assert!(condition.2.contains("systemTopics/theirs"), "{}", condition.2);
    }
    let all = conditions(&json!({"type": "SystemAssigned"}));
    assert_eq!(all[1], ("True".to_owned(), "Succeeded".to_owned(), String::new()));
}
