"""Texts are read as what they stand for, within their bounds."""

import pytest

from glassgate.config import values
from glassgate.config.problems import BadValueError

GUID = "8F0C7D52-3b6e-4f6c-9a55-2d1c7e9b4a10"
GOOD = [
    (values.duration, "24h", 86400), (values.duration, "1h30m", 5400), (values.duration, "45s", 45),
    (values.size, "64 KiB", 65536), (values.size, "2MiB", 2 << 20), (values.size, "1 GiB", 1 << 30),
    (values.size, "1 TiB", 1 << 40), (values.size, "512 B", 512), (values.size, "512", 512), (values.size, "0", 0),
    (values.duration, "7d", 604800), (values.session, "1m", 60), (values.session, "31d", 2678400),
    (values.idle, "5m", 300), (values.idle, "31d", 2678400), (values.idle, "none", None),
    (values.recheck, "5s", 5), (values.recheck, "31d", 2678400), (values.tenant, "organizations", "organizations"),
    (values.claim, "realm_access.roles", "realm_access.roles"), (values.claim, "https://x/mail", "https://x/mail"),
    (values.skew, "0s", 0), (values.skew, "5m", 300), (values.store, "memory:", "memory:"),
    (values.store, "sqlite:a b.db", "sqlite:a b.db"), (values.tenant, GUID, GUID.lower()),
    (values.tenant, "Contoso.onmicrosoft.com", "contoso.onmicrosoft.com"), (values.object_id, GUID, GUID.lower()),
    (values.email_domain, "Contoso.Example", "contoso.example"), (values.email, "a@B.example", "a@B.example"),
    (values.aud, "0" * 64, "0" * 64), (values.identifier, "my-entra_1", "my-entra_1"), (values.name, "Löhne", "Löhne"),
    (values.scope, "api://x/y.z", "api://x/y.z"), (values.context, "c25", "c25"), (values.secret, "a b ü", "a b ü"),
    (values.header, "Authorization", "Authorization"), (values.header, "X-Token", "X-Token"),
]  # fmt: skip
BAD = [
    (values.size, ""), (values.size, "KiB"), (values.size, "64 kB"), (values.size, "64  KiB"), (values.size, "-1"),
    (values.size, "1.5 MiB"), (values.size, "1 MiB "), (values.size, "\u0661 KiB"), (values.size, "1" * 13),
    (values.duration, ""), (values.duration, "h"), (values.duration, "-1h"), (values.duration, "1.5h"),
    (values.duration, "1m1h"), (values.duration, "24 h"), (values.duration, "1234567s"), (values.session, "59s"),
    (values.session, "31d1s"), (values.skew, "301s"), (values.store, "sqlite"), (values.store, "memory:x"),
    (values.store, "rediss://x"), (values.store, "redis+sentinel://x"), (values.tenant, "consumers"),
    (values.tenant, "contoso"), (values.object_id, GUID + "0"), (values.object_id, "{" + GUID + "}"),
    (values.email, "a@b@c"), (values.email, "@b.example"), (values.aud, "0" * 63), (values.identifier, "a/b"),
    (values.identifier, "a" * 33), (values.identifier, "-"), (values.name, " a"), (values.name, "a\nb"),
    (values.name, "a" * 65), (values.scope, "a b"), (values.scope, 'a"'), (values.context, "C1"),
    (values.context, "c0"), (values.token, "a b"), (values.token, "ü"), (values.token, "a" * 256),
    (values.idle, "299s"), (values.idle, "31d1s"), (values.idle, "never"),
    (values.recheck, "4s"), (values.recheck, "31d1s"), (values.tenant, "common"), (values.claim, ""),
    (values.claim, "a b"), (values.claim, "\u00fc"), (values.claim, "a" * 201),
    (values.secret, "a\x00"), (values.secret, ""), (values.secret, "a" * 4097), (values.path, "a\x00"),
    (values.path, "https://x.example/logo.svg"),
    (values.header, ""), (values.header, "X-Token:"), (values.header, "x_token"), (values.header, "a" * 65),
    (values.header, "Cookie"), (values.header, "Content-Length"), (values.header, "cf-access-client-id"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "text", "value"), GOOD)
def test_what_is_good_is_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(("read", "text"), BAD, ids=[f"{read.__name__} {text[:40]!r}" for read, text in BAD])
def test_what_is_bad_has_a_mend(read, text):
    with pytest.raises(BadValueError) as caught:
        read(text)
    assert caught.value.what
    assert caught.value.mend


WRITTEN = [
    (values.written_duration, values.duration, "10s"), (values.written_duration, values.duration, "75s"),
    (values.written_duration, values.duration, "2m"), (values.written_duration, values.duration, "1h"),
    (values.written_duration, values.duration, "31d"), (values.written_duration, values.duration, "0s"),
    (values.written_size, values.size, "64 KiB"), (values.written_size, values.size, "1025 B"),
    (values.written_size, values.size, "1 TiB"), (values.written_size, values.size, "0 B"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "read", "text"), WRITTEN)
def test_what_was_read_can_be_written(write, read, text):
    assert write(read(text)) == text


@pytest.mark.parametrize("text", ["a\x00secret", "s" * 4097])
def test_a_secret_is_not_told(text):
    with pytest.raises(BadValueError) as caught:
        values.secret(text)
    assert "secret" not in caught.value.what.replace("not a secret", "")
    assert text not in caught.value.mend
