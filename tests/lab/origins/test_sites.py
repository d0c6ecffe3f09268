import re

import pytest

from glassgate.lab.origins.sites import SITES

PATHS = [(kind, path) for kind, routes in SITES.items() for path, _, _ in routes]


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_every_path_answers_whoever_is_let_in(sites, kind, path):
    expected = {"/download": 400, "/ticks": 400}.get(path, 200)  # these want more than a path
    assert sites[kind].ask(path).status_code == expected


@pytest.mark.parametrize("kind", SITES)
def test_every_link_of_a_page_leads_somewhere(sites, kind):
    site = sites[kind]
    pages = [site.ask(path).text for at, path in PATHS if at == kind and path not in ("/ticks", "/download")]
    links = {link for page in pages for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', page)}
    ours = {link for link in links if not link.startswith("/cdn-cgi/access/")}  # those are the gate's
    assert links - ours == {"/cdn-cgi/access/logout"}
    assert {link: site.ask(link).status_code for link in ours} == dict.fromkeys(ours, 200)
