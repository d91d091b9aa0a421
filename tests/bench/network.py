# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network of the program's own, in which every port is free and nobody else's calls arrive."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

from peers import ports

ENTERED = 'TANDEM_BENCH_NETWORK'  # set in the program that stands in its own network
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # netdevice(7)


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = bytearray(struct.pack('16sh22x', b'lo', 0))
        fcntl.ioctl(control, SIOCGIFFLAGS, request)
        _, flags = struct.unpack_from('16sh', request)
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack('16sh22x', b'lo', flags | IFF_UP))


def unshare_command():
    """What starts a program in a new network, or None where that is not allowed. Who is not root
    becomes it in a user namespace of its own, which is what raising the interface needs."""
    program = shutil.which('unshare')
    if program is None:
        return None
    command = [program, '--net', *([] if os.geteuid() == 0 else ['--map-root-user'])]
    is_allowed = subprocess.run([*command, 'true'], stdin=subprocess.DEVNULL, capture_output=True,
                                check=False).returncode == 0
    return command if is_allowed else None


def require_free(wanted):
    """Ends the program where one of the ports WANTED is somebody else's."""
    for port in wanted:
        if not ports.is_free(port):
            sys.exit(f'port {port} of 127.0.0.1 is in use, and this user may not make a network of '
                     f'its own (unshare --net): end what has it (ss -lnp sport = {port})')


def enter(wanted):
    """Starts the program anew in a network of its own; where that is not allowed, goes on in
    the machine's if nobody has one of the ports WANTED there."""
    if os.environ.get(ENTERED):
        raise_loopback()
        return
    command = unshare_command()
    if command is None:
        require_free(wanted)
        return
    os.environ[ENTERED] = 'own'
    os.execv(command[0], [*command, sys.executable, *sys.argv])
