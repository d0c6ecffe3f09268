"""What a browser may bring back from the provider: the state, the callback's parameters, the form."""

from dataclasses import replace
from urllib.parse import urlencode

from gate.site import NOW, TEAM, Browser, Keys
from glassgate.access.seal import Purpose, Seal
from oidc.negative.flow import CALLBACK, FORM
from oidc.negative.rows import Row, all_of, documented, fields, given, query
from oidc.scripted import ISSUER

MARKUP = "<script>alert(1)</script>" + "x" * 5000


def in_another_browser(flow):
    flow.start()
    flow.browser = Browser(flow.site, flow.browser.at)
    return flow.come_back()


def twice(flow):
    """The same answer again, in a browser that still has the cookies of the sign-in, and no session."""
    flow.start()
    kept, code = dict(flow.browser.jars[TEAM]), flow.authorize()
    bound = dict(flow.issued)
    answered = f"{CALLBACK}?{urlencode({'code': code, 'state': flow.asked['state']})}"
    flow.ask(TEAM, answered)
    flow.browser.jars, flow.issued = {TEAM: kept}, bound  # a provider that would take the code again
    flow.answers, flow.before = [], flow.held()
    return flow.ask(TEAM, answered)


def too_late(seconds):
    def does(flow):
        flow.start()
        flow.browser.at += seconds
        return flow.come_back()

    return does


def of_another_provider(flow):
    """The state of this very sign-in, but for another provider: nobody without our keys writes one."""
    flow.start()
    seal = Seal(flow.site.keys.secrets)
    inside = seal.open(Purpose.STATE, flow.asked["state"], NOW, 600)
    return flow.ask(TEAM, f"{CALLBACK}?code=c&state={seal.close(Purpose.STATE, {**inside, 'p': 'other'}, NOW)}")


def of_another_team(flow):
    flow.start()
    inside = Seal(flow.site.keys.secrets).open(Purpose.STATE, flow.asked["state"], NOW, 600)
    theirs = Seal(Keys("two").secrets).close(Purpose.STATE, inside, NOW)
    return flow.ask(TEAM, f"{CALLBACK}?code=c&state={theirs}")


def of_another_sign_in(flow):
    """Two sign-ins in one browser: the state of the one beside the cookie of the other, under the one's name."""
    flow.start()
    first = dict(flow.browser.jars[TEAM])
    state = flow.asked["state"]
    flow.browser.jars[TEAM] = {}
    flow.start()
    (mine,), (others,) = [name for name in first if "Login" in name], list(flow.browser.jars[TEAM].values())
    flow.browser.jars[TEAM] = {mine: others}
    return flow.ask(TEAM, f"{CALLBACK}?code=c&state={state}")


def with_a_purpose_of_its_own(purpose):
    """A sealed text of ours that was made for something else."""

    def does(flow):
        flow.start()
        seal = Seal(flow.site.keys.secrets)
        inside = seal.open(Purpose.STATE, flow.asked["state"], NOW, 600)
        return flow.ask(TEAM, f"{CALLBACK}?code=c&state={seal.close(purpose, inside, NOW)}")

    return does


def when_the_provider_is_gone(flow):
    flow.start()
    flow.site = flow.browser.site = replace(flow.site, parties={"another": next(iter(flow.site.parties.values()))})
    return flow.come_back()


def injected(flow):
    """An attacker's own code, in the victim's browser with the victim's state."""
    flow.issued["the-attackers"] = {"challenge": "the-attackers-challenge", "nonce": "the-attackers-nonce"}
    flow.fields["code"] = "the-attackers"


def used_before(flow):
    flow.fields["code"] = "of-an-earlier-sign-in"


def again_at_the_provider(flow):
    """The second sign-in brings the ID token of the first: another nonce."""
    flow.start()
    flow.come_back()
    first = flow.said(flow.asked["nonce"])
    flow.script.answers[flow.token_endpoint] = first
    flow.browser.jars, flow.answers, flow.before = {}, [], flow.held()
    flow.start()
    return flow.come_back()


def escaped(flow, outcome):
    assert b"<script>" not in outcome.body
    assert b"x" * 1200 not in outcome.body


def not_redeemed(flow, outcome):
    """The code is shown to nobody before the answer is known to be ours."""
    assert flow.script.count(flow.token_endpoint) == 0


