"""Libraries for Cloudflare Access that nobody here wrote, unmodified, as origins behind a gate.

The team domain is lab.cloudflareaccess.com at port 443, for two of them know no other than *.cloudflareaccess.com. In a
network and with an /etc/hosts of the test's own that name is this machine.
"""

import json
import os
import subprocess
import sys

import pytest

from house.tree import ROOT
from journeys.access_apps import APPS, TEAM

# How each refuses. flask-cfaccess knows only some of PyJWT's errors, and fails with the others: 500, and nobody is in.
# It asks the team domain for the user's identity, too, and a token that no session stands behind has none there.
# pyramid-cloudflare-access raises its refusals where nothing in Pyramid makes answers of them: 500 again.
REFUSED = {
    "flask": {"none": 401, "another app's": 500, "expired": 500, "good": 500},
    "fastapi": {"none": 403, "another app's": 403, "expired": 403, "good": 200},
    "pyramid": {"none": 500, "another app's": 500, "expired": 500, "good": 200},
    "hono": {"none": 401, "another app's": 401, "expired": 401, "good": 200},
}
ALONE = 'ip link set lo up && mount --bind "$1" /etc/hosts && shift && exec "$@"'


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    (folder / "hosts").write_text(f"127.0.0.1 localhost {TEAM}\n")
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    paths = f"{ROOT / 'addon'}:{ROOT / 'tests'}"
    said = subprocess.run(
        ["unshare", "--net", "--mount", *as_root, "sh", "-c", ALONE, "-", folder / "hosts",
         sys.executable, "-m", "journeys.access_apps", folder],
        env={**os.environ, "PYTHONPATH": paths, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout.splitlines()[-1])


@pytest.mark.parametrize("app", APPS)
def test_who_is_signed_in_passes(told, app):
    assert told[app]["through the gate"] == [200, "hello alice@contoso.example"]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("brought", ["none", "another app's", "expired"])
def test_beside_the_gate_it_refuses_what_is_not_for_it(told, app, brought):
    assert told[app][brought] == [REFUSED[app][brought]]


@pytest.mark.parametrize("app", APPS)
def test_what_it_refuses_by_is_the_token(told, app):
    assert told[app]["good"] == [REFUSED[app]["good"]]


@pytest.mark.parametrize("app", APPS)
def test_the_gate_itself_takes_no_other_apps_token(told, app):
    assert told[app]["another app's, through the gate"] == [302]
