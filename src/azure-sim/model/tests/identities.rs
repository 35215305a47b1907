//! Managed identities, and the description of the cloud.

use super::*;

type Headers<'a> = &'a [(&'a str, &'a str)];

fn ask(azure: &mut Client, path: &str, headers: Headers<'_>) -> Response {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let request = Request { method: "GET".into(), path: path.into(), headers, body: vec![] };
    handle_identity(&mut azure.world, &request, azure.now)
}

const INSTANCE: &str =
    "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
const APP: &str = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
const USER: &str = "11111111-2222-4333-8444-555555555555";

#[test]
fn a_machine_gets_tokens_of_its_identity_and_arm_takes_them() {
    let mut azure = instant();
    let header = azure.world.identity_endpoint().0;
    let own = ask(&mut azure, INSTANCE, &[("Metadata", "true")]);
    let of_app = ask(&mut azure, APP, &[("X-IDENTITY-HEADER", &header)]);
    assert_eq!((own.status, of_app.status), (200, 200));
    assert_eq!(own.value()["client_id"], of_app.value()["client_id"]);
    assert_eq!(own.value()["expires_in"], "86400");
    assert_eq!(of_app.value()["expires_on"], (START / 1000 + 86_400).to_string());
    for answer in [own, of_app] {
        azure.token = answer.value()["access_token"].as_str().expect("a token").to_owned();
        assert_eq!(azure.get(RG, "2021-04-01").status, 200);
    }
    let last = azure.world.journal().back().expect("an entry").principal.clone();
    assert_ne!(last, azure.world.config().client_id);
}

#[test]
fn an_identity_is_chosen_by_any_of_its_names() {
    let mut azure = instant();
    let resource = format!("{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/relay");
    azure.world.assign_identity(USER, &resource);
    let object = token::object_id(&azure.world.config().tenant_id.clone(), USER);
    for (name, value) in [("client_id", USER), ("object_id", &object), ("msi_res_id", &resource)] {
        let answer = ask(&mut azure, &format!("{INSTANCE}&{name}={value}"), &[("Metadata", "true")]);
        assert_eq!(answer.value()["client_id"], USER, "{name}");
    }
    let header = azure.world.identity_endpoint().0;
    for (name, value) in [("client_id", USER), ("principal_id", &object), ("mi_res_id", &resource)] {
        let answer = ask(&mut azure, &format!("{APP}&{name}={value}"), &[("X-IDENTITY-HEADER", &header)]);
        assert_eq!(answer.value()["client_id"], USER, "{name}");
    }
}

#[test]
fn the_identity_endpoints_refuse_in_their_own_words() {
    let mut azure = instant();
    let header = azure.world.identity_endpoint().0;
    let metadata: Headers<'_> = &[("Metadata", "true")];
    let app: Headers<'_> = &[("X-IDENTITY-HEADER", &header)];
    let cases: &[(&str, Headers<'_>, u16, &str)] = &[
        (INSTANCE, &[], 400, "Required metadata header not specified"),
        (INSTANCE, &[("Metadata", "true"), ("X-Forwarded-For", "x")], 400, "X-Forwarded-For"),
        ("/metadata/identity/oauth2/token?resource=x", metadata, 400, "api-version was not specified"),
        ("/metadata/identity/oauth2/token?api-version=2018-02-01", metadata, 400, "'resource' is missing"),
        (
            "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://nobody.example",
            metadata,
            400,
            "AADSTS500011",
        ),
        (&format!("{INSTANCE}&client_id=nobody"), metadata, 400, "Identity not found"),
        ("/metadata/instance?api-version=2021-02-01", metadata, 404, "not_found"),
        (APP, &[], 401, "X-IDENTITY-HEADER"),
        (APP, &[("X-IDENTITY-HEADER", "wrong")], 401, "X-IDENTITY-HEADER"),
        (&APP.replace("2019-08-01", "2017-09-01"), app, 400, "2019-08-01"),
        (&format!("{APP}&client_id=nobody"), app, 400, "No User Assigned or Delegated Managed Identity"),
    ];
    for (path, headers, status, word) in cases {
        let answer = ask(&mut azure, path, headers);
        let text = String::from_utf8(answer.body).expect("text");
        assert_eq!(answer.status, *status, "{path} {text}");
        assert!(text.contains(word), "{path} {text}");
    }
}

#[test]
fn a_cloud_describes_itself_in_the_shape_of_each_time() {
    let mut azure = instant();
    let base = azure.world.config().base_url.clone();
    azure.token.clear();
    let ask = |azure: &mut Client, version: &str| {
        azure.raw("GET", &format!("/metadata/endpoints?api-version={version}"), b"").value()
    };
    let first = ask(&mut azure, "2015-01-01");
    assert_eq!(first["authentication"]["loginEndpoint"], format!("{base}/"));
    assert!(first["galleryEndpoint"].is_string() && first["graphEndpoint"].is_string());
    let list = ask(&mut azure, "2020-06-01");
    assert_eq!(list[0]["resourceManager"], base);
    let one = ask(&mut azure, "2022-09-01");
    assert_eq!((&one["resourceManager"], &one["authentication"]["tenant"]), (&json!(base), &json!("common")));
    assert_eq!(refusal(&azure.raw("GET", "/metadata/endpoints", b"")), (400, "MissingApiVersionParameter".into()));
}