def once(flow, outcome):
    assert flow.script.count(flow.token_endpoint) == 1


def form(posts=lambda fields: urlencode(fields).encode(), **changes):
    """The provider answers in a form: `posts` makes its body, `changes` are of its headers."""

    def change(flow):
        flow.posts = posts
        flow.form = {name: value for name, value in (FORM | changes).items() if value is not None}

    return change


BY_FORM = all_of(given(response_mode="form_post"), form())

STATE = [
    Row("no state", "RFC 9700, 4.7", fields(state=None), "state_missing", check=not_redeemed),
    Row("an empty state", "RFC 9700, 4.7", fields(state=""), "state_missing", check=not_redeemed),
    Row("a forged state", "RFC 9700, 4.7", fields(state="abc"), "state_unknown", check=not_redeemed),
    Row("a state of another team", "RFC 9700, 4.7", does=of_another_team, reason="state_unknown", check=not_redeemed),
    Row("a login cookie's text as state", "RFC 8725, 3.12", does=with_a_purpose_of_its_own(Purpose.LOGIN),
        reason="state_unknown", check=not_redeemed),
    Row("a kept refresh token's text as state", "RFC 8725, 3.12", does=with_a_purpose_of_its_own(Purpose.KEPT),
        reason="state_unknown", check=not_redeemed),
    Row("a state of another browser", "RFC 9700, 4.7", does=in_another_browser, reason="state_other_browser",
        check=not_redeemed),
    Row("a state beside another sign-in's cookie", "RFC 9700, 4.7", does=of_another_sign_in,
        reason="state_other_browser", check=not_redeemed),
    Row("a state twice", "RFC 9700, 4.7", does=twice, reason="state_replayed", check=once),
    Row("an old state", "RFC 9700, 4.7", does=too_late(600), reason="state_expired", check=not_redeemed),
    Row("a state of another provider", "RFC 9700, 4.4", does=of_another_provider, reason="idp_mixup",
        check=not_redeemed),
    Row("a state of a provider that is gone", "-", does=when_the_provider_is_gone, reason="state_unknown",
        check=not_redeemed),
]  # fmt: skip

CALLBACKS = [
    Row("code and error", "RFC 6749, 4.1.2", fields(error="access_denied"), "response_ambiguous", check=not_redeemed),
    Row("neither code nor error", "RFC 6749, 4.1.2", fields(code=None), "response_empty", check=not_redeemed),
    Row("an empty code", "RFC 6749, 3.1", fields(code=""), "response_empty", check=not_redeemed),
    Row("a code twice", "RFC 6749, 3.1", query(lambda flow, given: f"{urlencode(given)}&code=other"),
        "parameter_repeated", check=not_redeemed),
    Row("a state twice in one answer", "RFC 6749, 3.1", query(lambda flow, given: f"{urlencode(given)}&state=other"),
        "parameter_repeated", check=not_redeemed),
    Row("an iss twice", "RFC 6749, 3.1", query(lambda flow, given: f"iss={ISSUER}&{urlencode(given)}&iss={ISSUER}"),
        "parameter_repeated", check=not_redeemed),
    Row("an ID token in the address", "RFC 9700, 2.1.2", fields(id_token="e30.e30.AA"), "response_type",
        check=not_redeemed),
    Row("an access token in the address", "RFC 9700, 2.1.2", fields(access_token="x"), "response_type",
        check=not_redeemed),
    Row("another's iss", "RFC 9207, 2.4", fields(iss="https://evil.example"), "iss_param_mismatch",
        check=not_redeemed),
    Row("an iss with one slash more", "RFC 9207, 2.4", fields(iss=f"{ISSUER}/"), "iss_param_mismatch",
        check=not_redeemed),
    Row("an error with another's iss", "RFC 9207, 2.4",
        fields(code=None, error="access_denied", iss="https://evil.example"), "iss_param_mismatch"),
    Row("no iss where it is announced", "RFC 9207, 2.4", fields(iss=None), "iss_param_missing", check=not_redeemed,
        good=all_of(documented(authorization_response_iss_parameter_supported=True), fields(iss=ISSUER))),
    Row("control characters in the code", "-", fields(code="a\r\nSet-Cookie: x=y"), "callback_malformed",
        check=not_redeemed),
    Row("other letters in the code", "RFC 6749, A.11", fields(code="c\u00f6de"), "callback_malformed",
        check=not_redeemed),
    Row("a hundred parameters", "-", query(lambda flow, given: urlencode(given) + "&a=1" * 100), "callback_malformed",
        check=not_redeemed),
    Row("a query of 20,000 characters", "-", fields(code="c" * 20_000), "target_too_long", check=not_redeemed),
    Row("markup in the provider's words", "-", fields(code=None, error="access_denied", error_description=MARKUP),
        "provider_refused", check=escaped),
    Row("markup in the name of an error", "-", fields(code=None, error=MARKUP), "provider_refused", check=escaped),
    Row("an error that passes", "RFC 6749, 4.1.2.1", fields(code=None, error="temporarily_unavailable"),
        "provider_unavailable", check=not_redeemed),
    Row("an injected code", "RFC 9700, 4.5", injected, "provider_refused", check=once),
    Row("an injected code, where PKCE is not looked at", "RFC 9700, 4.5.3.2", injected, "nonce_mismatch",
        good=lambda flow: setattr(flow, "ignores_pkce", True), check=once),
    Row("a code that was used before", "RFC 6749, 4.1.2", used_before, "provider_refused", check=once),
    Row("a nonce that was used before", "Core 1.0, 3.1.3.7 (11)", does=again_at_the_provider,
        reason="nonce_mismatch"),
]  # fmt: skip

