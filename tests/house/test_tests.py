"""The tests' own rules: one test module for each module, and nothing of the product swapped out under it."""

import ast

from house.tree import PACKAGE, TESTS, files, parsed, place

# Modules without behaviour of their own, and where they are tested all the same.
ELSEWHERE = {
    "access/facts.py": "values alone",
    "config/settings.py": "values alone: tests/config/test_build.py",
    "mitm/core.py": "values alone: tests/mitm/test_addon.py takes one",
    "mitm/layers/answers.py": "a protocol: tests/mitm/layers/stage.py and the addon keep it",
    "mitm/layers/events.py": "values alone",
    "oidc/provider.py": "values alone",
    "state/store.py": "a protocol: tests/state has one contract over all stores",
}

# What starts a gate, and the modules that start one on a front end of their own choice. All others take the fixtures
# `gate`, `prepare` and `running_demo`, so that each of their tests runs on our driver and on mitmproxy's own programs.
STARTS = {"mitm.harness": {"gate"}, "journeys.demo": {"prepare", "running"}}
ONE_FRONT = {
    "journeys/access_apps.py": "other people's libraries, and what they take of the gate's tokens",
    "cli/test_entra.py": "the lab is the doctor's patient: what is tried is the doctor",
    "cli/test_run.py": "our own commands",
    "journeys/test_stock_programs.py": "mitmproxy's own commands",
    "journeys/test_workers.py": "our own command's processes",
    "mitm/test_script.py": "what only mitmdump does: it loads a script again",
}

SWAPPING = {"setattr", "setitem", "delattr", "patch"}


def test_every_module_has_a_test_module_of_its_name():
    lonely = [name for name in modules() if name not in ELSEWHERE and not mirror(name).is_file()]
    assert lonely == []


def test_the_exceptions_are_still_there():
    assert set(ELSEWHERE) - set(modules()) == set()


def modules():
    names = (path.relative_to(PACKAGE) for path in files(PACKAGE, ".py"))
    return [str(name) for name in names if not name.name.startswith("__")]


def mirror(name):
    path = TESTS / name
    return path.with_name(f"test_{path.name}")


def test_a_gate_is_started_on_both_front_ends():
    started = {place(path).removeprefix("tests/") for path in files(TESTS, ".py") if chooses(parsed(path))}
    assert started == set(ONE_FRONT)


def chooses(tree):
    """Whether a module takes for itself what starts a gate."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return any(name.name in STARTS.get(node.module, ()) for node in imports for name in node.names)


def test_the_look_for_gates_sees():
    lines = ["from mitm.harness import gate", "from journeys.demo import ROOT, running", "from mitm.harness import tls"]
    assert [chooses(ast.parse(line)) for line in lines] == [True, True, False]


def test_no_test_swaps_a_part_of_the_product():
    """What a test wants to be different is handed in. (Environment variables and the folder may be set.)"""
    found = [place(path, line) for path in files(TESTS, ".py") for line in swaps(parsed(path))]
    assert found == []


def swaps(tree):
    for node in ast.walk(tree):
        match node:
            case (
                ast.ImportFrom(module="unittest.mock" | "mock")
                | ast.ImportFrom(module="unittest", names=[ast.alias(name="mock")])
            ):
                yield node.lineno
            case ast.Import(names=names) if any(name.name in {"unittest.mock", "mock"} for name in names):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="monkeypatch" | "mocker" | "mock"), attr=attr) if attr in SWAPPING:
                yield node.lineno


def test_the_look_for_swaps_sees():
    lines = ["import unittest.mock", "from unittest import mock", "monkeypatch.setattr(a, 'b', 1)"]
    assert sorted(swaps(ast.parse("\n".join([*lines, "monkeypatch.setenv('A', '1')"])))) == [1, 2, 3]


def test_no_test_is_left_out():
    """A test that skips itself says nothing. What it needs, ./run.sh test installs, or fails."""
    found = [place(path, line) for path in files(TESTS, ".py") for line in skips(parsed(path))]
    assert found == []


def skips(tree):
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="pytest"), attr="skip" | "importorskip" | "xfail"):
                yield node.lineno
            case ast.Attribute(value=ast.Attribute(attr="mark"), attr="skip" | "skipif" | "xfail"):
                yield node.lineno
