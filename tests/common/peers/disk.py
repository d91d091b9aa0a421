# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that get full, turn read-only and fail, in a view of the file systems that is ours alone.

A test calls enter_namespace() before it starts anybody: all that it starts sees the same disks.
"""

import ctypes
import errno
import os
import subprocess

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_RDONLY, MS_REC, MS_PRIVATE = 1, 1 << 14, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source, target, kind, flags=0, options=None):
    if _libc.mount(source.encode(), target.encode(), kind and kind.encode(),
                   ctypes.c_ulong(flags), options and options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f'mount {target}: {os.strerror(number)}')


def enter_namespace():
    """Whether this process may mount from here on, for itself and its children only."""
    if _libc.unshare(CLONE_NEWNS) != 0 and _libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        return False
    try:
        _mount('none', '/', None, MS_REC | MS_PRIVATE)
    except OSError:
        return False
    return True


class Disk:
    """A disk of SIZE ("4m") in memory at PATH."""

    def __init__(self, case, path, size):
        self.case, self.path = case, path
        self.junk = os.path.join(path, 'junk')
        os.makedirs(path)
        _mount('tmpfs', path, 'tmpfs', 0, f'size={size}')
        case.addCleanup(self.unmount)

    def unmount(self):
        _libc.umount2(self.path.encode(), 2)  # MNT_DETACH: whoever is still there may stay

    def fill(self):
        """Takes all the room there is."""
        with open(self.junk, 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(b'j' * 4096)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def empty(self):
        os.unlink(self.junk)

    def forbid(self):
        """Another disk, which nobody may write to, stands in its place until allow()."""
        _mount('tmpfs', self.path, 'tmpfs', MS_RDONLY)

    def allow(self):
        self.unmount()


class FailingDisk:
    """A real file system on a device that answers writes with an error from break_down() on: its
    blocks are kept on another disk, which is full then."""

    def __init__(self, case, path, size):
        self.below, self.path = Disk(case, path + '-below', size), path
        self.image = os.path.join(self.below.path, 'image')
        os.makedirs(path)
        with open(self.image, 'wb') as file:
            file.truncate(32 << 20)
        self.checker = case.need('e2fsck')
        subprocess.run([case.need('mkfs.ext4'), '-q', '-F', self.image], check=True)
        answer = self.mount()
        if answer.returncode != 0:
            case.lack(f'NO LOOP DEVICE: {answer.stderr.strip()}: what happens on a broken disk is '
                      'NOT tested')
        case.addCleanup(self.unmount)

    def mount(self):
        return subprocess.run(['mount', '-o', 'loop', self.image, self.path], capture_output=True,
                              text=True, check=False)

    def unmount(self):
        subprocess.run(['umount', '-l', self.path], check=False)

    def break_down(self):
        self.below.fill()

    def take_off(self):
        """Whether it could be unmounted: not while somebody has a file open."""
        return subprocess.run(['umount', self.path], check=False, capture_output=True
                              ).returncode == 0

    def mend(self):
        """As an operator would, when it has been taken off: checks and mounts it again."""
        self.below.empty()
        subprocess.run([self.checker, '-fy', self.image], check=False, capture_output=True)
        if self.mount().returncode != 0:
            raise OSError(f'{self.path} cannot be mounted again')
