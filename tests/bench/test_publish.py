"""The made parts of the page."""

import pytest

from bench import publish

PAGE = "# A\n\n<!-- bench: results -->\n\nold\n<!-- /bench -->\n\n<!-- bench: other -->\nstays\n<!-- /bench -->\n"


def test_a_part_is_replaced_and_the_rest_stays():
    once = publish.replaced(PAGE, "results", r"new \1 text")
    assert once == PAGE.replace("old", r"new \1 text")
    assert publish.replaced(once, "results", r"new \1 text") == once


def test_a_page_without_the_marks_is_told():
    with pytest.raises(KeyError, match="gone"):
        publish.replaced(PAGE, "gone", "new")


def test_the_page_has_the_marks_that_are_written_to():
    page = publish.PAGE.read_text("utf-8")
    for name in ("results", "gate_cost"):
        assert publish.replaced(page, name, "new") != page
