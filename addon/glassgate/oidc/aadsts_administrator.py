"""Entra's refusals, by AADSTS number, that an administrator of the tenant can mend."""

from collections.abc import Mapping

from glassgate.oidc.explanation import Explanation, administrator

TABLE: Mapping[tuple[int, ...], Explanation] = {
    # --- accounts and who may use this gate ---
    (50105,): administrator(
        "You have not been given access yet",
        "Your account is in order, but this gate lets in only those who are assigned to it, and you are not.",
        "In Enterprise applications > this gate > Users and groups, add this user, or a group that they are in"
        " directly. Or set Assignment required to No under Properties.",
    ),
    (501051,): administrator(
        "This gate has not been given access",
        "To know you better, the gate asked for another application, which takes only those who are assigned to it.",
        "Give this gate an app role of that application: App registrations > this gate > API permissions, then Grant"
        " admin consent.",
    ),
    (7000112,): administrator(
        "This gate is switched off in Entra",
        "Its application there is disabled, so that nobody can sign in through it.",
        "In Enterprise applications > this gate > Properties, set Enabled for users to sign in to Yes.",
    ),
    (50057, 500571): administrator(
        "Your account is switched off",
        "Entra knows this account, but it is disabled.",
        "In Users > this user, enable the account. One that is synchronised has to be enabled in Active Directory.",
    ),
    (500341,): administrator(
        "This account was deleted",
        "It has been taken out of the directory.",
        "For 30 days it can be restored in Users > Deleted users. After that, make a new one or invite the user again.",
    ),
    (50015, 54000): administrator(
        "This account needs a guardian's consent",
        "It belongs to somebody under age, for whom consent is missing.",
        "In Users > this user > Properties, see Age group and Consent provided for minor.",
    ),
    (5000224, 5000225): administrator(
        "This organisation's directory is closed",
        "Entra has taken the tenant out of service.",
        "Ask Microsoft's support to open it again. If it should have been another tenant, `tenant` in config.yaml is"
        " wrong.",
    ),
    # --- between organisations ---
    (500212,): administrator(
        "Your own organisation does not let you out",
        "Its rules allow no access to the organisation of this gate.",
        "In the user's home tenant: External Identities > Cross-tenant access settings > this organisation > Outbound"
        " access. Allow the user and this application.",
    ),
    (500213,): administrator(
        "Your organisation's people are not let in here",
        "The rules of this gate's organisation allow no guests from yours.",
        "In this gate's tenant: External Identities > Cross-tenant access settings > the user's organisation > Inbound"
        " access. Allow the user and this application.",
    ),
    (1000104,): administrator(
        "Your organisation's cloud is not let in here",
        "Your account is in another of Microsoft's clouds, and the two have not been allowed to meet.",
        "External Identities > Cross-tenant access settings > Microsoft cloud settings, in both tenants.",
    ),
    (50002, 500021, 500022): administrator(
        "This network forbids this sign-in",
        "The network that you are in lets people sign in to certain organisations only.",
        "Add this gate's tenant to the list in Restrict-Access-To-Tenants, which the network's proxy sends, or to the"
        " tenant restrictions in Cross-tenant access settings.",
    ),
    (530004,): administrator(
        "Your organisation's devices do not count here yet",
        "Guests have to come with a managed device, and this organisation does not go by what yours says of devices.",
        "External Identities > Cross-tenant access settings > the user's organisation > Inbound access > Trust"
        " settings: trust its compliant or hybrid joined devices.",
    ),
    (50177, 50178): administrator(
        "A rule here does not work for guests",
        "A Conditional Access policy asks for something that cannot be asked of an account from elsewhere.",
        "In Conditional Access, leave guests out of the policy that has the custom control or the session control.",
    ),
    # --- rules ---
    (50131, 53003, 530031, 530032, 530035): administrator(
        "A rule of your organisation blocks this",
        "The sign-in itself was right, but Conditional Access does not allow it from here or in this way.",
        "In Sign-in logs, find the correlation id: its Conditional Access tab names the policy. Change that policy, or"
        " tell the user from where and how it works. Security defaults block old ways to sign in.",
    ),
    (50135, 50142, 53004, 53011, 530034): administrator(
        "Entra thinks that this account is at risk",
        "It saw something unusual, and keeps the account out until somebody has looked.",
        "ID Protection > Risky users: see what it was. Then dismiss the risk, or give a new password. A guest's risk is"
        " judged in the home tenant.",
    ),
    (50161, 50170): administrator(
        "The second factor's provider is not set up right",
        "Your organisation uses another company's second factor, and its answer did not fit.",
        "Authentication methods, or Conditional Access > Custom controls: compare what is set up with that company's"
        " instructions.",
    ),
    (90093, 90094, 90095, 90099): administrator(
        "Your administrator has to agree first",
        "This gate asks for something to which only an administrator can say yes.",
        "App registrations > this gate > API permissions > Grant admin consent. Requests that users sent are in"
        " Enterprise applications > Admin consent requests.",
    ),
    (500014, 650052): administrator(
        "A service is missing in your organisation",
        "The gate asks for a service that your organisation has not subscribed to, or has switched off.",
        "In Enterprise applications, find the service that the provider's words name, and enable it. Or have it taken"
        " out of `scopes` in config.yaml and out of the gate's API permissions.",
    ),
    # --- devices ---
    (130007, 135011): administrator(
        "This device is switched off in Entra",
        "The directory knows it, but it has been disabled.",
        "In Devices > All devices, enable it, or have the user register it again.",
    ),
    (240001,): administrator(
        "You may not register devices",
        "The sign-in was about to add this device to the directory, which your account may not do.",
        "Devices > Device settings says who may join or register devices.",
    ),
    # --- passwords and sign-in services of the organisation's own ---
    (80001, 80002, 80005, 80007, 80010, 80013, 80014): administrator(
        "Your organisation's servers did not confirm the password",
        "Entra passes passwords on to your organisation's own servers, and they gave no answer that counts.",
        "Entra Connect > Pass-through authentication shows the agents. See that they run, reach a domain controller,"
        " and have the right time.",
    ),
    (50180, 81004, 81005, 81006, 81007, 81009, 81010, 81011): administrator(
        "Signing in with the computer did not work",
        "Your computer should have signed you in by itself, and Entra could not go by its ticket.",
        "Entra Connect > Seamless single sign-on: see that it is on, and its Kerberos key fresh. Meanwhile the user can"
        " sign in with the password, in a private window.",
    ),
    (
        20001, 20012, 20033, 40008, 40009, 40015, 50008, 50107, 90020, 90081, 90082, 90087, 90123, 399284, 5000819,
    ): administrator(
        "Your organisation's sign-in service failed",
        "Entra sent you on to the sign-in service of your own organisation, and could not use its answer.",
        "Compare the federation settings (All identity providers, or the domain's federation) with that service:"
        " issuer, signing certificate, and the claims that it sends.",
    ),
    (50017, 220501, 500172, 2205012, 2205013): administrator(
        "Your certificate could not be checked",
        "You sign in with a certificate, and Entra found it out of date, or could not see whether it was revoked.",
        "Certificate authorities (public key infrastructure): see that the chain is whole, and that the revocation list"
        " can be fetched, is fresh and not too large. A renewed certificate may be due.",
    ),
    (120005, 120008, 120011, 120013, 120014, 120015, 120016, 120020, 120021): administrator(
        "The password could not be changed",
        "Entra and your organisation's own servers did not bring the change to its end.",
        "See Entra Connect's password writeback, and whether the account is locked in Active Directory. Or set a new"
        " password for this user.",
    ),
    # --- what Entra itself cannot do ---
    (50124, 501241, 501621): administrator(
        "Entra cannot say who you are to this gate",
        "A rule by which Entra rewrites claims for this gate does not work.",
        "Enterprise applications > this gate > Single sign-on > Attributes & Claims: mend the transformation, or take"
        " it out. The gate needs none.",
    ),
    (50000, 50007, 50042, 50043, 90036, 90085, 90092): administrator(
        "Something failed inside Entra",
        "Entra could not finish this sign-in, and says that trying again will not help.",
        "See whether the user can sign in at https://myapps.microsoft.com; a new password mends some cases. If not,"
        " open a support request with Microsoft and give the code, the ids and the time.",
    ),
}  # fmt: skip
