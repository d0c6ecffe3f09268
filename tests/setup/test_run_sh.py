"""The set-up, on small trees: a lock file that asks for nothing, a package that says how it began."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house.tree import ROOT

TOOLS = ("bash", "cat", "chmod", "cmp", "dirname", "env", "mkdir", "readlink", "rm", "sh", "tail")
PYTHON = str(Path(sys.executable).resolve())

TELLTALE = """
import json, sys
print(json.dumps({"arguments": sys.argv[1:], "asserts": __debug__, "prefix": sys.prefix, "path": sys.path}))
sys.exit(7 if "fail" in sys.argv else 0)
"""


class Machine:
    """A machine with just the named programs, and a copy of run.sh in a folder with a space in its name."""

    def __init__(self, folder, lock="# nothing\n"):
        self.bin = folder / "bin"
        self.home = folder / "home"
        self.tree = folder / "a tree"
        for made in (self.bin, self.home, self.tree):
            made.mkdir(parents=True)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        package = self.tree / "addon" / "glassgate"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(TELLTALE)
        shutil.copy(ROOT / "run.sh", self.tree)
        self.lock(lock)

    def lock(self, text):
        (self.tree / "requirements.lock").write_text(text)

    def program(self, name, body, folder=None):
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def python(self, name="python3", version=None, folder=None):
        """A Python; with `version` one that takes itself for that version."""
        if version is None:
            return self.program(name, f'exec "{PYTHON}" "$@"', folder)
        says = f"import sys; sys.version_info = {version!r}; exec(sys.argv[1])"
        return self.program(name, f'exec "{PYTHON}" -c "{says}" "$2"', folder)

    def start(self, *arguments, program="run.sh", **environment):
        return subprocess.Popen(
            [self.tree / program, *arguments],
            cwd=self.home,
            env={"PATH": str(self.bin), "HOME": str(self.home), "PIP_NO_INDEX": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments, **more):
        return finish(self.start(*arguments, **more))


def finish(process):
    out, err = process.communicate(timeout=100)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def told(result):
    """What the started package says of its start."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A machine after its first start, whose Python was then taken from the PATH."""
    machine = Machine(tmp_path_factory.mktemp("ready"))
    machine.python()
    machine.first = machine.run("--json", "a b")
    (machine.bin / "python3").unlink()
    return machine


OLD, EARLY = (3, 11, 7, "final", 0), (3, 9, 0, "final", 0)


@pytest.mark.parametrize(
    ("pythons", "named"),
    [
        ({}, ()),
        ({"python3": OLD}, ("python3: 3.11 is too old",)),
        ({"python3": OLD, "python": EARLY}, ("python3: 3.11 is too old", "python: 3.9 is too old")),
    ],
    ids=["none", "an old one", "two old ones"],
)
def test_without_a_fitting_python_one_line_says_so(machine, pythons, named):
    for name, version in pythons.items():
        machine.python(name, version)
    result = machine.run("--help")
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("glassgate: no Python 3.12 or newer here")
    assert "PYTHON=/path/to/python ./run.sh" in result.stderr
    assert [words for words in named if words not in result.stderr] == []
    assert not (machine.tree / ".venv").exists()


@pytest.mark.parametrize(
    ("version", "said"), [(OLD, "3.11 is too old"), (None, "it does not run")], ids=["too old", "not there"]
)
def test_a_python_that_was_asked_for_is_used_or_refused(machine, version, said):
    machine.python()  # would do, but is not what was asked for
    asked = machine.python("mine", version) if version else machine.bin / "gone"
    result = machine.run(PYTHON=str(asked))
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert f"PYTHON={asked} cannot be used: {said}" in result.stderr


def in_pyenv(machine):
    machine.python("python", folder=machine.home / ".pyenv" / "versions" / "3.12.1" / "bin")


def in_another_pyenv(machine):
    machine.python("python", folder=machine.tree / "py env" / "versions" / "3.13.0" / "bin")
    return {"PYENV_ROOT": str(machine.tree / "py env")}


def known_to_uv(machine):
    python = machine.python("python3.12", folder=machine.home / "uv")
    machine.program("uv", f'echo "{python}"', machine.home / ".local" / "bin")


@pytest.mark.parametrize("place", [in_pyenv, in_another_pyenv, known_to_uv])
def test_a_python_off_the_path_is_found(machine, place):
    environment = place(machine) or {}
    machine.python("python3", OLD)
    machine.program("mkdir", "exit 1")  # far enough: what follows is the same for every Python
    result = machine.run(**environment)
    assert "making .venv with Python 3." in result.stderr


def test_the_first_start_passes_its_arguments_on_and_keeps_standard_output_clean(ready):
    assert told(ready.first)["arguments"] == ["--json", "a b"]
    assert "making .venv" in ready.first.stderr


def test_the_second_start_needs_no_network_no_python_and_says_nothing(ready):
    result = ready.run("again")
    assert told(result)["arguments"] == ["again"]
    assert result.stderr == ""


