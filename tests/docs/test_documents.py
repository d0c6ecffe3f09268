"""The documents say what the code does: made parts are as the code is, named tests exist, commands are real."""

import ast
import re
import shlex

import pytest
import yaml

from docs import made
from glassgate.cli.main import COMMANDS
from glassgate.config.load import load
from house.tree import ROOT, files, parsed, place

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "certs" / "README.md", *files(ROOT / "docs", ".md")]
NAMED_TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
WORKPLACE = re.compile(r"/work\b|shared/|DESIGN\.md|\bissues? \d|\bsessions? of work\b", re.IGNORECASE)
RUN_SH = {"test", "lint"}


@pytest.mark.parametrize("page", list(made.documents()), ids=place)
def test_made_parts_are_as_the_code_is(page):
    text = page.read_text("utf-8")
    assert made.renewed(text) == text, "run .venv/bin/python tests/docs/made.py"


def parts():
    return [part["name"] for page in made.documents() for part in made.PART.finditer(page.read_text("utf-8"))]


def test_every_mapping_of_the_configuration_has_its_table():
    wanted = {f"keys {name}" for name in made.definitions()}
    assert wanted <= set(parts())


def test_every_table_that_can_be_made_is_somewhere():
    assert {name.partition(" ")[0] for name in parts()} == set(made.MAKERS)


def test_every_key_says_what_it_is():
    silent = [
        f"{name}.{key}"
        for name in made.definitions()
        for key, said in made.schema_of(name)["properties"].items()
        if not said.get("description") and "$ref" not in said
    ]
    assert silent == []


def test_the_published_schema_is_as_the_code_is():
    published = (ROOT / "docs" / "reference" / "config.schema.json").read_text("utf-8")
    assert published == made.published(), "run .venv/bin/python -m glassgate.config.schema"


def named_tests():
    return [(place(page), *match.groups()) for page in PAGES for match in NAMED_TEST.finditer(page.read_text("utf-8"))]


def test_the_invariants_name_tests():
    assert len(named_tests()) > 30


def test_every_named_test_exists():
    gone = [(page, path, name) for page, path, name in named_tests() if name not in functions(path)]
    assert gone == []


def functions(path):
    file = ROOT / path
    return (
        {node.name for node in parsed(file).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if (file.is_file())
        else set()
    )


def test_every_invariant_names_a_test():
    text = (ROOT / "docs" / "invariants.md").read_text("utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    numbered = [section for section in sections if section[0].isdigit()]
    assert [section.split(".")[0] for section in numbered] == [str(number) for number in range(1, 11)]
    assert [section.splitlines()[0] for section in numbered if not NAMED_TEST.search(section)] == []


def texts(kind):
    return [block.values[0] for block in blocks(kind)]


def blocks(kind):
    return [
        pytest.param(match[2], id=f"{place(page)}-{number}")
        for page in PAGES
        for number, match in enumerate(BLOCK.finditer(page.read_text("utf-8")))
        if match[1] == kind
    ]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_piece_of_yaml_reads(text):
    assert yaml.safe_load(text)


def test_every_whole_configuration_is_good(tmp_path):
    whole = [text for text in texts("yaml") if text.startswith("team:") and "\napps:" in text]
    assert whole
    (tmp_path / "client_secret").write_text("x")
    for text in whole:
        file = tmp_path / "config.yaml"
        file.write_text(text.replace("file:/etc/glassgate/", "file:"))
        assert load(file, {"ENTRA_CLIENT_ID": "x", "ENTRA_CLIENT_SECRET": "x"}).apps


def test_the_demos_configuration_is_good():
    assert load(ROOT / "config.yaml", {}).lab


@pytest.mark.parametrize("text", blocks("sh"))
def test_every_command_is_one(text):
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0].endswith(("run.sh", "glassgate")) and len(words) > 1:
            assert words[1] in {*COMMANDS, *RUN_SH}, line


def test_the_documents_speak_of_the_project_alone():
    found = [place(page) for page in [*PAGES, ROOT / "CHANGELOG.md"] if WORKPLACE.search(page.read_text("utf-8"))]
    assert found == []


def test_pictures_are_small_and_used():
    pictures = list(files(ROOT / "docs", ".png", ".svg"))
    assert [place(one) for one in pictures if one.stat().st_size > 150_000] == []
    said = "".join(page.read_text("utf-8") for page in PAGES)
    assert [place(one) for one in pictures if one.name not in said] == []


def test_every_page_can_be_found():
    """From the README, by links alone."""
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)#:\s]+\.md)", page.read_text("utf-8")):
            waiting.append((page.parent / target).resolve())
    assert {place(page) for page in PAGES} <= {place(page) for page in seen}


def test_the_table_of_rooms_is_whole():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rooms = [path.name for path in (ROOT / "addon" / "glassgate").iterdir() if (path / "__init__.py").is_file()]
    assert [room for room in rooms if f"`{room}`" not in text] == []
