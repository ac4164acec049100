"""Put on the path of a notebook's kernel: any attempt to reach the network fails, loudly."""

import socket

LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "", None}
_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo


def connect(self, address):
    if isinstance(address, tuple) and address[0] not in LOCAL:
        raise OSError(f"no network in the lecture notebooks: {address}")
    return _connect(self, address)


def getaddrinfo(host, *args, **kwargs):
    if host not in LOCAL:
        raise OSError(f"no network in the lecture notebooks: {host}")
    return _getaddrinfo(host, *args, **kwargs)


socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
