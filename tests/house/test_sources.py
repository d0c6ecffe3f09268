"""The rules of the house that no linter knows."""

import ast
import re

import pytest

from house.tree import PACKAGE, files, parsed, place

MODULES = list(files(PACKAGE, ".py"))

# Names in capitals are constants: a length, a purpose.
SECRET = re.compile(r"(secret|passwd|password|digest|signature|hmac|mac|verifier|nonce)$")


def name_of(node: ast.expr) -> str:
    """The last name of `a.b.c` or of `a["c"]`; "" for anything else."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def test_there_are_modules_to_look_at():
    assert len(MODULES) > 15


def test_every_module_says_its_one_thing_in_its_first_line():
    silent = [place(path) for path in MODULES if not (ast.get_docstring(parsed(path)) or "").strip()]
    assert silent == []


def test_no_check_hangs_on_assert():
    """`glassgate serve` runs under `python -O`, where assert statements are not there."""
    found = [
        place(path, node.lineno) for path in MODULES for node in ast.walk(parsed(path)) if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_secrets_are_compared_in_constant_time():
    found = [
        place(path, node.lineno)
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Compare) and compares_a_secret(node)
    ]
    assert found == [], "use hmac.compare_digest"


def compares_a_secret(node: ast.Compare) -> bool:
    sides = [node.left, *node.comparators]
    told_apart = any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
    constant = any(isinstance(side, ast.Constant) for side in sides)
    return told_apart and not constant and any(SECRET.search(name_of(side)) for side in sides)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("given == self.client_secret", True),
        ("claims['nonce'] != nonce", True),
        ("hmac.compare_digest(given, secret)", False),
        ("secret == ''", False),
        ("kind == other", False),
        ("len(given) == SECRET", False),
    ],
)
def test_the_look_for_comparisons_sees(code, found):
    node = ast.parse(code, mode="eval").body
    assert (isinstance(node, ast.Compare) and compares_a_secret(node)) is found


def test_no_module_is_longer_than_anyone_reads():
    long = [place(path) for path in MODULES if len(path.read_text("utf-8").splitlines()) > 400]
    assert long == []
