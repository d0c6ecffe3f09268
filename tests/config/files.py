"""A small good configuration, and ways to change it, for the tests of this room."""

import copy
import json
from pathlib import Path

import yaml

from glassgate.config.load import load
from glassgate.errors import ConfigError

ROOT = Path(__file__).parents[2]
TENANT = "8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a10"
STAFF = "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a01"
SECRET = "Xq8~very.secret-value"

GOOD = {
    "team": "team.example.com",
    "listen": "127.0.0.1:8443",
    "identity_providers": [
        {
            "id": "entra",
            "type": "entra",
            "tenant": TENANT,
            "client_id": "5d3a1c9e",
            "client_secret": "${SECRET}",
            "mfa_context": "c1",
            "email_domains": ["contoso.example"],
        }
    ],
    "groups": {"staff": {"include": [{"entra_group": STAFF}]}},
    "apps": [
        {
            "name": "wiki",
            "domain": "wiki.example.com",
            "origin": "http://127.0.0.1:9000",
            "policies": [{"name": "staff", "decision": "allow", "include": [{"group": "staff"}]}],
        }
    ],
    "audit": {"file": "audit.jsonl"},
}
OTHER = {
    "id": "other",
    "type": "oidc",
    "issuer": "https://id.example.org",
    "client_id": "gate",
    "client_secret": "${SECRET}",
}
LAB = {"enabled": True, "users": [{"name": "alice", "password": "password"}]}


def good(**changes):
    """The good configuration with other values; a key with None is left out."""
    tree = copy.deepcopy(GOOD | changes)
    return {key: value for key, value in tree.items() if value is not None}


def app(**changes):
    return good(apps=[GOOD["apps"][0] | changes])


def provider(**changes):
    return good(identity_providers=[GOOD["identity_providers"][0] | changes])


def policy(**changes):
    return app(policies=[GOOD["apps"][0]["policies"][0] | changes])


def rule(name, value, providers=()):
    tree = policy(include=[{name: value}])
    tree["identity_providers"] += providers
    return tree


def settings(tree, tmp_path: Path, **environ):
    """What a file with this text, or this data, says."""
    unshared = json.loads(json.dumps(tree))  # else the dump has aliases, and their lines are their anchors'
    text = tree if isinstance(tree, str) else yaml.safe_dump(unshared, sort_keys=False, width=1000)
    path = tmp_path / "config.yaml"
    path.write_text(text, "utf-8")
    return load(path, {"SECRET": SECRET} | environ)


def problems(tree, tmp_path: Path, **environ):
    """Every problem of a file, as (line, what, mend)."""
    try:
        settings(tree, tmp_path, **environ)
    except ConfigError as error:
        place = f"{tmp_path / 'config.yaml'}:"
        return [(problem.where.removeprefix(place), problem.what, problem.mend) for problem in error.problems]
    return []
