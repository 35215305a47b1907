"""Workload identity: an assertion of another issuer is exchanged for a token, as in a cluster."""

import os
import time

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential
from conftest import ARM, CA, door
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://kubernetes.default.svc.cluster.local"
SUBJECT = "system:serviceaccount:shop:acs-operator-azure"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def credential(**changed):
    claims = {
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": ["api://AzureADTokenExchange"],
        "exp": int(time.time()) + 3600,
        **changed,
    }
    return ClientAssertionCredential(
        os.environ["AZURE_TENANT_ID"],
        os.environ["AZURE_CLIENT_ID"],
        lambda: jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "one"}),
        authority=ARM,
        disable_instance_discovery=True,
        connection_verify=CA,
    )


@pytest.fixture(scope="module", autouse=True)
def registered():
    key = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    jwks = {"keys": [{**key, "kid": "one", "alg": "RS256", "use": "sig"}]}
    client_id = os.environ["AZURE_CLIENT_ID"]
    door("POST", "federation", {"clientId": client_id, "issuer": ISSUER, "subject": SUBJECT, "jwks": jwks})


def test_an_assertion_that_is_on_record_gets_a_token():
    assert credential().get_token(f"{ARM}/.default").token


@pytest.mark.parametrize(
    "changed, code",
    [
        ({"sub": "system:serviceaccount:other:default"}, "AADSTS700213"),
        ({"iss": "https://elsewhere.example"}, "AADSTS700211"),
        ({"aud": "api://other"}, "AADSTS700212"),
        ({"exp": int(time.time()) - 3600}, "AADSTS700024"),
    ],
)
def test_one_that_is_not_is_refused(changed, code):
    with pytest.raises(ClientAuthenticationError) as refused:
        credential(**changed).get_token(f"{ARM}/.default")
    assert code in str(refused.value)
