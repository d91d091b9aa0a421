/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module inside: identities are read from files and shared; each connection has a session.
 *
 *     [tls NAME] -> identity.c -> Identity (an SSL_CTX) --begin()--> session.c, one a connection
 *                                                      \-- names.c: whom a certificate stands for
 */

#ifndef TLS_TLS_H
#define TLS_TLS_H

#include <openssl/ssl.h>
#include <tandem/config.h>
#include <tandem/iface/tls.h>
#include <tandem/metric.h>
#include <tandem/snapshot.h>

#define TLS_SECTION "tls"

/* --- identity.c -------------------------------------------------------------------------- */

/* Who this side is on a connection, and what it asks of the other one. */
typedef struct {
    char *name;
    SSL_CTX *context; /* of clients and servers */
    bool is_verifying;
    uint64_t generation; /* as that of all that were read with it */
    int64_t expires_s;   /* the certificate; wall time */
    int64_t
        crl_expires_s;  /* the first of the lists of revoked certificates; INT64_MAX: none does */
    bool refuses_stale; /* nobody is believed when one has */
    unsigned rsa_bits;  /* of the key, 0: another kind */
} Identity;

typedef struct {
    TdTable table;
    uint64_t generation; /* which reading of the files they are of */
    GHashTable *by_name; /* Identity */
} Identities;

/* Those of the sections in CONFIG, their files read, for the time GENERATION. */
Identities *identities_new (const TdConfig *config, uint64_t generation, GError **error);

/* Of NAME (nullable), or NULL; lives as long as IDENTITIES (nullable). */
const Identity *identities_find (const Identities *identities, const char *name);

/* How every connection of CONTEXT behaves, whatever is configured. */
void identity_set_manners (SSL_CTX *context);

/* --- names.c ----------------------------------------------------------------------------- */

/* The SIP domains that CERTIFICATE stands for (transfer full, RFC 5922 7.1), maybe none. */
char **names_of_certificate (const X509 *certificate);

/* When CERTIFICATE ends: wall time in seconds, 0: it does not say so. */
int64_t end_of_certificate (const X509 *certificate);

/* Whom CERTIFICATE is about, in one line (transfer full). */
char *subject_of_certificate (const X509 *certificate);

/* --- session.c --------------------------------------------------------------------------- */

/* What all sessions share. */
typedef struct {
    BIO_METHOD *wire;
    TdMetric *handshakes, *failures; /* nullable */
    TdSnapshot *identities;          /* nullable: those that count now */
} Sessions;

/* Returns false when there is no memory. */
bool sessions_open (Sessions *sessions);
void sessions_close (Sessions *sessions);

/* As the functions of TdStreamFilter. */
void *session_begin (Sessions *sessions, const Identity *identity, const TdFilterFlow *flow,
                     GByteArray *wire, const char **ret_why);
TdFilterState session_receive (void *session, const void *bytes, size_t len_bytes,
                               GByteArray *plain, GByteArray *wire);
TdFilterState session_send (void *session, const void *bytes, size_t len_bytes, GByteArray *wire);
TdPeer *session_peer (void *session);
const char *session_why (void *session);
void session_close (void *session, GByteArray *wire);
void session_end (void *session);

#endif
