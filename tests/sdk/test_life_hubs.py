"""The whole life of namespaces and hubs, in the one version that the SDK speaks."""

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.notificationhubs import models as nh
from conftest import GROUP, SUBSCRIPTION

NAMESPACE, HUB = "life-hubs", "life-phones"


def rule(*rights):
    return nh.SharedAccessAuthorizationRuleCreateOrUpdateParameters(
        properties=nh.SharedAccessAuthorizationRuleProperties(rights=list(rights))
    )


@pytest.fixture(scope="module")
def namespace(hubs):
    parameters = nh.NamespaceCreateOrUpdateParameters(location="westeurope", sku=nh.Sku(name="Basic"), tags={"a": "1"})
    hubs.namespaces.create_or_update(GROUP, NAMESPACE, parameters)
    yield hubs.namespaces.get(GROUP, NAMESPACE)
    hubs.namespaces.begin_delete(GROUP, NAMESPACE).result()
    with pytest.raises(ResourceNotFoundError):
        hubs.namespaces.get(GROUP, NAMESPACE)


def test_a_namespace_lives(hubs, namespace):
    assert (namespace.name, namespace.sku.name, namespace.status) == (NAMESPACE, "Basic", "Active")
    assert namespace.service_bus_endpoint == f"https://{NAMESPACE}.servicebus.windows.net:443/"
    taken = hubs.namespaces.check_availability(nh.CheckAvailabilityParameters(name=NAMESPACE))
    assert not taken.is_availiable
    patched = hubs.namespaces.patch(
        GROUP, NAMESPACE, nh.NamespacePatchParameters(tags={"b": "2"}, sku=nh.Sku(name="Standard"))
    )
    assert (patched.tags, patched.sku.name) == ({"b": "2"}, "Standard")
    again = nh.NamespaceCreateOrUpdateParameters(location="West Europe", sku=nh.Sku(name="Standard"))
    hubs.namespaces.create_or_update(GROUP, NAMESPACE, again)
    assert not hubs.namespaces.get(GROUP, NAMESPACE).tags
    assert NAMESPACE in [each.name for each in hubs.namespaces.list(GROUP)]
    assert NAMESPACE in [each.name for each in hubs.namespaces.list_all()]


def test_a_rule_of_a_namespace_lives(hubs, namespace):
    made = hubs.namespaces.create_or_update_authorization_rule(GROUP, NAMESPACE, "listener", rule("Listen"))
    assert (made.name, set(made.rights)) == ("listener", {"Listen"})
    changed = hubs.namespaces.create_or_update_authorization_rule(GROUP, NAMESPACE, "listener", rule("Listen", "Send"))
    assert set(changed.rights) == {"Listen", "Send"}
    assert set(hubs.namespaces.get_authorization_rule(GROUP, NAMESPACE, "listener").rights) == {"Listen", "Send"}
    names = {each.name for each in hubs.namespaces.list_authorization_rules(GROUP, NAMESPACE)}
    assert names == {"listener", "RootManageSharedAccessKey"}
    before = hubs.namespaces.list_keys(GROUP, NAMESPACE, "listener")
    policy = nh.PolicykeyResource(policy_key="SecondaryKey")
    after = hubs.namespaces.regenerate_keys(GROUP, NAMESPACE, "listener", policy)
    assert after.secondary_key != before.secondary_key and after.primary_key == before.primary_key
    hubs.namespaces.delete_authorization_rule(GROUP, NAMESPACE, "listener")
    with pytest.raises(ResourceNotFoundError):
        hubs.namespaces.get_authorization_rule(GROUP, NAMESPACE, "listener")


CREDENTIALS = {
    "apns_credential": nh.ApnsCredential(
        endpoint="https://api.push.apple.com:443/3/device",
        token="p8",
        key_id="ABCDEFGHIJ",
        app_id="KLMNOPQRST",
        app_name="com.example.shop",
    ),
    "gcm_credential": nh.GcmCredential(google_api_key="key", gcm_endpoint="https://fcm.googleapis.com/fcm/send"),
    "wns_credential": nh.WnsCredential(package_sid="sid", secret_key="key"),
    "adm_credential": nh.AdmCredential(client_id="id", client_secret="key", auth_token_url="https://adm.example"),
    "baidu_credential": nh.BaiduCredential(
        baidu_api_key="key", baidu_secret_key="key", baidu_end_point="https://baidu.example"
    ),
    "mpns_credential": nh.MpnsCredential(mpns_certificate="pfx", certificate_key="key", thumbprint="00"),
}


