"""The page that `up` prints, as a person reads it in 20 seconds."""

import os
import re
from dataclasses import replace
from pathlib import Path

import click
import pytest

from glassgate.cli.lab_switched import Switched, command
from glassgate.cli.welcome import MOST_SWITCHED, welcome
from glassgate.config.load import load
from house.tree import ROOT

WEB = "http://127.0.0.1:8081/?token=0123456789abcdef0123456789abcdef"


@pytest.fixture
def settings(certificates):
    return replace(load(ROOT / "config.yaml", {}), ca=certificates[0])


def page(settings, web_url=None):
    return click.unstyle(welcome(settings, web_url))


@pytest.mark.parametrize("web_url", [None, WEB], ids=["up", "web"])
def test_it_fits_a_terminal(settings, web_url):
    # As it stands where a newcomer starts it: beside the certificates.
    near = replace(settings, ca=Path.cwd() / "certs" / "ca.pem")
    lines = page(near, web_url).splitlines()
    assert len(lines) < 25
    assert max(map(len, lines)) <= 100


def test_it_names_every_address_and_every_user(settings):
    text = page(settings, WEB)
    for host in ("wiki", "payroll", "team"):
        assert f"https://{host}.localhost:8443" in text
    for user in settings.lab.users:
        assert re.search(rf"{user.name} +password: {user.password} ", text)
    assert WEB in text
    assert "(guest of fabrikam.example)" in text
    assert "(second factor)" in text


def test_what_to_try_comes_from_the_configuration(settings):
    text = page(settings)
    assert "1. Open https://wiki.localhost:8443 and sign in as alice." in text
    assert "2. Then open https://payroll.localhost:8443" in text
    assert "as bob." in text


def test_one_app_and_one_user_are_enough(settings):
    small = replace(settings, apps=settings.apps[:1], lab=replace(settings.lab, users=settings.lab.users[:1]))
    text = page(small)
    assert "payroll" not in text
    assert "private window" not in text
    assert "2. curl" in text


def test_what_was_switched_before_is_told_with_what_undoes_it(settings):
    found = [Switched("alice@contoso.example is disabled", "./run.sh lab user enable alice@contoso.example")]
    lines = click.unstyle(welcome(settings, switched=found)).splitlines()
    assert "  Switched, until it is undone" in lines
    assert "  alice@contoso.example is disabled  ./run.sh lab user enable alice@contoso.example" in lines
    assert "Switched" not in page(settings)


def test_a_long_list_of_switches_is_cut(settings):
    found = [Switched(f"fault {number}", "undo") for number in range(MOST_SWITCHED + 3)]
    text = click.unstyle(welcome(settings, switched=found))
    assert f"fault {MOST_SWITCHED - 1} " in text
    assert f"fault {MOST_SWITCHED} " not in text
    assert f"  and 3 more: {command(settings.path, 'list')}" in text


@pytest.mark.parametrize("without", ["lab", "users"])
def test_without_anyone_to_sign_in_as(settings, without):
    lab = None if without == "lab" else replace(settings.lab, users=())
    text = page(replace(settings, lab=lab))
    assert "password:" not in text
    assert "  Open https://wiki.localhost:8443\n" in text


def test_the_ca_is_named_as_one_would_type_it(settings, monkeypatch):
    monkeypatch.chdir(settings.ca.parent)
    assert "curl --cacert ca.pem https" in page(settings)
    assert "Trust ca.pem: it is good for localhost alone." in page(settings)
    monkeypatch.chdir(os.sep + "usr")
    assert f"Trust {settings.ca}: it is" in page(settings)


def test_where_the_certificate_is_not_ours_nothing_is_to_be_trusted(settings, tmp_path):
    assert "Trust" not in page(replace(settings, ca=tmp_path / "none.pem"))
