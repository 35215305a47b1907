use super::*;

/// A service linked to a hub by a rule with the given rights, and the hub's credentials.
fn linked(mut azure: Client, rights: Value, credentials: Value) -> (Client, String) {
    let hub = azure.put_hub();
    azure.put_service("shop");
    azure.pass(70);
    let rule = format!("{hub}/authorizationRules/acs");
    azure.ask("PUT", &rule, NH, json!({"properties": {"rights": rights}}));
    azure.ask("PATCH", &hub, NH, json!({"properties": credentials}));
    link(&mut azure, &hub, "primaryConnectionString");
    (azure, hub)
}

fn link(azure: &mut Client, hub: &str, which: &str) {
    let keys = azure.ask("POST", &format!("{hub}/authorizationRules/acs/listKeys"), NH, Value::Null).value();
    let body = json!({"resourceId": hub, "connectionString": keys[which]});
    assert_eq!(azure.ask("POST", &format!("{}/linkNotificationHub", service("shop")), ACS, body).status, 200);
}

fn fcm() -> Value {
    json!({"fcmV1Credential": {"properties": {"clientEmail": "e", "privateKey": "k", "projectId": "p"}}})
}

fn call(azure: &mut Client) -> Result<usize, Silence> {
    azure.pass(0);
    azure.world.push("shop", "8:acs:user", Push::Call).map(|rings| rings.len())
}

#[test]
fn a_call_rings_through_the_linked_hub() {
    let (mut azure, hub) = linked(instant(), json!(["Send"]), fcm());
    assert_eq!(call(&mut azure), Ok(1));
    assert_eq!(azure.world.rings()[0].phone.platform, Platform::FcmV1);
    azure.world.register_phone(&hub, "8:acs:user", Platform::Apple);
    assert_eq!(call(&mut azure), Ok(1), "the apple phone has no credentials to be reached by");
    let other = json!({"hub": hub, "user": "8:acs:other", "platform": "fcmv1", "app": "another-project"});
    azure.door("POST", "phones", other);
    assert_eq!(azure.world.push("shop", "8:acs:other", Push::Call), Err(Silence::WrongApp));
}

#[test]
fn what_azure_drops_silently_is_counted() {
    type Spoil = fn(&mut Client, &str) -> bool;
    let certificate = json!({"apnsCredential": {"properties": {"endpoint": "e", "apnsCertificate": "p12"}}});
    let nothing: Spoil = |_, _| true;
    let cases: Vec<(Value, Value, Spoil, Silence)> = vec![
        (json!(["Listen"]), fcm(), nothing, Silence::NoSendRight),
        (json!(["Send"]), json!({}), nothing, Silence::NoCredentials),
        (json!(["Send"]), certificate, nothing, Silence::ApnsCertificate),
        (json!(["Send"]), fcm(), |a, hub| a.world.delete_in_portal(hub), Silence::HubDeleted),
        (
            json!(["Send"]),
            fcm(),
            |a, hub| a.world.regenerate_key(&format!("{hub}/authorizationRules/acs"), true),
            Silence::KeyStale,
        ),
        (json!(["Send"]), fcm(), |a, _| a.world.unlink_in_portal(&service("shop")), Silence::NotLinked),
        (json!(["Send"]), fcm(), nothing, Silence::NoPhone),
        (
            json!(["Send"]),
            fcm(),
            |a, hub| a.world.link_in_portal(&service("shop"), hub, Some("Endpoint=sb://x/"), a.now),
            Silence::BadConnectionString,
        ),
    ];
    for (rights, credentials, spoil, expected) in cases {
        let (mut azure, hub) = linked(instant(), rights, credentials);
        assert!(spoil(&mut azure, &hub));
        if expected == Silence::NoPhone {
            // Nobody is given a phone who has one, and this one has no credentials to be reached by.
            azure.world.register_phone(&hub, "8:acs:user", Platform::Apple);
        }
        assert_eq!(call(&mut azure), Err(expected));
        assert_eq!(azure.world.silences().get(&expected), Some(&1));
    }
}

#[test]
fn until_a_new_link_has_propagated_the_old_key_must_still_work() {
    let (mut azure, hub) = linked(azure(), json!(["Send"]), fcm());
    assert_eq!(call(&mut azure), Err(Silence::StillPropagating));
    azure.pass(600);
    assert_eq!(call(&mut azure), Ok(1));
    link(&mut azure, &hub, "secondaryConnectionString");
    azure.pass(300);
    assert_eq!(call(&mut azure), Ok(1), "by the primary key, which is still there");
    azure.world.regenerate_key(&format!("{hub}/authorizationRules/acs"), true);
    assert_eq!(call(&mut azure), Err(Silence::KeyStale), "regenerated too early");
    azure.pass(300);
    assert_eq!(call(&mut azure), Ok(1), "by the secondary key");
}

#[test]
fn the_portal_takes_a_link_away_from_services_alone() {
    let (mut azure, hub) = linked(instant(), json!(["Send"]), fcm());
    let seen = azure.get(&hub, NH);
    assert!(!azure.world.unlink_in_portal(&hub), "no service");
    assert!(!azure.world.unlink_in_portal(&service("none")));
    assert_eq!(azure.get(&hub, NH).value(), seen.value());
    let before = azure.get(&service("shop"), ACS);
    assert!(before.value()["properties"]["notificationHubId"].is_string());
    assert!(azure.world.unlink_in_portal(&service("shop")));
    let after = azure.get(&service("shop"), ACS);
    assert!(after.value()["properties"]["notificationHubId"].is_null());
    assert_ne!(before.header("etag").expect("an etag"), after.header("etag").expect("an etag"));
}

#[test]
fn the_portal_links_with_a_working_key() {
    let (mut azure, hub) = linked(instant(), json!(["Listen"]), fcm());
    let now = azure.now;
    assert!(azure.world.link_in_portal(&service("shop"), &hub, None, now));
    assert_eq!(call(&mut azure), Ok(1));
}
