"""The addresses of stores."""

import pytest

from glassgate.errors import StartError
from glassgate.state.memory import MemoryStore
from glassgate.state.open import open_store
from glassgate.state.sqlite import SqliteStore


def test_memory():
    assert isinstance(open_store("memory:"), MemoryStore)


def test_sqlite(tmp_path):
    store = open_store(f"sqlite:{tmp_path}/new/store.db")
    assert isinstance(store, SqliteStore)
    store.close()
    assert (tmp_path / "new" / "store.db").is_file()


@pytest.mark.parametrize(
    "url",
    ["", "memory", "memory:x", "sqlite:", "sqlite:relative.db", "redis://:hunter2@host", "SQLITE:/x", "file:/x"],
)
def test_anything_else_is_refused_and_not_repeated(url):
    with pytest.raises(StartError, match="sqlite:/absolute/path") as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)
