# SPDX-License-Identifier: LGPL-2.1-or-later
"""Free ports on loopback, never the same twice among all tests that run at the same time.

They lie below the range the kernel gives away itself, so that no connection of somebody else takes
one between our looking and the peer's binding.
"""

import fcntl
import os
import random
import socket
import tempfile

LOWEST, HIGHEST = 10000, 30000
TCP_LISTEN = '0A'  # in /proc/net/tcp
_claims = {}


def _claim(port):
    """Whether PORT is now this process's: a lock on a file that lasts as long as the process."""
    folder = os.path.join(tempfile.gettempdir(), f'tandem-test-ports-{os.getuid()}')
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor = os.open(os.path.join(folder, str(port)), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    _claims[port] = descriptor
    return True


def _release(port):
    os.close(_claims.pop(port))


def is_free(port, host='127.0.0.1'):
    """Whether nobody has PORT, over UDP or TCP, on HOST or on every address."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def is_served(port):
    """Whether somebody has PORT over UDP, or listens there over TCP, on any address. The kernel's lists
    say so: a look by binding has the port for a moment, in which the peer that is awaited cannot."""
    for kind in ('udp', 'udp6', 'tcp', 'tcp6'):
        with open(f'/proc/self/net/{kind}', encoding='ascii') as sockets:
            next(sockets)
            for _, local, _, state, *_ in map(str.split, sockets):
                if int(local.rpartition(':')[2], 16) == port and (kind.startswith('udp') or
                                                                  state == TCP_LISTEN):
                    return True
    return False


def _run(first, n_ports):
    """Claims FIRST and the ports after it, or none."""
    taken = []
    for port in range(first, first + n_ports):
        if port in _claims or not _claim(port):
            break
        taken.append(port)
        if not is_free(port):
            break
    else:
        return True
    for port in taken:
        _release(port)
    return False


def free_range(n_ports, alignment=1):
    """The first of N_PORTS free ports in a row; a multiple of ALIGNMENT."""
    for _ in range(1000):
        first = random.randrange(LOWEST, HIGHEST - n_ports) // alignment * alignment
        if _run(first, n_ports):
            return first
    raise RuntimeError(f'no {n_ports} free ports in a row between {LOWEST} and {HIGHEST}')


def free_port():
    """A port that is free over UDP and over TCP."""
    return free_range(1)


def rtp_port():
    """An even port that is free together with the odd one above it (RFC 3550 11)."""
    return free_range(2, alignment=2)
