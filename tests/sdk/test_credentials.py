"""Every kind of credential that azure-identity has and that needs no person."""

import datetime
import json
import os
import ssl
import time
import urllib.request

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import (
    CertificateCredential,
    ChainedTokenCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    WorkloadIdentityCredential,
)
from azure.mgmt.communication import CommunicationServiceManagementClient
from conftest import ARM, CA, GROUP, client, credential, door
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

TENANT, CLIENT = os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"]
ISSUER, SUBJECT = "https://cluster.example", "system:serviceaccount:shop:python"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SETTINGS = {"authority": ARM, "disable_instance_discovery": True, "connection_verify": CA}


def assertion():
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": ["api://AzureADTokenExchange"], "exp": int(time.time()) + 600}
    return jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "python"})


@pytest.fixture(scope="module")
def token_file(tmp_path_factory):
    key = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    jwks = {"keys": [{**key, "kid": "python", "alg": "RS256", "use": "sig"}]}
    door("POST", "federation", {"clientId": CLIENT, "issuer": ISSUER, "subject": SUBJECT, "jwks": jwks})
    path = tmp_path_factory.mktemp("identity") / "token"
    path.write_text(assertion())
    return str(path)


def certificate(name):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, key.private_bytes(serialization.Encoding.PEM, *form) + pem


@pytest.fixture(scope="module")
def registered():
    public, both = certificate("app")
    door("POST", "config", {"certificate": {"clientId": CLIENT, "certificate": public.decode()}})
    return both


def works(who):
    """The token is of the tenant, and good for ARM."""
    token = who.get_token(f"{ARM}/.default")
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert (claims["tid"], claims["appid"]) == (TENANT, CLIENT)
    services = client(CommunicationServiceManagementClient, credential=who).communication_services
    list(services.list_by_resource_group(GROUP))


def test_a_secret():
    works(credential())


def test_a_certificate(registered):
    works(CertificateCredential(TENANT, CLIENT, certificate_data=registered, **SETTINGS))


def test_a_certificate_with_its_chain(registered):
    works(CertificateCredential(TENANT, CLIENT, certificate_data=registered, send_certificate_chain=True, **SETTINGS))


def test_a_strangers_certificate_is_refused(registered):
    _, both = certificate("stranger")
    with pytest.raises(ClientAuthenticationError) as refused:
        CertificateCredential(TENANT, CLIENT, certificate_data=both, **SETTINGS).get_token(f"{ARM}/.default")
    assert "AADSTS700027" in str(refused.value)


def test_an_assertion(token_file):
    works(ClientAssertionCredential(TENANT, CLIENT, assertion, **SETTINGS))


def test_workload_identity(token_file):
    works(WorkloadIdentityCredential(tenant_id=TENANT, client_id=CLIENT, token_file_path=token_file, **SETTINGS))


def test_workload_identity_by_the_environment(token_file, monkeypatch):
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", token_file)
    works(WorkloadIdentityCredential(**SETTINGS))


def test_the_environment():
    works(EnvironmentCredential(**SETTINGS))


def test_the_default_chain():
    works(DefaultAzureCredential(**SETTINGS))


def test_a_chain_goes_on_where_one_has_nothing(monkeypatch):
    second = credential()
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    works(ChainedTokenCredential(EnvironmentCredential(**SETTINGS), second))


@pytest.mark.parametrize("generation", ["", "/v2.0"])
def test_tokens_are_signed_with_the_published_keys(generation):
    def got(url):
        with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=CA)) as answer:
            return json.load(answer)

    document = got(f"{ARM}/{TENANT}{generation}/.well-known/openid-configuration")
    keys = {key["kid"]: jwt.PyJWK(key) for key in got(document["jwks_uri"])["keys"]}
    token = credential().get_token(f"{ARM}/.default").token
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False})["tid"] == TENANT


class Rerouted(requests.adapters.HTTPAdapter):
    """The public cloud's host leads to the simulator, as a resolver of one's own would have it."""

    def send(self, request, **settings):
        request.url = request.url.replace("https://login.microsoftonline.com", ARM, 1)
        return super().send(request, **settings)


def test_an_authority_that_the_public_cloud_is_asked_about():
    session = requests.Session()
    session.mount("https://login.microsoftonline.com", Rerouted())
    who = ClientSecretCredential(
        TENANT,
        CLIENT,
        os.environ["AZURE_CLIENT_SECRET"],
        authority=ARM,
        connection_verify=CA,
        transport=RequestsTransport(session=session, session_owner=False),
    )
    assert who.get_token(f"{ARM}/.default").token
    asked = door("GET", "journal?path=/discovery/instance")["entries"]
    assert [each["status"] for each in asked][-1:] == [200]
