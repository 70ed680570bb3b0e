import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from papers.outside import AddressRefused, NoAnswer, ask, is_public


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = {}, []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def address(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        self.server.asked.append((self.command, self.path, self.headers["Host"], self.headers["User-Agent"]))
        status, headers, body = self.server.answers.get(self.path, (200, {}, b"Hello"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if callable(body):
            body(self.wfile)
        elif self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = answer  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


def names(**hosts):
    """A DNS that knows these, and remembers each time that it was asked."""
    asked = []

    async def resolve(host, port):
        asked.append(host)
        known = hosts[host.replace(".", "_")]
        return known.pop(0) if isinstance(known[0], list) else known

    resolve.asked = asked
    return resolve


def this_machine(ip, port):
    return ip == "127.0.0.1"


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:db8::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_not_connected_to(ip):
    assert not is_public(ip, 443)


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_a_public_one_is_on_the_ports_of_the_web_only(ip):
    assert is_public(ip, 80)
    assert is_public(ip, 443)
    assert not any(is_public(ip, port) for port in (22, 25, 8000, 6379, 5432))


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0/",
        "https://127.0.0.1:443/",
        "http://１２７.0.0.1/",
    ],
)
def test_no_way_of_writing_this_machine_leads_to_it(address):
    with pytest.raises(AddressRefused, match="not part of the public web"):
        ask(address)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "//example.org/",
        "http:///x",
        "http://a:b@example.org/",
    ],
)
def test_what_is_no_plain_address_of_the_web_is_refused(address):
    with pytest.raises(AddressRefused):
        ask(address)


def test_another_port_is_refused_however_public_the_host():
    with pytest.raises(AddressRefused):
        ask("http://example.org:6379/", resolve=names(example_org=["93.184.216.34"]))


def test_one_private_address_among_public_ones_refuses_them_all():
    with pytest.raises(AddressRefused):
        ask("http://example.org/", resolve=names(example_org=["93.184.216.34", "10.0.0.1"]))


def test_a_name_is_resolved_once_and_that_address_is_connected_to(server):
    resolve = names(example_org=[["127.0.0.1"], ["10.0.0.1"]])
    reply = ask(server.address(host="example.org"), resolve=resolve, allow=this_machine)
    assert reply.status == 200
    assert resolve.asked == ["example.org"]
    assert server.asked[0][2] == f"example.org:{server.server_port}"
    assert server.asked[0][3].startswith("DynamicallyTyped/")


def test_a_redirect_to_a_name_with_umlauts_asks_for_it_as_the_dns_knows_it(server):
    server.answers["/"] = (
        301,
        {"Location": server.address("/b", host="bücher.example").encode().decode("latin-1")},
        b"",
    )
    resolve = names(**{"127_0_0_1": ["127.0.0.1"], "xn--bcher-kva_example": ["127.0.0.1"]})
    assert ask(server.address(), resolve=resolve, allow=this_machine).status == 200
    assert server.asked[1][1:3] == ("/b", f"xn--bcher-kva.example:{server.server_port}")


def test_the_deadline_holds_while_a_name_is_looked_up(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(3))
    start = time.monotonic()
    with pytest.raises(NoAnswer, match=r"within 0\.2 seconds"):
        ask("http://example.org/", seconds=0.2)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/", "http://[::1]/", "http://inside.example.org/", "http://10.1/", "file:///etc/passwd"],
)
def test_a_redirect_into_what_is_private_is_refused(server, target):
    server.answers["/"] = (302, {"Location": target}, b"")

    async def resolve(host, port):
        return {"inside.example.org": ["192.168.0.1"], "10.1": ["10.0.0.1"]}.get(host, [host])

    with pytest.raises(AddressRefused):
        ask(server.address(), resolve=resolve, allow=this_machine)
    assert len(server.asked) == 1


def test_a_name_that_answers_differently_after_a_redirect_is_looked_at_again(server):
    server.answers["/"] = (302, {"Location": "/again"}, b"")
    resolve = names(example_org=[["127.0.0.1"], ["10.0.0.1"]])
    with pytest.raises(AddressRefused):
        ask(server.address(host="example.org"), resolve=resolve, allow=this_machine)


def test_redirects_are_followed_up_to_five(server):
    for number in range(5):
        server.answers[f"/{number}"] = (301, {"Location": f"/{number + 1}#part"}, b"")
    reply = ask(server.address("/0"), allow=this_machine, most_bytes=100)
    assert (reply.address, reply.moved_to, reply.body) == (server.address("/5"), server.address("/5"), b"Hello")
    server.answers["/5"] = (301, {"Location": "/6"}, b"")
    with pytest.raises(NoAnswer, match="more than 5 redirects"):
        ask(server.address("/0"), allow=this_machine)


def test_only_permanent_redirects_say_that_a_page_has_moved(server):
    server.answers["/a"] = (301, {"Location": "/b"}, b"")
    server.answers["/b"] = (302, {"Location": "/c"}, b"")
    server.answers["/c"] = (301, {"Location": "/d"}, b"")
    reply = ask(server.address("/a"), allow=this_machine)
    assert (reply.address, reply.moved_to) == (server.address("/d"), server.address("/b"))


def test_a_body_is_read_up_to_the_limit_and_no_further(server):
    server.answers["/"] = (200, {}, b"x" * 5_000_000)
    assert len(ask(server.address(), allow=this_machine, most_bytes=1000).body) == 1000
    assert ask(server.address(), allow=this_machine).body == b""


def test_a_server_that_drips_is_left_at_the_deadline(server):
    def drip(stream):
        for _ in range(100):
            stream.write(b"x")
            stream.flush()
            time.sleep(0.05)

    server.answers["/"] = (200, {}, drip)
    begun = time.monotonic()
    with pytest.raises(NoAnswer, match=r"within 0\.5 seconds"):
        ask(server.address(), allow=this_machine, most_bytes=1000, seconds=0.5)
    assert time.monotonic() - begun < 4, "the whole would have taken five seconds"


def test_a_closed_port_and_an_unknown_name_are_no_answer(server):
    async def unknown(host, port):
        raise OSError

    with pytest.raises(NoAnswer, match="No such host"):
        ask("http://example.org/", resolve=unknown)
    server.shutdown()
    server.server_close()
    with pytest.raises(NoAnswer):
        ask(server.address(), allow=this_machine)


def test_certificates_are_checked(server):
    with pytest.raises(NoAnswer):
        ask(server.address().replace("http://", "https://"), allow=this_machine)
