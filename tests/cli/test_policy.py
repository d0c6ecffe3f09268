"""`glassgate policy test`: who would be let in, and by which rule; for one, and for a list."""

import json

import pytest

from cli.asked import configured, glassgate
from cli.program import GROUP

POLICIES = f"""\
      - name: leavers
        decision: deny
        include: [{{email: bob@contoso.example}}]
      - name: staff
        decision: allow
        include: [{{entra_group: {GROUP}}}, {{email_domain: fabrikam.example}}]
        require: [{{auth_method: mfa}}]
"""
ALICE = ("--email", "alice@contoso.example", "--group", GROUP, "--method", "mfa")


def tried(folder, *words, policies=POLICIES):
    return glassgate("policy", "test", "-c", configured(folder, policies), "--app", "wiki", *words)


def test_who_is_let_in_and_by_which_rule(tmp_path):
    code, out, _ = tried(tmp_path, *ALICE)
    assert code == 0
    assert (
        out
        == f"""\
alice@contoso.example may open wiki: by the policy `staff`.

  leavers  (deny)  {tmp_path}/config.yaml:17  does not hold
    include  email: bob@contoso.example  no

  staff  (allow)  {tmp_path}/config.yaml:20  decided
    include  entra_group: {GROUP}  yes
    include  email_domain: fabrikam.example                     no
    require  auth_method: mfa                                   yes
"""
    )


def test_who_is_not_and_what_would_turn_that(tmp_path):
    code, out, _ = tried(tmp_path, "--email", "alice@contoso.example", "--method", "mfa")
    assert code == 1
    assert out.startswith("alice@contoso.example may not open wiki: no policy lets them in.\n")
    assert out.endswith(f"""
What would let them in, the least first:
  - add the person to the Entra group {GROUP}
  - add `email: alice@contoso.example` to `include` of the policy `staff`, {tmp_path}/config.yaml:20
""")


def test_a_policy_that_keeps_out_is_named(tmp_path):
    code, out, _ = tried(tmp_path, "--email", "bob@contoso.example", "--group", GROUP, "--method", "mfa")
    assert code == 1
    assert out.startswith("bob@contoso.example may not open wiki: by the policy `leavers`.\n")
    assert "config.yaml:20  was not reached\n" in out


def test_an_email_that_does_not_count_is_told(tmp_path):
    code, out, _ = tried(tmp_path, "--email", "eve@fabrikam.example", "--method", "mfa")
    assert code == 1
    assert "\n  Note: eve@fabrikam.example does not count when it comes from `entra`.\n" in out


def test_for_programs(tmp_path):
    code, out, _ = tried(tmp_path, *ALICE, "--json")
    told = json.loads(out)
    assert (code, told["let_in"], told["policy"], told["decision"]) == (0, True, "staff", "allow")
    assert told["policies"][1]["rules"][0] == {"part": "include", "rule": f"entra_group: {GROUP}", "answer": "yes"}
    told = json.loads(tried(tmp_path, "--email", "alice@contoso.example", "--method", "mfa", "--json")[1])
    assert [one["where"] for turn in told["turns"] for one in turn["changes"]] == [None, f"{tmp_path}/config.yaml:20"]


def test_what_a_request_brings(tmp_path):
    policies = "      - {name: office, decision: allow, include: [{ip: 203.0.113.0/24}]}\n"
    for address, code in (("203.0.113.7", 0), ("198.51.100.1", 1)):
        assert tried(tmp_path, "--email", "x@y.example", "--ip", address, policies=policies)[0] == code


def test_a_claim_is_a_text_or_what_json_says(tmp_path):
    policies = "      - {name: p, decision: allow, include: [{oidc_claim: {name: level, value: 3}}]}\n"
    assert tried(tmp_path, "--claim", "level=3", policies=policies)[0] == 0
    assert tried(tmp_path, "--claim", 'level="3"', policies=policies)[0] == 1


USERS = (
    "email,groups,methods,color\nalice@contoso.example,{0},mfa,red\nbob@contoso.example,{0},mfa,\neve@x.example,,,\n"
)


def listed(folder, *words, text=USERS):
    users = folder / "users.csv"
    users.write_text(text.format(GROUP))
    return tried(folder, "--users", users, *words)


def test_who_of_a_list_would_get_in(tmp_path):
    code, out, err = listed(tmp_path)
    assert (code, err) == (1, "Not used: color.\n")
    assert (
        out
        == """\
USER                   LET IN  POLICY
alice@contoso.example  yes     staff
bob@contoso.example    no      leavers
eve@x.example          no      leavers  eve@x.example does not count when it comes from `entra`

1 of 3 would get into wiki.
"""
    )


def test_a_list_of_which_all_get_in_is_good(tmp_path):
    code, out, _ = listed(tmp_path, "--json", text="email\nalice@contoso.example\n")
    assert code == 1
    code, out, _ = listed(
        tmp_path, "--json", "--group", GROUP, "--method", "mfa", text="email\nalice@contoso.example\n"
    )
    told = json.loads(out)
    assert (code, told["let_in"], told["of"]) == (0, 1, 1)
    assert told["users"][0]["where"].endswith("users.csv:2")


WRONG = [
    ("no such app", ("policy", "test", "--app", "wikki"), "There is no app `wikki`"),
    ("no app", ("policy", "test"), "Missing option '--app'"),
    ("no address", ("policy", "test", "--app", "wiki", "--ip", "here"), "`here` is no address"),
    ("no provider", ("policy", "test", "--app", "wiki", "--provider", "x"), "`x` signs nobody in at `wiki`"),
    ("no claim", ("policy", "test", "--app", "wiki", "--claim", "x"), "`x` is not `NAME=VALUE`"),
    ("no time", ("policy", "test", "--app", "wiki", "--at", "soon"), "write it as `2026-11-25 09:30`"),
    ("no list", ("policy", "test", "--app", "wiki", "--users", "none.csv"), "none.csv cannot be read"),
]


@pytest.mark.parametrize(("words", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_call_is_2(tmp_path, words, said):
    code, out, err = glassgate(*words, "-c", configured(tmp_path))
    assert (code, out) == (2, "")
    assert said in err


def test_the_app_is_known_by_its_host_too(tmp_path):
    code, out, _ = glassgate("policy", "test", "-c", configured(tmp_path), "--app", "wiki.localhost", "--group", GROUP)
    assert (code, out.splitlines()[0]) == (0, "somebody may open wiki: by the policy `staff`.")
