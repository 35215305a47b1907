"""Events into a real storage account (Azurite): what lies in its queue and its container, read with Microsoft's own SDKs."""

import json
import os
import re
import time
from datetime import timedelta

import pytest
from azure.mgmt.eventgrid import models as eg
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy
from conftest import GROUP, SUBSCRIPTION, door, system_topic

CONNECTION = os.environ["AZURITE_CONNECTION"]
ACCOUNT = dict(part.split("=", 1) for part in CONNECTION.split(";") if part)["AccountName"]
STORAGE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
# The SDKs speak newer versions than Azurite knows.
VERSION = "2025-05-05"
SERVICE, TOPIC = "contoso-storage", "contoso-storage-topic"


@pytest.fixture(scope="module")
def topic(communication, events):
    return system_topic(communication, events, SERVICE, TOPIC)


def queue(name):
    made = QueueServiceClient.from_connection_string(CONNECTION, api_version=VERSION).get_queue_client(
        name, message_decode_policy=TextBase64DecodePolicy()
    )
    made.create_queue()
    return made


@pytest.fixture
def subscribe(events, topic):
    """Makes subscriptions to SMS, and takes them away again: each test counts its own."""
    made = []

    def subscribe(name, queue_name, ttl=None, **more):
        info = eg.EventSubscription(
            destination=eg.StorageQueueEventSubscriptionDestination(
                resource_id=STORAGE, queue_name=queue_name, queue_message_time_to_live_in_seconds=ttl
            ),
            filter=eg.EventSubscriptionFilter(included_event_types=["Microsoft.Communication.SMSReceived"]),
            **more,
        )
        events.system_topic_event_subscriptions.begin_create_or_update(GROUP, TOPIC, name, info).result()
        made.append(name)

    yield subscribe
    for name in made:
        events.system_topic_event_subscriptions.begin_delete(GROUP, TOPIC, name).result()


def sms(message="hello"):
    sent = {"service": SERVICE, "from": "+15550001", "to": "+15550002", "message": message}
    published = door("POST", "sms", sent)
    assert [m.get("notes") for m in published["matched"]] == [None], "said to be delivered"
    return published["ids"][0]


