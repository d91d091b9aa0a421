# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that get full, turn read-only and fail, in a view of the file systems that is ours alone.

A test calls enter_namespace() before it starts anybody: all that it starts sees the same disks.
"""

import ctypes
import errno
import os
import subprocess

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
PAGE_BYTES = os.sysconf('SC_PAGESIZE')
MS_RDONLY, MS_REC, MS_PRIVATE, MNT_DETACH = 1, 1 << 14, 1 << 18, 2
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
        _libc.umount2(self.path.encode(), MNT_DETACH)  # whoever is still there may stay

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


class Loop:
    """IMAGE as a block device, until nobody uses it any more.

    A write that fits only in part is one that succeeded for the kernel's loop driver, so that a sync
    would promise what is not there: no request is larger than a page, which fits or does not.
    """

    def __init__(self, image):
        answer = subprocess.run(['losetup', '--find', '--show', image], capture_output=True,
                                text=True, check=False)
        if answer.returncode != 0:
            raise OSError(answer.stderr.strip())
        self.device = answer.stdout.strip()
        self.limit = f'/sys/block/{os.path.basename(self.device)}/queue/max_sectors_kb'
        with open(self.limit, encoding='ascii') as file:
            self.usual = file.read()
        self.limit_requests(str(PAGE_BYTES >> 10))

    def limit_requests(self, kib):
        with open(self.limit, 'w', encoding='ascii') as file:
            file.write(kib)

    def detach(self):
        """At once, or when it is used no more, be it by the end of us all; whether that could be done."""
        return subprocess.run(['losetup', '--detach', self.device], check=False).returncode == 0

    def give_back(self, stop_using):
        """Whether STOP_USING () has: the limit, which outlives us, goes before the device is free."""
        device = os.open(self.device, os.O_RDONLY)
        try:
            is_free = stop_using()
            if is_free:
                self.limit_requests(self.usual)
        finally:
            os.close(device)
        return is_free


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
        subprocess.run([case.need('mkfs.ext4'), '-q', '-F', '-b', str(PAGE_BYTES), self.image],
                       check=True)
        try:
            self.mount()
        except OSError as error:
            case.lack(f'NO LOOP DEVICE: {error}: what happens on a broken disk is NOT tested')
        case.addCleanup(self.unmount)

    def mount(self):
        self.loop = Loop(self.image)
        try:
            _mount(self.loop.device, self.path, 'ext4')
        finally:
            self.loop.detach()

    def unmount(self):
        if os.path.ismount(self.path):
            self.loop.give_back(lambda: _libc.umount2(self.path.encode(), MNT_DETACH) == 0)

    def break_down(self):
        self.below.fill()

    def take_off(self):
        """Whether it could be unmounted: not while somebody has a file open."""
        return self.loop.give_back(lambda: _libc.umount2(self.path.encode(), 0) == 0)

    def mend(self):
        """As an operator would, when it has been taken off: checks and mounts it again."""
        self.below.empty()
        subprocess.run([self.checker, '-fy', self.image], check=False, capture_output=True)
        self.mount()
