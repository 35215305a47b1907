"""The Azure command line, with the simulator as a cloud of its own: one story, in order."""

import json
import os
import subprocess

import pytest
from conftest import ARM, GROUP, SUBSCRIPTION

SERVICE, TOPIC, NAMESPACE = "az-shop", "az-topic", "az-hubs"
PROVIDERS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
SOURCE = f"{PROVIDERS}/Microsoft.Communication/communicationServices/{SERVICE}"
HUBS = f"{PROVIDERS}/Microsoft.NotificationHubs/namespaces/{NAMESPACE}"


def az(*arguments, fails=False):
    """What az prints, read as JSON."""
    done = subprocess.run([os.environ["AZ"], *arguments, "--only-show-errors"], capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stderr[-2000:]
    if fails:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def rest(method, path, version, body=None, fails=False):
    more = [] if body is None else ["--body", json.dumps(body)]
    url = f"{ARM}{path}?api-version={version}"
    return az("rest", "--method", method, "--url", url, *more, fails=fails)


@pytest.fixture(scope="module", autouse=True)
def signed_in(tmp_path_factory):
    """A cloud by its metadata alone, and a service principal in it: as `azure-sim --help` teaches it, word for word."""
    os.environ["AZURE_CONFIG_DIR"] = str(tmp_path_factory.mktemp("az"))
    os.environ["AZURE_CORE_COLLECT_TELEMETRY"] = "false"
    shown = subprocess.run([os.environ["AZURE_SIM_BIN"], "--help"], capture_output=True, text=True, check=True).stdout
    lines = [line.strip().removeprefix("$ ") for line in shown.splitlines() if line.lstrip().startswith("$ ")]
    lines = [line for line in lines if line.startswith(("az ", "export AZURE_CORE_"))]
    assert len(lines) == 4, lines
    for line in lines:
        if line.startswith("export "):
            name, value = line.split(" # ")[0].removeprefix("export ").strip().split("=")
            os.environ[name] = value
    script = "\n".join(['az() { "$AZ" "$@" --only-show-errors; }', "set -e", *lines])
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert SUBSCRIPTION in [each["id"] for each in json.loads(done.stdout)]
    yield
    az("logout")


def test_the_account_is_shown_and_has_tokens():
    assert az("account", "show")["id"] == SUBSCRIPTION
    assert az("account", "get-access-token")["subscription"] == SUBSCRIPTION
    assert rest("get", f"/subscriptions/{SUBSCRIPTION}", "2022-12-01")["state"] == "Enabled"


def test_a_group_lives():
    made = az("group", "create", "--name", "az-group", "--location", "westeurope", "--tags", "a=1")
    assert (made["properties"]["provisioningState"], made["tags"]) == ("Succeeded", {"a": "1"})
    assert {"az-group", GROUP} <= {each["name"] for each in az("group", "list")}
    assert az("group", "exists", "--name", "az-group") is True
    az("group", "delete", "--name", "az-group", "--yes")
    assert az("group", "exists", "--name", "az-group") is False


def test_providers_are_registered():
    assert az("provider", "show", "--namespace", "Microsoft.EventGrid")["registrationState"] == "Registered"
    az("provider", "register", "--namespace", "Microsoft.EventGrid")


def test_a_subscription_is_described():
    assert "westeurope" in [each["name"] for each in az("account", "list-locations")]
    tenants = rest("get", "/tenants", "2022-12-01")["value"]
    assert os.environ["AZURE_TENANT_ID"] in [each["tenantId"] for each in tenants]


def test_a_lock_holds_until_it_goes():
    az("group", "create", "--name", "az-locked", "--location", "westeurope")
    lock = ["--name", "keep", "--resource-group", "az-locked"]
    assert az("lock", "create", *lock, "--lock-type", "CanNotDelete")["level"] == "CanNotDelete"
    assert az("lock", "show", *lock)["name"] == "keep"
    assert [each["name"] for each in az("lock", "list", "--resource-group", "az-locked")] == ["keep"]
    assert "ScopeLocked" in az("group", "delete", "--name", "az-locked", "--yes", fails=True)
    az("lock", "delete", *lock)
    az("group", "delete", "--name", "az-locked", "--yes")


def test_tags_are_a_resource_of_their_own():
    az("group", "create", "--name", "az-tagged", "--location", "westeurope")
    at = ["--resource-id", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/az-tagged"]
    assert az("tag", "create", *at, "--tags", "a=1")["properties"]["tags"] == {"a": "1"}
    merged = az("tag", "update", *at, "--operation", "Merge", "--tags", "b=2")
    assert merged["properties"]["tags"] == {"a": "1", "b": "2"}
    assert az("tag", "list", *at)["properties"]["tags"] == {"a": "1", "b": "2"}
    assert {"a", "b"} <= {each["tagName"] for each in az("tag", "list")}
    az("tag", "delete", *at, "--yes")
    assert az("group", "show", "--name", "az-tagged")["tags"] in (None, {})
    az("group", "delete", "--name", "az-tagged", "--yes")


def test_a_service_is_made():
    name = {"name": SERVICE, "type": "Microsoft.Communication/CommunicationServices"}
    check = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Communication/checkNameAvailability"
    assert rest("post", check, "2025-05-01", name)["nameAvailable"]
    body = {"location": "global", "properties": {"dataLocation": "Europe"}}
    assert rest("put", SOURCE, "2025-05-01", body)["name"] == SERVICE
    assert rest("get", SOURCE, "2025-05-01")["properties"]["provisioningState"] == "Succeeded"
    assert rest("patch", SOURCE, "2025-05-01", {"tags": {"a": "1"}})["tags"] == {"a": "1"}
    keys = rest("post", f"{SOURCE}/listKeys", "2025-05-01")
    half = rest("post", f"{SOURCE}/regenerateKey", "2025-05-01", {"keyType": "Primary"})
    assert half["primaryKey"] != keys["primaryKey"]
    listed = rest("get", f"{PROVIDERS}/Microsoft.Communication/communicationServices", "2025-05-01")
    assert SERVICE in [each["name"] for each in listed["value"]]
    assert SERVICE in [each["name"] for each in az("resource", "list", "--resource-group", GROUP)]
    assert SERVICE in [each["name"] for each in az("resource", "list")]


def test_a_hub_is_made_and_linked():
    version = "2023-10-01-preview"
    rest("put", HUBS, version, {"location": "westeurope", "sku": {"name": "Standard"}})
    assert rest("get", HUBS, version)["properties"]["provisioningState"] == "Succeeded"
    hub = f"{HUBS}/notificationHubs/phones"
    fcm = {"properties": {"clientEmail": "a@b.example", "privateKey": "key", "projectId": "shop"}}
    rest("put", hub, version, {"location": "westeurope", "properties": {"fcmV1Credential": fcm}})
    assert rest("post", f"{hub}/pnsCredentials", version)["properties"]["fcmV1Credential"] == fcm
    rest("put", f"{hub}/authorizationRules/acs", version, {"properties": {"rights": ["Send"]}})
    keys = rest("post", f"{hub}/authorizationRules/acs/listKeys", version)
    link = {"resourceId": hub, "connectionString": keys["primaryConnectionString"]}
    assert rest("post", f"{SOURCE}/linkNotificationHub", "2025-05-01", link)["resourceId"] == hub


def test_a_system_topic_and_its_subscriptions_live(webhook):
    topic = ["--name", TOPIC, "--resource-group", GROUP]
    topic_type = "Microsoft.Communication.CommunicationServices"
    made = az(
        *["eventgrid", "system-topic", "create", *topic, "--location", "global"],
        *["--topic-type", topic_type, "--source", SOURCE],
    )
    assert made["provisioningState"] == "Succeeded"
    assert az("eventgrid", "system-topic", "show", *topic)["source"].lower() == SOURCE.lower()
    assert TOPIC in [each["name"] for each in az("eventgrid", "system-topic", "list", "--resource-group", GROUP)]
    assert az("eventgrid", "system-topic", "update", *topic, "--tags", "a=1")["tags"] == {"a": "1"}

    under = ["eventgrid", "system-topic", "event-subscription"]
    at = ["--name", "from-az", "--system-topic-name", TOPIC, "--resource-group", GROUP]
    made = az(
        *[*under, "create", *at, "--endpoint", f"{webhook.url}/grant?code=secret"],
        *["--included-event-types", "Microsoft.Communication.SMSReceived"],
        *["--delivery-attribute-mapping", "x-key", "static", "s3cret", "true"],
        *["--advanced-filter", "data.from", "StringBeginsWith", "+1"],
    )
    assert made["provisioningState"] == "Succeeded"
    shown = az(*under, "show", *at, "--include-full-endpoint-url", "true")
    assert shown["destination"]["endpointUrl"] == f"{webhook.url}/grant?code=secret"
    # It sends the destination that it was shown, which lacks the URL: without --endpoint the service refuses it.
    changes = ["--endpoint", f"{webhook.url}/grant?code=other", "--labels", "blue"]
    assert az(*under, "update", *at, *changes)["labels"] == ["blue"]
    assert "endpointUrl" in az(*under, "update", *at, "--labels", "red", fails=True)
    listed = az(*under, "list", "--system-topic-name", TOPIC, "--resource-group", GROUP)
    assert [each["name"] for each in listed] == ["from-az"]
    az(*under, "delete", *at, "--yes")
    az("eventgrid", "system-topic", "delete", *topic, "--yes")


def test_a_subscription_at_a_scope_lives(webhook):
    at = ["--name", "from-az", "--source-resource-id", SOURCE]
    made = az("eventgrid", "event-subscription", "create", *at, "--endpoint", f"{webhook.url}/grant")
    assert made["provisioningState"] == "Succeeded"
    assert az("eventgrid", "event-subscription", "show", *at)["name"] == "from-az"
    listed = az("eventgrid", "event-subscription", "list", "--source-resource-id", SOURCE)
    assert [each["name"] for each in listed] == ["from-az"]
    az("eventgrid", "event-subscription", "delete", *at)


def test_topic_types_have_events():
    listed = az("eventgrid", "topic-type", "list-event-types", "--name", "Microsoft.Communication.CommunicationServices")
    assert "Microsoft.Communication.SMSReceived" in [each["name"] for each in listed]


def test_a_refusal_is_told_in_azures_words():
    told = rest("get", f"{PROVIDERS}/Microsoft.Communication/communicationServices/nobody", "2025-05-01", fails=True)
    assert "ResourceNotFound" in told


def test_everything_goes():
    rest("delete", HUBS, "2023-10-01-preview")
    rest("delete", SOURCE, "2025-05-01")
    assert "ResourceNotFound" in rest("get", SOURCE, "2025-05-01", fails=True)