def ends(event_id, *outcomes):
    """Waits until an attempt of that event ended in one of these ways."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for attempt in door("GET", "deliveries")["attempts"]:
            if attempt["eventId"] == event_id and attempt["outcome"] in outcomes:
                return attempt
        time.sleep(0.05)
    raise AssertionError(f"none of {outcomes} within 30 s")


def metrics(name):
    for one in door("GET", "deliveries")["subscriptions"]:
        if one["subscription"].endswith(f"/{name}"):
            return one["metrics"]
    raise AssertionError(f"no counters of {name}")


def test_an_event_lies_in_the_queue_as_one_object_in_base64(topic, subscribe):
    events_queue = queue("plain")
    subscribe("plain", "plain", ttl=300)
    event_id = sms("größer als ASCII")
    assert ends(event_id, "Delivered")["status"] == 201
    message = events_queue.receive_message()
    event = json.loads(message.content)
    assert (event["id"], event["eventType"]) == (event_id, "Microsoft.Communication.SMSReceived")
    assert event["data"]["message"] == "größer als ASCII"
    assert event["topic"].lower() == topic.source.lower()
    assert message.expires_on - message.inserted_on == timedelta(seconds=300)
    assert events_queue.receive_message() is None
    assert metrics("plain")["delivered"] == 1


def test_without_a_time_to_live_a_message_waits_seven_days_and_with_minus_one_for_ever(subscribe):
    week, ever = queue("week"), queue("ever")
    subscribe("week", "week")
    ends(sms(), "Delivered")
    message = week.receive_message()
    assert message.expires_on - message.inserted_on == timedelta(days=7)
    subscribe("ever", "ever", ttl=-1)
    sent = {"service": SERVICE, "from": "+1", "to": "+2", "message": "x"}
    ends(door("POST", "sms", sent)["ids"][0], "Delivered")
    deadline = time.monotonic() + 30
    while (message := ever.receive_message()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert message.expires_on.year == 9999


def test_a_cloud_event_lies_in_the_queue_as_such(subscribe):
    cloud = queue("cloud")
    subscribe("cloud", "cloud", event_delivery_schema="CloudEventSchemaV1_0")
    event_id = sms()
    ends(event_id, "Delivered")
    event = json.loads(cloud.receive_message().content)
    assert (event["id"], event["specversion"], event["type"]) == (
        event_id,
        "1.0",
        "Microsoft.Communication.SMSReceived",
    )


def test_a_queue_that_is_not_there_is_tried_again_after_five_minutes(subscribe):
    subscribe("nowhere", "nowhere")
    attempt = ends(sms(), "Retry")
    assert attempt["status"] == 404
    assert 300_000 <= attempt["nextAttempt"] - attempt["time"] <= 330_000
    assert metrics("nowhere")["failed"] == 1


def dead_letters(container):
    return eg.StorageBlobDeadLetterDestination(resource_id=STORAGE, blob_container_name=container)


def test_what_no_queue_takes_lies_in_a_blob_under_the_name_of_the_subscription(subscribe):
    container = BlobServiceClient.from_connection_string(CONNECTION, api_version=VERSION).create_container("lost")
    subscribe(
        "given-up",
        "none-of-that-name",
        dead_letter_destination=dead_letters("lost"),
        retry_policy=eg.RetryPolicy(max_delivery_attempts=1),
    )
    event_id = sms()
    ends(event_id, "DeadLettered")
    [blob] = container.list_blobs()
    now = time.gmtime()
    assert re.fullmatch(
        rf"GIVEN-UP/{now.tm_year}/[1-9]\d?/[1-9]\d?/(0|[1-9]\d?)/[0-9a-f-]{{36}}\.json", blob.name
    ), blob.name
    assert blob.content_settings.content_type.startswith("application/json")
    [record] = json.loads(container.download_blob(blob.name).readall())
    assert (record["id"], record["deadLetterReason"]) == (event_id, "MaxDeliveryAttemptsExceeded")
    assert (record["deliveryAttempts"], record["lastDeliveryOutcome"]) == (1, "NotFound")
    assert record["data"]["message"] == "hello"
    assert metrics("given-up")["deadLettered"] == 1
    [shown] = [d for d in door("GET", "dead-letters")["deadLetters"] if d["record"]["id"] == event_id]
    assert (shown["container"], shown["blob"]) == ("lost", blob.name)


def test_a_container_that_is_not_there_loses_what_it_should_keep(subscribe):
    subscribe(
        "lost-for-good",
        "none-of-that-name",
        dead_letter_destination=dead_letters("no-such-container"),
        retry_policy=eg.RetryPolicy(max_delivery_attempts=1),
    )
    attempt = ends(sms(), "Dropped")
    assert attempt["reason"] == "DeadLetterDestinationNotFound"
    assert metrics("lost-for-good")["droppedBecause"] == {"DeadLetterDestinationNotFound": 1}


def test_an_event_that_no_message_can_hold_is_not_tried_again(subscribe):
    queue("small")
    subscribe("too-large", "small")
    event = {"service": SERVICE, "type": "Microsoft.Communication.SMSReceived", "data": {"text": "x" * 70_000}}
    attempt = ends(door("POST", "events", event)["ids"][0], "Dropped")
    assert (attempt["status"], attempt["reason"]) in [
        (413, "UndeliverableDueToClientError"),
        (400, "UndeliverableDueToClientError"),
    ]


def test_the_accounts_key_is_in_no_door():
    key = dict(part.split("=", 1) for part in CONNECTION.split(";") if part)["AccountKey"]
    shown = "".join(str(door("GET", path)) for path in ["deliveries", "dead-letters", "state", "journal", "profile"])
    assert key not in shown and "SharedKey" not in shown
