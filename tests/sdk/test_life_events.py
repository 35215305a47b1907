"""The whole life of system topics and event subscriptions, in every version that the SDK can be told to speak."""

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.core.polling.base_polling import LocationPolling
from azure.mgmt.core.polling.arm_polling import ARMPolling
from azure.mgmt.eventgrid import EventGridManagementClient
from azure.mgmt.eventgrid import models as eg
from conftest import GROUP, SUBSCRIPTION, client, until, versions

TOPIC_TYPE = "Microsoft.Communication.CommunicationServices"
SMS = "Microsoft.Communication.SMSReceived"


@pytest.fixture(scope="module", params=versions("SystemTopics_CreateOrUpdate"))
def version(request):
    return request.param


@pytest.fixture(scope="module")
def grid(version):
    return client(EventGridManagementClient, api_version=version)


@pytest.fixture(scope="module")
def source(communication, version):
    name = f"life-events-{version}"
    body = {"location": "global", "properties": {"dataLocation": "Europe"}}
    made = communication.communication_services.begin_create_or_update(GROUP, name, body).result()
    yield made.id
    communication.communication_services.begin_delete(GROUP, name).result()


@pytest.fixture(scope="module")
def topic(grid, source, version):
    name = f"life-topic-{version}"
    info = eg.SystemTopic(location="global", source=source, topic_type=TOPIC_TYPE, tags={"a": "1"})
    made = grid.system_topics.begin_create_or_update(GROUP, name, info).result()
    assert (made.name, made.provisioning_state) == (name, "Succeeded")
    # Event Grid gives names of topic types back in lower case.
    assert made.topic_type.lower() == TOPIC_TYPE.lower()
    yield name
    grid.system_topics.begin_delete(GROUP, name).result()
    with pytest.raises(ResourceNotFoundError):
        grid.system_topics.get(GROUP, name)


def test_a_system_topic_lives(grid, topic, source):
    seen = grid.system_topics.get(GROUP, topic)
    assert seen.source.lower() == source.lower()
    update = eg.SystemTopicUpdateParameters(tags={"b": "2"}, identity=eg.IdentityInfo(type="SystemAssigned"))
    changed = grid.system_topics.begin_update(GROUP, topic, update).result()
    assert changed.tags == {"b": "2"} and changed.identity.principal_id
    assert topic in [each.name for each in grid.system_topics.list_by_resource_group(GROUP, top=1)]
    found = grid.system_topics.list_by_subscription(filter=f"name eq '{topic}'")
    assert [each.name for each in found] == [topic]


def webhook_info(webhook, path):
    attributes = [
        eg.StaticDeliveryAttributeMapping(name="x-key", value="s3cret", is_secret=True),
        eg.DynamicDeliveryAttributeMapping(name="x-number", source_field="data.to"),
    ]
    hook = eg.WebHookEventSubscriptionDestination(
        endpoint_url=f"{webhook.url}{path}?code=secret",
        max_events_per_batch=5,
        preferred_batch_size_in_kilobytes=128,
        delivery_attribute_mappings=attributes,
    )
    starts = eg.StringBeginsWithAdvancedFilter(key="data.from", values=["+1"])
    return eg.EventSubscription(
        destination=hook,
        filter=eg.EventSubscriptionFilter(included_event_types=[SMS], subject_begins_with="/", advanced_filters=[starts]),
        labels=["blue"],
        retry_policy=eg.RetryPolicy(max_delivery_attempts=5, event_time_to_live_in_minutes=60),
    )


def check(made, full, attributes):
    assert made.provisioning_state == "Succeeded"
    assert made.destination.endpoint_url is None and made.destination.max_events_per_batch == 5
    assert made.filter.advanced_filters[0].values == ["+1"]
    assert made.retry_policy.max_delivery_attempts == 5
    assert full.endpoint_url.endswith("?code=secret")
    assert [each.name for each in attributes.value] == ["x-key", "x-number"]
    assert attributes.value[0].value == "s3cret"


def test_a_subscription_under_a_topic_lives(grid, topic, webhook):
    under = grid.system_topic_event_subscriptions
    made = under.begin_create_or_update(GROUP, topic, "life", webhook_info(webhook, "/grant")).result()
    check(made, under.get_full_url(GROUP, topic, "life"), under.get_delivery_attributes(GROUP, topic, "life"))
    assert under.get(GROUP, topic, "life").labels == ["blue"]
    update = eg.EventSubscriptionUpdateParameters(labels=["green"])
    changed = under.begin_update(GROUP, topic, "life", update).result()
    assert changed.labels == ["green"] and changed.retry_policy.max_delivery_attempts == 5
    assert [each.name for each in under.list_by_system_topic(GROUP, topic)] == ["life"]
    under.begin_delete(GROUP, topic, "life").result()
    with pytest.raises(ResourceNotFoundError):
        under.get(GROUP, topic, "life")


def test_a_subscription_at_a_scope_lives(grid, topic, source, webhook):
    at = grid.event_subscriptions
    made = at.begin_create_or_update(source, "life", webhook_info(webhook, "/grant")).result()
    check(made, at.get_full_url(source, "life"), at.get_delivery_attributes(source, "life"))
    assert at.get(source, "life").labels == ["blue"]
    changed = at.begin_update(source, "life", eg.EventSubscriptionUpdateParameters(labels=["green"])).result()
    assert changed.labels == ["green"]
    name = source.rsplit("/", 1)[1]
    found = at.list_by_resource(GROUP, "Microsoft.Communication", "communicationServices", name)
    assert [each.name for each in found] == ["life"]
    lists = [
        at.list_global_by_subscription(),
        at.list_global_by_resource_group(GROUP),
        at.list_global_by_subscription_for_topic_type(TOPIC_TYPE),
        at.list_global_by_resource_group_for_topic_type(GROUP, TOPIC_TYPE),
        at.list_regional_by_subscription("global"),
        at.list_regional_by_resource_group(GROUP, "global"),
        at.list_regional_by_subscription_for_topic_type("global", TOPIC_TYPE),
        at.list_regional_by_resource_group_for_topic_type(GROUP, "global", TOPIC_TYPE),
    ]
    assert [[each.name for each in found if each.name == "life"] for found in lists] == [["life"]] * len(lists)
    at.begin_delete(source, "life").result()
    with pytest.raises(ResourceNotFoundError):
        at.get(source, "life")


