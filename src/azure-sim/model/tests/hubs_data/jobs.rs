use super::super::super::xml::Element;
use super::*;

const JOBS: &str = "/phones/jobs?api-version=2020-06";
const OUTPUT: &str = "https://store.example/out?sv=1&sig=abc";

fn submit(azure: &mut Client, kind: &str, input: Option<&str>) -> Response {
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    let input = input.map(|url| format!("<ImportFileUri><![CDATA[{url}]]></ImportFileUri>")).unwrap_or_default();
    let body = format!(
        "<entry xmlns=\"http://www.w3.org/2005/Atom\"><content type=\"application/xml\"><NotificationHubJob \
         xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\"><Type>{kind}</Type>\
         <OutputContainerUri><![CDATA[{OUTPUT}]]></OutputContainerUri>{input}</NotificationHubJob></content></entry>"
    );
    azure.data("POST", JOBS, &token, &[], &body)
}

fn job(response: &Response) -> Element {
    let root = Element::parse(&detail(response)).expect("XML");
    let all = root.descendants();
    all.into_iter().find(|e| e.name == "NotificationHubJob").cloned().expect("a job")
}

fn look(azure: &mut Client, id: &str) -> Element {
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    job(&azure.data("GET", &format!("/phones/jobs/{id}?api-version=2020-06"), &token, &[], ""))
}

fn calls(azure: &mut Client) -> Vec<Outbound> {
    advance(&mut azure.world, azure.now)
}

fn answer(azure: &mut Client, call: &Outbound, status: u16, body: &str) {
    let answer = Answered::Response { status, headers: vec![], body: body.into() };
    answered(&mut azure.world, call.id, answer, azure.now);
}

fn listed(azure: &mut Client) -> usize {
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    let all = azure.data("GET", "/phones/registrations?api-version=2020-06", &token, &[], "");
    let root = Element::parse(&detail(&all)).expect("XML");
    root.descendants().into_iter().filter(|e| e.name == "RegistrationId").count()
}

#[test]
fn registrations_go_out_into_a_container_and_come_back_in() {
    let (mut azure, hub) = with_hub("Standard");
    azure.phone(&hub, "ada", "apple", &["a"]);
    azure.phone(&hub, "bob", "fcmv1", &["b"]);
    let made = submit(&mut azure, "ExportRegistrations", None);
    assert_eq!(made.status, 201, "{}", detail(&made));
    let id = job(&made).value("JobId").expect("an id").to_owned();
    assert_eq!((job(&made).value("Status"), job(&made).value("OutputContainerUri")), (None, Some(OUTPUT)));
    assert!(made.header("location").is_some_and(|l| l.contains(&id)));
    let export = calls(&mut azure).remove(0);
    assert_eq!(export.url, format!("https://store.example/out/phones/{id}/Output.txt?sv=1&sig=abc"));
    assert!(export.method == "PUT" && export.headers.contains(&("x-ms-blob-type".into(), "BlockBlob".into())));
    let exported = String::from_utf8(export.body.clone()).expect("text");
    assert_eq!(exported.lines().count(), 2);
    assert_eq!(look(&mut azure, &id).value("Status"), Some("Running"));
    answer(&mut azure, &export, 201, "");
    let done = look(&mut azure, &id);
    assert_eq!((done.value("Status"), done.value("Progress")), (Some("Completed"), Some("100")));

    let file = format!("{exported}\nno registration\n");
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    let before = listed(&mut azure);
    let made = submit(&mut azure, "ImportCreateRegistrations", Some("https://store.example/in.txt?sig=abc"));
    let id = job(&made).value("JobId").expect("an id").to_owned();
    let fetch = calls(&mut azure).remove(0);
    assert_eq!((fetch.method.as_str(), fetch.url.as_str()), ("GET", "https://store.example/in.txt?sig=abc"));
    answer(&mut azure, &fetch, 200, &file);
    let mut files = Vec::new();
    for name in ["Output.txt", "Failed.txt"] {
        let call = calls(&mut azure).remove(0);
        assert!(call.url.contains(name), "{}", call.url);
        files.push(String::from_utf8(call.body.clone()).expect("text"));
        answer(&mut azure, &call, 201, "");
    }
    assert_eq!(look(&mut azure, &id).value("Status"), Some("Completed"));
    assert!(files[0].lines().count() == 2 && files[0].starts_with("1,<"), "{files:?}");
    assert!(files[1].starts_with("4,"), "the line that is none: {}", files[1]);
    assert_eq!(listed(&mut azure), before + 2);
    let all = azure.data("GET", JOBS, &token, &[], "");
    let root = Element::parse(&detail(&all)).expect("XML");
    assert_eq!(root.children.iter().filter(|e| e.name == "entry").count(), 2);
}

#[test]
fn imports_update_upsert_and_delete_by_id() {
    let (mut azure, _) = with_hub("Standard");
    let line = |id: &str, tags: &str| {
        format!(
            "<AppleRegistrationDescription><RegistrationId>{id}</RegistrationId><Tags>{tags}</Tags>\
             <DeviceToken>{}</DeviceToken></AppleRegistrationDescription>",
            "ab".repeat(32)
        )
    };
    let run = |azure: &mut Client, kind: &str, file: String| {
        submit(azure, kind, Some("https://store.example/in.txt"));
        let fetch = calls(azure).remove(0);
        answer(azure, &fetch, 200, &file);
        let output = calls(azure).remove(0);
        answer(azure, &output, 201, "");
        let failed = calls(azure).remove(0);
        answer(azure, &failed, 201, "");
        (String::from_utf8(output.body).expect("text"), String::from_utf8(failed.body).expect("text"))
    };
    assert!(run(&mut azure, "ImportUpdateRegistrations", line("1-2-3", "a")).1.starts_with("1,There is no"));
    assert!(run(&mut azure, "ImportUpsertRegistrations", line("1-2-3", "a")).0.contains("<ETag>1</ETag>"));
    assert!(run(&mut azure, "ImportUpdateRegistrations", line("1-2-3", "b")).0.contains("<ETag>2</ETag>"));
    assert_eq!(listed(&mut azure), 1);
    assert!(run(&mut azure, "ImportDeleteRegistrations", line("1-2-3", "b")).1.is_empty());
    assert_eq!(listed(&mut azure), 0);
}

#[test]
fn a_storage_that_refuses_fails_the_job() {
    let (mut azure, _) = with_hub("Standard");
    for (kind, input, expected) in [
        ("ExportRegistrations", None, "The output could not be written: the storage answered 403."),
        (
            "ImportCreateRegistrations",
            Some("https://store.example/in"),
            "The import file could not be read: the storage answered 403.",
        ),
    ] {
        let id = job(&submit(&mut azure, kind, input)).value("JobId").expect("an id").to_owned();
        let call = calls(&mut azure).remove(0);
        answer(&mut azure, &call, 403, "secret");
        let failed = look(&mut azure, &id);
        assert_eq!((failed.value("Status"), failed.value("Failure")), (Some("Failed"), Some(expected)));
    }
    for (kind, input) in [
        ("Other", None),
        ("ImportCreateRegistrations", None),
        ("ImportCreateRegistrations", Some("file:///etc/passwd")),
    ] {
        assert_eq!(submit(&mut azure, kind, input).status, 400, "{kind}");
    }
    let (mut azure, _) = with_hub("Basic");
    assert_eq!(submit(&mut azure, "ExportRegistrations", None).status, 403);
}
