"""Pages of an operator's own are read from where the file says."""

import pytest

from config.files import app, settings
from glassgate.access.block_page import NAMES
from glassgate.config.block_pages import read_block_page, read_block_pages
from glassgate.errors import StartError


def test_each_app_has_its_page(tmp_path):
    (tmp_path / "no.html").write_text("<p>{{ app }}</p>")
    loaded = settings(app(deny_page="no.html"), tmp_path)
    (aud,) = [one.aud for one in loaded.apps]
    assert {key: page.shown(**NAMES) for key, page in read_block_pages(loaded.apps).items()} == {aud: "<p>payroll</p>"}
    assert tmp_path / "no.html" in loaded.files, "a change of it is taken while the gate runs"
    assert read_block_pages(settings(app(), tmp_path).apps) == {}


def test_a_bad_page_is_told_with_its_place(tmp_path):
    (tmp_path / "no.html").write_text("<script>")
    with pytest.raises(StartError, match="<script>") as caught:
        read_block_page(tmp_path / "no.html")
    assert caught.value.where == str(tmp_path / "no.html")
