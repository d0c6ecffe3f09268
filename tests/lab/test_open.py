import time

import pytest
import requests

from glassgate.config.settings import LAB_HOSTS, Endpoint, LabOrigin, LabSettings
from glassgate.errors import GlassgateError
from glassgate.lab.open import Team, open_lab
from glassgate.state.memory import MemoryStore
from lab.origins.peer import AUDS, ISSUER
from lab.origins.peer import Team as Signer
from lab.tenancy import REGISTRATIONS, USERS


@pytest.fixture
def make(tenancy):
    """Makes a lab of these origins."""

    def make(*origins, signer=None, auds=None):
        return open_lab(
            LabSettings(USERS, origins),
            public_origin=lambda host: f"https://{host}:8443",
            registrations=REGISTRATIONS,
            team=Team(ISSUER, auds or {}, (signer or Signer()).fetch),
            state=tenancy.folder / "lab",
            store=MemoryStore(),
            clock=time.time,
            sleep=time.sleep,
        )

    return make


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "localhost", "example.com"])
def test_an_origin_that_others_could_reach_is_refused(make, host):
    with pytest.raises(GlassgateError, match=r"lab\.origins: .*without the gate.*127\.0\.0\.1"):
        make(LabOrigin("wiki", Endpoint(host, 9000)))


def test_an_unknown_kind_is_refused_with_the_known_ones(make):
    with pytest.raises(GlassgateError, match=r"the lab has no origin 'crm' \(one of: wiki, payroll\)"):
        make(LabOrigin("crm", Endpoint("127.0.0.1", 9000)))


def test_its_hosts_are_the_labs(make):
    assert set(make().hosts) == set(LAB_HOSTS)


def test_an_origin_takes_the_tags_of_its_own_address_alone(make, unused_ports):
    signer = Signer()
    wiki, payroll = (Endpoint("127.0.0.1", port) for port in unused_ports(2))
    auds = {wiki: (AUDS["wiki"],), payroll: (AUDS["payroll"],)}
    lab = make(LabOrigin("wiki", wiki), LabOrigin("payroll", payroll), signer=signer, auds=auds)
    lab.start()
    try:
        assert lab.addresses == {"wiki": (wiki,), "payroll": (payroll,)}
        for kind, endpoint in (("wiki", wiki), ("payroll", payroll)):
            for app in ("wiki", "payroll"):
                headers = {"Cf-Access-Jwt-Assertion": signer.token(app)}
                with requests.Session() as client:
                    client.trust_env = False
                    answer = client.get(f"http://{endpoint}/api/whoami", headers=headers, timeout=30)
                assert answer.status_code == (200 if app == kind else 403)
    finally:
        lab.close()


def test_secrets_are_not_in_a_repr(make):
    assert "a-client-secret" not in repr(make())
