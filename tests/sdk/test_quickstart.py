"""The whole path of the product: a hub, a service linked to it, and its events, in the order of the story."""

import time

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.communication.models import LinkNotificationHubParameters, RegenerateKeyParameters
from azure.mgmt.eventgrid import models as eg
from azure.mgmt.notificationhubs import models as nh
from conftest import GROUP, SUBSCRIPTION, door

NAMESPACE, HUB, SERVICE, TOPIC = "contoso-hubs", "phones", "contoso-shop", "contoso-shop-events"
SOURCE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    f"/providers/Microsoft.Communication/communicationServices/{SERVICE}"
)


@pytest.fixture(scope="module")
def hub(hubs):
    checked = hubs.namespaces.check_availability(nh.CheckAvailabilityParameters(name=NAMESPACE))
    assert checked.is_availiable
    hubs.namespaces.create_or_update(
        GROUP, NAMESPACE, nh.NamespaceCreateOrUpdateParameters(location="westeurope", sku=nh.Sku(name="Standard"))
    )
    namespace = hubs.namespaces.get(GROUP, NAMESPACE)
    assert (namespace.provisioning_state, namespace.enabled) == ("Succeeded", True)
    assert namespace.location == "West Europe"
    hub = hubs.notification_hubs.create_or_update(
        GROUP, NAMESPACE, HUB, nh.NotificationHubCreateOrUpdateParameters(location="westeurope")
    )
    assert hub.name == HUB
    return hub


@pytest.fixture(scope="module")
def service(communication):
    name = {"name": SERVICE, "type": "Microsoft.Communication/CommunicationServices"}
    assert communication.communication_services.check_name_availability(name).name_available
    body = {"location": "global", "tags": {"team": "shop"}, "properties": {"dataLocation": "Europe"}}
    return communication.communication_services.begin_create_or_update(GROUP, SERVICE, body).result()


@pytest.fixture(scope="module")
def topic(events, service):
    info = eg.SystemTopic(
        location="global", source=SOURCE, topic_type="Microsoft.Communication.CommunicationServices"
    )
    return events.system_topics.begin_create_or_update(GROUP, TOPIC, info).result()


def send_rule(hubs):
    rule = nh.SharedAccessAuthorizationRuleCreateOrUpdateParameters(
        properties=nh.SharedAccessAuthorizationRuleProperties(rights=["Send"])
    )
    hubs.notification_hubs.create_or_update_authorization_rule(GROUP, NAMESPACE, HUB, "acs", rule)
    return hubs.notification_hubs.list_keys(GROUP, NAMESPACE, HUB, "acs")


def test_a_resource_group_is_made_listed_and_deleted(resources):
    made = resources.resource_groups.create_or_update("rg-sdk", {"location": "westeurope"})
    assert made.properties.provisioning_state == "Succeeded"
    assert {"rg-sdk", GROUP} <= {group.name for group in resources.resource_groups.list()}
    assert resources.resource_groups.check_existence("rg-sdk")
    resources.resource_groups.begin_delete("rg-sdk").result()
    assert not resources.resource_groups.check_existence("rg-sdk")
    with pytest.raises(ResourceNotFoundError):
        resources.resource_groups.get("rg-sdk")


def test_providers_are_registered(resources):
    door("POST", "config", {"unregisterProvider": "Microsoft.EventGrid"})
    assert resources.providers.get("Microsoft.EventGrid").registration_state == "NotRegistered"
    assert resources.providers.register("Microsoft.EventGrid").registration_state == "Registered"


def test_a_namespace_and_a_hub_are_found_again(hubs, hub):
    assert [n.name for n in hubs.namespaces.list(GROUP)] == [NAMESPACE]
    assert [n.name for n in hubs.namespaces.list_all()] == [NAMESPACE]
    assert [h.name for h in hubs.notification_hubs.list(GROUP, NAMESPACE)] == [HUB]
    assert hubs.notification_hubs.get(GROUP, NAMESPACE, HUB).id.lower() == hub.id.lower()
    rules = {r.name for r in hubs.notification_hubs.list_authorization_rules(GROUP, NAMESPACE, HUB)}
    assert rules == {"DefaultListenSharedAccessSignature", "DefaultFullSharedAccessSignature"}


def test_rules_have_keys_that_can_be_regenerated(hubs, hub):
    before = send_rule(hubs)
    assert before.primary_connection_string.startswith(f"Endpoint=sb://{NAMESPACE}.servicebus.windows.net/;")
    policy = nh.PolicykeyResource(policy_key="PrimaryKey")
    after = hubs.notification_hubs.regenerate_keys(GROUP, NAMESPACE, HUB, "acs", policy)
    assert after.primary_key != before.primary_key and after.secondary_key == before.secondary_key
    root = hubs.namespaces.list_keys(GROUP, NAMESPACE, "RootManageSharedAccessKey")
    assert root.key_name == "RootManageSharedAccessKey"


