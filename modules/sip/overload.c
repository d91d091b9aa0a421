/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Servers that ask for fewer requests (RFC 7339, we as the client, algorithm "loss"). */

#include "overload.h"

#include "seal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <tandem/lane.h>
#include <tandem/priority.h>

enum {
    MAX_SERVERS = 4096,
    VALIDITY_MS = 500,         /* RFC 7339 4.3 */
    MAX_VALIDITY_MS = 3600000, /* nobody is spared for longer on one word */
    DUE_OF_CLASS = 1000,       /* what lower classes must fail to make good before a class pays */
    MAX_DUE = DUE_OF_CLASS * (TD_CLASS_MAX - TD_CLASS_ORDINARY + 1),
    SEQ_FRACTION_DIGITS = 5, /* RFC 7339 9 */
};

/* A loss of at least so many percent is congestion of this level. The steps are those by which the
 * module trunk grades what becomes of calls. */
static const struct {
    unsigned percent, level;
} levels[] = { { 60, 3 }, { 30, 2 }, { 1, 1 } };

/* RFC 7339 5.4: for each address and port. */
typedef struct {
    TdAddress address;
    uint64_t seq;
    int64_t until_us;
    unsigned percent;
    unsigned due; /* percent of a request that are still to be kept back */
} Server;

struct SipOverload {
    pthread_mutex_t lock;
    GHashTable *servers; /* Server -> itself */
    atomic_uint n_servers;
    bool passes_priority; /* even where the server wants nothing at all */
};

static unsigned
hash_address (const void *data)
{
    const TdAddress *address = data;
    SipView bytes = address->any.sa_family == AF_INET6
                        ? (SipView){ (const char *) &address->v6.sin6_addr, 16 }
                        : (SipView){ (const char *) &address->v4.sin_addr, 4 };

    return (unsigned) sip_view_hash (bytes, td_address_port (address));
}

static gboolean
is_one_address (const void *a, const void *b)
{
    return td_address_equal (a, b);
}

SipOverload *
sip_overload_new (void)
{
    SipOverload *overload = g_new0 (SipOverload, 1);

    pthread_mutex_init (&overload->lock, NULL);
    overload->servers = g_hash_table_new_full (hash_address, is_one_address, NULL, g_free);
    return overload;
}

void
sip_overload_pass_priority (SipOverload *overload)
{
    overload->passes_priority = true;
}

void
sip_overload_free (SipOverload *overload)
{
    if (overload == NULL) {
        return;
    }
    g_hash_table_unref (overload->servers);
    pthread_mutex_destroy (&overload->lock);
    g_free (overload);
}

/* --- What a response says ---------------------------------------------------------------- */

typedef struct {
    unsigned percent;
    uint32_t validity_ms;
    bool has_seq;
    uint64_t seq;
} Word;

bool
sip_overload_is_told (const SipScan *response)
{
    SipView percent;

    return !response->is_request && sip_param_find (response->via.params, "oc", &percent)
           && percent.len_bytes > 0;
}

/* "1282321615.782" as one number. */
static bool
read_seq (SipView text, uint64_t *ret_seq)
{
    SipView rest = text, whole_text, fraction_text = SIP_VIEW ("0");
    uint64_t whole, fraction;
    size_t n_digits = 0;

    if (!sip_view_split (&rest, '.', &whole_text)) {
        return false;
    }
    if (rest.len_bytes > 0) {
        fraction_text = rest;
        n_digits = rest.len_bytes;
    }
    if (!sip_view_number (whole_text, UINT64_C (999999999999), &whole)
        || !sip_view_number (fraction_text, 99999, &fraction) || n_digits > SEQ_FRACTION_DIGITS) {
        return false;
    }
    for (; n_digits < SEQ_FRACTION_DIGITS; n_digits++) {
        fraction *= 10;
    }
    *ret_seq = whole * 100000 + fraction;
    return true;
}

/* False for what is no loss that can be understood: it is as if nothing were said. */
static bool
read_word (const SipScan *response, Word *ret_word)
{
    SipView params = response->via.params, text;
    uint64_t percent, validity_ms = VALIDITY_MS;
    Word word = { 0 };

    if (!sip_param_find (params, "oc", &text) || !sip_view_number (text, 100, &percent)
        || (sip_param_find (params, "oc-algo", &text) && !sip_view_is_nocase (text, "\"loss\""))
        || (sip_param_find (params, "oc-validity", &text)
            && !sip_view_number (text, UINT32_MAX, &validity_ms))) {
        return false;
    }
    if (sip_param_find (params, "oc-seq", &text)) {
        word.has_seq = read_seq (text, &word.seq);
    }
    /* RFC 7339 5.7: 0 ends it, whatever else is said. */
    word.percent = validity_ms > 0 ? (unsigned) percent : 0;
    word.validity_ms = (uint32_t) MIN (validity_ms, MAX_VALIDITY_MS);
    *ret_word = word;
    return true;
}

