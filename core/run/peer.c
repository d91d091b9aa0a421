/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers of streams: who a filter found out they are, shared by all messages of a connection. */

#include <tandem/socket.h>

#include <stdatomic.h>

typedef struct {
    TdPeer peer; /* first */
    atomic_uint n_refs;
} Shared;

TdPeer *
td_peer_new (bool is_verified, const char *subject, const char *const *names)
{
    Shared *shared = g_new0 (Shared, 1);

    atomic_init (&shared->n_refs, 1);
    shared->peer.is_verified = is_verified;
    shared->peer.subject = g_strdup (subject != NULL ? subject : "");
    shared->peer.names = names != NULL ? (const char *const *) g_strdupv ((char **) names)
                                       : (const char *const *) g_new0 (char *, 1);
    return &shared->peer;
}

TdPeer *
td_peer_ref (TdPeer *peer)
{
    atomic_fetch_add_explicit (&((Shared *) peer)->n_refs, 1, memory_order_relaxed);
    return peer;
}

void
td_peer_unref (TdPeer *peer)
{
    if (atomic_fetch_sub_explicit (&((Shared *) peer)->n_refs, 1, memory_order_acq_rel) == 1) {
        g_free ((char *) peer->subject);
        g_strfreev ((char **) peer->names);
        g_free (peer);
    }
}

bool
td_peer_is (const TdPeer *peer, const char *name)
{
    if (peer == NULL || !peer->is_verified) {
        return false;
    }
    for (const char *const *next = peer->names; *next != NULL; next++) {
        if (g_ascii_strcasecmp (*next, name) == 0) {
            return true;
        }
    }
    return false;
}