def test_credentials_are_patched_and_read_back(hubs, hub):
    apns = nh.ApnsCredential(
        endpoint="https://api.push.apple.com:443/3/device",
        token="p8",
        key_id="ABCDEFGHIJ",
        app_id="KLMNOPQRST",
        app_name="com.example.shop",
    )
    patch = nh.NotificationHubPatchParameters(apns_credential=apns)
    hubs.notification_hubs.patch(GROUP, NAMESPACE, HUB, patch)
    assert hubs.notification_hubs.get(GROUP, NAMESPACE, HUB).apns_credential is None
    assert hubs.notification_hubs.get_pns_credentials(GROUP, NAMESPACE, HUB).apns_credential.token == "p8"


def test_a_service_is_created_updated_and_listed(communication, service):
    assert service.properties.provisioning_state == "Succeeded"
    assert service.properties.host_name.startswith(SERVICE)
    tagged = communication.communication_services.update(GROUP, SERVICE, {"tags": {"team": "sdk"}})
    assert tagged.tags == {"team": "sdk"}
    body = {"location": "global", "properties": {"dataLocation": "Europe"}}
    again = communication.communication_services.begin_create_or_update(GROUP, SERVICE, body).result()
    assert not again.tags and again.properties.host_name == service.properties.host_name
    assert SERVICE in [s.name for s in communication.communication_services.list_by_resource_group(GROUP)]
    assert SERVICE in [s.name for s in communication.communication_services.list_by_subscription()]


def test_keys_are_listed_and_one_half_regenerated(communication, service):
    before = communication.communication_services.list_keys(GROUP, SERVICE)
    assert before.primary_connection_string == (
        f"endpoint=https://{service.properties.host_name}/;accesskey={before.primary_key}"
    )
    half = communication.communication_services.regenerate_key(
        GROUP, SERVICE, RegenerateKeyParameters(key_type="Primary")
    )
    assert half.primary_key != before.primary_key and half.secondary_key is None
    after = communication.communication_services.list_keys(GROUP, SERVICE)
    assert (after.primary_key, after.secondary_key) == (half.primary_key, before.secondary_key)


def test_a_linked_hub_rings_the_phone_until_its_key_is_regenerated(communication, hubs, hub, service):
    test_credentials_are_patched_and_read_back(hubs, hub)
    keys = send_rule(hubs)
    link = LinkNotificationHubParameters(resource_id=hub.id, connection_string=keys.primary_connection_string)
    assert communication.communication_services.link_notification_hub(GROUP, SERVICE, link).resource_id == hub.id
    linked = communication.communication_services.get(GROUP, SERVICE).properties.notification_hub_id
    assert linked.lower() == hub.id.lower()
    rang = door("POST", "call", {"service": SERVICE, "to": "8:acs:ada"})
    assert rang["rang"] and rang["rings"][0]["phone"]["platform"] == "apple"
    policy = nh.PolicykeyResource(policy_key="PrimaryKey")
    hubs.notification_hubs.regenerate_keys(GROUP, NAMESPACE, HUB, "acs", policy)
    assert door("POST", "message", {"service": SERVICE, "to": "8:acs:ada"})["reason"] == "KeyStale"


def test_a_hub_of_another_subscription_is_refused(communication, service):
    foreign = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x/providers/y"
    link = LinkNotificationHubParameters(resource_id=foreign, connection_string="Endpoint=sb://x/")
    with pytest.raises(HttpResponseError) as refused:
        communication.communication_services.link_notification_hub(GROUP, SERVICE, link)
    assert refused.value.error.code == "WrongSubscription"


def test_a_source_has_one_system_topic(events, topic):
    assert topic.provisioning_state == "Succeeded"
    assert topic.source.lower() == SOURCE.lower()
    assert TOPIC in [t.name for t in events.system_topics.list_by_resource_group(GROUP)]
    assert TOPIC in [t.name for t in events.system_topics.list_by_subscription()]
    second = eg.SystemTopic(location="global", source=SOURCE, topic_type=topic.topic_type)
    with pytest.raises(HttpResponseError) as refused:
        events.system_topics.begin_create_or_update(GROUP, "second", second).result()
    assert refused.value.error.code == "InvalidRequest"
    assert "Only one system topic is allowed per source" in refused.value.error.message
    tagged = events.system_topics.begin_update(GROUP, TOPIC, eg.SystemTopicUpdateParameters(tags={"a": "b"})).result()
    assert tagged.tags == {"a": "b"}


def subscribe(events, name, url, **more):
    info = eg.EventSubscription(
        destination=eg.WebHookEventSubscriptionDestination(endpoint_url=url),
        filter=eg.EventSubscriptionFilter(included_event_types=["Microsoft.Communication.SMSReceived"]),
        **more,
    )
    return events.system_topic_event_subscriptions.begin_create_or_update(GROUP, TOPIC, name, info).result()


