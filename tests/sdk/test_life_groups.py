"""The whole life of a resource group, and what Azure Resource Manager itself tells."""

import time

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from conftest import GROUP


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
