"""What answers in `benchmarks.web`: the site under a server for production, and nginx with files."""

import os
from pathlib import Path

from benchmarks.site import Process

GRANIAN, GUNICORN = "granian", "gunicorn"
SITE, CONSTANT = "dynamically_typed.wsgi:application", "benchmarks.constant:application"
WORKERS, THREADS = 2, 4
NGINX = """
{user}
worker_processes 2;
pid nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  include /etc/nginx/mime.types;
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  open_file_cache max=10000;
  gzip_static on;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    root {pages};
    # As docs/running.md has it: an exported page, or else the site's.
    location / {{
      error_page 418 = @site;
      if ($is_args) {{ return 418; }}
      try_files $uri/index.html $uri @site;
    }}
    location @site {{ proxy_pass http://127.0.0.1:{application}; }}
    # Files and nothing else: the measure of all.
    location /files/ {{ alias {pages}/; }}
  }}
}}
"""


def serve(server: str, port: int, application: str = SITE, **settings: str) -> Process:
    os.environ.update(settings)
    try:
        return Process.python(*command(server, port, application))
    finally:
        for name in settings:
            del os.environ[name]


def command(server: str, port: int, application: str) -> tuple[str, ...]:
    if server == GUNICORN:
        options = f"--worker-class gthread --threads {THREADS} --workers {WORKERS} --bind 127.0.0.1:{port}"
        return ("-m", "gunicorn", *options.split(), "--log-level", "error", application)
    options = f"--interface wsgi --workers {WORKERS} --blocking-threads {THREADS} --port {port} --no-ws"
    return ("-m", "granian", *options.split(), "--log-level", "error", application)


def nginx(folder: Path, port: int, *, application: int) -> Process:
    file = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # for the folder is ours alone
    file.write_text(NGINX.format(user=user, port=port, pages=folder / "pages", application=application))
    return Process("nginx", "-p", str(folder), "-c", str(file), "-g", "daemon off;")
