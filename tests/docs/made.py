"""The parts of the documents that are made from the code: `python tests/docs/made.py` writes them anew.

Such a part stands between `<!-- made: NAME -->` and `<!-- end -->`. NAME is a row of MAKERS.
"""

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "addon"))

import click  # noqa: E402

from glassgate.access.messages import MESSAGES  # noqa: E402
from glassgate.access.selectors import SELECTORS  # noqa: E402
from glassgate.cli.main import commands  # noqa: E402
from glassgate.config.schema import published  # noqa: E402
from glassgate.gate.denials import MOVES  # noqa: E402
from glassgate.oidc.aadsts import TABLE  # noqa: E402
from glassgate.oidc.explanation import ERRORS, SUBERRORS, UNKNOWN, Explanation, Move  # noqa: E402
from glassgate.record.metrics import METRICS  # noqa: E402

PART = re.compile(r"<!-- made: (?P<name>.+?) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)
LATER = "Not there yet"


def documents() -> Iterator[Path]:
    """Every document that may hold made parts."""
    return iter(sorted((ROOT / "docs").rglob("*.md")))


def renewed(text: str) -> str:
    """A document with its made parts made anew. Raises KeyError for a part that nobody makes."""
    return PART.sub(lambda part: f"<!-- made: {part['name']} -->\n{make(part['name'])}<!-- end -->", text)


def make(name: str) -> str:
    """One made part, by the name in its mark: "metrics", "keys App"."""
    maker, _, argument = name.partition(" ")
    return MAKERS[maker](argument)


def row(*cells: str) -> str:
    """A row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def table(*head: str) -> str:
    """The first two lines of a table."""
    return "\n" + row(*head) + row(*("---" for _ in head))


def metrics(_: str) -> str:
    """The table of metrics."""
    lines = [
        row(f"`{one.name}`", one.kind.__name__.lower(), ", ".join(f"`{label}`" for label in one.labels), one.help)
        for one in METRICS
    ]
    return table("Metric", "Kind", "Labels", "What it counts") + "".join(lines) + "\n"


def selectors(_: str) -> str:
    """The table of selectors."""
    lines = []
    for one in SELECTORS:
        names = f"`{one.name}`" + (f" (also {', '.join(f'`{alias}`' for alias in one.aliases)})" if one.aliases else "")
        lines.append(row(names, one.says, str(one.judged)))
    return f"{table('Selector', 'Matches', 'Goes by')}{''.join(lines)}\n"


def keys(definition: str) -> str:
    """The table of one mapping of config.yaml, by its name in the published schema; `Config` is the whole file."""
    schema = schema_of(definition)
    there, later = [], []
    for name, key in schema["properties"].items():
        said = key.get("description") or _referred(key)
        if said.startswith(LATER):
            later.append(f"`{name}`")
        else:
            what, _, default = said.partition("Default: ")
            what = f"{what.strip()} {', '.join(_choices(key))}"
            there.append(row(f"`{name}`", _default(name, key, schema) or default.rstrip("."), what.strip()))
    said = f"\n{_wrapped(later)}" if later else ""
    return f"{table('Key', 'Default', 'What it is')}{''.join(there)}{said}\n"


def _choices(key: dict[str, Any]) -> Iterable[str]:
    """What may be written, each once, however it may be spelled."""
    spelled: dict[str, str] = {}
    for choice in key.get("enum") or ([key["const"]] if "const" in key else []):
        spelled.setdefault(str(choice).casefold(), f"`{choice}`")
    return spelled.values()


def _wrapped(later: list[str]) -> str:
    """What is not there yet, in lines as long as the rest of the documents."""
    return textwrap.fill(f"{LATER}: {', '.join(later)}.", 120, break_long_words=False, break_on_hyphens=False) + "\n"


def schema_of(definition: str) -> dict[str, Any]:
    """One mapping of the published schema."""
    schema: dict[str, Any] = json.loads(published())
    found: dict[str, Any] = schema if definition == "Config" else schema["$defs"][definition]
    return found


def definitions() -> list[str]:
    """The names of all mappings of the published schema."""
    return ["Config", *json.loads(published())["$defs"]]


def _referred(key: dict[str, Any]) -> str:
    """What the mapping says that a key refers to."""
    return schema_of(key["$ref"].rpartition("/")[2]).get("description", "") if "$ref" in key else ""


def _default(name: str, key: dict[str, Any], schema: dict[str, Any]) -> str:
    if name in schema.get("required", ()):
        return "*required*"
    if "default" not in key:
        return ""
    default = key["default"]
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def answers(_: str) -> str:
    """The rows of the standing messages, by status; a signed-in visitor's refusal is a page of its own."""
    rows = [(one.status, code, one.title) for code, one in MESSAGES.items()]
    rows.append((403, "denied", "You have no access to this application"))
    # A refusal has many titles; its status tells whose move it is.
    refused = {status for status, _ in MOVES.values()} - {MESSAGES["provider_unavailable"].status}
    rows += [(status, "sign_in_refused", UNKNOWN.title) for status in refused]
    return (
        table("Status", "`error`", "What it says")
        + "".join(row(str(status), f"`{code}`", title) for status, code, title in sorted(rows))
        + "\n"
    )


def aadsts(move: str) -> str:
    """The table of Entra's numbers where it is that one's move: "user", "administrator", "deployer", "wait"."""
    rows = sorted((numbers, one) for numbers, one in TABLE.items() if one.move is Move(move))
    return _explained("Code", [(", ".join(f"AADSTS{number}" for number in numbers), one) for numbers, one in rows])


def refusals(kind: str) -> str:
    """The table of what a refusal means by its standard name: "errors", or Entra's "suberrors"."""
    names = {"errors": ERRORS, "suberrors": SUBERRORS}[kind]
    told = {one: [name for name in names if names[name] is one] for one in names.values()}
    return _explained("Name", [(", ".join(f"`{name}`" for name in of), one) for one, of in told.items()])


def _explained(head: str, rows: list[tuple[str, Explanation]]) -> str:
    lines = [row(names, f"**{one.title}.** {one.what}", one.mend) for names, one in rows]
    return table(head, "What happened", "What to do") + "".join(lines) + "\n"


def helps(_: str) -> str:
    """What every command prints for --help."""
    return "".join(f"\n### {name}\n\n```text\n{text}```\n" for name, text in _helps(commands, "glassgate", None)) + "\n"


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    # 80 columns, whatever the terminal of whoever makes it.
    context = click.Context(command, info_name=name, parent=parent, max_content_width=80, terminal_width=80)
    context.help_option_names = ["-h", "--help"]
    yield context.command_path, command.get_help(context) + "\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _helps(command.get_command(context, below), below, context)


MAKERS: dict[str, Callable[[str], str]] = {
    "metrics": metrics,
    "selectors": selectors,
    "keys": keys,
    "help": helps,
    "answers": answers,
    "aadsts": aadsts,
    "refusals": refusals,
}

if __name__ == "__main__":
    for document in documents():
        text = document.read_text("utf-8")
        if (new := renewed(text)) != text:
            document.write_text(new, "utf-8")
            print(document.relative_to(ROOT))
