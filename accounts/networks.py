from ipaddress import ip_address, ip_network


def network_of(client: str) -> str:
    """The /24 or /64 that a client's address belongs to: it counts as one, and is all that is kept of it."""
    try:
        version = ip_address(client).version
    except ValueError:  # Empty behind a Unix socket: all of them count as one.
        return "unknown"
    return str(ip_network(f"{client}/{24 if version == 4 else 64}", strict=False))
