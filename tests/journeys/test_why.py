"""A real session, asked about afterwards: why it was refused or let in, and what a new policy would change."""

import http.client
import json
import re
import shutil
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner

from glassgate.cli.main import commands
from glassgate.record import lately
from journeys.demo import free_ports, stock
from journeys.visitor import NAVIGATION, Visitor

REQUESTS = 200


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, prepare, front):
    """A demo that ran: Alice looked at the wiki a lot, Bob a little, and Mallory was kept out."""
    demo = prepare(tmp_path_factory.mktemp("why"))
    web = free_ports(1)[0]
    if front == "stock":  # mitmweb, which saves flows for whoever asks it to
        set_up = ("--no-web-open-browser", "--web-port", str(web), "--set", "web_password=secret")
        demo.command = stock(demo, "mitmweb", *set_up)
    demo.start()
    try:
        visitors = {name: Visitor(demo.ca) for name in ("alice", "bob", "mallory")}
        pages = {name: one.sign_in(demo.url("wiki"), name) for name, one in visitors.items()}
        asked = [visitors["bob"].ask(demo.url("wiki")).status, *often(demo, visitors["alice"], REQUESTS)]
        if front == "stock":
            (demo.folder / "flows").write_bytes(saved(web))
    finally:
        demo.stop()
    if front == "driver":  # `up` saves no flows: there the log of what was decided is what there is to replay
        shutil.copy(demo.folder / "state" / "audit.jsonl", demo.folder / "flows")
    return SimpleNamespace(demo=demo, pages=pages, asked=asked, visitors=visitors)


def often(demo, visitor, times):
    """Ask by one connection."""
    connection = visitor.connection("wiki.localhost", demo.port)
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.jars["wiki.localhost"].items())
    for _ in range(times):
        connection.request("GET", "/", headers={**NAVIGATION, "Cookie": cookies})
        answer = connection.getresponse()
        answer.read()
        yield answer.status
    connection.close()


def saved(port):
    """What mitmweb's `File, Save` downloads."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/flows/dump", headers={"Authorization": "Bearer secret"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content[:300]
    return content


def glassgate(demo, *words):
    done = CliRunner().invoke(commands, [*map(str, words), "-c", str(demo.config)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


def test_the_session_was_as_it_should_be(recorded):
    assert recorded.asked == [200] * (REQUESTS + 1)
    assert [recorded.pages[name].status for name in ("alice", "bob", "mallory")] == [200, 200, 403]


def test_why_on_the_id_of_a_refusals_page_and_its_proposal_lets_the_request_pass(recorded):
    demo, page = recorded.demo, recorded.pages["mallory"]
    ray = page.headers["Cf-Ray"]
    assert ray in page.text
    code, out = glassgate(demo, "why", ray)
    assert code == 0
    assert "\nmallory@contoso.example was kept out (wiki).\n" in out, "she had signed in by the same request"
    assert "    exclude  email: mallory@contoso.example" in out
    proposal = re.search(r"the least first:\n  - take `(.+?)` out of `exclude` of the policy `staff`, (.+)\n", out)
    assert proposal[1] == "email: mallory@contoso.example"
    assert proposal[2].startswith(f"{demo.config}:")
    before = demo.config.read_text()
    try:
        demo.change(lambda config: config["apps"][0]["policies"][0].pop("exclude"))
        demo.start()
        assert recorded.visitors["mallory"].open(demo.url("wiki")).status == 200
    finally:
        demo.stop()
        demo.config.write_text(before)


def test_why_on_a_request_that_was_let_in(recorded):
    noted = lately.every(recorded.demo.folder / "state" / "lately")
    assert len(noted) >= REQUESTS
    code, out = glassgate(recorded.demo, "why", noted[5].ray)
    assert code == 0
    assert re.match(r"(alice|bob)@contoso.example was let in \(wiki\)\.\n", out)
    assert "  decided   the policy `staff`\n" in out


def changed(demo, edit):
    """The demo's configuration with other policies of the wiki, in a file beside it."""
    config = yaml.safe_load(demo.config.read_text())
    edit(config["apps"][0]["policies"])
    path = demo.folder / "new.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def without_bob(policies):
    policies[0]["exclude"] = [{"email": "bob@contoso.example"}]


def test_what_a_new_policy_would_have_changed(recorded, front):
    """Bob's two visits and Mallory's refusal: three verdicts of two hundred and more."""
    demo, new = recorded.demo, changed(recorded.demo, without_bob)
    flows = demo.folder / "flows"
    code, out = glassgate(demo, "policy", "diff", "--new", new, "--flows", flows, "--json")
    told = json.loads(out)
    assert code == 1
    who = sorted((one["who"].partition("@")[0], one["old"]["let_in"], one["new"]["let_in"]) for one in told["changed"])
    bobs = [("bob", True, False)] * (2 if front == "stock" else 1)
    assert who == [*bobs, ("mallory", False, True)]
    assert told["let_in"] == told["same"] == (REQUESTS + 1 if front == "stock" else 1)


def test_nothing_changes_by_the_same_configuration(recorded):
    new = changed(recorded.demo, lambda policies: None)
    flows = recorded.demo.folder / "flows"
    code, out = glassgate(recorded.demo, "policy", "diff", "--new", new, "--flows", flows)
    assert code == 0
    assert out.startswith("0 verdicts changed; ")
