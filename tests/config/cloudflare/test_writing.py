"""The text of an import: the tree and nothing else to YAML, and all that is still to be said to its reader."""

import yaml

from glassgate.config.cloudflare.taking import Imported
from glassgate.config.cloudflare.writing import written

APP = {"name": "Löhne", "domain": "pay.example.com", "origin": "http://l-hne.invalid", "policies": []}
ENTRA = {"id": "contoso", "type": "entra", "client_secret": "${CLIENT_SECRET}"}


def test_the_tree_is_read_back_as_it_was():
    tree = {"groups": {"Ops": {"include": [{"ip": "::1"}]}}, "apps": [APP]}
    assert yaml.safe_load(written(Imported(tree, [ENTRA], []))) == tree


def test_what_is_still_to_be_said_stands_in_comments():
    head = written(Imported({"apps": [APP]}, [ENTRA], [])).partition("apps:")[0].splitlines()
    assert all(line.startswith("#") for line in head)
    providers = "\n".join(line.removeprefix("#   ") for line in head[2:6])
    assert yaml.safe_load(providers) == {"identity_providers": [ENTRA]}
    assert head[-1] == "#   http://l-hne.invalid   Löhne"


def test_a_long_value_stays_a_comment():
    head = written(Imported({"apps": [APP]}, [ENTRA | {"issuer": "https://x.example/" + "a b " * 80}], []))
    assert yaml.safe_load(head) == {"apps": [APP]}