def test_it_runs_in_its_own_environment_and_takes_no_module_from_the_current_folder(ready):
    (ready.home / "json.py").write_text("raise SystemExit('from the current folder')")
    start = told(ready.run())
    (ready.home / "json.py").unlink()
    assert start["prefix"] == str(ready.tree / ".venv")
    assert str(ready.tree / "addon") in start["path"]


def test_the_command_stands_in_venv_bin(ready):
    assert told(ready.run("x y", program=".venv/bin/glassgate"))["arguments"] == ["x y"]


def test_the_exit_code_is_handed_back(ready):
    assert ready.run("fail").returncode == 7


@pytest.mark.parametrize(("command", "asserts"), [("serve", False), ("up", True)])
def test_only_deployment_runs_without_asserts(ready, command, asserts):
    assert told(ready.run(command))["asserts"] is asserts


def test_what_pip_could_not_have_is_told_and_had_the_next_time(machine):
    machine.python()
    machine.lock("no-such-package==1.0 --hash=sha256:" + "0" * 64)
    failed = machine.run()
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "no-such-package" in failed.stderr
    assert "run this again" in failed.stderr.splitlines()[-1]
    again = machine.run()  # what is half made is not taken for whole
    assert again.returncode == 1
    machine.lock("# nothing\n")
    assert told(machine.run("well"))["arguments"] == ["well"]


def test_two_first_starts_at_once_make_one_environment(machine):
    machine.python()
    both = [machine.start("one"), machine.start("two")]
    results = [finish(process) for process in both]
    assert [told(result)["arguments"] for result in results] == [["one"], ["two"]]
    assert sum("making .venv" in result.stderr for result in results) == 1


def test_a_folder_that_cannot_be_written_is_named(machine):
    machine.python()
    machine.program("mkdir", "echo 'mkdir: no' >&2; exit 1")
    result = machine.run()
    assert result.returncode == 1
    assert f"{machine.tree / '.venv'} cannot be written" in result.stderr.splitlines()[-1]
    assert len(result.stderr.splitlines()) == 2  # "making", and why not


@pytest.fixture
def workshop(machine):
    """A tree whose tests and checks pass, on a machine that can install nothing."""
    house = machine.tree / "tests" / "house"
    npm, clients = machine.tree / "tests" / "npm", machine.tree / "tests" / "clients"
    for folder in (house, npm, clients):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "house" / "test.sh", house)
    machine.program("lint.sh", "echo lint: clean", house)
    (npm / "package-lock.json").write_text("{}")
    (clients / "flask.lock").write_text("# nothing\n")
    machine.program("python", 'echo "pytest: $*"', machine.tree / ".venv" / "bin")
    for name in ("apt-get", "sudo", "npm"):
        machine.program(name, "exit 1")
    (machine.bin / "cp").symlink_to(shutil.which("cp"))
    return machine


PROGRAMS = (
    "chromium", "certutil", "curl", "openssl", "h2load", "node", "nginx", "apache2", "haproxy", "caddy", "nft", "ip",
    "unshare",
)  # fmt: skip


def test_what_cannot_be_installed_is_named_and_fails_the_run(workshop):
    result = workshop.run(program="tests/house/test.sh")
    assert result.returncode == 1
    assert "FAILED, not installed" in result.stderr
    for package in ("chromium", "libnss3-tools", "curl", "openssl", "nodejs", "tests/npm", "tests/clients/flask.lock"):
        assert package in result.stderr
    assert "pytest: -m pytest" in result.stdout  # and the tests run all the same


def test_with_everything_there_nothing_is_installed_and_pytest_has_the_last_word(workshop):
    for name in PROGRAMS:
        workshop.program(name, "exit 0")
    for folder, lock in (
        (workshop.tree / "tests/npm/node_modules", "{}"),
        (workshop.tree / ".venv/clients/flask", "# nothing\n"),
    ):
        folder.mkdir(parents=True)
        (folder / ".installed").write_text(lock)
    result = workshop.run(program="tests/house/test.sh")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == "lint: clean"
    assert result.stdout.splitlines()[-1].startswith("pytest: ")


def test_what_the_checks_find_fails_the_run(workshop):
    workshop.program("lint.sh", "exit 1", workshop.tree / "tests" / "house")
    result = workshop.run(program="tests/house/test.sh")
    assert result.returncode == 1
    assert "FAILED, the checks of ./run.sh lint" in result.stderr


def test_with_arguments_just_those_tests_run(workshop):
    result = workshop.run("tests/oidc", "-k", "a nonce", program="tests/house/test.sh")
    assert result.stdout.splitlines()[-1].endswith("tests/oidc -k a nonce")
    assert "lint" not in result.stdout


def test_the_build_server_runs_the_same():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "./run.sh test" in (ROOT / ".ci" / "run").read_text()
