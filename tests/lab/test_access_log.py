"""The access logs of what the lab serves."""

import pytest

from glassgate.errors import StartError
from glassgate.lab.access_log import access_log


def test_a_line_is_there_at_once_and_the_file_is_private(tmp_path):
    log = access_log(tmp_path / "wiki.log")
    log.info("GET %s", "/\ud800")
    assert (tmp_path / "wiki.log").read_text() == "GET /\\ud800\n"
    assert (tmp_path / "wiki.log").stat().st_mode & 0o777 == 0o600


def test_two_logs_are_apart(tmp_path):
    access_log(tmp_path / "a.log").info("one")
    access_log(tmp_path / "b.log").info("two")
    assert (tmp_path / "a.log").read_text() == "one\n"


def test_a_log_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "a.log").mkdir()
    with pytest.raises(StartError) as refused:
        access_log(tmp_path / "a.log")
    assert refused.value.mend
