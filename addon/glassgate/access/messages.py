"""The standing messages: what is said in each situation that has nothing of its own to tell."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """What is said in one standing situation: what happened, and whose move it is."""

    status: int
    title: str
    text: str
    mend: str = ""
    new_tab: bool = False  # where the page itself is to be loaded again afterwards
    signed: bool = True  # False: the page does not even say what kind of server this is


NOT_KEPT = "Your form could not be kept"
LOAD_AGAIN = (
    "Nothing is lost yet: sign in in another tab, then come back here and load this page again. Your browser then "
    "sends the form once more."
)

MESSAGES = {
    "bad_request": Message(
        400,
        "This request cannot be read",
        "Its address or headers can be understood in more than one way, so it went no further.",
        "Check the address for unusual characters. If a program sent it, its author needs the request id below.",
    ),
    "plain_http": Message(
        400,
        "This address needs https",
        "The request came over plain http, where anyone on the way can read along. It went no further.",
        "Use the same address with https:// at its beginning.",
    ),
    "token_conflict": Message(
        400,
        "Two sessions at once",
        "Your browser sent more than one session for this application, and they do not agree.",
        "Your browser was told to forget both: load the page again. If this comes back, delete this site's cookies.",
    ),
    "logout_by_page": Message(
        400,
        "Nobody was signed out",
        "Signing out happens only when you go there yourself, not when another page asks for it.",
        "To sign out, open this address directly.",
    ),
    "refresh_by_page": Message(
        400,
        "Your provider was not asked",
        "Who you are is checked again where this address is opened in a tab, not by a picture or script of a page.",
        "Open this address directly.",
    ),
    "handoff_expired": Message(
        400,
        "That took a little too long",
        "You were signed in, but the step back to the application has expired. It is good for one minute.",
        "Start again: usually you will not have to sign in a second time.",
    ),
    "handoff_foreign": Message(
        400,
        "This sign-in did not begin here",
        "The step back to the application belongs to another browser, or was used or changed on its way.",
        "Open the application by its own address. Do not use sign-in links that somebody sent you.",
    ),
    "sign_in_failed": Message(
        400,
        "The sign-in did not work",
        "You were not signed in, and nothing was opened.",
        "Start again. If it fails in the same way, your administrator can see why from what is written below.",
    ),
    "sign_in_stale": Message(
        400,
        "This sign-in is out of date",
        "It took too long, was finished before, or began in another browser or window.",
        "Your move: start again, and stay in one browser. If that does not help, allow cookies for this site.",
    ),
    "sign_in_untrusted": Message(
        502,
        "The provider's answer cannot be trusted",
        "Your identity provider answered, but its answer did not pass our checks. You were not signed in.",
        "This is for the administrator of this gate: the reason below says which check failed.",
    ),
    "unauthenticated": Message(
        401,
        "Please sign in",
        "There is no session here.",
        "Open this address in a browser and sign in.",
    ),
    "not_from_here": Message(
        403,
        "You cannot open this from here",
        "The policies of this application keep this request out whoever sends it: it goes by where and when you ask.",
        "Try again from another network or at another time, or hand the request id below to your administrator.",
    ),
    "foreign_origin": Message(
        403,
        "Not from this page",
        "A page of another site asked for a connection that only the application's own pages may open.",
        "If that page should be allowed, its origin has to be named in the application's configuration.",
    ),
    "foreign_form": Message(
        403,
        "Not from this page",
        "Another site asked for something that only the gate's own page may ask for. Nothing was changed.",
        "Open the page of your applications, and do it there.",
    ),
    "not_found": Message(
        404,
        "There is no such page",
        "This address belongs to the gate, and nothing is there.",
        "Open the application by its own address.",
    ),
    "no_app": Message(
        404,
        "There is nothing here",
        "No application of this host has this address.",
        "Check the address, or begin at your applications.",
    ),
    "login_unknown": Message(
        404,
        "This sign-in link leads nowhere",
        "It is too old, incomplete, or was not made here. Sign-in links are good for five minutes.",
        "Open the application by its own address: it will bring you here with a fresh link.",
    ),
    "program_unknown": Message(
        404,
        "This program's question leads nowhere",
        "It is too old, was answered before, or names an application that is not here.",
        "Start the program again: it opens this page with a fresh question.",
    ),
    "wrong_method": Message(
        405,
        "Not in this way",
        "This address does not take requests of this kind.",
        "Open it in a browser, or use one of the methods that the Allow header names.",
    ),
    "timeout": Message(
        408,
        "That took too long",
        "The request did not arrive in time, so it went no further.",
        "Check your connection and try again.",
    ),
    "body_too_large": Message(
        413,
        "That is more than is taken here",
        "What was sent is larger than may be sent to this address, so it went no further.",
        "Send less at once. How much an application takes is for the administrator of this gate to say.",
    ),
    "target_too_long": Message(
        414,
        "This address is too long",
        "It is longer than this gate takes, so the request went no further.",
        "If a program made it, its author can send in a body what is in the address now.",
    ),
    "url_too_long": Message(
        414,
        "This address is too long to come back to",
        "You need to sign in first, and the address is too long to be remembered meanwhile.",
        "Sign in, then open the address again.",
    ),
    "misdirected": Message(421, "Misdirected request", "Nothing is served here under this name.", signed=False),
    "head_too_large": Message(
        431,
        "The headers are too large",
        "The request's headers are more than this gate takes, so it went no further.",
        "Cookies are the usual reason: delete this site's cookies, then load the page again.",
    ),
    "too_many_connections": Message(
        429,
        "Too many connections",
        "Your network has as many connections to this gate as one network may have.",
        "Close what you do not need, or wait a minute; then load the page again.",
    ),
    "too_many": Message(
        429,
        "Too many attempts",
        "Too many sign-ins from your network have failed within a short time.",
        "Wait a few seconds, then start again.",
    ),
    "internal": Message(
        503,
        "This did not work, and it is our fault",
        "Something failed inside the gate, so the request went no further.",
        "Try again in a moment. If it stays, your administrator finds it by the request id below.",
    ),
    "form_too_large": Message(
        413,
        NOT_KEPT,
        "Your session had ended when you sent it, and it is larger than this application has forms kept.",
        LOAD_AGAIN,
        new_tab=True,
    ),
    "form_crowded": Message(
        429,
        NOT_KEPT,
        "Your session had ended when you sent it, and as many forms as may be kept at once are kept already.",
        LOAD_AGAIN,
        new_tab=True,
    ),
    "form_not_written": Message(
        503,
        NOT_KEPT,
        "Your session had ended when you sent it, and something failed when it was to be kept.",
        LOAD_AGAIN,
        new_tab=True,
    ),
    "form_kept": Message(
        401,
        "Your form was kept",
        "Your session had ended when you sent it. Sign in, and you are asked whether to send it.",
        "Your browser goes on by itself.",
    ),
    "form_gone": Message(
        410,
        "There is no form to send any more",
        "A form is kept for ten minutes, and is sent once, from one browser. This one was sent, or is kept no more.",
        "If it was not sent, go back to the page where you filled it in and send it again: you are signed in now.",
    ),
    "form_waits": Message(
        502,
        "Your form was not sent yet",
        "The application does not answer. Nothing of your form has gone there, and it is still kept.",
        "Load this page again in a moment, and it is sent. It is kept for ten minutes from when you sent it first.",
    ),
    "form_of_another": Message(
        403,
        "This form is not yours",
        "It was filled in by another user of this browser. It was not sent, and nothing is left of it here.",
        "Open the application by its own address.",
    ),
    "origin_unreachable": Message(
        502,
        "The application does not answer",
        "You were let in, but the application behind this gate could not be reached.",
        "Try again in a moment. If it stays, tell whoever runs the application.",
    ),
    "origin_broken": Message(
        502,
        "The application's answer cannot be read",
        "You were let in, but the answer of the application behind this gate is none that could be passed on.",
        "This is for whoever runs the application. The request id below finds it in the gate's log.",
    ),
    "crowded": Message(
        503,
        "Too many visitors at once",
        "This gate has as many connections as it may have, so yours has to wait.",
        "Load the page again in a few seconds.",
    ),
    "origin_busy": Message(
        503,
        "The application is busy",
        "You were let in, but more people use the application behind this gate than it can serve at once.",
        "Try again in a moment.",
    ),
    "origin_timeout": Message(
        504,
        "The application took too long",
        "You were let in, but the application behind this gate did not answer in time.",
        "Try again in a moment. If it stays, tell whoever runs the application.",
    ),
    "provider_unavailable": Message(
        503,
        "Your identity provider does not answer",
        "Nobody can sign in anew until it does. Whoever is signed in already can go on working.",
        "Try again in a moment.",
    ),
}
