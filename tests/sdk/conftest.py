"""Clients of Microsoft's SDKs, pointed at the simulator as they would be at a private cloud."""

import http.server
import json
import os
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.communication import CommunicationServiceManagementClient
from azure.mgmt.eventgrid import EventGridManagementClient
from azure.mgmt.eventgrid import models as eg
from azure.mgmt.notificationhubs import NotificationHubsManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

ARM = os.environ["AZURE_RESOURCE_MANAGER_ENDPOINT"]
CA = os.environ["SSL_CERT_FILE"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
GROUP = "rg-shop"


def door(method, path, body=None):
    """One of the simulator's own doors."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ARM}/_sim/{path}", data=data, method=method)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=CA)) as answer:
        return json.load(answer)


def versions(operation):
    """Every api-version that the simulator says it takes for an operation."""
    shown = subprocess.run(
        [os.environ["AZURE_SIM_BIN"], "operations", "--output", "json"], capture_output=True, text=True, check=True
    )
    return next(each["versions"] for each in json.loads(shown.stdout) if each["name"] == operation)


def system_topic(communication, events, service, topic):
    """A communication service and its system topic."""
    body = {"location": "global", "properties": {"dataLocation": "Europe"}}
    made = communication.communication_services.begin_create_or_update(GROUP, service, body).result()
    info = eg.SystemTopic(
        location="global", source=made.id, topic_type="Microsoft.Communication.CommunicationServices"
    )
    return events.system_topics.begin_create_or_update(GROUP, topic, info).result()


def until(found):
    """What there is, once there is something."""
    deadline = time.monotonic() + 30
    while not (there := found()):
        assert time.monotonic() < deadline, "nothing within 30 s"
        time.sleep(0.05)
    return there


def credential(secret=None, tenant=None):
    return ClientSecretCredential(
        tenant or os.environ["AZURE_TENANT_ID"],
        os.environ["AZURE_CLIENT_ID"],
        secret or os.environ["AZURE_CLIENT_SECRET"],
        authority=ARM,
        disable_instance_discovery=True,
        connection_verify=CA,
    )


def client(kind, **changed):
    settings = {
        "base_url": ARM,
        "credential_scopes": [f"{ARM}/.default"],
        "connection_verify": CA,
        "polling_interval": 1,
        **changed,
    }
    who = settings.pop("credential", None) or credential()
    return kind(who, SUBSCRIPTION, **settings)


@pytest.fixture(scope="session")
def communication():
    return client(CommunicationServiceManagementClient)


@pytest.fixture(scope="session")
def hubs():
    return client(NotificationHubsManagementClient)


@pytest.fixture(scope="session")
def events():
    return client(EventGridManagementClient)


@pytest.fixture(scope="session")
def resources():
    return client(ResourceManagementClient)


class Webhook(http.server.BaseHTTPRequestHandler):
    """Answers by path: /refuse with 403, /mute with 200 and no code, /fail with 503 once it has agreed; the rest as Event
    Grid wants it."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        event = event[0] if isinstance(event, list) else event
        self.server.seen.append((self.path, dict(self.headers), event))
        if self.path.startswith("/refuse"):
            return self.answer(403)
        if self.headers["aeg-event-type"] != "SubscriptionValidation":
            return self.answer(503 if self.path.startswith("/fail") else 200)
        body = {"validationResponse": event["data"]["validationCode"]}
        if self.path.startswith("/mute"):
            body = {}
        return self.answer(200, json.dumps(body).encode(), [("Content-Type", "application/json")])

    def do_OPTIONS(self):
        self.server.seen.append((self.path, dict(self.headers), None))
        origin = self.headers["WebHook-Request-Origin"]
        granted = [("WebHook-Allowed-Origin", origin), ("WebHook-Allowed-Rate", "*")]
        self.answer(200, b"", [] if self.path.startswith("/refuse") else granted)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def webhook(tmp_path_factory):
    """A real HTTPS endpoint, with a certificate that the simulator trusts."""
    issued = door("POST", "certificate", {"names": ["localhost", "127.0.0.1"]})
    files = tmp_path_factory.mktemp("webhook")
    (files / "tls.crt").write_text(issued["certificate"])
    (files / "tls.key").write_text(issued["key"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "tls.crt", files / "tls.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.seen = []
    server.url = f"https://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
