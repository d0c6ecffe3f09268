"""The lock files: whole, hashed, and free of addresses."""

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement

from house.tree import ROOT, TESTS, files, place

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS = PROJECT["dependency-groups"]
WANTED = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": [*PROJECT["project"]["dependencies"], *GROUPS["test"], *GROUPS["lint"]],
}
PYTHONS = ("3.12.1", "3.13.0", "3.14.0")
# In two halves, so that this file does not name one itself.
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted",
    "npmjs" + ".org",
    "npmmirror" + ".com",
    "index" + "-url =",
)


def locked(name):
    """Every (requirement, hashes) of a lock file."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [(Requirement(line.split(" --hash=")[0]), line.count(" --hash=sha256:")) for line in lines]


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", WANTED)
@pytest.mark.parametrize("python", PYTHONS)
def test_a_lock_file_holds_what_the_project_asks_for(name, python):
    here = {
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": "linux",
    }
    pins = {
        plain(pin.name): str(pin.specifier).removeprefix("==")
        for pin, _ in locked(name)
        if not pin.marker or pin.marker.evaluate(here)
    }
    asked = [wish for wish in map(Requirement, WANTED[name]) if not wish.marker or wish.marker.evaluate(here)]
    unmet = [str(wish) for wish in asked if pins.get(plain(wish.name), "0") not in wish.specifier]
    assert unmet == [], "run tests/house/lock.sh"


CLIENTS = [str(path.relative_to(ROOT)) for path in sorted((TESTS / "clients").glob("*.lock"))]


@pytest.mark.parametrize("name", [*WANTED, *CLIENTS])
def test_every_pin_has_hashes(name):
    assert [str(pin) for pin, hashes in locked(name) if not hashes or not str(pin.specifier).startswith("==")] == []


def test_the_tests_run_on_what_is_run():
    assert {str(pin) for pin, _ in locked("requirements.lock")} <= {
        str(pin) for pin, _ in locked("requirements-dev.lock")
    }


def test_npm_packages_are_pinned_by_hash_alone():
    lock = json.loads((TESTS / "npm" / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "integrity" not in package or "resolved" in package] == []


def test_no_file_names_a_registry():
    found = [
        f"{place(path)}: {address}"
        for path in files(ROOT)
        for address in REGISTRIES
        if address.encode() in path.read_bytes()
    ]
    assert found == []
