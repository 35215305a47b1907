"""The whole life of a communication service, in every version that the SDK can be told to speak."""

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.communication import CommunicationServiceManagementClient
from azure.mgmt.communication.models import LinkNotificationHubParameters, RegenerateKeyParameters
from conftest import GROUP, SUBSCRIPTION, client, versions

TYPE = "Microsoft.Communication/CommunicationServices"
HUB = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/another-group"
    "/providers/Microsoft.NotificationHubs/namespaces/nowhere/notificationHubs/none"
)


def body(**properties):
    return {"location": "Global", "tags": {"a": "1"}, "properties": {"dataLocation": "United States", **properties}}


@pytest.mark.parametrize("version", versions("CommunicationServices_CreateOrUpdate"))
def test_a_service_lives(version):
    services = client(CommunicationServiceManagementClient, api_version=version).communication_services
    name = f"life-{version}"
    assert services.check_name_availability({"name": name, "type": TYPE}).name_available
    made = services.begin_create_or_update(GROUP, name, body()).result()
    assert (made.name, made.properties.provisioning_state, made.tags) == (name, "Succeeded", {"a": "1"})
    assert made.properties.data_location == "United States"
    assert not services.check_name_availability({"name": name, "type": TYPE}).name_available

    seen = services.get(GROUP, name.upper())
    assert seen.id.lower() == made.id.lower()
    assert name in [each.name for each in services.list_by_resource_group(GROUP)]
    assert name in [each.name for each in services.list_by_subscription()]

    assert services.update(GROUP, name, {"tags": {"b": "2"}}).tags == {"b": "2"}
    again = services.begin_create_or_update(GROUP, name, body()).result()
    assert again.properties.immutable_resource_id == made.properties.immutable_resource_id

    before = services.list_keys(GROUP, name)
    assert before.secondary_connection_string.startswith(f"endpoint=https://{made.properties.host_name}/;accesskey=")
    half = services.regenerate_key(GROUP, name, RegenerateKeyParameters(key_type="Secondary"))
    assert half.primary_key is None and half.secondary_key != before.secondary_key

    link = LinkNotificationHubParameters(resource_id=HUB, connection_string="Endpoint=sb://nowhere/;SharedAccessKey=x")
    assert services.link_notification_hub(GROUP, name, link).resource_id == HUB
    assert services.get(GROUP, name).properties.notification_hub_id.lower() == HUB.lower()

    services.begin_delete(GROUP, name).result()
    with pytest.raises(ResourceNotFoundError):
        services.get(GROUP, name)


def test_a_long_list_comes_in_pages():
    services = client(CommunicationServiceManagementClient).communication_services
    names = {f"page-{number:03}" for number in range(101)}
    for name in names:
        services.begin_create_or_update(GROUP, name, body(), polling=False).result()
    pages = [list(page) for page in services.list_by_resource_group(GROUP).by_page()]
    assert len(pages) > 1
    assert names <= {each.name for page in pages for each in page}
    for name in names:
        services.begin_delete(GROUP, name, polling=False).result()


def test_an_identity_is_assigned_and_taken_away():
    services = client(CommunicationServiceManagementClient).communication_services
    made = services.begin_create_or_update(GROUP, "life-identity", body() | {"identity": {"type": "SystemAssigned"}}).result()
    assert made.identity.type == "SystemAssigned" and made.identity.principal_id
    assert services.update(GROUP, "life-identity", {"identity": {"type": "None"}}).identity.principal_id is None
    services.begin_delete(GROUP, "life-identity").result()
