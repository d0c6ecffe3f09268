"""Entra's refusals, by AADSTS number, that whoever runs this gate can mend, here or in its registration."""

from collections.abc import Mapping

from glassgate.oidc.explanation import Explanation, deployer

TABLE: Mapping[tuple[int, ...], Explanation] = {
    # --- where things are ---
    (50011, 70004, 500112, 500113, 700009, 900971): deployer(
        "This gate's address is not registered",
        "Entra leads people back only to addresses that it knows, and this gate's is not among them.",
        "`./run.sh check` prints the address as `callback`. Add it under App registrations > this gate >"
        " Authentication, platform Web, equal to the letter: scheme, host, port and path.",
    ),
    (70001, 700011, 700016, 7000229): deployer(
        "Entra does not know this gate",
        "In the directory that was asked, there is no application of this gate's id, or it is disabled.",
        "Compare `tenant` and `client_id` in config.yaml with the Overview of the app registration. A new one takes a"
        " minute to be known; it also has to be in Enterprise applications, enabled.",
    ),
    (50059, 50128, 50169, 90002, 90019): deployer(
        "This gate asks for an unknown organisation",
        "Entra does not know the tenant that this gate asked for.",
        "Set `tenant` in config.yaml to the Directory (tenant) ID on the Overview of the app registration.",
    ),
    (50194, 90027, 90124, 90130, 9001023, 9002332): deployer(
        "This gate asks at the wrong door",
        "Its application belongs to one organisation, and it asked where all of them sign in, or personal accounts do.",
        "Set `tenant` in config.yaml to the Directory (tenant) ID. For several tenants, `organizations` with"
        " `allowed_tenants`, and make the app registration multitenant.",
    ),
    (50049, 90038, 90043, 90051, 900382, 900432, 900439): deployer(
        "This gate asks in the wrong cloud",
        "The organisation is in another of Microsoft's clouds than the one that was asked.",
        "Set `authority` in config.yaml to that of its cloud, such as https://login.microsoftonline.us for the US"
        " government. The gate has to be registered in the same cloud.",
    ),
    (700005, 700007, 7000110): deployer(
        "This gate mixed up two registrations",
        "What was to be redeemed had been given out by another organisation, or to another application.",
        "See that every process of the gate has the same `tenant` and `client_id`, and that the certificate or"
        " federated token is of that client. Right after a change, starting again is enough.",
    ),
    (65002, 700019): deployer(
        "This gate goes by an id that is not its own",
        "The application id that it uses is one of Microsoft's, or may not be used for this.",
        "Register an application for the gate, and set `client_id` in config.yaml to that one's.",
    ),
    # --- how the gate proves itself ---
    (70002, 7000215): deployer(
        "This gate's secret is wrong",
        "The gate could not prove to Entra that it is the gate.",
        "Under App registrations > this gate > Certificates & secrets, make a new client secret, and put its Value (not"
        " its Secret ID) into `client_secret` of config.yaml.",
    ),
    (7000222,): deployer(
        "This gate's secret has expired",
        "The secret by which Entra knows the gate has run out, so that nobody can sign in.",
        "Under App registrations > this gate > Certificates & secrets, make a new client secret, and put its Value into"
        " `client_secret` of config.yaml. A certificate lasts longer.",
    ),
    (90014, 900144, 7000218): deployer(
        "This gate left something out",
        "A part of the gate's request to Entra was missing, perhaps its secret.",
        "See that `client_secret` in config.yaml is not empty (or name a `certificate` or `federated_token_file`). The"
        " provider's words name the part. If all is there, please report it as a fault of glassgate.",
    ),
    (50006, 50012, 50027, 50048, 50120, 90010, 700021, 700027, 700030, 900384): deployer(
        "This gate's certificate is not taken",
        "The gate signs its requests with a certificate, and Entra did not take the signature.",
        "Upload the certificate of `certificate` in config.yaml under App registrations > this gate > Certificates &"
        " secrets, and see that key and certificate belong together.",
    ),
    (1000502,): deployer(
        "This gate's certificate is out of date",
        "The certificate by which Entra knows the gate is not valid now.",
        "Make a new one, upload it under App registrations > this gate > Certificates & secrets, and name it in"
        " `certificate` of config.yaml.",
    ),
    (50013, 500133, 700024): deployer(
        "This gate's clock is wrong",
        "What the gate signed is too old for Entra, or not valid yet.",
        "Set the clock of the gate's machine by NTP. With `federated_token_file`, see that whatever writes that file"
        " still renews it.",
    ),
    (70021, 700211, 700212, 700213, 700229): deployer(
        "This gate's federated token is not expected",
        "The gate proves itself by another service's token, and Entra has no entry for that.",
        "App registrations > this gate > Certificates & secrets > Federated credentials: issuer, subject and audience"
        " must equal those in the token of `federated_token_file`, to the letter.",
    ),
    (700025, 700084, 9002325, 9002327): deployer(
        "This gate is registered as another kind of application",
        "Entra takes it for a page or an app that can keep no secret, and so does not let it use one.",
        "Under App registrations > this gate > Authentication, remove the redirect URI from Single-page application or"
        " Mobile and desktop, and add it under Web.",
    ),
    # --- what it asks for ---
    (28002, 28003, 70011, 650053, 700022, 1002012): deployer(
        "This gate asks for a scope that is none",
        "The gate asked Entra for something that does not exist, or for things of two services at once.",
        "Mend `scopes` in config.yaml: `openid`, `profile`, `email`, `offline_access`, and besides them the scopes of"
        " one service alone. Groups are no scope.",
    ),
    (700023,): deployer(
        "This gate's request for a token did not fit",
        "Either a scope that it asked for belongs to no service, or what it signed was meant for another door.",
        "The provider's words tell which: see `scopes` in config.yaml, or, with a `certificate`, `tenant` and"
        " `authority`, from which the gate takes whom it signs for.",
    ),
    (50001, 65005, 65006, 90008, 90009, 500011, 650054, 650056, 650057): deployer(
        "This gate lacks a permission",
        "The gate asked for a service that its registration does not name, or that is not in this directory.",
        "Under App registrations > this gate > API permissions, add what `scopes` in config.yaml asks for (for groups,"
        " Microsoft Graph's delegated User.Read), remove what is gone, and Grant admin consent.",
    ),
    (50003, 50146, 501461): deployer(
        "This gate's tokens lack a key of their own",
        "Entra is to sign its tokens with a key for this application alone, and there is none that it can use.",
        "Take the claims mapping policy off the application (the gate needs none), or give it a signing key, and see"
        " that it has not expired.",
    ),
    (51001, 90005): deployer(
        "This gate's hint does not fit",
        "The gate told Entra beforehand who would come, in a way that it does not take.",
        "Set `domain_hint` in config.yaml to a domain of the tenant, or leave it out.",
    ),
    (70003, 240002, 7000114): deployer(
        "This gate may not ask in this way",
        "Entra does not let this application trade in what it has for a token.",
        "See that the app registration's platform is Web, and that nothing between gate and Entra changes requests. If"
        " so, please report it as a fault of glassgate.",
    ),
    (70005, 70007, 700054): deployer(
        "This gate asks for an answer of the wrong kind",
        "Entra does not give this application the kind of answer that was asked for.",
        "The gate asks for `code` alone, which needs no switch: see that nothing between browser and Entra changes"
        " addresses. If so, please report it as a fault of glassgate.",
    ),
    (90004, 90015, 90016, 90023, 90056, 90100, 90102, 90117, 90121, 901002, 9000411, 9002313): deployer(
        "Entra could not read the request",
        "The request that this gate or your browser made was not in order.",
        "Start again first: a cut or copied address does that. If it stays, see `scopes`, `prompt` and `domain_hint` in"
        " config.yaml for odd characters, and the provider's words for the name of the parameter.",
    ),
    (1002016,): deployer(
        "This gate's connection is too old for Entra",
        "The gate reached Entra over a version of TLS that is no longer taken.",
        "TLS 1.2 is the least. See the machine's OpenSSL, or a proxy on the way out that opens TLS.",
    ),
}
