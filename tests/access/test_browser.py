"""A browser is called what its owner would call it."""

import pytest

from glassgate.access import browser

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) {} Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (CHROME.format("Windows NT 10.0; Win64; x64"), "Chrome on Windows"),
        (CHROME.format("Windows NT 10.0; Win64; x64") + " Edg/140.0.0.0", "Edge on Windows"),
        (CHROME.format("Macintosh; Intel Mac OS X 10_15_7") + " OPR/120.0", "Opera on a Mac"),
        (CHROME.format("Linux; Android 15; K"), "Chrome on Android"),
        (CHROME.format("X11; CrOS x86_64 14541.0.0"), "Chrome on ChromeOS"),
        (PHONE.format("Version/19.0 Mobile/15E148"), "Safari on an iPhone"),
        (PHONE.format("CriOS/140.0 Mobile/15E148"), "Chrome on an iPhone"),
        (PHONE.format("FxiOS/140.0 Mobile/15E148"), "Firefox on an iPhone"),
        ("SomethingNew/1.0 (Windows NT 10.0)", "A browser on Windows"),
        ("curl/8.14.1", "curl"),
        ("SomethingNew/1.0", ""),
        ("", ""),
        ("<script>alert(1)</script>", ""),
    ],
)
def test_a_browser_in_words(user_agent, words):
    assert browser.in_words(user_agent) == words
