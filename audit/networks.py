from ipaddress import IPv6Address, ip_address, ip_network


def network_of(client: str) -> str:
    """The /24 or /64 that a client's address belongs to: it counts as one, and is all that is kept of it."""
    try:
        address = ip_address(client)
    except ValueError:  # Empty behind a Unix socket: all of them count as one.
        return "unknown"
    if isinstance(address, IPv6Address):  # A server that listens for both kinds tells IPv4 as ::ffff:192.0.2.1.
        address = address.ipv4_mapped or address
    return str(ip_network((address, 24 if address.version == 4 else 64), strict=False))
