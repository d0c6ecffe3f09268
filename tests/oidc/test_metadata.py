import pytest

from glassgate.oidc.metadata import Metadata, origin, read_metadata, web_origin
from oidc.scripted import ISSUER, document, refused

LOOPBACK = "http://op.localhost:9000"


def test_all_that_is_read():
    said = document(
        token_endpoint_auth_methods_supported=["client_secret_post"],
        authorization_response_iss_parameter_supported=True,
        msgraph_host="graph.op.example",
    )
    assert read_metadata(said, ISSUER) == Metadata(
        issuer=ISSUER,
        authorization_endpoint="https://op.example/authorize",
        token_endpoint="https://op.example/token",
        jwks_uri="https://op.example/keys",
        userinfo_endpoint="https://op.example/userinfo",
        end_session_endpoint="https://op.example/logout",
        algorithms=("RS256", "PS256", "ES256"),
        auth_methods=("client_secret_post",),
        graph="https://graph.op.example",
        sends_iss=True,
    )


def test_what_may_be_left_out():
    names = ["userinfo_endpoint", "end_session_endpoint", "id_token_signing_alg_values_supported"]
    said = read_metadata(document(**dict.fromkeys(names)), ISSUER)
    assert (said.userinfo_endpoint, said.end_session_endpoint) == (None, None)
    assert (said.algorithms, said.auth_methods, said.sends_iss, said.graph) == (("RS256",), None, False, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"authorization_endpoint": None},
        {"token_endpoint": None},
        {"jwks_uri": None},
        {"jwks_uri": 1},
        {"end_session_endpoint": ["https://op.example"]},
        {"id_token_signing_alg_values_supported": "RS256"},
        {"token_endpoint_auth_methods_supported": [1]},
    ],
    ids=repr,
)
def test_missing_and_wrong_members(changes):
    assert refused(read_metadata, document(**changes), ISSUER) == "discovery_malformed"


@pytest.mark.parametrize(
    ("issuer", "address", "fit"),
    [
        (ISSUER, "https://other.example:8443/token?p=1", True),
        (ISSUER, "http://op.example/token", False),
        (ISSUER, "ftp://op.example/token", False),
        (ISSUER, "javascript:alert(1)", False),
        (ISSUER, "/token", False),
        (ISSUER, "https:///token", False),
        (ISSUER, "https://user@op.example/token", False),
        (ISSUER, "https://user:word@op.example/token", False),
        (ISSUER, "https://op.example/token#part", False),
        (ISSUER, "https://op.example/token#", False),
        (ISSUER, "https://op.example\\@evil.example/token", False),
        (ISSUER, "https://op.example/to ken", False),
        (ISSUER, "https://op.example/token\n", False),
        (ISSUER, "https://\u00f6p.example/token", False),
        (ISSUER, "https://op.example:99999/token", False),
        (ISSUER, "https://[::1/token", False),
        (ISSUER, "https://op.example/" + "a" * (2049 - 19), False),
        (ISSUER, "http://127.0.0.1/token", False),
        (ISSUER, "https://127.0.0.1/token", False),
        (ISSUER, "https://op.localhost/token", False),
        (ISSUER, "https://10.0.0.1/token", False),
        (ISSUER, "https://169.254.169.254/token", False),
        (ISSUER, "https://[fd00::1]/token", False),
        ("https://10.0.0.1", "https://10.0.0.1/token", True),
        (LOOPBACK, "http://op.localhost:9000/token", True),
        (LOOPBACK, "http://127.0.0.1:9000/token", True),
        (LOOPBACK, "http://[::1]:9000/token", True),
        (LOOPBACK, "http://op.example/token", False),
        (LOOPBACK, "ftp://op.localhost:9000/token", False),
        (ISSUER, "https://op.example/" + "a" * (2048 - 19), True),
    ],
)
def test_where_anything_is_sent_to(issuer, address, fit):
    said = document(issuer, token_endpoint=address)
    if fit:
        assert read_metadata(said, issuer).token_endpoint == address
    else:
        assert refused(read_metadata, said, issuer) == "discovery_endpoint"


@pytest.mark.parametrize(
    ("issuer", "host", "reason"),
    [
        (ISSUER, "graph.microsoft.us", None),
        (ISSUER, "dod-graph.microsoft.us:8443", None),
        (LOOPBACK, "graph.localhost:8443", None),
        (ISSUER, "graph.localhost", "discovery_endpoint"),
        (ISSUER, "10.0.0.1", "discovery_endpoint"),
        (ISSUER, "169.254.169.254", "discovery_endpoint"),
        (ISSUER, "user@graph.microsoft.us", "discovery_endpoint"),
        (ISSUER, "graph.microsoft.us\\@evil.example", "discovery_endpoint"),
        (ISSUER, "graph microsoft", "discovery_endpoint"),
        (ISSUER, "", "discovery_endpoint"),
        (ISSUER, "graph.microsoft.us/v1.0", "discovery_malformed"),
        (ISSUER, "graph.microsoft.us?x", "discovery_malformed"),
        (ISSUER, "graph.microsoft.us#x", "discovery_malformed"),
        (ISSUER, 7, "discovery_malformed"),
        (ISSUER, ["graph.microsoft.us"], "discovery_malformed"),
    ],
)
def test_where_graph_is(issuer, host, reason):
    """The user's token goes there."""
    said = document(issuer, msgraph_host=host)
    if reason:
        assert refused(read_metadata, said, issuer) == reason
    else:
        assert read_metadata(said, issuer).graph == f"https://{host}"


def test_an_issuer_may_leave_the_tenant_open():
    issuer = "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert read_metadata(document(issuer), issuer).issuer == issuer


@pytest.mark.parametrize(
    ("address", "written"),
    [("https://op.example/x?y", "https://op.example"), ("https://op.example:8443", "https://op.example:8443")],
)
def test_an_origin_as_browsers_write_it(address, written):
    assert web_origin(address) == written


@pytest.mark.parametrize("name", ["authorization_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"])
def test_every_endpoint_is_checked(name):
    assert refused(read_metadata, document(**{name: "http://op.example/x"}), ISSUER) == "discovery_endpoint"


def test_an_origin_has_its_port_and_no_case():
    assert origin("HTTPS://OP.example/x") == origin("https://op.example:443") == ("https", "op.example", 443)
