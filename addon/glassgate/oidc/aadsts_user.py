"""Entra's refusals, by AADSTS number, where whoever wants to sign in can do something about it."""

from collections.abc import Mapping

from glassgate.oidc.explanation import Explanation, user

RESET = "https://aka.ms/sspr"  # Microsoft's own page for a new password
SECOND_FACTOR = "https://aka.ms/mfasetup"

TABLE: Mapping[tuple[int, ...], Explanation] = {
    # --- the account ---
    (50056, 50064, 50126): user(
        "User name or password did not fit",
        "Entra could not confirm the name and the password that were typed.",
        f"Start again and type both anew. If you forgot the password, set a new one at {RESET} or ask your"
        " administrator for one.",
    ),
    (90013, 90022, 90101): user(
        "That is no user name",
        "What was typed as the user name is not written as one.",
        "Start again and write it like an e-mail address, such as name@example.com.",
    ),
    (50014, 50034, 50197, 51004): user(
        "There is no such account here",
        "The account that you used is not in the directory that this gate asks.",
        "Start again, mind the spelling, and take your account of this organisation. If you were invited as a guest,"
        " accept the invitation first; if not, ask the administrator for one.",
    ),
    (16000, 16003, 50020, 90072): user(
        "This account belongs somewhere else",
        "You are signed in with an account of another organisation, or a personal one, and it is no guest here.",
        "Start again in a private window, with your account of this organisation. To come in as a guest, ask its"
        " administrator for an invitation (Users > Invite external user).",
    ),
    (90084,): user(
        "Guests are not let in here",
        "The account that you used is a guest's.",
        "Start again with an account that belongs to the organisation itself.",
    ),
    (500200, 500207, 500208): user(
        "This kind of account is not taken here",
        "This gate takes work or school accounts of its organisation. Yours is of another kind, perhaps a personal"
        " one.",
        "Start again with your work or school account. A private window helps where the browser keeps taking the"
        " other.",
    ),
    (16001, 16002, 50143, 160021): user(
        "The wrong session was picked",
        "Your browser offered Entra a session that does not fit this sign-in.",
        "Start again and pick your account from the list. If that comes back, sign in in a private window.",
    ),
    (81012,): user(
        "This computer is signed in as somebody else",
        "The account that you chose is not the one that this computer is signed in with.",
        "Start again with this computer's own account, or use the other one in a private window.",
    ),
    (50053,): user(
        "This account is locked for a while",
        "There were too many wrong passwords, or Entra distrusts the address that you come from.",
        f"Wait ten minutes, then start again, or set a new password at {RESET}. If it stays, your administrator finds"
        " the cause in Entra's sign-in logs.",
    ),
    (80012,): user(
        "Not at this hour",
        "Your account may sign in only at certain hours.",
        "Come back within them. Your administrator sets them in Active Directory (the account's Logon Hours).",
    ),
    # --- passwords ---
    (50055, 50144): user(
        "Your password has expired",
        "Entra knows you, but wants a new password first.",
        f"Change it at {RESET}, or at a computer of your organisation where it keeps passwords itself. Then start"
        " again.",
    ),
    (120000,): user(
        "The current password did not fit",
        "You were about to change your password, and the current one was not right.",
        "Start again and type the current password once more.",
    ),
    (120002, 120003, 120004, 120018): user(
        "The new password is not good enough",
        "Entra did not take it: too simple, too common, or with a part of your name in it.",
        "Start again and think of a longer, rarer one.",
    ),
    (120012,): user(
        "Change this password at work",
        "Your organisation keeps passwords on its own servers, and this one has to be changed there.",
        "Change it at a computer of your organisation, then start again.",
    ),
    # --- what has run out ---
    (50058,): user(
        "Nobody is signed in at Entra",
        "The gate asked quietly, and Entra found no session of yours that could answer.",
        "Start again and sign in. If that comes back each time, allow cookies for Entra's sign-in page.",
    ),
    (50132, 50133, 50173): user(
        "Your sign-in was taken back",
        "Since you signed in, your password was changed or your sessions were ended.",
        "Start again and sign in with the password of today. If it was not you who changed it, tell your"
        " administrator.",
    ),
    (50085, 50139, 51006, 70000, 70043, 70044, 90086, 700082): user(
        "Your sign-in has run out",
        "What proved that you are signed in was not used for too long, is too old for a rule, or counts no more.",
        "Start again and sign in.",
    ),
    (50089, 70008, 70019): user(
        "That took too long",
        "A step of the sign-in came so late that Entra does not take it any more.",
        "Start again, and finish within ten minutes.",
    ),
    (54005,): user(
        "This sign-in was used before",
        "A page was loaded a second time, or the browser went back. Each sign-in counts once.",
        "Start again, and let the browser find its own way to the end.",
    ),
    (50147, 50148, 501481, 501491): user(
        "Two sign-ins got mixed up",
        "The answer belongs to another sign-in than the one that this browser began.",
        "Start again in one window and close the others. If that comes back each time, show this page to whoever runs"
        " this gate.",
    ),
    (90007, 165000, 165004, 165900, 900561): user(
        "The browser lost the thread",
        "A page of the sign-in was reloaded, or opened from the history, or came without its cookies.",
        "Start again, leave the browser's Back alone, and allow cookies for Entra's sign-in page.",
    ),
    (50125, 50136, 50140, 50168, 50199): user(
        "One question was left open",
        "Entra stopped to ask something, such as whether to stay signed in, and got no answer.",
        "Start again and answer each question to the end.",
    ),
    (52004, 65001, 65004, 700020, 9002341): user(
        "You have not agreed yet",
        "Entra asked whether this gate may know who you are, and nobody has agreed.",
        "Start again and accept. If you cannot, ask your administrator to agree for everybody: App registrations >"
        " this gate > API permissions > Grant admin consent.",
    ),
    # --- the second factor ---
    (50072, 50079): user(
        "First set up a second factor",
        "Your organisation asks for more than a password, and your account has nothing else yet.",
        f"Set it up at {SECOND_FACTOR}, then start again.",
    ),
    (53010,): user(
        "The second factor cannot be set up from here",
        "Your organisation allows that only in certain places or on certain devices.",
        f"Go to {SECOND_FACTOR} from its network or one of its computers, then start again.",
    ),
    (50074, 50076, 50078, 50086, 50158, 500121): user(
        "The second step is missing",
        "More than a password is asked for here, and that step was left out, refused, or is too long ago.",
        "Start again and finish it. If your telephone does not ask, choose another way to verify, or look at"
        f" {SECOND_FACTOR}.",
    ),
    (70018,): user(
        "That code was not right",
        "A code that had to be typed did not fit.",
        "Start again and type the new code that you are shown.",
    ),
    (50192,): user(
        "No certificate came along",
        "You sign in with a certificate or a smart card, and the browser sent none.",
        "Start again with the card in its reader, and pick the certificate when the browser asks. A proxy that opens"
        " encrypted traffic takes it away.",
    ),
    # --- the device ---
    (50097, 50129, 53000, 53001, 530002, 530003): user(
        "Use a device of your organisation",
        "This opens only on a device that your organisation manages and finds in order.",
        "Use such a device, in a browser that is signed in with your work account, and no private window. If this is"
        " one, the Company Portal app says what it lacks.",
    ),
    (50127,): user(
        "An app is missing on this device",
        "Your organisation wants an app on telephones and tablets that vouches for them.",
        "Install Microsoft Authenticator (iPhone, iPad) or Company Portal (Android) and sign in there, then start"
        " again.",
    ),
    (53002, 53009, 530021): user(
        "Use another browser on this device",
        "Your organisation lets in only apps that it approves of, and this browser is none.",
        "Open the address in Microsoft Edge, signed in with your work account. If that is not taken either, the"
        " administrator can leave this gate out of the Conditional Access policy.",
    ),
    (50005,): user(
        "This kind of device is not taken here",
        "A rule of your organisation does not know the system that this device runs.",
        "Use a computer or telephone with a usual system. Your administrator finds the rule in Entra's sign-in logs.",
    ),
    (50099, 50155, 50187, 130008, 700003): user(
        "This device could not prove itself",
        "Its entry in the directory is gone, or its key does not fit.",
        "Disconnect your work account and connect it again (in Windows: Settings > Accounts > Access work or school),"
        " then start again.",
    ),
    (130004, 130005, 130006, 135010, 140000, 140001): user(
        "This computer's key did not fit",
        "Windows Hello or the computer itself should have signed you in, and its key was missing or not taken.",
        "Start again and choose another way to sign in. If that comes back, set up Windows Hello anew.",
    ),
    (220450,): user(
        "This browser is too old",
        "Entra does not take the version of Android's web view that showed its page.",
        "Update Chrome and Android System WebView, then start again.",
    ),
}
