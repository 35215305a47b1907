"""What Azure refuses, as the SDKs show it."""

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.mgmt.communication import CommunicationServiceManagementClient
from conftest import ARM, GROUP, client, credential, door

BODY = {"location": "global", "properties": {"dataLocation": "Europe"}}


@pytest.fixture
def faults():
    yield lambda fault: door("POST", "faults", fault)
    door("DELETE", "faults")


def test_a_wrong_secret_gets_no_token():
    with pytest.raises(ClientAuthenticationError) as refused:
        credential(secret="wrong").get_token(f"{ARM}/.default")
    assert "AADSTS7000215" in str(refused.value)


def test_an_unknown_tenant_gets_no_token():
    with pytest.raises((ClientAuthenticationError, ValueError)) as refused:
        credential(tenant="00000000-0000-0000-0000-000000000000").get_token(f"{ARM}/.default")
    assert "tenant" in str(refused.value).lower()


def test_what_is_not_there_is_not_found(communication):
    with pytest.raises(ResourceNotFoundError) as refused:
        communication.communication_services.get(GROUP, "nobody")
    assert refused.value.error.code == "ResourceNotFound"
    with pytest.raises(ResourceNotFoundError) as refused:
        communication.communication_services.get("rg-nowhere", "nobody")
    assert refused.value.error.code == "ResourceGroupNotFound"


def test_an_unknown_version_is_refused():
    old = client(CommunicationServiceManagementClient, api_version="1999-01-01")
    with pytest.raises(HttpResponseError) as refused:
        old.communication_services.get(GROUP, "nobody")
    assert refused.value.error.code == "NoRegisteredProviderFound"


def test_a_name_that_a_stranger_holds_fails_the_operation(communication):
    door("POST", "config", {"takeName": "strangers"})
    with pytest.raises(HttpResponseError) as refused:
        communication.communication_services.begin_create_or_update(GROUP, "strangers", BODY).result()
    assert "ResourceNameUnavailable" in str(refused.value)
    communication.communication_services.begin_delete(GROUP, "strangers").result()


def test_a_missing_role_names_action_and_scope(communication, faults):
    faults({"operation": "Microsoft.Communication/CommunicationServices/write", "answer": {"status": 403}})
    with pytest.raises(HttpResponseError) as refused:
        communication.communication_services.begin_create_or_update(GROUP, "denied", BODY)
    assert refused.value.error.code == "AuthorizationFailed"
    assert "Microsoft.Communication/CommunicationServices/write" in refused.value.error.message


def test_the_sdk_waits_out_a_throttled_answer(communication, faults):
    faults({"method": "GET", "path": "throttled", "times": 1, "answer": {"status": 429, "retryAfter": 1}})
    with pytest.raises(ResourceNotFoundError):
        communication.communication_services.get(GROUP, "throttled")
    assert door("GET", "faults")["faults"][0]["hits"] == 1


@pytest.mark.parametrize("when, there", [("before", False), ("after", True)])
def test_a_cut_connection_tells_nothing(communication, faults, when, there):
    name = f"cut-{when}"
    faults({"method": "PUT", "path": name, "answer": {"drop": when}})
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        communication.communication_services.begin_create_or_update(GROUP, name, BODY, retry_total=0)
    names = [s.name for s in communication.communication_services.list_by_resource_group(GROUP)]
    assert (name in names) == there


def test_an_expired_token_is_refused(communication):
    other = client(CommunicationServiceManagementClient)
    list(other.communication_services.list_by_resource_group(GROUP))
    door("POST", "config", {"expireTokens": True})
    with pytest.raises(ClientAuthenticationError) as refused:
        list(other.communication_services.list_by_resource_group(GROUP))
    assert "ExpiredAuthenticationToken" in str(refused.value)
