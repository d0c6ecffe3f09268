"""Turns what was read of Cloudflare Access into apps and groups of ours. What cannot be taken never opens anything."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from glassgate.config.cloudflare import reading
from glassgate.config.cloudflare.reading import EMPTY, RULES, Entry, Foreign, Thing
from glassgate.config.cloudflare.tables import MADE, SETTINGS, Known, Tree, UntakenError, entra, line, oidc
from glassgate.config.keys import hold_against_schema
from glassgate.config.names import check
from glassgate.errors import GlassgateError

VARIABLE = "${"  # whoever wrote the file could have the gate show its secrets
DECISIONS = {"allow": "allow", "deny": "deny", "bypass": "bypass", "non_identity": "service_auth"}
MORE = "give it what GET …/access/identity_providers answers, too"
# What makes a policy stricter than its rules are: without it, it would let more in.
STRICTER = (
    "approval_required", "purpose_justification_required", "isolation_required", "mfa_config", "connection_rules",
)  # fmt: skip


@dataclass(slots=True)
class Imported:
    """The part of a config.yaml, and what was left out of it: each with its place and why."""

    tree: Tree
    providers: list[Tree]  # as they have to be there, with stand-ins for what only you know
    left_out: list[GlassgateError]


def convert(found: Foreign) -> Imported:
    """The apps and groups of what was read."""
    work = _Work(Known(found))
    for where in found.strange:
        work.leave(where, "this is nothing of Access that is known here", "")
    work.take_groups()
    apps = work.take_apps()
    tree: Tree = {"groups": work.known.groups} if work.known.groups else {}
    return Imported({**tree, "apps": apps}, work.known.providers, work.left_out)


@dataclass(slots=True)
class _Work:
    """What was taken so far."""

    known: Known
    narrowed: set[str] = field(default_factory=set)  # groups that hold fewer than they did
    left_out: list[GlassgateError] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for thing in self.known.found.providers:
            self._provider(thing)
        if not self.known.providers:
            self.known.providers.append(entra("entra", {}))

    def leave(self, where: str, what: str, mend: str) -> None:
        self.left_out.append(GlassgateError(what, where=where, mend=mend))

    def _provider(self, thing: Thing) -> None:
        kind, config = str(thing.said.get("type")), thing.said.get("config") or {}
        config = config[0] if isinstance(config, list) and config else config
        if kind not in ("azureAD", "azure_ad", "oidc"):
            self.leave(
                thing.where, f"a provider of type {kind} is not there", "sign people in by Entra or OpenID Connect"
            )
            return
        ours = self._unused("providers", re.sub("[^a-z0-9]+", "-", thing.name.lower()).strip("-")[:32] or "entra")
        self.known.provider_ids[thing.id] = ours
        make = oidc if kind == "oidc" else entra
        self.known.providers.append(make(ours, config if isinstance(config, dict) else {}))

    def _unused(self, kind: str, name: str) -> str:
        taken = self.names.setdefault(kind, set())
        found, number = name, 2
        while found in taken:
            found, number = f"{name[:58]} {number}", number + 1
        taken.add(found)
        return found

    # --- groups

    def take_groups(self) -> None:
        """Take the groups, those first that others are made of."""
        waiting, before = list(self.known.found.groups), -1
        while waiting and len(waiting) != before:
            before = len(waiting)
            missing = {thing.id for thing in waiting}
            ready = [one for one in waiting if not _named_groups(one) & (missing - {one.id})]
            for thing in ready:
                self._group(thing)
            waiting = [one for one in waiting if one not in ready]
        for thing in waiting:
            self.leave(thing.where, f"the group `{thing.name}` asks itself, by way of others", "take one of them out")

    def _group(self, thing: Thing) -> None:
        name = self._unused("groups", line(thing.name))
        rules = self._rules(thing, "allow", grows=False)
        if rules is None:
            self.leave(
                thing.where, f"the group `{thing.name}` is left out", "what it stands for would be more than it was"
            )
            return
        if not rules.kept.get("include"):
            self.leave(thing.where, f"the group `{thing.name}` is left out", "nothing of its `include` could be taken")
            return
        self.known.groups[name] = rules.kept
        self.known.group_names[thing.id] = name
        if rules.lost:
            self.narrowed.add(name)

    # --- rules

    def _rules(self, thing: Thing, decision: str, *, grows: bool) -> "_Rules | None":
        """The rules of a policy or group; None where without what is lost it would not be safe to take the rest.

        `grows`: whether it is safe for it to match more than it did (a deny), or fewer.
        """
        kept: Tree = {}
        lost = False
        for part in RULES:
            for place, selector, value in reading.rules(thing.said, part):
                try:
                    rule = self._rule(selector, value)
                    if (part == "exclude") is not grows and self.narrowed & {str(rule.get("group"))}:
                        raise UntakenError("not all of its group could be taken")
                    self._try(decision, part, rule)
                except UntakenError as fault:
                    self.leave(f"{thing.where}: {place}", f"`{selector}` is left out: {fault}", fault.mend)
                    lost = True
                    if (part == "include") is grows:
                        return None
                    continue
                kept.setdefault(part, []).append(rule)
        return _Rules(kept, lost)

    def _rule(self, selector: str, value: Entry) -> Tree:
        """The rule as it is written here. Raises UntakenError."""
        if selector not in MADE:
            raise UntakenError("there is no such selector here", "ask for a group or a claim that says the same")
        try:
            return MADE[selector](self.known, value)
        except KeyError as fault:
            raise UntakenError(f"{fault} is missing in it") from None

    def _try(self, decision: str, part: str, rule: Tree) -> None:
        """Check a rule as `glassgate check` would. Raises UntakenError."""
        rules = {"include": [{"everyone": {}}], part: [rule]} if part != "include" else {"include": [rule]}
        if decision in ("bypass", "service_auth") and part != "include":
            rules["include"] = [{"ip": "192.0.2.1"}]
        problem = self._problem({"policies": [{"name": "p", "decision": decision, **rules}]})
        if problem:
            raise UntakenError(problem.what, problem.mend)

    def _problem(self, parts: Tree) -> GlassgateError | None:
        """What would be wrong with an app that has these parts."""
        if VARIABLE in json.dumps(parts, default=str):
            what = f"it holds `{VARIABLE}`, by which a config.yaml names a variable of the gate's environment"
            return GlassgateError(what, mend="write it in another way")
        policy = {"name": "p", "decision": "deny", "include": [{"everyone": {}}]}
        app = {"name": "a", "domain": "a.example", "origin": "http://a.invalid", "policies": [policy], **parts}
        tree: Tree = {**self.head(), "apps": [app]}
        problems = [*hold_against_schema(tree)[1], *check(tree)]
        return next((GlassgateError(one.what, mend=one.mend) for one in problems if one.path[:1] == ("apps",)), None)

    def head(self) -> Tree:
        """A configuration without its apps, to try parts in."""
        return {
            "team": "team.example.com", "listen": "127.0.0.1:8443", "identity_providers": self.known.providers,
            "groups": self.known.groups,
        }  # fmt: skip

    # --- policies

    def _policies(self, app: Thing) -> list[Tree]:
        taken: list[Tree] = []
        for thing in _of_app(app, self.known.found):
            policy = self._policy(thing, self.names.setdefault(app.where, set()))
            if policy is not None:
                taken.append(policy)
            elif DECISIONS.get(str(thing.said.get("decision")), "deny") == "deny":
                # Whom it would have denied, as it may have where it is not here, a policy after it may let in.
                self.leave(app.where, f"all policies after `{thing.name}` are left out", "write that policy by hand")
                break
        return taken

    def _policy(self, thing: Thing, names: set[str]) -> Tree | None:
        decision = DECISIONS.get(str(thing.said.get("decision")))
        if decision is None:
            self.leave(
                thing.where, f"the decision `{thing.said.get('decision')}` is not there", "write the policy by hand"
            )
            return None
        for key in STRICTER:
            if thing.said.get(key) not in (*EMPTY, {}):
                self.leave(
                    thing.where, f"`{thing.name}` is left out: there is no `{key}`", "without it, it would let in more"
                )
                return None
        rules = self._rules(thing, decision, grows=decision == "deny")
        if rules is None or not rules.kept.get("include"):
            self.leave(
                thing.where, f"the policy `{thing.name}` is left out", "what is left of it would not be what it was"
            )
            return None
        name = self._unused(f"policies {id(names)}", line(thing.name))
        return {"name": name, "decision": decision, **rules.kept, **self._duration(thing, policy=True)}

    def _duration(self, thing: Thing, *, policy: bool = False) -> Tree:
        text = thing.said.get("session_duration")
        if text in EMPTY:
            return {}
        given = {"session_duration": str(text)}
        rules = [{"name": "p", "decision": "allow", "include": [{"everyone": {}}], **given}]
        if problem := self._problem({"policies": rules} if policy else given):
            self.leave(thing.where, f"`session_duration`: {problem.what}", problem.mend)
            return {}
        return given

    # --- apps

    def take_apps(self) -> list[Tree]:
        """Take the apps, but for hosts that would also stand for what could not be taken, and was kept apart."""
        taken = [app for thing in self.known.found.apps for app in self._app(thing)]
        wanted = {domain for thing in self.known.found.apps for domain in _domains_of(thing)}
        while True:
            lost = wanted - {domain for app in taken for domain in app["domain"]}
            wide = {(app["name"], mine, other) for app in taken for mine in app["domain"] for other in lost
                    if covers(mine, other)}  # fmt: skip
            if not wide:
                break
            for name, mine, other in sorted(wide):
                what = f"`{mine}` of `{name}` is left out: it would stand for `{other}`, too, which could not be taken"
                self.leave(f"apps: {name}", what, "take that app over by hand, and then this one")
            gone = {mine for _, mine, _ in wide}
            taken = [{**app, "domain": [one for one in app["domain"] if one not in gone]} for app in taken]
            taken = [app for app in taken if app["domain"]]
        return [{**app, "domain": app["domain"][0]} if len(app["domain"]) == 1 else app for app in taken]

    def _app(self, thing: Thing) -> Iterator[Tree]:
        """The app, where it can be taken."""
        kind = thing.said.get("type") or "self_hosted"
        if kind != "self_hosted":
            self.leave(thing.where, f"`{thing.name}` is an app of type {kind}", "only what is behind a proxy is taken")
            return
        if thing.said.get("mfa_config") not in (*EMPTY, {}):
            self.leave(
                thing.where, f"the app `{thing.name}` is left out: there is no `mfa_config`", "require an `auth_method`"
            )
            return
        domains, providers, policies = self._domains(thing), self._providers(thing), self._policies(thing)
        if providers is None:
            self.leave(thing.where, f"the app `{thing.name}` is left out: none of its providers is here", MORE)
            return
        if not domains or not policies:
            missing = "hosts" if not domains else "policies"
            self.leave(thing.where, f"the app `{thing.name}` is left out", f"none of its {missing} could be taken")
            return
        name = self._unused("apps", line(thing.name))
        host = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") or "app"
        app: Tree = {
            "name": name,
            "domain": domains,
            "origin": f"http://{host[:40]}.invalid",
            **providers,
            **self._settings(thing),
            "policies": policies,
        }
        yield app

    def _providers(self, thing: Thing) -> Tree | None:
        """Who may sign people in there; None where nobody of those is here."""
        wanted = [str(one) for one in thing.said.get("allowed_idps") or ()]
        if not wanted:
            return {}
        if not self.known.found.providers:
            what = "`allowed_idps` is left out: what was read names no identity provider"
            self.leave(thing.where, what, f"{MORE}, or write `identity_providers` for this app")
            return {}
        here = [self.known.provider_ids[one] for one in wanted if one in self.known.provider_ids]
        return {"identity_providers": here} if here else None

    def _domains(self, thing: Thing) -> list[str]:
        for one in thing.said.get("destinations") or ():
            if not _is_public(one):
                self.leave(thing.where, "a private destination is left out", "the gate is for what has a public name")
        taken = []
        for domain in _domains_of(thing):
            if problem := self._problem({"domain": domain}):
                self.leave(thing.where, f"{problem.what}; `{domain}` is left out", problem.mend)
            else:
                taken.append(domain)
        return taken

    def _settings(self, thing: Thing) -> Tree:
        """Every setting of an app that there is a key for, and that is not as it would be without being said."""
        taken = self._duration(thing)
        for theirs, (ours, unsaid, made) in SETTINGS.items():
            value = thing.said.get(theirs)
            if value in (*EMPTY, {}, unsaid) and value is not (not unsaid):
                continue
            made_of = made(self.known, value)
            merged = {**taken.get(ours, {}), **made_of} if isinstance(made_of, dict) else made_of
            if not ours:
                self.leave(thing.where, f"`{theirs}` is left out: there is no such setting here", "")
            elif problem := self._problem({ours: merged}):
                self.leave(thing.where, f"`{theirs}` is left out: {problem.what}", problem.mend)
            else:
                taken[ours] = merged
        return taken


@dataclass(frozen=True, slots=True)
class _Rules:
    kept: Tree
    lost: bool


def _is_public(destination: object) -> bool:
    return isinstance(destination, dict) and destination.get("type", "public") == "public"


def _domains_of(thing: Thing) -> list[str]:
    """Every host, with its path, that an app stands for."""
    public = [one.get("uri") for one in thing.said.get("destinations") or () if _is_public(one)]
    said = [thing.said.get("domain"), *(thing.said.get("self_hosted_domains") or ()), *public]
    return list(dict.fromkeys(str(one) for one in said if one))


def covers(broad: str, narrow: str) -> bool:
    """Whether a host, with its path, may stand for another one, too. In doubt it does."""
    (host, _, path), (other, _, below) = broad.lower().partition("/"), narrow.lower().partition("/")
    if host.count(".") != other.count("."):
        return False
    labels = zip(host.split("."), other.split("."), strict=True)
    return below.startswith(path.partition("*")[0]) and all(
        fnmatchcase(one, label) or fnmatchcase(label, one) for label, one in labels
    )


def _named_groups(thing: Thing) -> set[str]:
    return {
        str(value.get("id"))
        for part in RULES
        for _, selector, value in reading.rules(thing.said, part)
        if selector == "group"
    }


def _of_app(app: Thing, found: Foreign) -> list[Thing]:
    """The policies of an app in their order: written into it, named by it, or naming it."""
    by_id = {thing.id: thing for thing in found.policies if thing.id}
    taken: list[tuple[int, Thing]] = []
    for index, one in enumerate(app.said.get("policies") or ()):
        said = {"id": one} if isinstance(one, str) else one
        full = said if "include" in said else {**by_id[said["id"]].said, **said} if said.get("id") in by_id else None
        where = f"{app.where}: policies[{index}]"
        if full is not None:
            taken.append((int(full.get("precedence") or index), Thing(where, full)))
        else:
            taken.append(
                (index, Thing(where, {"name": str(said.get("id")), "decision": "of a policy that is not here"}))
            )
    named = {str(one.said.get("id")) for _, one in taken}
    for thing in found.policies:
        if app.id and thing.said.get("application_id") == app.id and thing.id not in named:
            taken.append((int(thing.said.get("precedence") or len(taken)), thing))
    return [thing for _, thing in sorted(taken, key=lambda one: one[0])]
