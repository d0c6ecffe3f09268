"""The program as a user starts it: a folder with a configuration, a process, and what it printed."""

import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from glassgate.cli.main import main
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
WRITTEN = os.O_WRONLY | os.O_CREAT | os.O_APPEND

# New processes are forked from one that has all modules already: to load them takes most of a command's time.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["cli.program", "glassgate.cli.run", "glassgate.cli.check", "glassgate.cli.entra", "glassgate.cli.token"]
)


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
    """Run one command to its end in a folder, in a process of its own."""
    environ = {**environment(), **SECRET, "COLUMNS": "80", **more}
    with tempfile.TemporaryDirectory() as place:
        said = [Path(place) / name for name in ("in", "out", "err")]
        said[0].write_bytes(stdin.encode())
        process = FORKS.Process(target=_main, args=(folder, list(map(str, arguments)), environ, said))
        process.start()
        process.join(60)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"glassgate {arguments} has not ended: {said[2].read_text()}")
        return Done(process.exitcode, said[1].read_text(), said[2].read_text())


def _main(folder, arguments, environ, files):
    """What the new process does: all that Python would before it calls `main`."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, (file, flags) in enumerate(zip(files, (os.O_RDONLY, WRITTEN, WRITTEN), strict=True)):
        os.dup2(os.open(file, flags), number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = ["glassgate", *arguments]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]
    main()


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