@pytest.mark.parametrize("scope", [f"/subscriptions/{SUBSCRIPTION}", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"])
def test_a_subscription_on_all_that_arm_does_lives(grid, version, scope, webhook, communication, source):
    at = grid.event_subscriptions
    place = f"/doings/{version}/{scope.rsplit('/', 1)[1]}"
    hook = eg.WebHookEventSubscriptionDestination(endpoint_url=f"{webhook.url}{place}?code=secret")
    made = at.begin_create_or_update(scope, "doings", eg.EventSubscription(destination=hook)).result()
    assert (made.provisioning_state, made.topic) == ("Succeeded", scope)
    assert "Microsoft.Resources.ResourceWriteSuccess" in made.filter.included_event_types
    assert at.get_full_url(scope, "doings").endpoint_url.endswith("?code=secret")
    assert at.get_delivery_attributes(scope, "doings").value == []
    changed = at.begin_update(scope, "doings", eg.EventSubscriptionUpdateParameters(labels=["green"])).result()
    assert changed.labels == ["green"] and at.get(scope, "doings").labels == ["green"]
    communication.communication_services.update(GROUP, source.rsplit("/", 1)[1], {"tags": {"told": "yes"}})
    told = until(lambda: [each for path, _, each in webhook.seen if path.startswith(place) and each["subject"] == source])
    assert (told[0]["eventType"], told[0]["topic"]) == ("Microsoft.Resources.ResourceWriteSuccess", scope)
    assert told[0]["data"]["operationName"] == "Microsoft.Communication/CommunicationServices/write"
    topic_type = "Microsoft.Resources.ResourceGroups" if "/resourceGroups/" in scope else "Microsoft.Resources.Subscriptions"
    listed = at.list_global_by_subscription_for_topic_type(topic_type)
    assert "doings" in [each.name for each in listed]
    at.begin_delete(scope, "doings").result()
    with pytest.raises(ResourceNotFoundError):
        at.get(scope, "doings")


def test_an_extension_topic_is_found_whose_scope_the_client_encodes(grid, source, webhook):
    hook = eg.WebHookEventSubscriptionDestination(endpoint_url=f"{webhook.url}/grant")
    grid.event_subscriptions.begin_create_or_update(source, "seen", eg.EventSubscription(destination=hook)).result()
    found = grid.extension_topics.get(source)
    assert found.system_topic.lower().startswith(f"/subscriptions/{SUBSCRIPTION}/resourcegroups/".lower())
    # The client's own way to wait by the other header of a deletion.
    by_location = ARMPolling(1, lro_algorithms=[LocationPolling()])
    grid.event_subscriptions.begin_delete(source, "seen", polling=by_location).result()
    with pytest.raises(ResourceNotFoundError):
        grid.event_subscriptions.get(source, "seen")


ACCOUNT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/store"
BUS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.ServiceBus/namespaces/bus"
HUBS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.EventHub/namespaces/hubs/eventhubs/hub"
APP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Web/sites/app/functions/f"
RELAY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Relay/namespaces/relay/hybridConnections/c"
)
DESTINATIONS = {
    "StorageQueue": eg.StorageQueueEventSubscriptionDestination(resource_id=ACCOUNT, queue_name="events"),
    "ServiceBusQueue": eg.ServiceBusQueueEventSubscriptionDestination(resource_id=f"{BUS}/queues/q"),
    "ServiceBusTopic": eg.ServiceBusTopicEventSubscriptionDestination(resource_id=f"{BUS}/topics/t"),
    "EventHub": eg.EventHubEventSubscriptionDestination(resource_id=HUBS),
    "AzureFunction": eg.AzureFunctionEventSubscriptionDestination(resource_id=APP, max_events_per_batch=1),
    "HybridConnection": eg.HybridConnectionEventSubscriptionDestination(resource_id=RELAY),
}


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_every_destination_is_taken_and_given_back(grid, topic, kind):
    under = grid.system_topic_event_subscriptions
    letters = eg.StorageBlobDeadLetterDestination(resource_id=ACCOUNT, blob_container_name="letters")
    info = eg.EventSubscription(destination=DESTINATIONS[kind], dead_letter_destination=letters)
    made = under.begin_create_or_update(GROUP, topic, f"to-{kind}", info).result()
    assert made.destination.endpoint_type == kind
    assert made.destination.resource_id == DESTINATIONS[kind].resource_id
    assert made.dead_letter_destination.blob_container_name == "letters"
    under.begin_delete(GROUP, topic, f"to-{kind}").result()


def test_event_types_are_known(grid, source):
    name = source.rsplit("/", 1)[1]
    listed = grid.topics.list_event_types(GROUP, "Microsoft.Communication", "communicationServices", name)
    assert SMS in [each.name for each in listed]
    assert SMS in [each.name for each in grid.topic_types.list_event_types(TOPIC_TYPE)]
    assert TOPIC_TYPE in [each.name for each in grid.topic_types.list()]
    assert list(grid.operations.list())
    assert grid.topic_types.get(TOPIC_TYPE).resource_region_type == "GlobalResource"
