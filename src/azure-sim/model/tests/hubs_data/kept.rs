//! What hubs remember, and who may do what, is there after a restart.

use super::super::state::{Shelf, everything, load, save};
use super::*;

const OWNER: &str = "DefaultFullSharedAccessSignature";
const LOCK: &str = "/providers/Microsoft.Authorization/locks/keep?api-version=2020-05-01";

/// Something of each kind.
fn lived_in() -> Client {
    let (mut azure, hub) = with_hub("Standard");
    azure.world.watch();
    let ada = azure.phone(&hub, "ada", "apple", &["a"]);
    assert_eq!(azure.direct(&ada, "apple", APPLE).status, 201);
    let (owner, sender) = (azure.token(OWNER, true), azure.token("sender", true));
    let one = json!({"installationId": "one", "platform": "apns", "pushChannel": "ab".repeat(32), "tags": ["b"]});
    let made = azure.data("PUT", "/phones/installations/one?api-version=2020-06", &owner, &[], &one.to_string());
    assert_eq!(made.status, 200);
    let due = jiff::Timestamp::from_millisecond((azure.now + 60_000) as i64).expect("a time");
    let due = due.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let headers = [("ServiceBusNotification-Format", "apple"), ("ServiceBusNotification-ScheduleTime", &due)];
    let path = "/phones/schedulednotifications/?api-version=2020-06";
    assert_eq!(azure.data("POST", path, &sender, &headers, APPLE).status, 201);
    let job = "<entry xmlns=\"http://www.w3.org/2005/Atom\"><content type=\"application/xml\"><NotificationHubJob \
        xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\"><Type>ExportRegistrations</Type>\
        <OutputContainerUri>https://store.example/out?sig=abc</OutputContainerUri></NotificationHubJob></content></entry>";
    assert_eq!(azure.data("POST", "/phones/jobs?api-version=2020-06", &owner, &[], job).status, 201);
    let level = json!({"properties": {"level": "CanNotDelete"}}).to_string();
    assert_eq!(azure.raw("PUT", &format!("{RG}{LOCK}"), level.as_bytes()).status, 201);
    let client = azure.world.config().client_id.clone();
    azure.world.assign_roles(&client, &json!([{"scope": RG, "role": "Contributor"}])).expect("an assignment");
    azure
}

/// What can be seen of it, now and after the time of what is scheduled.
fn seen(azure: &mut Client) -> Vec<Response> {
    let owner = azure.token(OWNER, true);
    let mut answers = Vec::new();
    for _ in 0..2 {
        for path in ["registrations", "installations/one", "jobs"] {
            answers.push(azure.data("GET", &format!("/phones/{path}?api-version=2020-06"), &owner, &[], ""));
        }
        answers.push(azure.raw("GET", "/_sim/phones", b""));
        answers.push(azure.raw("GET", &format!("{RG}{LOCK}"), b""));
        answers.push(azure.raw("DELETE", &format!("{RG}?api-version=2021-04-01"), b""));
        answers.push(azure.raw("DELETE", &format!("{RG}{LOCK}"), b""));
        azure.pass(60);
    }
    answers
}

#[test]
fn a_hub_its_schedules_its_jobs_locks_and_roles_are_kept() {
    let mut azure = lived_in();
    let mut shelf = Shelf::new();
    save(&mut azure.world, &mut shelf);
    for table in ["hub", "registration", "installation", "message", "scheduled message", "job", "roles", "phone"] {
        assert!(shelf.keys().any(|(t, _)| *t == table), "{table}");
    }
    let (restored, remarks) = load(azure.world.config(), &shelf, true);
    assert!(remarks.is_empty(), "{remarks:?}");
    assert_eq!(everything(&azure.world), everything(&restored));
    let mut other = Client { world: restored, now: azure.now, token: azure.token.clone() };
    let (first, second) = (seen(&mut azure), seen(&mut other));
    assert_eq!(first, second);
    let statuses: Vec<u16> = second.iter().take(7).map(|answer| answer.status).collect();
    // The lock holds, and by the role it cannot be taken away.
    assert_eq!(statuses, [200, 200, 200, 200, 200, 409, 403]);
    assert_ne!(second[3], second[10], "what was scheduled arrived");
}
