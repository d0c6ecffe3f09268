import jwt
import pytest

from glassgate.lab.tenant.keys import SigningKeys
from glassgate.lab.tenant.registration import Registration
from glassgate.lab.tenant.switches import SPACE, Fault
from glassgate.state.memory import MemoryStore
from lab.tenancy import CLIENT, TENANT, Tenancy


@pytest.mark.parametrize("tenant", [TENANT, TENANT.upper(), "contoso.example"])
def test_the_tenant_is_known_by_its_id(browser, tenant):
    document = browser.get(f"/{tenant}/v2.0/.well-known/openid-configuration")
    assert document.json["issuer"] == f"https://login.localhost:8443/{TENANT}/v2.0"


def test_a_tenant_is_known_by_its_domain(tmp_path):
    browser = Tenancy(tmp_path, registrations=[Registration(CLIENT, tenant="adatum.example")]).browser()
    document = browser.get("/adatum.example/v2.0/.well-known/openid-configuration").json
    tenant_id = document["issuer"].split("/")[3]
    assert browser.get(f"/{tenant_id}/v2.0/.well-known/openid-configuration").json == document


@pytest.mark.parametrize(
    "path", ["v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"], ids=["discovery", "keys"]
)
def test_an_unknown_tenant_is_told_to_programs_in_json(browser, path):
    answer = browser.get(f"/unknown.example/{path}")
    assert (answer.status_code, answer.json["error_codes"]) == (400, [90002])


def test_what_is_too_long_or_sent_wrongly_is_refused(browser):
    assert browser.post(f"/{TENANT}/login", {"ctx": "x" * 40_000}).status_code == 413
    assert browser.get(f"/{TENANT}/login").status_code == 405
    assert browser.get(f"/{TENANT}/oauth2/v2.0/token").status_code == 405


def test_an_error_number_is_explained(browser):
    assert "invalid username or password" in browser.get("/error?code=50126").text
    for unknown in ("1", "x", "²", "9" * 12, ""):
        assert browser.get(f"/error?code={unknown}").status_code == 404


PATHS = {
    "home": "/",
    "discovery": f"/{TENANT}/v2.0/.well-known/openid-configuration",
    "keys": "/common/discovery/v2.0/keys",
    "sign-in": f"/{TENANT}/oauth2/v2.0/authorize",
    "sign-out": f"/{TENANT}/oauth2/v2.0/logout",
    "nothing": "/nothing",
    "no tenant": "/nowhere.example/discovery/v2.0/keys",
}


@pytest.mark.parametrize("name", PATHS)
def test_everything_is_down_on_command(tenancy, browser, name):
    tenancy.switch(down=None)
    answer = browser.get(PATHS[name])
    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert browser.token(code="x").status_code == 503


@pytest.mark.parametrize(("name", "status"), [("discovery", 500), ("keys", 500), ("home", 200), ("sign-out", 200)])
def test_what_programs_ask_fails_on_command(tenancy, browser, name, status):
    tenancy.switch(error500=None)
    assert browser.get(PATHS[name]).status_code == status
    assert browser.token(code="x").status_code == 500


def test_everything_is_slow_on_command(tenancy, browser):
    tenancy.switchboard.change(lambda switches: switches.with_fault(Fault("slow", 0.5)), tenancy.clock.now)
    browser.get("/")
    browser.authorize()
    assert tenancy.slept == [0.5, 0.5]


def test_a_fault_of_the_configuration_is_there_from_the_start(tenancy, browser):
    tenancy.more = {"faults": ("down",)}
    tenancy.restart()
    assert browser.get("/").status_code == 503


class Counting(MemoryStore):
    """A store that counts how often its switches are read."""

    read = 0

    def get(self, space, key, now):
        self.read += space == SPACE
        return super().get(space, key, now)


def test_a_request_reads_the_switches_once(tenancy, browser):
    tenancy.store = Counting()
    tenancy.restart()
    steps = [lambda: browser.get("/"), lambda: browser.get(PATHS["keys"]), browser.authorize]
    steps += [lambda: browser.redeem("x"), lambda: tenancy.graph("/v1.0/me"), lambda: browser.get("/nothing")]
    for count, step in enumerate(steps, 1):
        step()
        assert tenancy.store.read == count


def test_a_key_rollover_in_the_middle_of_a_sign_in(tenancy, browser):
    code = browser.code()
    before = {key["kid"] for key in browser.get(PATHS["keys"]).json["keys"]}
    SigningKeys.open(tenancy.folder / "lab", 0.0).rotate(0.0)
    token = browser.redeem(code).json["id_token"]
    assert jwt.get_unverified_header(token)["kid"] in before  # it was published ahead
    assert len({key["kid"] for key in browser.get(PATHS["keys"]).json["keys"]} - before) == 1
