"""Writes what was taken over as the part of a config.yaml; what only its reader knows is asked for in comments."""

from collections.abc import Mapping

import yaml

from glassgate.config.cloudflare.taking import Imported


def written(taken: Imported) -> str:
    """The text of the apps and groups, below the providers that they name and the origins that are placeholders."""
    said = [
        "# Taken from Cloudflare Access. Put it into a config.yaml that has `team`, `listen`, and these providers,",
        "# by these ids, with what only you know of them:",
        *(f"#   {line}" for line in _dumped({"identity_providers": taken.providers}).splitlines()),
        "# Each origin is a placeholder; write where the app really is:",
        *(f"#   {app['origin']}   {app['name']}" for app in taken.tree["apps"]),
        "",
    ]
    return "\n".join(said) + _dumped(taken.tree)


def _dumped(tree: Mapping[str, object]) -> str:
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True, width=120)
