/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.tls": streams that nobody reads along, with peers that prove who they are.
 *
 *     [tls carrier]                     endpoint -- TdListenerDecl.filter --> core -- begin () --> tls
 *     certificate = ..., ca = ...                                             core <-- TdPeer ---- tls
 *
 * An endpoint opens a listener of TD_TRANSPORT_TLS and answers its filter() with FILTER of the table. An
 * identity is the name of a section [tls NAME]: who this side says it is, and what it asks of others. The
 * names of a TdPeer are the SIP domains its certificate stands for (RFC 5922 7.1). The table is published
 * with td_feature_provide() and found with td_feature_acquire().
 */

#ifndef TANDEM_IFACE_TLS_H
#define TANDEM_IFACE_TLS_H

#include <tandem/socket.h>

G_BEGIN_DECLS

#define TD_FEATURE_TLS "service.tls"

typedef struct {
    uint32_t size; /* sizeof (TdTlsService) */
    void *data;
    const TdStreamFilter *filter;

    /* Whether there is an identity of NAME, and whether it asks peers for a certificate and checks it.
     * Thread: a lane. */
    bool (*has_identity) (const char *name, void *data);
    bool (*verifies) (const char *name, void *data);
} TdTlsService;

G_END_DECLS

#endif
