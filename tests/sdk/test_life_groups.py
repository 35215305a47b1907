"""The whole life of a resource group, and what Azure Resource Manager itself tells."""

import os
import time

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.locks import ManagementLockClient
from azure.mgmt.resource.subscriptions import SubscriptionClient
from conftest import ARM, CA, GROUP, SUBSCRIPTION, client, credential

TENANT = os.environ["AZURE_TENANT_ID"]


def test_a_group_lives(resources, communication):
    groups = resources.resource_groups
    assert not groups.check_existence("rg-life")
    made = groups.create_or_update("rg-life", {"location": "westeurope", "tags": {"a": "1"}})
    assert (made.name, made.properties.provisioning_state) == ("rg-life", "Succeeded")
    assert groups.get("RG-Life").tags == {"a": "1"}
    assert groups.update("rg-life", {"tags": {"b": "2"}}).tags == {"b": "2"}
    assert "rg-life" in [each.name for each in groups.list()]
    body = {"location": "global", "properties": {"dataLocation": "Europe"}}
    communication.communication_services.begin_create_or_update("rg-life", "life-in-group", body).result()
    held = [each.name for each in resources.resources.list_by_resource_group("rg-life")]
    assert held == ["life-in-group"]
    assert "life-in-group" in [each.name for each in resources.resources.list()]
    groups.begin_delete("rg-life").result()
    # What was in it went with it.
    with pytest.raises(ResourceNotFoundError) as refused:
        communication.communication_services.get("rg-life", "life-in-group")
    assert refused.value.error.code == "ResourceGroupNotFound"


def test_providers_are_listed(resources):
    states = {each.namespace: each.registration_state for each in resources.providers.list()}
    wanted = {"Microsoft.Communication", "Microsoft.NotificationHubs", "Microsoft.EventGrid"}
    assert wanted <= states.keys()
    types = {each.resource_type: each.api_versions for each in resources.providers.get("Microsoft.Communication").resource_types}
    assert "2025-09-01" in types["communicationServices"]
    assert wanted <= {each.namespace for each in resources.providers.list_at_tenant_scope()}
    assert resources.providers.get_at_tenant_scope("Microsoft.EventGrid").namespace == "Microsoft.EventGrid"


def test_a_provider_is_unregistered_and_registered(resources, hubs):
    name = "Microsoft.NotificationHubs"
    left = resources.providers.unregister(name)
    assert (left.namespace, left.registration_state in ("Unregistering", "NotRegistered")) == (name, True)
    with pytest.raises(HttpResponseError) as refused:
        list(hubs.namespaces.list(GROUP))
    assert refused.value.error.code == "MissingSubscriptionRegistration"
    resources.providers.register(name)
    while resources.providers.get(name).registration_state != "Registered":
        time.sleep(0.1)
    list(hubs.namespaces.list(GROUP))


def test_providers_say_what_can_be_done(communication, hubs, events):
    for offered, action in [
        (communication.operations.list(), "Microsoft.Communication/CommunicationServices/LinkNotificationHub/action"),
        (hubs.operations.list(), "Microsoft.NotificationHubs/Namespaces/NotificationHubs/pnsCredentials/action"),
        (events.operations.list(), "Microsoft.EventGrid/eventSubscriptions/getFullUrl/action"),
    ]:
        assert action in [each.name for each in offered]


def test_tenants_and_subscriptions_are_shown():
    settings = {"base_url": ARM, "credential_scopes": [f"{ARM}/.default"], "connection_verify": CA}
    account = SubscriptionClient(credential(), **settings)
    assert [each.tenant_id for each in account.tenants.list()] == [TENANT]
    assert SUBSCRIPTION in [each.subscription_id for each in account.subscriptions.list()]
    shown = account.subscriptions.get(SUBSCRIPTION)
    assert (shown.id, shown.tenant_id, shown.state) == (f"/subscriptions/{SUBSCRIPTION}", TENANT, "Enabled")
    with pytest.raises(HttpResponseError) as refused:
        account.subscriptions.get("99999999-2222-4333-8444-555555555555")
    assert refused.value.error.code == "SubscriptionNotFound"
    places = {each.name: each.display_name for each in account.subscriptions.list_locations(SUBSCRIPTION)}
    assert places["westeurope"] == "West Europe"


def test_tags_are_a_resource_of_their_own(resources):
    scope = f"subscriptions/{SUBSCRIPTION}/resourceGroups/rg-tagged"
    resources.resource_groups.create_or_update("rg-tagged", {"location": "westeurope"})
    made = resources.tags.begin_create_or_update_at_scope(scope, {"properties": {"tags": {"a": "1"}}}).result()
    assert made.properties.tags == {"a": "1"}
    merge = {"operation": "Merge", "properties": {"tags": {"b": "2"}}}
    assert resources.tags.begin_update_at_scope(scope, merge).result().properties.tags == {"a": "1", "b": "2"}
    assert resources.tags.get_at_scope(scope).properties.tags == {"a": "1", "b": "2"}
    assert resources.resource_groups.get("rg-tagged").tags == {"a": "1", "b": "2"}
    assert "b" in [each.tag_name for each in resources.tags.list()]
    resources.tags.begin_delete_at_scope(scope).result()
    assert not resources.resource_groups.get("rg-tagged").tags
    resources.resource_groups.begin_delete("rg-tagged").result()


def test_a_lock_holds_until_it_goes(resources):
    locks = client(ManagementLockClient).management_locks
    at = ("rg-locked", "keep")
    resources.resource_groups.create_or_update("rg-locked", {"location": "westeurope"})
    made = locks.create_or_update_at_resource_group_level(*at, {"level": "CanNotDelete", "notes": "by a test"})
    assert (made.name, made.level, made.notes) == ("keep", "CanNotDelete", "by a test")
    assert locks.get_at_resource_group_level(*at).id == made.id
    assert [each.name for each in locks.list_at_resource_group_level("rg-locked")] == ["keep"]
    with pytest.raises(HttpResponseError) as refused:
        resources.resource_groups.begin_delete("rg-locked").result()
    assert refused.value.error.code == "ScopeLocked"
    locks.delete_at_resource_group_level(*at)
    resources.resource_groups.begin_delete("rg-locked").result()
    assert not resources.resource_groups.check_existence("rg-locked")
