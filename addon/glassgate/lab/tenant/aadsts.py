"""The AADSTS errors: what each number means to OAuth, in the words that clients meet at Entra.

The numbers are those of https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from dataclasses import dataclass
from types import MappingProxyType

BASIC, ADDITIONAL, MESSAGE, CONSENT = "basic_action", "additional_action", "message_only", "consent_required"
MFA = "you must use multi-factor authentication to access '{client}'."
MOVED = "Due to a configuration change made by your administrator, or because you moved to a new location, "


@dataclass(frozen=True, slots=True)
class Kind:
    """What one number means.

    `error` is the OAuth error at sign-in and, where `grant_error` says no other, at the token endpoint (RFC 6749,
    4.1.2.1 and 5.2); `status` is the token endpoint's; `suberror` says what a client may do about it there.
    """

    error: str
    text: str
    status: int = 400
    grant_error: str | None = None
    suberror: str | None = None


def _request(text: str) -> Kind:
    return Kind("invalid_request", text)


def _grant(text: str, suberror: str | None = None) -> Kind:
    # At sign-in there is no grant yet: what is wrong with a user or a policy is an access that is denied.
    return Kind("access_denied", text, grant_error="invalid_grant", suberror=suberror)


def _interaction(text: str, suberror: str = BASIC) -> Kind:
    return Kind("interaction_required", text, grant_error="invalid_grant", suberror=suberror)


def _client(text: str) -> Kind:
    return Kind("invalid_client", text, 401)


def _app(text: str) -> Kind:
    return Kind("unauthorized_client", text)


def _passing(text: str) -> Kind:
    return Kind("temporarily_unavailable", text, 503)


# What a `{name}` stands for is what was sent; where nobody says, it is left out. `on_command` knows something likely.
KINDS = MappingProxyType(
    {
        16000: _interaction("Either multiple user identities are available for the current request or selected "
                            "account is not supported for the scenario."),
        16003: _interaction("Signed in user has not been added to the tenant."),
        28002: Kind("invalid_scope", "Provided value for the input parameter scope '{value}' is not valid when "
                    "requesting an access token. Please specify a valid scope."),
        28003: Kind("invalid_scope", "Provided value for the input parameter scope cannot be empty when requesting "
                    "an access token using the provided authorization code. Please specify a valid scope."),
        50011: _request("The redirect URI '{uri}' specified in the request does not match the redirect URIs "
                        "configured for the application '{client}'."),
        50012: _client("Authentication failed."),
        50013: _grant("Assertion failed signature validation."),
        50014: _grant("The user's redemption is in a pending state. The guest user account is not fully created yet."),
        50020: _grant("User account '{value}' from identity provider '{idp}' does not exist in tenant '{directory}' "
                      "and cannot access the application '{client}' in that tenant. The account needs to be added "
                      "as an external user in the tenant first. Sign out and sign in again with a different "
                      "Microsoft Entra user account."),
        50027: _client("JWT token is invalid or malformed."),
        50033: _passing("A transient error has occurred. Please try again."),
        50034: _grant("The user account '{value}' does not exist in the '{directory}' directory. To sign into this "
                      "application, the account must be added to the directory."),
        50049: Kind("invalid_instance", "Unknown or invalid instance."),
        50053: _grant("The account is locked, you've tried to sign in too many times with an incorrect user ID or "
                      "password."),
        50055: _grant("The password is expired.", "user_password_expired"),
        50056: _grant("Invalid or null password: password does not exist in the directory for this user."),
        50057: _grant("The user account is disabled. The user object has been disabled by an administrator."),
        50058: Kind("login_required", "A silent sign-in request was sent but no user is signed in.",
                    grant_error="invalid_grant", suberror=BASIC),
        50059: _request("No tenant-identifying information found in either the request or implied by any provided "
                        "credentials."),
        50072: _interaction(MOVED + "you must enroll in multi-factor authentication to access '{client}'."),
        50074: _interaction("Strong Authentication is required."),
        50076: _interaction(MOVED + MFA),
        50078: _interaction("Presented multi-factor authentication has expired due to policies configured by your "
                            "administrator, you must refresh your multi-factor authentication to access '{client}'."),
        50079: _grant(MOVED + "you must enroll in multi-factor authentication to access '{client}'.", BASIC),
        50089: _request("Authentication failed due to flow token expired. Please start again."),
        50097: _interaction("Device authentication is required."),
        50105: _grant("Your administrator has configured the application '{client}' to block users unless they are "
                      "specifically granted ('assigned') access to the application. The signed in user is blocked "
                      "because they are not a direct member of a group with access, nor had access directly assigned "
                      "by an administrator. Please contact your administrator to assign access to this application."),
        50126: _grant("Error validating credentials due to invalid username or password."),
        50128: _request("Invalid domain name - No tenant-identifying information found in either the request or "
                        "implied by any provided credentials."),
        50131: _grant("Device is not in required device state, or the request was blocked due to suspicious activity, "
                      "access policy, or security policy decisions.", MESSAGE),
        50132: _grant("The session is not valid due to password expiration or recent password change."),
        50133: _grant("Session is invalid due to expiration or recent password change."),
        50135: _interaction("Password change is required due to account risk.", ADDITIONAL),
        50144: _grant("The user's Active Directory password has expired.", "user_password_expired"),
        50146: _request("This application is required to be configured with an application-specific signing key. It "
                        "is either not configured with one, or the key has expired or is not yet valid."),
        50147: _request("The size of the code challenge parameter is not valid."),
        50158: _interaction("External security challenge was not satisfied.", ADDITIONAL),
        50173: _grant("The provided grant has expired due to it being revoked, a fresh auth token is needed. The user "
                      "might have changed or reset their password. The grant was issued on '{issued}' and the "
                      "TokensValidFrom date (before which tokens are not valid) for this user is '{since}'."),
        50194: _request("Application '{client}' is not configured as a multi-tenant application. Usage of the /common "
                        "endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific "
                        "endpoint or configure the application to be multi-tenant."),
        50196: Kind("server_error", "The server terminated an operation because it encountered a client request "
                    "loop. Please contact your app vendor."),
        51004: _grant("The user account does not exist in the '{directory}' directory. To sign into this "
                      "application, the account must be added to the directory."),
        53000: _interaction("Your device is required to be compliant to access this resource.", MESSAGE),
        53001: _interaction("Device is not in required device state: domain joined.", MESSAGE),
        53003: _grant("Access has been blocked by Conditional Access policies. The access policy does not allow "
                      "token issuance.", MESSAGE),
        53004: _interaction("User needs to complete the multi-factor authentication registration process before "
                            "accessing this content.", ADDITIONAL),
        53011: _grant("User blocked due to risk on home tenant.", MESSAGE),
        54005: Kind("invalid_grant", "OAuth2 Authorization code was already redeemed, please retry with a new valid "
                    "code or use an existing refresh token."),
        65001: Kind("consent_required", "The user or administrator has not consented to use the application with ID "
                    "'{client}'. Send an interactive authorization request for this user and resource.",
                    grant_error="invalid_grant", suberror=CONSENT),
        65004: _grant("User declined to consent to access the app."),
        65005: _request("The application '{client}' asked for permissions to access a resource that it does not list "
                        "in its requested permissions. Contact your app vendor."),
        70000: Kind("invalid_grant", "Provided grant is invalid or malformed."),
        70001: _app("The application named {client} was not found in the tenant named {directory}."),
        70002: _client("The provided client is not supported for this feature. The client application must be "
                       "marked as 'mobile.'"),
        70003: Kind("unsupported_grant_type", "The app requested an unsupported grant type '{value}'."),
        70007: _request("'{value}' is not a supported value for the response_mode."),
        70008: Kind("invalid_grant", "The provided authorization code or refresh token has expired due to inactivity. "
                    "Send a new interactive authorization request for this user and resource."),
        70011: Kind("invalid_scope", "The provided value for the input parameter 'scope' is not valid. The scope "
                    "'{value}' is not valid."),
        70021: _client("No matching federated identity record found for presented assertion. Assertion Issuer: "
                       "'{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: '{audience}'."),
        70043: Kind("invalid_grant", "The refresh token has expired or is invalid due to sign-in frequency checks by "
                    "Conditional Access."),
        90002: _request("Tenant '{value}' not found. Check to make sure you have the correct tenant ID and are "
                        "signing into the correct cloud. Check with your subscription administrator, this may happen "
                        "if there are no active subscriptions for the tenant."),
        90006: _passing("External server retryable error."),
        90012: _passing("Request to Microsoft Entra ID has timed out."),
        90014: _request("The required field '{name}' is missing from the credential."),
        90015: _request("Requested query string is too long."),
        90019: _request("No tenant-identifying information found in either the request or implied by any provided "
                        "credentials."),
        90023: _request("The parameter '{name}' is not valid."),
        90024: _passing("A transient error has occurred. Please try again."),
        90033: _passing("A transient error has occurred. Please try again."),
        90038: _request("Tenant '{value}' request is being redirected to the National Cloud."),
        90055: Kind("temporarily_unavailable", "The request is throttled: there are too many requests.", 429),
        90072: _grant("User account '{value}' from identity provider '{idp}' does not exist in tenant '{directory}' "
                      "and cannot access the application in that tenant. The account needs to be added as an "
                      "external user in the tenant first."),
        90094: Kind("consent_required", "An administrator of {directory} has set a policy that prevents you from "
                    "granting {client} the permissions it is requesting. Contact an administrator, who can grant "
                    "permissions to this app on your behalf.", grant_error="invalid_grant", suberror=CONSENT),
        90095: Kind("consent_required", "Admin consent is required: a request for it was made.",
                    grant_error="invalid_grant", suberror=CONSENT),
        165000: _request("Invalid Request: The request tokens do not match the user context. Do not copy the user "
                         "context values (cookies; form fields; headers) between different requests or user "
                         "sessions."),
        500011: _request("The resource principal named {value} was not found in the tenant named {directory}. This "
                         "can happen if the application has not been installed by the administrator of the tenant or "
                         "consented to by any user in the tenant."),
        500021: _grant("Access to '{directory}' tenant is denied."),
        500112: Kind("invalid_grant", "The reply address '{uri}' does not match the reply address provided when "
                     "requesting Authorization code."),
        500113: _request("No reply address is registered for the application."),
        500133: _grant("Assertion is not within its valid time range. Ensure that the access token is not expired "
                       "before using it for user assertion, or request a new token."),
        500212: _grant("The user's administrator has set an outbound access policy that doesn't allow access to the "
                       "resource tenant."),
        500213: _grant("The resource tenant's cross-tenant access policy doesn't allow this user to access this "
                       "tenant."),
        501461: _request("AcceptMappedClaims is only supported for a token audience matching the application GUID or "
                         "an audience within the tenant's verified domains."),
        501481: Kind("invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the "
                     "authorization request."),
        501491: _request("The code challenge method '{value}' is not supported. Use S256."),
        530032: _grant("User blocked due to risk-based Conditional Access policies on the tenant.", MESSAGE),
        530035: _grant("Access has been blocked by security defaults.", MESSAGE),
        650056: _request("Misconfigured application. This could be due to one of the following: the client has not "
                         "listed any permissions for '{value}' in the requested permissions in the client's "
                         "application registration."),
        650053: Kind("invalid_client", "The application '{client}' asked for scope '{value}' that doesn't exist on "
                     "the resource '00000003-0000-0000-c000-000000000000'. Contact the app vendor."),
        650057: _request("Invalid resource. The client has requested access to a resource which is not listed in the "
                         "requested permissions in the client's application registration."),
        700005: Kind("invalid_grant", "Provided Authorization Code is intended to use against other tenant, thus "
                     "rejected. OAuth2 Authorization Code must be redeemed against same tenant it was acquired for "
                     "({value} or {directory}) as appropriate."),
        700011: _app("Application with identifier '{client}' was not found in the directory."),
        700016: _app("Application with identifier '{client}' was not found in the directory '{directory}'. This can "
                     "happen if the application has not been installed by the administrator of the tenant or "
                     "consented to by any user in the tenant. You may have sent your authentication request to the "
                     "wrong tenant."),
        700020: _interaction("Interaction is required for access grant.", CONSENT),
        700022: Kind("invalid_scope", "Provided value for the input parameter scope is not valid: it contains more "
                     "than one resource."),
        700023: _client("Client assertion audience claim does not match Realm issuer."),
        700024: _client("Client assertion is not within its valid time range. Current time: {now}, assertion valid "
                        "from {since}, expiry time of assertion {until}."),
        700025: _client("Client is public so neither 'client_assertion' nor 'client_secret' should be presented."),
        700027: _client("Client assertion failed signature validation. The key was not found: thumbprint of key used "
                        "by client: '{value}'."),
        700030: _client("Invalid certificate - subject name in certificate is not authorized."),
        700054: Kind("unsupported_response_type", "response_type '{value}' is not enabled for the application."),
        700082: Kind("invalid_grant", "The refresh token has expired due to inactivity. The token was issued on "
                     "{issued} and was inactive for 90.00:00:00."),
        700084: Kind("invalid_grant", "The refresh token was issued to a single page app (SPA), and therefore has a "
                     "fixed, limited lifetime of 1.00:00:00, which can't be extended."),
        900144: _request("The request body must contain the following parameter: '{name}'."),
        900382: _request("Confidential Client is not supported in Cross Cloud request."),
        900561: _request("The endpoint only accepts POST requests. Received a GET request."),
        900971: _request("No reply address provided."),
        1000502: _client("The provided certificate is not within its specified validity period."),
        1002012: Kind("invalid_scope", "The provided value for scope {value} is not valid. Client credential flows "
                      "must have a scope value with /.default suffixed to the resource identifier (application ID "
                      "URI)."),
        7000112: _app("Application '{client}' is disabled."),
        7000215: _client("Invalid client secret provided. Ensure the secret being sent in the request is the client "
                         "secret value, not the client secret ID, for a secret added to app '{client}'."),
        7000218: _client("The request body must contain the following parameter: 'client_assertion' or "
                         "'client_secret'."),
        7000222: _client("The provided client secret keys for app '{client}' are expired. Visit the Azure portal to "
                         "create new keys for your app, or consider using certificate credentials for added "
                         "security."),
        9000411: _request("The request is not properly formatted. The parameter '{name}' is duplicated."),
        9002313: _request("Invalid request. Request is malformed or invalid."),
        9002325: _request("Proof Key for Code Exchange is required for cross-origin authorization code redemption: "
                          "send a code_challenge (S256) with the authorization request."),
        9002327: _request("Tokens issued for the 'Single-Page Application' client-type may only be redeemed via "
                          "cross-origin requests."),
    }
)  # fmt: skip


def kind_of(code: int) -> Kind:
    """What a number means; one that is not in the list is told as Entra tells those that clients never saw."""
    return KINDS.get(code) or _grant("An error that this tenant gives on command only.")
