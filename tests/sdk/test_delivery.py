"""Events on their way: a subscription made by the SDK, an event by the door, and what a real HTTPS endpoint gets."""

import time

import pytest
from azure.mgmt.eventgrid import models as eg
from conftest import GROUP, door, system_topic

SERVICE, TOPIC = "contoso-events", "contoso-events-topic"


@pytest.fixture(scope="module")
def topic(communication, events):
    return system_topic(communication, events, SERVICE, TOPIC)


def subscribe(events, name, url, **more):
    key = eg.StaticDeliveryAttributeMapping(name="acs-relay-key", value="s3cret", is_secret=True)
    number = eg.DynamicDeliveryAttributeMapping(name="x-number", source_field="data.to")
    hook = eg.WebHookEventSubscriptionDestination(endpoint_url=url, delivery_attribute_mappings=[key, number])
    info = eg.EventSubscription(
        destination=hook,
        filter=eg.EventSubscriptionFilter(included_event_types=["Microsoft.Communication.SMSReceived"]),
        **more,
    )
    made = events.system_topic_event_subscriptions.begin_create_or_update(GROUP, TOPIC, name, info).result()
    assert made.provisioning_state == "Succeeded"
    assert made.destination.delivery_attribute_mappings[0].value == "Hidden"


def deliver(name):
    """Publishes a text message, and waits until the simulator knows how its delivery ended."""
    before = door("GET", "deliveries")["next"]
    sms = {"service": SERVICE, "from": "+15550001", "to": "+15550002", "message": "hello"}
    published = door("POST", "sms", sms)
    assert name in [m["id"].rsplit("/", 1)[-1] for m in published["matched"]]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        attempts = door("GET", f"deliveries?since={before}")["attempts"]
        ours = [a for a in attempts if a["eventId"] == published["ids"][0] and a["subscription"].endswith(f"/{name}")]
        if ours:
            return published["ids"][0], ours[0]
        time.sleep(0.05)
    raise AssertionError("no attempt within 30 s")


def got(webhook, path, event_id):
    """The request of that event: path, headers in lower case, event."""
    for at, headers, event in webhook.seen:
        if at.startswith(path) and event and event["id"] == event_id:
            return at, {name.lower(): value for name, value in headers.items()}, event
    raise AssertionError("the webhook did not get the event")


def test_an_event_is_delivered_in_the_event_grid_schema_with_its_attributes(events, topic, webhook):
    subscribe(events, "delivered", f"{webhook.url}/events/delivered?code=kept")
    event_id, attempt = deliver("delivered")
    assert (attempt["outcome"], attempt["status"], attempt["attempt"]) == ("Delivered", 200, 1)
    path, headers, event = got(webhook, "/events/delivered", event_id)
    assert path == "/events/delivered?code=kept"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["aeg-event-type"] == "Notification"
    assert headers["aeg-subscription-name"] == "DELIVERED"
    assert headers["aeg-delivery-count"] == "0"
    assert headers["acs-relay-key"] == "s3cret"
    assert headers["x-number"] == "+15550002"
    assert event["eventType"] == "Microsoft.Communication.SMSReceived"
    assert event["subject"] == "/phonenumber/+15550001"
    assert event["data"]["message"] == "hello"


def test_the_handshake_carries_the_static_attributes_too(events, topic, webhook):
    subscribe(events, "handshake", f"{webhook.url}/events/handshake")
    asked = [h for path, h, e in webhook.seen if path.startswith("/events/handshake") and e]
    headers = {name.lower(): value for name, value in asked[0].items()}
    assert headers["aeg-event-type"] == "SubscriptionValidation"
    assert headers["acs-relay-key"] == "s3cret"


def test_an_event_is_delivered_as_a_cloud_event(events, topic, webhook):
    subscribe(events, "cloud", f"{webhook.url}/events/cloud", event_delivery_schema="CloudEventSchemaV1_0")
    event_id, attempt = deliver("cloud")
    assert attempt["outcome"] == "Delivered"
    _, headers, event = got(webhook, "/events/cloud", event_id)
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["webhook-request-origin"] == "eventgrid.azure.net"
    assert (event["specversion"], event["type"]) == ("1.0", "Microsoft.Communication.SMSReceived")
    assert event["source"].lower() == topic.source.lower()


def test_an_endpoint_that_fails_is_tried_again(events, topic, webhook):
    subscribe(events, "failing", f"{webhook.url}/fail")
    _, attempt = deliver("failing")
    assert (attempt["outcome"], attempt["status"]) == ("Retry", 503)
    assert 30_000 <= attempt["nextAttempt"] - attempt["time"] <= 33_000


def test_secrets_are_in_no_door(events, topic, webhook):
    assert "s3cret" not in str(door("GET", "deliveries")) + str(door("GET", "state"))
