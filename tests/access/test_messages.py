"""The standing messages, as rows."""

from glassgate.access.messages import MESSAGES


def test_every_message_says_what_happened_and_what_to_do():
    silent = [code for code, said in MESSAGES.items() if not (said.title and said.text.endswith("."))]
    assert silent == []
    assert [code for code, said in MESSAGES.items() if not said.mend] == ["misdirected"]
    assert [code for code, said in MESSAGES.items() if not 400 <= said.status <= 599] == []
