"""The origin: nginx serving from memory, with a WebSocket echo behind it. By TLS it is what is measured as `origin`."""

import os
import pwd
from pathlib import Path

from bench.asked import FILES, SMALL, TAKEN

ECHO = Path(__file__).with_name("echo_server.py")

# One worker: it shares its core with the load generator. An upload is read whole before it is answered, since nginx
# reads a body that it passes on; what it is passed on to gets none of it.
CONFIG = """\
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
user USER;
pid FOLDER/nginx.pid;
error_log FOLDER/error.log warn;
events { worker_connections 8192; }
http {
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_max_body_size 32m;
    client_body_buffer_size 16m;
    open_file_cache max=16;
    TEMPORARY
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:sessions:4m;
    upstream taken { server unix:FOLDER/taken.sock; keepalive 16; }
    server { listen unix:FOLDER/taken.sock; return 200 "TAKEN"; }
    server {
        LISTEN
        location = /small { return 200 "SMALL"; }
        location = /redirect { return 302 https://team.localhost/sign-in?to=/redirect; }
        location = /echo {
            proxy_pass http://127.0.0.1:ECHO;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }
        location = /upload {
            proxy_pass http://taken;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_pass_request_body off;
        }
        location / { root FOLDER/files; }
    }
}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def write_origin(folder: Path, *, port: int, echo: int, certificate: Path | None = None) -> tuple[str, ...]:
    """Write nginx's configuration and files into `folder`; the command that runs it. With a certificate by TLS."""
    listen = f"listen 127.0.0.1:{port} backlog=4096"
    if certificate:
        listen += f" ssl http2; ssl_certificate {certificate}; ssl_certificate_key {certificate}"
    files = folder / "files"
    files.mkdir(parents=True)
    for page in FILES:
        (files / page.path.strip("/")).write_bytes(page.body or b"")
    said = {
        "USER": pwd.getpwuid(os.geteuid()).pw_name,
        "TEMPORARY": " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY),
        "TAKEN": _quoted(TAKEN),
        "SMALL": _quoted(SMALL.body or b""),
        "LISTEN": f"{listen};",
        "ECHO": str(echo),
        "FOLDER": str(folder),
    }
    text = CONFIG
    for name, value in said.items():
        text = text.replace(name, value)
    (folder / "nginx.conf").write_text(text)
    return ("nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"))


def _quoted(body: bytes) -> str:
    return body.decode().replace("\n", "\\n")
