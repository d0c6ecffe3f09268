"""The firewall of `glassgate origin protect --for nftables`, by the kernel's own, in a network of the test's."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_address

from gate.site import app
from glassgate.access.app import Origin
from glassgate.cli.protection import Gate, protection

PORT = 9000
INSIDE = f"""
import json, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for _ in range(2):  # a second time replaces the first
    subprocess.run(["nft", "-f", sys.argv[1]], check=True)

def reached(family, source, target, port):
    with socket.socket(family) as server, socket.socket(family) as client:
        server.bind((target, port))
        server.listen()
        client.settimeout(0.5)
        client.bind((source, 0))
        try:
            client.connect((target, port))
        except TimeoutError:
            return False
        return True

print(json.dumps({{
    "gate": reached(socket.AF_INET, "127.0.0.5", "127.0.0.1", {PORT}),
    "gate by IPv6": reached(socket.AF_INET6, "::1", "::1", {PORT}),
    "another": reached(socket.AF_INET, "127.0.0.6", "127.0.0.1", {PORT}),
    "another, at another port": reached(socket.AF_INET, "127.0.0.6", "127.0.0.1", {PORT + 1}),
}}))
"""


def test_the_gate_alone_reaches_the_port(tmp_path):
    one = replace(app("wiki", "wiki.localhost"), origin=Origin("http", "10.0.0.7", PORT))
    gate = Gate("https://team.localhost", (), None, (ip_address("127.0.0.5"), ip_address("::1")))
    (tmp_path / "wiki.nft").write_text(protection(one, gate, "nftables", None)["wiki.nft"])
    alone = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    said = subprocess.run(
        [*alone, sys.executable, "-c", INSIDE, tmp_path / "wiki.nft"], env={**os.environ, "PATH": path},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout) == {
        "gate": True, "gate by IPv6": True, "another": False, "another, at another port": True,
    }  # fmt: skip
