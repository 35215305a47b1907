"""A webhook that Entra protects: its receiver checks Event Grid's token as it would Entra's, by the published keys."""

import os
import ssl
import time

import jwt
import pytest
from azure.mgmt.eventgrid import models as eg
from conftest import ARM, CA, GROUP, door, system_topic

SERVICE, TOPIC = "contoso-secure", "contoso-secure-topic"
TENANT = os.environ["AZURE_TENANT_ID"]
EVENT_GRID = "4962773b-9cdb-44cf-a8bf-237846a00ab7"


@pytest.fixture(scope="module")
def topic(communication, events):
    return system_topic(communication, events, SERVICE, TOPIC)


def checked(header, audience):
    """What a receiver does: keys by discovery, signature, audience, issuer, time."""
    scheme, token = header.split(" ", 1)
    assert scheme == "Bearer"
    keys = jwt.PyJWKClient(
        f"{ARM}/{TENANT}/discovery/v2.0/keys", ssl_context=ssl.create_default_context(cafile=CA)
    )
    return jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=["RS256"],
        audience=audience,
        issuer=f"https://sts.windows.net/{TENANT}/",
        options={"require": ["aud", "iss", "exp", "nbf", "tid", "appid"]},
    )


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
def test_every_message_carries_a_token_that_the_published_keys_verify(events, topic, webhook, schema):
    audience, path = f"api://{schema.lower()}.example", f"/secure/{schema}"
    hook = eg.WebHookEventSubscriptionDestination(
        endpoint_url=f"{webhook.url}{path}",
        azure_active_directory_tenant_id=TENANT,
        azure_active_directory_application_id_or_uri=audience,
    )
    info = eg.EventSubscription(destination=hook, event_delivery_schema=schema)
    name = f"secure-{schema[:5]}"
    made = events.system_topic_event_subscriptions.begin_create_or_update(GROUP, TOPIC, name, info).result()
    assert made.destination.azure_active_directory_application_id_or_uri == audience
    door("POST", "sms", {"service": SERVICE, "from": "+1", "to": "+2", "message": "hello"})
    deadline = time.monotonic() + 30
    while not (got := [h for at, h, e in webhook.seen if at == path and h.get("aeg-event-type") == "Notification"]):
        assert time.monotonic() < deadline, "nothing delivered within 30 s"
        time.sleep(0.05)
    claims = checked(got[0]["authorization"], audience)
    assert (claims["appid"], claims["tid"], claims["ver"]) == (EVENT_GRID, TENANT, "1.0")
    with pytest.raises(jwt.InvalidAudienceError):
        checked(got[0]["authorization"], "api://somebody-else.example")
    asked = [h for at, h, _ in webhook.seen if at == path and h.get("aeg-event-type") != "Notification"]
    if schema == "EventGridSchema":
        assert checked(asked[0]["authorization"], audience)["appid"] == EVENT_GRID
    else:
        assert "authorization" not in {name.lower() for name in asked[0]}, "OPTIONS has none"
