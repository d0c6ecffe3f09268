"""Real web servers as origins, each a process of its own on a free port, and the application behind them."""

import contextlib
import http.server
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate}; ssl_certificate_key {certificate};
        include {folder}/{name}.conf;
        location / {{ proxy_pass http://127.0.0.1:{application}; }}
    }}
    server {{ listen 127.0.0.1:{spare}; location / {{ proxy_pass http://127.0.0.1:{application}; }} }}
}}
"""
APACHE = """
ServerRoot /usr/lib/apache2
{modules}
ServerName localhost
User nobody
Group nogroup
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex pthread
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
<VirtualHost *:{port}>
    SSLEngine on
    SSLCertificateFile {certificate}
    Include {folder}/{name}.conf
    ProxyPass "/" "http://127.0.0.1:{application}/"
</VirtualHost>
"""
APACHE_MODULES = (
    "mpm_event", "authn_core", "authz_core", "setenvif", "socache_shmcb", "ssl", "proxy", "proxy_http", "oauth2",
)  # fmt: skip
HAPROXY = """
frontend {name} from glassgate-{name}
    bind 127.0.0.1:{port} ssl crt {certificate} ca-file {folder}/{name}.ca.pem verify required
    default_backend application

frontend forgetful from glassgate-{name}
    bind 127.0.0.1:{spare} ssl crt {certificate}
    default_backend application

defaults plain
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s

backend application from plain
    server application 127.0.0.1:{application}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
import {folder}/{name}.caddy
https://{name}.localhost:{port} {{
    bind 127.0.0.1
    tls {certificate} {certificate} {{
        import glassgate-{name}
    }}
    reverse_proxy 127.0.0.1:{application}
}}
"""


@dataclass
class Application:
    """What is behind the servers. Counts whoever reaches it."""

    seen: list = field(default_factory=list)
    port: int = 0

    @contextlib.contextmanager
    def running(self):
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.headers)
                body = b"from the application"
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.port = server.server_port
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)


@dataclass(frozen=True)
class Kind:
    """A kind of server: its own configuration, the name of the file that `origin protect` writes, and how it starts."""

    text: str
    written: str
    command: tuple


KINDS = {
    "nginx": Kind(NGINX, "nginx.conf", ("nginx", "-e", "stderr", "-p", "{folder}", "-c", "{main}")),
    "apache": Kind(APACHE, "apache.conf", ("apache2", "-D", "FOREGROUND", "-f", "{main}")),
    "haproxy": Kind(HAPROXY, "haproxy.cfg", ("haproxy", "-db", "-f", "{folder}/haproxy.cfg", "-f", "{main}")),
    "caddy": Kind(CADDY, "caddy.caddy", ("caddy", "run", "--config", "{main}", "--adapter", "caddyfile")),
}


@contextlib.contextmanager
def server(kind, folder, port, spare, certificate, application):
    """Run a server to the end; `folder` holds what `origin protect` wrote. Its output is in `folder`/output.txt."""
    said = {
        "folder": folder, "main": folder / "main", "name": kind, "port": port, "spare": spare,
        "certificate": certificate, "application": application,
        "modules": "\n".join(f"LoadModule {name}_module modules/mod_{name}.so" for name in APACHE_MODULES),
    }  # fmt: skip
    Path(said["main"]).write_text(KINDS[kind].text.format_map(said))
    command = [part.format_map(said) for part in KINDS[kind].command]
    places = {"HOME": str(folder), "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=places, stdout=output, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 30
            while not listens(port):
                told = (folder / "output.txt").read_text()
                assert process.poll() is None, told
                assert time.monotonic() < until, told
                time.sleep(0.02)
            yield process
        finally:
            process.terminate()
            process.wait(15)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
