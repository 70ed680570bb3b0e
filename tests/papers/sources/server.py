"""arXiv, Crossref and OpenAlex on loopback, with their faults."""

import contextlib
import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

ANSWERS = Path(__file__).parent / "answers"
ATOM, JSON = "application/atom+xml; charset=utf-8", "application/json"


class MetadataServer:
    """Answers each path with what was set for it, the last thing for ever; what wasn't set is not found.

    `requests` holds (when it came, when it was answered, path, query, headers); `at_once` the most that came together.
    """

    def __init__(self):
        self.answers, self.finished = {}, []
        self.lock, self.under_way, self.at_once = threading.Condition(), 0, 0
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def set(self, path, *answers):
        self.answers[path] = list(answers)

    def arxiv(self, arxiv_id, *answers):
        self.set(f"/api/query {arxiv_id}", *answers)

    def crossref(self, doi, *answers):
        self.set(f"/works/{doi}", *answers)

    def openalex(self, doi, *answers):
        self.set(f"/works/doi:{doi}", *answers)

    @property
    def requests(self):
        """Once all are finished: who asks has the answer a moment before the server has written it down."""
        with self.lock:
            assert self.lock.wait_for(lambda: not self.under_way, timeout=30)
            return list(self.finished)

    def asked(self, part=""):
        return [path for _, _, path, _, _ in self.requests if part in path]

    def answer_to(self, path):
        with self.lock:
            answers = self.answers.get(path, [status(404)])
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                came = time.monotonic()
                with server.lock:
                    server.under_way += 1
                    server.at_once = max(server.at_once, server.under_way)
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                path = unquote(parts.path) + (f" {query['id_list']}" if "id_list" in query else "")
                with contextlib.suppress(OSError):  # The other side has had enough.
                    server.answer_to(path)(self)
                with server.lock:
                    server.under_way -= 1
                    server.lock.notify_all()
                    server.finished.append((came, time.monotonic(), path, query, dict(self.headers)))

            def log_message(self, *args):
                pass

        return Handler


def recorded(name, **headers):
    """A file of `answers/`."""
    return body((ANSWERS / name).read_bytes(), ATOM if name.endswith(".xml") else JSON, **headers)


def changed(name, **changes):
    """A Crossref work of `answers/` with other fields, or an OpenAlex one."""
    record = json.loads((ANSWERS / name).read_text())
    record.get("message", record).update(changes)
    return body(json.dumps(record).encode(), JSON)


def body(data, kind=JSON, code=200, **headers):
    def answer(handler):
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def status(code, text=b"", **headers):
    return body(text, "text/plain", code, **headers)


def redirect(location):
    return status(301, Location=location)


def after(seconds, answer):
    def wait(handler):
        time.sleep(seconds)
        answer(handler)

    return wait


def cut_off(handler):
    """A body that ends before its length."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"message": {"DOI": ')


def dripping(handler):
    """A byte now and then: each read is in time, and the whole is not."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def hang_up(handler):
    handler.connection.close()


def gzip_bomb(size):
    return body(gzip.compress(b" " * size), JSON, Content_Encoding="gzip")
