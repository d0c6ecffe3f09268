"""The schema that editors use is the one that the gate uses."""

import json

from config.files import ROOT
from glassgate.access.selectors import BY_NAME
from glassgate.config.part import Part
from glassgate.config.schema import PARTS, PROVIDERS, published

REFERENCE = ROOT / "docs" / "reference" / "config.schema.json"


def test_the_published_schema_is_fresh():
    mend = "run `python -m glassgate.config.schema > docs/reference/config.schema.json`"
    assert REFERENCE.read_text("utf-8") == published(), mend


def test_the_demo_names_the_published_schema():
    first = (ROOT / "config.yaml").read_text("utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={REFERENCE.relative_to(ROOT)}"


def test_every_key_is_described():
    definitions = json.loads(published())["$defs"]
    bare = [
        f"{part}.{key}"
        for part, definition in definitions.items()
        for key, schema in definition["properties"].items()
        if "description" not in schema and "$ref" not in schema
    ]
    assert bare == []


def test_null_is_never_offered_but_for_what_is_not_there_yet():
    def nulls(schema):
        if isinstance(schema, dict):
            return schema.get("type") == "null" or any(map(nulls, schema.values()))
        return isinstance(schema, list) and any(map(nulls, schema))

    assert not nulls(json.loads(published()))


def test_rules_offer_every_selector():
    include = json.loads(published())["$defs"]["Policy"]["properties"]["include"]["items"]
    assert set(include["properties"]) == set(BY_NAME)


def test_every_part_is_called_something_and_has_a_place():
    def parts(kind):
        return {kind}.union(*(parts(below) for below in kind.__subclasses__()))

    known = {*PARTS.values(), *PROVIDERS.values()}
    assert {part for part in parts(Part) if not part.__name__.startswith("_")} - {Part} == known
    assert all(part.called for part in known)
