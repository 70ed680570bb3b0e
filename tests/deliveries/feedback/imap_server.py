"""A small IMAP server on loopback, for one client at a time: folders of mails with UIDs, as RFC 3501 and RFC 6851 have it.

With a certificate it takes no password in clear: it speaks TLS from the first octet on, or after STARTTLS.
"""

import re
import socketserver
import ssl
import threading
from contextlib import contextmanager, suppress

PASSWORD = "pass word"


class ImapServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, can_move=True, certificate=None, implicit=False):
        super().__init__(("127.0.0.1", 0), Session)
        self.can_move = can_move
        self.implicit = implicit
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self.tls:
            self.tls.load_cert_chain(*certificate)
        self.folders = {"INBOX": {}}  # of UIDs
        self.deleted = set()
        self.refused = set()  # commands
        self.uids = iter(range(1, 1_000_000))

    def put(self, content, folder="INBOX"):
        self.folders.setdefault(folder, {})[next(self.uids)] = content


class Session(socketserver.StreamRequestHandler):
    folder = "INBOX"
    is_encrypted = False

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def encrypt(self):
        """Raises ssl.SSLError if the client doesn't trust the certificate."""
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.is_encrypted = True

    def handle(self):
        with suppress(ssl.SSLError, ConnectionError):  # clients that hang up at the certificate
            self.talk()

    def talk(self):
        if self.server.implicit:
            self.encrypt()
        self.say("* OK ready")
        while line := self.rfile.readline():
            tag, command, *rest = line.decode().strip().split(" ", 2)
            arguments = rest[0] if rest else ""
            if command == "UID":
                command, _, arguments = arguments.partition(" ")
            if command in self.server.refused:
                self.say(f"{tag} NO not today")
                continue
            self.say(f"{tag} {getattr(self, command.lower())(arguments) or 'OK done'}")
            if command == "STARTTLS":
                self.encrypt()
            if command == "LOGOUT":
                return

    def capability(self, _):
        starttls = " STARTTLS" if self.server.tls and not self.is_encrypted else ""
        self.say("* CAPABILITY IMAP4rev1" + starttls + (" MOVE" if self.server.can_move else ""))

    def starttls(self, _):
        return None if self.server.tls else "BAD no certificate"

    def login(self, arguments):
        if self.server.tls and not self.is_encrypted:
            return "NO a password in clear"
        return None if arguments in (f'"bounces" "{PASSWORD}"', f'bounces "{PASSWORD}"') else "NO wrong password"

    def select(self, arguments):
        self.folder = arguments.strip('"')
        mails = self.server.folders.get(self.folder)
        if mails is None:
            return "NO no such folder"
        self.say(f"* {len(mails)} EXISTS")
        return None

    def create(self, arguments):
        name = arguments.strip('"')
        if name in self.server.folders:
            return "NO there is one"
        self.server.folders[name] = {}
        return None

    def search(self, _):
        uids = [str(uid) for uid in self.server.folders[self.folder] if uid not in self.server.deleted]
        self.say(f"* SEARCH {' '.join(uids)}")

    def fetch(self, arguments):
        uid, octets = map(int, re.fullmatch(r"(\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", arguments).groups())
        content = self.server.folders[self.folder][uid][:octets]
        self.wfile.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(content)}}}\r\n".encode() + content)
        self.say(")")

    def copy(self, arguments):
        uid, _, name = arguments.partition(" ")
        self.server.put(self.server.folders[self.folder][int(uid)], name.strip('"'))

    def store(self, arguments):
        self.server.deleted.add(int(arguments.partition(" ")[0]))

    def expunge(self, _):
        for uid in self.server.deleted:
            self.server.folders[self.folder].pop(uid, None)

    def move(self, arguments):
        self.copy(arguments)
        self.server.folders[self.folder].pop(int(arguments.partition(" ")[0]))

    def logout(self, _):
        self.say("* BYE")


@contextmanager
def serve_imap(**options):
    with ImapServer(**options) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