def test_a_webhook_that_answers_the_handshake_is_subscribed(events, topic, webhook):
    made = subscribe(events, "granted", f"{webhook.url}/grant?code=secret")
    assert made.provisioning_state == "Succeeded"
    assert made.destination.endpoint_url is None
    assert made.destination.endpoint_base_url == f"{webhook.url}/grant"
    assert made.retry_policy.max_delivery_attempts == 30
    path, headers, event = webhook.seen[-1]
    assert path == "/grant?code=secret"
    assert headers["aeg-event-type"] == "SubscriptionValidation"
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    full = events.system_topic_event_subscriptions.get_full_url(GROUP, TOPIC, "granted")
    assert full.endpoint_url == f"{webhook.url}/grant?code=secret"
    changed = events.system_topic_event_subscriptions.begin_update(
        GROUP, TOPIC, "granted", eg.EventSubscriptionUpdateParameters(labels=["blue"])
    ).result()
    assert changed.labels == ["blue"]
    found = events.system_topic_event_subscriptions.list_by_system_topic(GROUP, TOPIC)
    assert "granted" in [s.name for s in found]


def test_cloud_events_are_agreed_by_options(events, topic, webhook):
    made = subscribe(events, "cloud", f"{webhook.url}/grant", event_delivery_schema="CloudEventSchemaV1_0")
    assert made.event_delivery_schema == "CloudEventSchemaV1_0"
    assert webhook.seen[-1][2] is None


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
def test_a_webhook_that_refuses_leaves_no_subscription(events, topic, webhook, schema):
    with pytest.raises(HttpResponseError) as refused:
        subscribe(events, "refused", f"{webhook.url}/refuse", event_delivery_schema=schema)
    assert "Url validation" in str(refused.value)
    with pytest.raises(ResourceNotFoundError):
        events.system_topic_event_subscriptions.get(GROUP, TOPIC, "refused")


def test_a_webhook_nobody_listens_at_leaves_no_subscription(events, topic):
    with pytest.raises(HttpResponseError):
        subscribe(events, "nobody", "https://localhost:1/none")
    with pytest.raises(ResourceNotFoundError):
        events.system_topic_event_subscriptions.get(GROUP, TOPIC, "nobody")


def test_a_webhook_without_the_code_awaits_a_person(events, topic, webhook):
    info = eg.EventSubscription(destination=eg.WebHookEventSubscriptionDestination(endpoint_url=f"{webhook.url}/mute"))
    events.system_topic_event_subscriptions.begin_create_or_update(GROUP, TOPIC, "mute", info, polling=False)
    for _ in range(50):
        state = events.system_topic_event_subscriptions.get(GROUP, TOPIC, "mute").provisioning_state
        if state == "AwaitingManualAction":
            break
        time.sleep(0.1)
    assert state == "AwaitingManualAction"


def test_a_queue_needs_no_handshake_and_secret_attributes_are_hidden(events, topic, webhook):
    account = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/store"
    queue = eg.StorageQueueEventSubscriptionDestination(resource_id=account, queue_name="events")
    made = events.system_topic_event_subscriptions.begin_create_or_update(
        GROUP, TOPIC, "queue", eg.EventSubscription(destination=queue)
    ).result()
    assert made.destination.queue_name == "events"
    secret = eg.StaticDeliveryAttributeMapping(name="x-key", value="s3cret", is_secret=True)
    hook = eg.WebHookEventSubscriptionDestination(
        endpoint_url=f"{webhook.url}/grant", delivery_attribute_mappings=[secret]
    )
    made = events.system_topic_event_subscriptions.begin_create_or_update(
        GROUP, TOPIC, "secret", eg.EventSubscription(destination=hook)
    ).result()
    assert made.destination.delivery_attribute_mappings[0].value == "Hidden"
    shown = events.system_topic_event_subscriptions.get_delivery_attributes(GROUP, TOPIC, "secret")
    assert shown.value[0].value == "s3cret"


def test_an_extension_scope_subscription_comes_and_goes(events, topic, webhook):
    info = eg.EventSubscription(
        destination=eg.WebHookEventSubscriptionDestination(endpoint_url=f"{webhook.url}/grant")
    )
    made = events.event_subscriptions.begin_create_or_update(SOURCE, "extension", info).result()
    assert made.provisioning_state == "Succeeded"
    found = events.event_subscriptions.list_by_resource(
        GROUP, "Microsoft.Communication", "communicationServices", SERVICE
    )
    assert [s.name for s in found] == ["extension"]
    events.event_subscriptions.begin_delete(SOURCE, "extension").result()
    with pytest.raises(ResourceNotFoundError):
        events.event_subscriptions.get(SOURCE, "extension")
