//! Nothing is on the list of operations that is not answered.

use super::*;

/// What stands for a placeholder: the name of something that is there, or of nothing.
fn filled(path: &str) -> String {
    let mut filled = path.to_owned();
    let (config, scope) = (Config::default(), service("shop"));
    for (placeholder, value) in [
        ("{subscriptionId}", config.subscription_id.as_str()),
        ("{resourceGroupName}", "rg-shop"),
        ("{resourceProviderNamespace}", "Microsoft.EventGrid"),
        ("{scope}", scope.trim_start_matches('/')),
        ("{providerNamespace}", "Microsoft.Communication"),
        ("{resourceTypeName}", "communicationServices"),
        ("{resourceName}", "shop"),
        ("{communicationServiceName}", "shop"),
        ("{namespaceName}", "shop-hubs"),
        ("{notificationHubName}", "phones"),
        ("{topicTypeName}", "Microsoft.Communication.CommunicationServices"),
        ("{tenant}", config.tenant_id.as_str()),
    ] {
        filled = filled.replace(placeholder, value);
    }
    filled.replace(['{', '}'], "")
}

#[test]
fn every_operation_of_the_list_is_answered_in_every_version() {
    for operation in operations().into_iter().filter(|o| o.provider != HUBS_DATA_PLANE && o.provider != "Entra") {
        for version in operation.versions {
            let mut client = instant();
            client.put_hub();
            client.put_service("shop");
            client.pass(1);
            let path = filled(operation.path);
            let body = if operation.method == "GET" { Value::Null } else { json!({}) };
            let (status, code) = refusal(&client.ask(operation.method, &path, version, body));
            let unknown = matches!(code.as_str(), "InvalidResourceType" | "NoRegisteredProviderFound" | "NotFound");
            assert!(!unknown && status != 405, "{} {path} {version}: {status} {code}", operation.name);
        }
    }
}

#[test]
fn a_name_stands_for_one_operation_of_its_provider() {
    let mut names: Vec<_> = operations().iter().map(|o| (o.provider, o.name)).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