FORMS = [
    Row("an address where a form was asked for", "Form Post Response Mode, 2",
        lambda flow: setattr(flow, "posts", None), "response_mode", kind="entra", good=BY_FORM, check=not_redeemed),
    Row("a form where an address was asked for", "Form Post Response Mode, 2", form(), "response_mode",
        check=not_redeemed),
    Row("a form of another kind", "Form Post Response Mode, 2", form(**{"content-type": "text/plain"}),
        "callback_malformed", kind="entra", good=BY_FORM, check=not_redeemed),
    Row("a form without a kind", "Form Post Response Mode, 2", form(**{"content-type": None}), "callback_malformed",
        kind="entra", good=BY_FORM, check=not_redeemed),
    Row("a form in JSON", "Form Post Response Mode, 2",
        form(posts=lambda fields: b'{"code":"c"}', **{"content-type": "application/json"}),
        "callback_malformed", kind="entra", good=BY_FORM, check=not_redeemed),
    Row("a form of 17,000 bytes", "-", form(posts=lambda fields: urlencode(fields | {"code": "c" * 17_000}).encode()),
        "callback_malformed", kind="entra", good=BY_FORM, check=not_redeemed),
    Row("a form in no charset", "-", form(posts=lambda fields: urlencode(fields).encode() + b"&x=\xff"),
        "callback_malformed", kind="entra", good=BY_FORM, check=not_redeemed),
    Row("a code twice in a form", "RFC 6749, 3.1", form(posts=lambda fields: urlencode(fields).encode() + b"&code=d"),
        "parameter_repeated", kind="entra", good=BY_FORM, check=not_redeemed),
    Row("a form in another browser", "RFC 9700, 4.7", does=in_another_browser, reason="state_other_browser",
        kind="entra", good=BY_FORM, check=not_redeemed),
]  # fmt: skip

CANNOT = [
    Row("a hybrid answer without c_hash", "Core 1.0, 3.3.2.11", ends="cannot",
        why="code alone is asked for, and an ID token in the address is refused as response_type"),
    Row("a signed answer (JARM)", "JARM, 4.4", ends="cannot", why="no response_mode of JARM is asked for"),
    Row("a request by reference that others can change", "RFC 9101, 10.2", ends="cannot",
        why="neither request nor request_uri is ever sent"),
    Row("another acr", "Core 1.0, 3.1.3.7 (12)", ends="cannot",
        why="acr is never asked for, and no rule reads it but as a claim; Entra's acrs have rows of their own"),
    Row("an access token bound to another key", "RFC 9449, 4.3", ends="cannot",
        why="access tokens are used at userinfo and Graph alone, as plain bearer tokens over TLS"),
]  # fmt: skip

ROWS = STATE + CALLBACKS + FORMS + CANNOT
