"""Managed identity: a machine and an app ask for tokens without any credential, over plain HTTP as in Azure."""

import json
import os
import urllib.error
import urllib.request

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from conftest import ARM, GROUP, client, door

USER = "11111111-2222-4333-8444-555555555555"
INSTANCE = os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"]
APP = {name: os.environ[name] for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")}


@pytest.fixture(params=["machine", "app"])
def place(request, monkeypatch):
    """azure-identity decides by the environment which of the two it asks."""
    if request.param == "machine":
        for name in APP:
            monkeypatch.delenv(name)
    return request.param


@pytest.fixture(scope="module", autouse=True)
def assigned():
    resource = f"/subscriptions/x/resourceGroups/{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/relay"
    door("POST", "config", {"identity": {"clientId": USER, "resourceId": resource}})


def test_the_own_identity_gets_a_token_that_arm_takes(place):
    credential = ManagedIdentityCredential()
    groups = client(ResourceManagementClient, credential=credential).resource_groups
    assert groups.check_existence(GROUP)
    own = [i["clientId"] for i in door("GET", "identities")["identities"] if i["resourceId"] is None]
    entries = door("GET", "journal")["entries"]
    assert entries[-1]["principal"] in own


def test_another_identity_is_named_by_its_client_id(place):
    token = ManagedIdentityCredential(client_id=USER).get_token(f"{ARM}/.default").token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["appid"] == USER


def test_an_identity_that_nobody_assigned_is_refused(place):
    unknown = ManagedIdentityCredential(client_id="99999999-2222-4333-8444-555555555555")
    with pytest.raises((ClientAuthenticationError, CredentialUnavailableError)):
        unknown.get_token(f"{ARM}/.default")


def test_without_its_header_neither_answers():
    path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"
    for url, status in [(INSTANCE + path, 400), (APP["IDENTITY_ENDPOINT"] + "?api-version=2019-08-01&resource=x", 401)]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url)
        assert refused.value.code == status
        assert json.load(refused.value)
