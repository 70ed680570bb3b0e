"""A provider's API on loopback, asked through Anymail."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


@pytest.fixture
def provider(settings):
    """Answers as Postmark's API on loopback: with `status`, and of the reader with `code`."""

    class Provider(BaseHTTPRequestHandler):
        status, code, calls = 200, 0, 0

        def do_POST(self):
            type(self).calls += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            inactive = "Found inactive addresses: reader1@example.org. Inactive recipients have bounced."
            words = inactive if self.code else "OK"
            answer = {"ErrorCode": self.code, "Message": words, "MessageID": "1", "To": "reader1@example.org"}
            self.send_response(self.status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer | {"SubmittedAt": "2026-01-01"}).encode())

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ask_provider_at(settings, server.server_port)
    yield Provider
    server.shutdown()
    server.server_close()


def ask_provider_at(settings, port):
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "t", "POSTMARK_API_URL": f"http://127.0.0.1:{port}/"}
