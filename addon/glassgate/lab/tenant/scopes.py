"""Reads scopes: those of OpenID Connect, and what Microsoft Graph lets an application do for a user."""

from glassgate.lab.tenant.errors import TenantError

OFFLINE, DEFAULT, READ = "offline_access", ".default", "User.Read"
# Each with what the consent page says of it.
OPENID = {
    "openid": "Sign you in",
    "profile": "View your basic profile",
    "email": "View your e-mail address",
    OFFLINE: "Maintain access to data that you have given it access to",
}
GRAPH = {
    READ: "Read your profile and your groups",
    "User.ReadBasic.All": "Read all users' basic profiles",
    "GroupMember.Read.All": "Read all group memberships",
    "Directory.Read.All": "Read directory data",
}


def read_scopes(text: str, graph: str, client_id: str) -> tuple[str, ...]:
    """The scopes of a request, each once. Graph's may be named by `graph`, its address. Raises TenantError."""
    scopes = tuple(dict.fromkeys(text.split()))
    for scope in scopes:
        resource, _, name = scope.rpartition("/")
        if scope in OPENID:
            continue
        if resource not in ("", graph):
            raise TenantError(500011, value=resource)
        if name not in GRAPH and name != DEFAULT:
            raise TenantError(650053, client=client_id, value=name)
    return scopes


def permissions(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """What these scopes allow, by bare names. `.default` stands for what an application is registered with."""
    bare = (scope.rpartition("/")[2] for scope in scopes)
    return tuple(dict.fromkeys(READ if name == DEFAULT else name for name in bare))


def described(scopes: tuple[str, ...]) -> list[str]:
    """What a person is asked to allow, in words."""
    return [words for name, words in (OPENID | GRAPH).items() if name in permissions(scopes)]
