"""What there is of Cloudflare Access, in every shape in which it comes."""

import pytest

from glassgate.config.cloudflare.reading import Foreign, read, rules

APP = {"id": "a1", "aud": "0" * 64, "name": "wiki", "domain": "wiki.example.com", "type": "self_hosted"}
POLICY = {"id": "p1", "name": "staff", "decision": "allow", "include": [{"everyone": {}}]}
GROUP = {"id": "g1", "name": "Staff", "include": [{"everyone": {}}]}
IDP = {"id": "i1", "name": "Contoso", "type": "azureAD", "config": {"client_id": "c"}}
TOKEN = {"id": "t1", "name": "ci", "client_id": "x.access"}


def resource(kind, *instances):
    return {"mode": "managed", "type": kind, "name": "it", "instances": [{"attributes": one} for one in instances]}


ALL = {"apps": [APP], "policies": [POLICY], "groups": [GROUP], "providers": [IDP], "tokens": [TOKEN]}
ANSWER = {"success": True, "errors": [], "result": [APP], "result_info": {"page": 1}}
OLD, NEW = "cloudflare_access_", "cloudflare_zero_trust_access_"
SHAPES = [
    ("an answer of the API", ANSWER, {"apps": ["f[0]"]}),
    ("an answer about one", {"success": True, "result": GROUP}, {"groups": ["f"]}),
    ("a list", [POLICY, IDP], {"policies": ["f[0]"], "providers": ["f[1]"]}),
    ("several answers under names", {"access": {"apps": ANSWER, "tokens": [TOKEN]}},
     {"apps": ["f: access: apps[0]"], "tokens": ["f: access: tokens[0]"]}),
    ("a state", {"version": 4, "resources": [
        resource(OLD + "application", APP), resource(NEW + "group", GROUP), resource("aws_instance", {}),
    ]}, {"apps": ["f: cloudflare_access_application.it"], "groups": ["f: cloudflare_zero_trust_access_group.it"]}),
    ("a resource with a count", {"resources": [resource(NEW + "policy", POLICY, POLICY)]},
     {"policies": [f"f: {NEW}policy.it[0]", f"f: {NEW}policy.it[1]"]}),
    ("what terraform show prints", {"values": {"root_module": {
        "resources": [{"type": NEW + "application", "address": "x.y", "values": APP}],
        "child_modules": [{"resources": [{"type": OLD + "service_token", "address": "m.x.t", "values": TOKEN}]}],
    }}}, {"apps": ["f: x.y"], "tokens": ["f: m.x.t"]}),
    ("something else", {"colour": "red"}, {"strange": ["f"]}),
    ("nothing", {"success": True, "result": []}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("data", "places"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_each_shape_is_read(data, places):
    found = Foreign()
    read(data, "f", found)
    told = {kind: [one.where for one in getattr(found, kind)] for kind in ALL} | {"strange": found.strange}
    assert {kind: where for kind, where in told.items() if where} == places


RULES = [
    ("the API's", [{"email": {"email": "a@x"}}, {"everyone": {}}], [("email", {"email": "a@x"}), ("everyone", {})]),
    ("Terraform's now: the others are null", [{"email": {"email": "a@x"}, "ip": None, "everyone": None}],
     [("email", {"email": "a@x"})]),
    ("Terraform's before: many in one", [{"email": ["a@x", "b@x"], "everyone": False, "certificate": True, "geo": []}],
     [("email", {"email": "a@x"}), ("email", {"email": "b@x"}), ("certificate", {})]),
    ("blocks with lists in them", [{"azure": [{"id": ["g", "h"], "identity_provider_id": "i"}]}],
     [("azure", {"id": "g", "identity_provider_id": "i"}), ("azure", {"id": "h", "identity_provider_id": "i"})]),
    ("a text alone", [{"auth_method": "mfa", "common_name": ""}], [("auth_method", {"auth_method": "mfa"})]),
    ("one that is no list", {"group": ["g"]}, [("group", {"id": "g"})]),
    ("none", None, []),
]  # fmt: skip


@pytest.mark.parametrize(("given", "found"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_rules_of_every_shape_are_told_as_the_api_has_them(given, found):
    assert [(selector, value) for _, selector, value in rules({"include": given}, "include")] == found
