"""The program as a user starts it: a folder with a configuration, a process, and what it printed."""

import subprocess
import sys
from dataclasses import dataclass

from house.tree import ROOT
from journeys.demo import environment, free_ports

GROUP = "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a01"
DEPLOYED = f"""\
team: team.localhost:PORT
listen: 127.0.0.1:PORT
identity_providers:
  - id: entra
    type: entra
    tenant: contoso.example
    client_id: the-client
    client_secret: ${{CLIENT_SECRET}}
apps:
  - name: wiki
    domain: wiki.localhost
    origin: http://127.0.0.1:1
    forward_cookie: true
    policies:
      - {{name: staff, decision: allow, include: [{{entra_group: {GROUP}}}]}}
audit: {{file: state/audit.jsonl}}
"""
SECRET = {"CLIENT_SECRET": "a-secret-of-the-test"}


@dataclass(frozen=True)
class Done:
    """How a call ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        """What it said of an error, a line each."""
        return self.err.splitlines()


def glassgate(folder, *arguments, stdin="", **more):
    """Run one command to its end in a folder."""
    command = [sys.executable, "-m", "glassgate", *map(str, arguments)]
    said = subprocess.run(
        command, cwd=folder, env={**environment(), **SECRET, "COLUMNS": "80", **more}, input=stdin.encode(),
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return Done(said.returncode, said.stdout.decode(), said.stderr.decode())


def deployed(folder, edit=lambda text: text):
    """A folder with a configuration without a lab, on a free port; the port."""
    port = free_ports(1)[0]
    (folder / "config.yaml").write_text(edit(DEPLOYED.replace("PORT", str(port))))
    return port


def demo(folder, edit=lambda text: text):
    """A folder with the demo's configuration on free ports: gate, wiki, payroll, metrics."""
    ports = free_ports(4)
    text = (ROOT / "config.yaml").read_text()
    for old, new in zip((8443, 9000, 9001, 9464), ports, strict=True):
        text = text.replace(f":{old}", f":{new}")
    (folder / "config.yaml").write_text(edit(text))
    return ports