def test_a_hub_lives(hubs, namespace):
    name = nh.CheckAvailabilityParameters(name=HUB)
    assert hubs.notification_hubs.check_notification_hub_availability(GROUP, NAMESPACE, name).is_availiable
    parameters = nh.NotificationHubCreateOrUpdateParameters(
        location="westeurope", tags={"a": "1"}, registration_ttl="90.00:00:00", **CREDENTIALS
    )
    made = hubs.notification_hubs.create_or_update(GROUP, NAMESPACE, HUB, parameters)
    assert (made.name, made.location) == (HUB, "West Europe")
    assert not hubs.notification_hubs.check_notification_hub_availability(GROUP, NAMESPACE, name).is_availiable
    seen = hubs.notification_hubs.get(GROUP, NAMESPACE, HUB)
    assert seen.registration_ttl == "90.00:00:00"
    assert [getattr(seen, each) for each in CREDENTIALS] == [None] * len(CREDENTIALS)
    shown = hubs.notification_hubs.get_pns_credentials(GROUP, NAMESPACE, HUB)
    for each, given in CREDENTIALS.items():
        assert getattr(shown, each).as_dict() == given.as_dict()
    patched = hubs.notification_hubs.patch(GROUP, NAMESPACE, HUB, nh.NotificationHubPatchParameters(tags={"b": "2"}))
    assert patched.tags == {"b": "2"}
    assert [each.name for each in hubs.notification_hubs.list(GROUP, NAMESPACE)] == [HUB]
    sent = hubs.notification_hubs.debug_send(GROUP, NAMESPACE, HUB, {"data": {"message": "hello"}})
    assert (sent.success, sent.failure) == (0, 0)


def test_a_rule_of_a_hub_lives(hubs, namespace):
    made = hubs.notification_hubs.create_or_update_authorization_rule(GROUP, NAMESPACE, HUB, "sender", rule("Send"))
    assert set(made.rights) == {"Send"}
    assert set(hubs.notification_hubs.get_authorization_rule(GROUP, NAMESPACE, HUB, "sender").rights) == {"Send"}
    names = {each.name for each in hubs.notification_hubs.list_authorization_rules(GROUP, NAMESPACE, HUB)}
    assert names == {"sender", "DefaultListenSharedAccessSignature", "DefaultFullSharedAccessSignature"}
    before = hubs.notification_hubs.list_keys(GROUP, NAMESPACE, HUB, "sender")
    assert before.key_name == "sender"
    policy = nh.PolicykeyResource(policy_key="PrimaryKey")
    after = hubs.notification_hubs.regenerate_keys(GROUP, NAMESPACE, HUB, "sender", policy)
    assert after.primary_key != before.primary_key and after.secondary_key == before.secondary_key
    hubs.notification_hubs.delete_authorization_rule(GROUP, NAMESPACE, HUB, "sender")
    with pytest.raises(ResourceNotFoundError):
        hubs.notification_hubs.get_authorization_rule(GROUP, NAMESPACE, HUB, "sender")


def test_a_hub_goes(hubs, namespace):
    hubs.notification_hubs.delete(GROUP, NAMESPACE, HUB)
    with pytest.raises(ResourceNotFoundError):
        hubs.notification_hubs.get(GROUP, NAMESPACE, HUB)


def test_a_namespace_is_waited_for_by_its_operation(resources):
    """The client of namespaces does not wait for their creation; that of all resources does, by the header it is given."""
    version = "2023-10-01-preview"
    at = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.NotificationHubs/namespaces/life-waited"
    body = {"location": "westeurope", "sku": {"name": "Free"}}
    made = resources.resources.begin_create_or_update_by_id(at, body, api_version=version).result()
    assert (made.name, made.properties["provisioningState"]) == ("life-waited", "Succeeded")
    resources.resources.begin_delete_by_id(at, api_version=version).result()
    with pytest.raises(ResourceNotFoundError):
        resources.resources.get_by_id(at, api_version=version)
