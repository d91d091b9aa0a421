/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket's file: made, guarded and removed. */

#include "socket.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64 };

static bool fail (GError **error, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Sets an error with what errno CODE means. Returns false. */
static bool
fail (GError **error, int code, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_set_error_literal (error, G_FILE_ERROR, (int) g_file_error_from_errno (code), text);
    return false;
}

static bool
make_folder (const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname (path);

    if (g_mkdir_with_parents (folder, 0755) != 0) {
        int code = errno;
        return fail (error, code,
                     "the folder %s of the control socket cannot be made: %s; make it for this "
                     "user, or set socket in [cli] to another path",
                     folder, g_strerror (code));
    }
    return true;
}

/* Removes the socket at ADDRESS when nobody listens there any more. */
static bool
remove_stale (const struct sockaddr_un *address, GError **error)
{
    const char *path = address->sun_path;
    struct stat status;

    if (lstat (path, &status) != 0) {
        return errno == ENOENT
               || fail (error, errno, "%s cannot be looked at: %s", path, g_strerror (errno));
    }
    if (!S_ISSOCK (status.st_mode)) {
        return fail (error, EEXIST,
                     "%s is there already and no socket: remove it, or set socket in [cli] to "
                     "another path",
                     path);
    }
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int code = fd >= 0 && connect (fd, (const struct sockaddr *) address, sizeof *address) == 0
                   ? 0
                   : errno;
    if (fd >= 0) {
        close (fd);
    }
    if (code == 0 || code == EAGAIN) {
        return fail (error, EADDRINUSE,
                     "another process listens at %s: stop it, or set socket in [cli] to another "
                     "path",
                     path);
    }
    if (code != ECONNREFUSED || unlink (path) != 0) {
        code = code != ECONNREFUSED ? code : errno;
        return fail (error, code, "the old control socket %s cannot be removed: %s", path,
                     g_strerror (code));
    }
    return true;
}

gid_t
cli_find_group (const char *name)
{
    enum { BUFFER_MIN = 4096, BUFFER_MAX = 1024 * 1024 };
    gid_t gid = CLI_NO_GROUP;

    if (name == NULL || *name == '\0') {
        return CLI_NO_GROUP;
    }
    for (size_t size = BUFFER_MIN; size <= BUFFER_MAX; size *= 2) {
        struct group group, *found = NULL;
        g_autofree char *buffer = g_malloc (size);
        int code = getgrnam_r (name, &group, buffer, size, &found);
        if (code != ERANGE) { /* a group with many members needs room */
            gid = code == 0 && found != NULL ? found->gr_gid : CLI_NO_GROUP;
            break;
        }
    }
    return gid;
}

/* Binds and listens. The file is closed to others from its first moment: its mode is the socket's,
 * and is only opened once the file belongs to the group. */
static bool
bind_at (CliSocket *self, const struct sockaddr_un *address, GError **error)
{
    struct stat status;

    if (fchmod (self->fd, 0600) != 0
        || bind (self->fd, (const struct sockaddr *) address, sizeof *address) != 0
        || lstat (self->path, &status) != 0) {
        return fail (error, errno,
                     "the control socket %s cannot be made: %s; set socket in [cli] to a path this "
                     "user may write",
                     self->path, g_strerror (errno));
    }
    self->device = status.st_dev;
    self->inode = status.st_ino;
    if (self->group != CLI_NO_GROUP
        && (chown (self->path, (uid_t) -1, self->group) != 0 || chmod (self->path, 0660) != 0)) {
        self->group = CLI_NO_GROUP;
    }
    if (listen (self->fd, BACKLOG) != 0) {
        return fail (error, errno, "nobody can listen at %s: %s", self->path, g_strerror (errno));
    }
    return true;
}

bool
cli_socket_open (CliSocket *self, const char *path, const char *group_name,
                 bool *ret_is_group_known, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    *self = (CliSocket){ .fd = -1, .priority_group = CLI_NO_GROUP };
    if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        return fail (error, ENAMETOOLONG,
                     "the path %s is too long for a socket: at most %zu bytes fit, set socket in "
                     "[cli] to a shorter one",
                     path, sizeof address.sun_path - 1);
    }
    if (!make_folder (path, error) || !remove_stale (&address, error)) {
        return false;
    }
    self->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0) {
        return fail (error, errno, "no socket for %s: %s", path, g_strerror (errno));
    }
    self->path = g_strdup (path);
    self->group = cli_find_group (group_name);
    if (!bind_at (self, &address, error)) {
        cli_socket_close (self);
        return false;
    }
    *ret_is_group_known = self->group != CLI_NO_GROUP;
    return true;
}

void
cli_socket_close (CliSocket *self)
{
    struct stat status;

    if (self->inode != 0 && lstat (self->path, &status) == 0 && status.st_dev == self->device
        && status.st_ino == self->inode) {
        unlink (self->path);
    }
    if (self->fd >= 0) {
        close (self->fd);
    }
    g_free (self->path);
    *self = (CliSocket){ .fd = -1 };
}

/* Whether the process at the other end of FD is a member of GROUP beside its first one. */
static bool
is_member (int fd, gid_t group)
{
    socklen_t len_bytes = 64 * sizeof (gid_t);
    g_autofree gid_t *groups = g_malloc (len_bytes);

    if (getsockopt (fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len_bytes) != 0) {
        if (errno != ERANGE) {
            return false;
        }
        groups = g_realloc (groups, len_bytes); /* what the kernel said it needs */
        if (getsockopt (fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len_bytes) != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len_bytes / sizeof (gid_t); i++) {
        if (groups[i] == group) {
            return true;
        }
    }
    return false;
}

static bool
is_in (gid_t group, int fd, const struct ucred *credentials)
{
    return group != CLI_NO_GROUP && (credentials->gid == group || is_member (fd, group));
}

bool
cli_socket_peer (const CliSocket *self, int fd, CliPeer *ret_peer)
{
    struct ucred credentials;
    socklen_t len_bytes = sizeof credentials;

    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len_bytes) != 0) {
        return false;
    }
    bool may_change = credentials.uid == 0 || credentials.uid == geteuid ();
    bool may_look = is_in (self->group, fd, &credentials);
    *ret_peer = (CliPeer){ .uid = credentials.uid,
                           .pid = credentials.pid,
                           .may_change = may_change,
                           .may_look = may_change || may_look,
                           .may_see_priority =
                               may_change || is_in (self->priority_group, fd, &credentials) };
    return true;
}
