"""How a list is read, entry by entry."""

import pytest

from glassgate.access.rule_values import Listed, address, parts, read_list
from glassgate.errors import GlassgateError


def test_every_entry_is_read():
    listed = Listed("staff.txt", ((1, "Alice@Contoso.example"), (2, "bob@contoso.example")))
    assert list(read_list(listed, address, "x")) == ["alice@contoso.example", "bob@contoso.example"]


def test_an_address_is_folded_in_ascii_alone():
    assert address("ALICE@contoso.example") == "alice@contoso.example"
    with pytest.raises(GlassgateError, match="not one e-mail address"):
        address("\u212aim@contoso.example")


def test_keys_are_known_by_our_names_or_others():
    assert parts({"evaluate_url": 1}, ("url",), "form", {"evaluate_url": "url"}) == {"url": 1}
    for wrong in (None, [], {}, "x", {"other": 1}):
        with pytest.raises(GlassgateError) as caught:
            parts(wrong, ("url",), "{url: …}")
        assert caught.value.mend == "write `{url: …}`"
