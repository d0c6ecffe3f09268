"""Certificates as people make them: by openssl's own command line."""

import subprocess

EXTENSIONS = """\
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
"""


def clients(folder):
    """Two authorities, ours.pem and others.pem, and NAME.crt with NAME.key of clients: `ci` is good, `foreign` is the
    other authority's, `selfmade` nobody's, `ended` has ended, `server` is for servers alone."""
    (folder / "extensions").write_text(EXTENSIONS)
    for name in ("ours", "others"):
        _openssl(folder, "req", "-x509", *_new(name), "-out", f"{name}.pem", "-days", "30")
    _sign(folder, "ci", "ours")
    _sign(folder, "foreign", "others")
    _sign(folder, "ended", "ours", "-days", "-1")
    _sign(folder, "server", "ours", section="server")
    _openssl(folder, "req", "-x509", *_new("selfmade"), "-out", "selfmade.crt", "-days", "30")
    return folder


def _new(name):
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-subj", f"/O=Contoso/CN={name}")  # fmt: skip


def _sign(folder, name, authority, *times, section="client"):
    _openssl(folder, "req", *_new(name), "-out", f"{name}.csr")
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
             "-extfile", "extensions", "-extensions", section, "-out", f"{name}.crt",
             *(times or ("-days", "30")))  # fmt: skip


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
