"""Asking addresses that people typed, without letting them lead to what isn't public (ASVS 5.0, 1.3.6).

A name is resolved once, each of its addresses has to be a public one, and the connection goes to such an address: a
second, other answer of the DNS is never asked for. The same holds at each redirect. Nothing is decompressed, proxies
and credentials of the environment are left alone, and a deadline holds for all of it.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx2

from papers.deadline import within
from papers.errors import PapersError
from papers.sources.http import certificates, user_agent

MAX_REDIRECTS = 5
SECONDS = 10.0  # for the whole of it
PORTS = {80, 443}
PERMANENT, REDIRECTS = {301, 308}, {301, 302, 303, 307, 308}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # how a network without IPv4 reaches it, RFC 6052
Resolve = Callable[[str, int], Awaitable[list[str]]]
Allow = Callable[[str, int], bool]


class AddressRefused(PapersError):
    """We don't ask this address, whoever wants it: show the sentence."""


class NoAnswer(PapersError):
    """Nothing that can be read came back in time: try again another day."""


@dataclass(frozen=True)
class Reply:
    """What came back in the end, from `address`. `moved_to` is where permanent redirects alone lead."""

    status: int
    address: str
    moved_to: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def is_public(address: str, port: int) -> bool:
    """Whether an IP address is one of the public internet, and the port one of the web's."""
    if port not in PORTS:
        return False
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in NAT64 else ip.ipv4_mapped
        if inner:
            return is_public(str(inner), port)
        if ip.sixtofour or ip.teredo or ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


async def resolve_by_system(host: str, port: int) -> list[str]:
    """The addresses of a name, or of a number in any form that the system reads, such as 2130706433."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def ask(
    address: str,
    *,
    method: str = "GET",
    most_bytes: int = 0,
    seconds: float = SECONDS,
    resolve: Resolve = resolve_by_system,
    allow: Allow = is_public,
) -> Reply:
    """Ask an http(s) address, following up to five redirects, and read at most so many bytes of the body.

    `resolve` and `allow` are for tests, which talk to this machine. Raises AddressRefused or NoAnswer.
    """
    try:
        return within(seconds, follow(address, method, most_bytes, resolve, allow))
    except TimeoutError as error:
        raise NoAnswer(f"There was no answer within {seconds:g} seconds.") from error
    except (httpx2.TransportError, httpx2.InvalidURL, OSError) as error:
        raise NoAnswer(f"There was no answer: {type(error).__name__}.") from error


async def follow(address: str, method: str, most_bytes: int, resolve: Resolve, allow: Allow) -> Reply:
    moved_to, permanently = address, True
    for _ in range(MAX_REDIRECTS + 1):
        status, headers, body = await ask_once(address, method, most_bytes, resolve, allow)
        if status not in REDIRECTS or "location" not in headers:
            return Reply(status, address, moved_to, headers, body)
        address = next_address(address, headers["location"])
        permanently = permanently and status in PERMANENT
        moved_to = address if permanently else moved_to
    raise NoAnswer(f"It leads on and on: more than {MAX_REDIRECTS} redirects.")


def next_address(address: str, location: str) -> str:
    try:
        return urlunsplit(urlsplit(urljoin(address, location))._replace(fragment=""))
    except ValueError as error:
        raise NoAnswer("It leads to an address that can't be read.") from error


async def ask_once(
    address: str, method: str, most_bytes: int, resolve: Resolve, allow: Allow
) -> tuple[int, Mapping[str, str], bytes]:
    host, port = host_and_port(address)
    ip = await permitted_ip(host, port, resolve, allow)
    parts = urlsplit(address)
    url = urlunsplit(parts._replace(netloc=netloc(ip, port), fragment=""))
    headers = {
        "Host": netloc(host, parts.port),  # As the DNS knows it: a redirect may lead to a name with umlauts.
        "User-Agent": user_agent(),
        "Accept": "*/*",
        "Accept-Encoding": "identity",
    }
    extensions: dict[str, Any] = {"sni_hostname": host}  # the certificate has to be the name's, not the number's
    async with (
        httpx2.AsyncClient(verify=certificates(), trust_env=False, timeout=SECONDS) as client,
        client.stream(method, url, headers=headers, extensions=extensions) as response,
    ):
        body = b""
        if most_bytes and method != "HEAD":
            async for piece in response.aiter_raw():
                body += piece
                if len(body) >= most_bytes:
                    break
        return response.status_code, response.headers, body[:most_bytes]


def netloc(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name


def host_and_port(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        ascii_host = host if ":" in host else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise AddressRefused("It can't be read as an address.") from error
    if parts.scheme not in {"http", "https"} or not ascii_host:
        raise AddressRefused("It is not an address of the web: http:// or https://.")
    if "@" in parts.netloc:
        raise AddressRefused("It holds a user's name or password.")
    return ascii_host, port


async def permitted_ip(host: str, port: int, resolve: Resolve, allow: Allow) -> str:
    """The IP address to connect to. One that isn't public among several refuses them all."""
    try:
        addresses = await resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(f"No such host is known: {host}.") from error
    if not addresses:
        raise NoAnswer(f"No such host is known: {host}.")
    if not all(allow(address, port) for address in addresses):
        raise AddressRefused(f"{host}, port {port}, is not part of the public web.")
    return addresses[0].partition("%")[0]
