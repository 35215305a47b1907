"""Deletion, after everything else: pytest takes files in the order of their names."""

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.communication import CommunicationServiceManagementClient
from azure.mgmt.eventgrid import EventGridManagementClient
from azure.mgmt.notificationhubs import NotificationHubsManagementClient
from conftest import GROUP, client, door


def test_everything_can_be_deleted():
    # Own clients: a token of the session may have been declared expired by now.
    events = client(EventGridManagementClient)
    communication = client(CommunicationServiceManagementClient)
    hubs = client(NotificationHubsManagementClient)
    for topic in list(events.system_topics.list_by_resource_group(GROUP)):
        for each in list(events.system_topic_event_subscriptions.list_by_system_topic(GROUP, topic.name)):
            events.system_topic_event_subscriptions.begin_delete(GROUP, topic.name, each.name).result()
        events.system_topics.begin_delete(GROUP, topic.name).result()
    for service in list(communication.communication_services.list_by_resource_group(GROUP)):
        communication.communication_services.begin_delete(GROUP, service.name).result()
        with pytest.raises(ResourceNotFoundError):
            communication.communication_services.get(GROUP, service.name)
    for namespace in list(hubs.namespaces.list(GROUP)):
        for hub in list(hubs.notification_hubs.list(GROUP, namespace.name)):
            hubs.notification_hubs.delete(GROUP, namespace.name, hub.name)
        hubs.namespaces.begin_delete(GROUP, namespace.name).result()
    left = [key for key in door("GET", "state")["resources"] if "/providers/" in key]
    assert left == []
