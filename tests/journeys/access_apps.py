"""Applications written for Cloudflare Access, behind a gate whose team domain is lab.cloudflareaccess.com, at port 443.

Run in a network of its own, where that name is this machine (tests/journeys/test_access_libraries.py does). Prints, as
JSON, what each application answered.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from glassgate.access.token import mint
from glassgate.config.load import load
from glassgate.state.issuing import Kind, common_name, ensure_ca, make_leaf
from glassgate.state.keyring import KeyRing
from journeys.demo import ROOT, free_ports, prepare
from journeys.servers import listens
from journeys.visitor import Visitor

CLIENTS, NPM = ROOT / "tests" / "clients", ROOT / "tests" / "npm"
VENVS = ROOT / ".venv" / "clients"  # made by tests/house/test.sh
TEAM = "lab.cloudflareaccess.com"
ISSUER = f"https://{TEAM}"
APPS = {
    "flask": [VENVS / "flask/bin/python", CLIENTS / "flask_app.py"],
    "fastapi": [VENVS / "python/bin/python", CLIENTS / "fastapi_app.py"],
    "pyramid": [VENVS / "python/bin/python", CLIENTS / "pyramid_app.py"],
    "hono": ["node", NPM / "hono-app.mjs"],
}
SECOND = "other"  # an application of the same team, whose tokens are for it alone


def main(folder):
    ca, certificate = second_authority(folder)
    ports = dict(zip(APPS, free_ports(len(APPS)), strict=True))
    with contextlib.ExitStack() as stack:
        gate = prepare(folder / "gate", lambda config: configure(config, ports, ca, certificate))
        gate.port = 443
        stack.callback(gate.stop)
        gate.start()
        settings = load(gate.config, {})
        auds = {app.name: app.aud for app in settings.apps}
        for app, port in ports.items():
            stack.enter_context(running(app, port, auds[app], ca, folder))
        visitor = Visitor(ca)
        visitor.sign_in(f"https://{SECOND}.localhost/", "alice")
        keys = KeyRing.open(settings.state / "keys", time.time())
        foreign = visitor.jars[f"{SECOND}.localhost"]["CF_Authorization"]
        told = {
            app: tried(app, ports[app], (visitor, Visitor(ca)), tokens(keys.signing, auds[app], foreign))
            for app in APPS
        }
    print(json.dumps(told))


def second_authority(folder):
    """A CA that may sign for any name, and the edge's certificate of it."""
    now = datetime.now(UTC)
    authority = ensure_ca(folder / "ca.pem", Kind(common_name("a second authority"), ()), now)
    names = [TEAM, *(f"{name}.localhost" for name in ("login", "graph", *APPS, SECOND))]
    said = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    make_leaf(folder / "edge.pem", common_name("edge"), ((said, False),), authority, now)
    return folder / "ca.pem", folder / "edge.pem"


def configure(config, ports, ca, certificate):
    config["team"], config["listen"] = TEAM, "127.0.0.1:443"
    config["tls"] = {"certificate": str(certificate)}
    config["identity_providers"][0] |= {"authority": "https://login.localhost", "ca": str(ca)}
    staff = config["apps"][0]["policies"]
    wiki = config["apps"][0]["origin"]
    origins = {**{app: f"http://127.0.0.1:{port}" for app, port in ports.items()}, SECOND: wiki}
    # Two of the four read the cookie alone, as Cloudflare's own Python sample does.
    config["apps"] = [
        {"name": app, "domain": f"{app}.localhost", "origin": origin, "policies": staff, "forward_cookie": True}
        for app, origin in origins.items()
    ]
    del config["lab"]["origins"]["payroll"]


@contextlib.contextmanager
def running(app, port, aud, ca, folder):
    """The application in a process of its own, which trusts the test's authority besides nobody."""
    trust = {"SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": ca, "NODE_EXTRA_CA_CERTS": ca}
    environ = {**os.environ, **{name: str(path) for name, path in trust.items()}}
    environ.pop("PYTHONPATH", None)
    log = folder / f"{app}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*map(str, APPS[app]), str(port), aud], cwd=NPM, env=environ, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            until = time.monotonic() + 30
            while not listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise AssertionError(f"{app} did not start: {log.read_text()}")
                time.sleep(0.02)
            yield
        finally:
            process.kill()
            process.wait(10)


def tokens(key, aud, foreign):
    """What one may bring: by name, as whoever goes past the gate would."""

    def made(begins):
        return mint(
            key, issuer=ISSUER, audience=aud, subject="a-subject", email="alice@contoso.example", nonce="a-nonce",
            now=begins, expires=begins + 600,
        )  # fmt: skip

    now = time.time()
    return {"none": None, "another app's": foreign, "expired": made(now - 3600), "good": made(now)}


def tried(app, port, visitors, brought):
    """What the application answers: through the gate, and directly to each token."""
    known, stranger = visitors
    page = known.open(f"https://{app}.localhost/")
    told = {"through the gate": [page.status, page.text]}
    for name, token in brought.items():
        told[name] = [directly(app, port, token)]
    stranger.jars[f"{app}.localhost"] = {"CF_Authorization": brought["another app's"]}
    told["another app's, through the gate"] = [stranger.ask(f"https://{app}.localhost/").status]
    return told


def directly(app, port, token):
    import http.client

    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    both = {"Cf-Access-Jwt-Assertion": token, "Cookie": f"CF_Authorization={token}"} if token else {}
    client.request("GET", "/", headers={"Host": f"{app}.localhost", "Connection": "close", **both})
    return client.getresponse().status


if __name__ == "__main__":
    main(Path(sys.argv[1]))
