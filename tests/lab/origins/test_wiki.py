import pytest

from glassgate.lab.origins.wiki import ARTICLES


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.path)
def test_a_page_shows_who_came_and_with_what(wiki, article):
    token = wiki.team.token()
    page = wiki.ask(article.path, token=token, headers={"Cf-Ray": "0123456789abcdef"})
    assert "assertion verified: alice@contoso.example" in page.text
    assert article.title in page.text
    assert "0123456789abcdef" in page.text
    assert "Cf-Access-Jwt-Assertion" in page.text
    assert token.rpartition(".")[2] not in page.text  # shown in part only
    assert "<script" not in page.text


@pytest.mark.parametrize("where", ["header", "path", "query", "claim"])
def test_what_a_visitor_sends_is_shown_as_text(wiki, where):
    evil = "<img src=x onerror=alert(1)>"
    page = {
        "header": lambda: wiki.ask("/", headers={"X-Evil": evil}),
        "path": lambda: wiki.ask(f"/?{evil.replace(' ', '+')}"),
        "query": lambda: wiki.ask("/search", params={"q": evil}),
        "claim": lambda: wiki.ask("/", token=wiki.team.token(email=evil)),
    }[where]()
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "onerror" in page.text


def test_the_search_shows_its_query_and_finds(wiki):
    page = wiki.ask("/search?q=session+cookie&from=here")
    assert "You looked for <b>session cookie</b>" in page.text
    assert 'href="/cookie">The session cookie</a>: ' in page.text
    assert "GET /search?q=session+cookie&amp;from=here" in page.text


@pytest.mark.parametrize(
    ("query", "said"), [("q=zebra", "No page has that"), ("q=", "Type a word"), ("", "Type a word")]
)
def test_a_search_that_finds_nothing_says_so(wiki, query, said):
    assert said in wiki.ask(f"/search?{query}").text


def test_times_can_be_read(wiki):
    assert (
        "1800000000 (2027-01-15 08:00:00 UTC)"
        in wiki.ask("/", token=wiki.team.token(iat=1, nbf=1, exp=1_800_000_000)).text
    )
