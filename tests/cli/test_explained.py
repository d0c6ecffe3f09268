"""A judgement on the terminal: groups with what stands in them, and columns that stand under one another."""

import pytest

from cli.asked import SECRET, configured
from glassgate.access.explain import explain
from glassgate.access.facts import Facts
from glassgate.cli import explained
from glassgate.config.load import load

POLICIES = """\
      - {name: p, decision: allow, include: [{group: all}, {email: a@x.example}]}
groups:
  team: {include: [{email_domain: x.example}], exclude: [{email: b@x.example}]}
  all: {include: [{group: team}]}
"""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Åsa at wiki/ä", "Åsa at wiki/ä"),
        ("\x1b]0;x\x07\x9b2J", r"\x1b]0;x\x07\x9b2J"),
        ("x\ny was let in", r"x\ny was let in"),
        ("a\u202eb\ud800", r"a\u202eb\ud800"),
    ],
    ids=["plain", "a terminal's commands", "another line", "turned round, and half a pair"],
)
def test_what_others_wrote_is_seen_and_not_obeyed(line, shown):
    assert explained.readable(line) == shown


def test_a_group_is_shown_with_its_rules_below_it(tmp_path):
    settings = load(configured(tmp_path, POLICIES), SECRET)
    (app,) = settings.apps
    lines = explained.policies(explain(app.policies, Facts()), settings, app)
    assert lines == [
        "",
        f"  p  (allow)  {tmp_path}/config.yaml:17  does not hold",
        "    include  group: all                   unknown",
        "      include  group: team                unknown",
        "        include  email_domain: x.example  unknown",
        "        exclude  email: b@x.example       unknown",
        "    include  email: a@x.example           unknown",
    ]