/* RFC 7339 4.4: what is older, or the same, says nothing new; but a number that is much smaller has
 * begun anew. */
static bool
is_news (const Server *server, const Word *word)
{
    return !word->has_seq || word->seq > server->seq || word->seq < server->seq / 2;
}

/* --- What is known ----------------------------------------------------------------------- */

static gboolean
has_expired (void *key, void *value, void *data)
{
    return ((const Server *) value)->until_us <= *(const int64_t *) data;
}

/* SERVER as it is now: what it said is forgotten in its time (RFC 7339 5.7). Needs the lock. */
static Server *
find_locked (SipOverload *overload, const TdAddress *address, int64_t now_us)
{
    Server *server = g_hash_table_lookup (overload->servers, address);

    if (server != NULL && server->until_us <= now_us) {
        g_hash_table_remove (overload->servers, address);
        server = NULL;
    }
    return server;
}

/* Needs the lock. */
static Server *
add_locked (SipOverload *overload, const TdAddress *address, int64_t now_us)
{
    if (g_hash_table_size (overload->servers) >= MAX_SERVERS) {
        g_hash_table_foreach_remove (overload->servers, has_expired, &now_us);
    }
    if (g_hash_table_size (overload->servers) >= MAX_SERVERS) {
        return NULL;
    }
    Server *server = g_new0 (Server, 1);
    server->address = *address;
    g_hash_table_insert (overload->servers, &server->address, server);
    return server;
}

/* Needs the lock. Returns whether WORD is news. A server that is not overloaded is not kept, one that
 * no longer is only as long as an older word of it may come. */
static bool
take_locked (SipOverload *overload, const TdAddress *address, const Word *word, int64_t now_us)
{
    Server *server = find_locked (overload, address, now_us);

    if (server == NULL) {
        server = word->percent > 0 ? add_locked (overload, address, now_us) : NULL;
    } else if (!is_news (server, word)) {
        return false;
    }
    if (server == NULL || (server->percent == 0 && word->percent == 0)) {
        return false;
    }
    if (word->percent < server->percent) {
        server->due = MIN (server->due, 100); /* what it wanted before is no longer wanted */
    }
    server->seq = word->seq;
    server->percent = word->percent;
    if (word->percent > 0) {
        server->until_us = now_us + word->validity_ms * INT64_C (1000);
    }
    return true;
}

static unsigned
level_of (unsigned percent)
{
    for (size_t i = 0; i < G_N_ELEMENTS (levels); i++) {
        if (percent >= levels[i].percent) {
            return levels[i].level;
        }
    }
    return 0;
}

bool
sip_overload_hear (SipOverload *overload, const SipScan *response, const TdAddress *address,
                   unsigned *ret_level, uint32_t *ret_duration_ms)
{
    Word word;

    if (!read_word (response, &word)
        || (word.percent == 0 && atomic_load (&overload->n_servers) == 0)) {
        return false;
    }
    pthread_mutex_lock (&overload->lock);
    bool is_new = take_locked (overload, address, &word, td_clock_now_us ());
    atomic_store (&overload->n_servers, g_hash_table_size (overload->servers));
    pthread_mutex_unlock (&overload->lock);
    if (is_new) {
        *ret_level = level_of (word.percent);
        *ret_duration_ms = word.percent > 0 ? word.validity_ms : 0;
    }
    return is_new;
}

/* How much must be due before an INVITE of PRIORITY_CLASS is kept back. Ordinary ones make good what
 * those with a priority leave behind; when they are too few for that more and more is due, and the lowest
 * of the higher classes is the first to pay (RFC 7339 5.10.1). */
static unsigned
due_of_class (unsigned priority_class)
{
    return priority_class <= TD_CLASS_ORDINARY
               ? 100
               : DUE_OF_CLASS * (MIN (priority_class, TD_CLASS_MAX) - TD_CLASS_ORDINARY);
}

/* RFC 7339 7.2, exact instead of by chance: each INVITE adds its percentage, and a whole one is kept
 * back. Needs the lock. */
static bool
spares_locked (const SipOverload *overload, Server *server, unsigned priority_class)
{
    if (server->percent == 100) { /* RFC 7339 5.5: not one more than it allows */
        return priority_class <= TD_CLASS_ORDINARY || !overload->passes_priority;
    }
    server->due = MIN (server->due + server->percent, MAX_DUE);
    if (server->due < due_of_class (priority_class)) {
        return false;
    }
    server->due -= 100;
    return true;
}

bool
sip_overload_spares (SipOverload *overload, const TdAddress *address, unsigned priority_class)
{
    if (atomic_load (&overload->n_servers) == 0) {
        return false;
    }
    pthread_mutex_lock (&overload->lock);
    Server *server = find_locked (overload, address, td_clock_now_us ());
    bool is_spared = server != NULL && spares_locked (overload, server, priority_class);
    pthread_mutex_unlock (&overload->lock);
    return is_spared;
}
