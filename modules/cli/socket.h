/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket's file: made, guarded and removed. */

#ifndef CLI_SOCKET_H
#define CLI_SOCKET_H

#include <tandem/base.h>

#include <sys/types.h>

G_BEGIN_DECLS

typedef struct {
    char *path;
    int fd;
    dev_t device; /* with INODE: whether the file at PATH is still ours */
    ino_t inode;
    gid_t group;          /* whose members may look; CLI_NO_GROUP for none */
    gid_t priority_group; /* who of them may see calls with a priority */
} CliSocket;

#define CLI_NO_GROUP ((gid_t) -1)

/* The group called NAME (nullable), or CLI_NO_GROUP. Blocks: as long as the group database takes. */
gid_t cli_find_group (const char *name);

/* Listens at PATH, in a folder made when it is missing; what a dead process left there is removed.
 * Members of GROUP_NAME (nullable: nobody) may connect, too; RET_IS_GROUP_KNOWN says whether there
 * is such a group that the file could be given to. Errors: what stands in the way and what to do.
 * Blocks: as long as the file system and the group database take. */
bool cli_socket_open (CliSocket *socket, const char *path, const char *group_name,
                      bool *ret_is_group_known, GError **error);

/* Removes the file if it is still ours. */
void cli_socket_close (CliSocket *socket);

/* Who is at the other end. */
typedef struct {
    uid_t uid;
    pid_t pid;
    bool may_change;       /* root, or the user of this process */
    bool may_look;         /* those, and members of the socket's group */
    bool may_see_priority; /* those who may change, and members of both groups */
} CliPeer;

/* Returns false, with errno set, when the kernel does not say. */
bool cli_socket_peer (const CliSocket *socket, int fd, CliPeer *ret_peer);

G_END_DECLS

#endif
