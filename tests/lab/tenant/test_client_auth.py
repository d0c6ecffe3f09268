from lab.tenancy import CLIENT, REDIRECT, SECRET, TENANT, VERIFIER


def test_a_client_may_authenticate_by_basic(browser):
    basic = {"auth": (CLIENT, SECRET)}
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    path = f"/{TENANT}/oauth2/v2.0/token"
    code = browser.code()
    twice = browser.cookies.post(path, data=form | {"code": code, "client_secret": SECRET}, **basic)
    assert twice.json["error_codes"] == [9002313]
    assert browser.cookies.post(path, data=form | {"code": code}, **basic).status_code == 200
