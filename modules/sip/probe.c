/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes: whether the peers of trunks are there, asked with OPTIONS (RFC 3261 11). */

#include "probe.h"

#include <tandem/log.h>

typedef enum {
    UNKNOWN,
    UP,
    DOWN,
} Found;

typedef struct {
    SipLane *lane;
    char *trunk, *member, *uri;
    char *subject; /* of log lines */
    uint32_t interval_ms;
    uint32_t n_allowed; /* failures in a row, until it is down */
    uint32_t n_failures;
    Found found;
    char why[64]; /* it was found so */
    TdTimer timer;
    int64_t begun_us;            /* when it was asked last */
    SipTransaction *transaction; /* NULL: none is waited for */
    bool is_searching;           /* for the address of its name */
    bool is_kept;                /* by the update that is going on */
} Probe;

/* --- What is found ----------------------------------------------------------------------- */

static void
tell (const Probe *probe)
{
    const TdTrunkService *service = sip_trunk_service (probe->lane->sip);

    if (service != NULL && probe->found != UNKNOWN) {
        service->member (probe->trunk, probe->member, probe->found == UP, probe->why,
                         service->data);
    }
}

static void
find (Probe *probe, Found found, const char *why)
{
    Sip *sip = probe->lane->sip;
    Found before = probe->found;

    if (found == before) {
        return;
    }
    probe->found = found;
    g_strlcpy (probe->why, why, sizeof probe->why);
    if (found == DOWN) {
        td_metric_add (sip->unreachable, 1);
        td_log_warning (sip->module, probe->subject, "%s counts as unreachable: %s", probe->uri,
                        why);
    } else if (before == DOWN) {
        td_metric_add (sip->unreachable, -1);
        td_log_notice (sip->module, probe->subject, "%s counts as reachable: %s", probe->uri, why);
    }
    tell (probe);
}

/* The next one comes an interval after the last one, or at once where that took longer. */
static void
plan_next (Probe *probe)
{
    int64_t passed_ms = (td_clock_now_us () - probe->begun_us) / 1000;

    probe->transaction = NULL;
    td_timer_start (&probe->timer,
                    passed_ms < probe->interval_ms ? probe->interval_ms - (uint32_t) passed_ms : 0);
}

static void
succeed (Probe *probe, const char *why)
{
    probe->n_failures = 0;
    find (probe, UP, why);
    plan_next (probe);
}

static void
fail (Probe *probe, const char *why)
{
    td_metric_add (probe->lane->sip->failed_probes, 1);
    if (++probe->n_failures >= probe->n_allowed) {
        find (probe, DOWN, why);
    }
    plan_next (probe);
}

/* --- Asking ------------------------------------------------------------------------------ */

/* Whoever answers is there: a challenge or "not found" is as good as 200. But 503 says that it serves
 * nobody now (RFC 3261 21.5.4). */
static void
take_response (SipTransaction *transaction, const SipScan *response, void *data)
{
    char why[32];

    if (response->status < 200) {
        return;
    }
    sip_transaction_orphan (transaction);
    g_snprintf (why, sizeof why, "%u to OPTIONS", response->status);
    if (response->status == 503) {
        fail (data, why);
    } else {
        succeed (data, why);
    }
}

static void
take_failure (SipTransaction *transaction, SipFailure failure, void *data)
{
    sip_transaction_orphan (transaction);
    fail (data,
          failure == SIP_FAILURE_TIMEOUT ? "no response to OPTIONS" : "OPTIONS cannot be sent");
}

static const SipUser probe_user = { take_response, take_failure, NULL };

static void
ask (Probe *probe, const SipPath *path)
{
    SipLane *lane = probe->lane;
    const SipListener *listener = sip_transport_listener (lane->sip, path);
    GString *out = lane->stack.out;
    char branch[SIP_BRANCH_SIZE], tag[SIP_TAG_SIZE], call_id[SIP_TAG_SIZE];

    sip_stack_make_branch (&lane->stack, branch);
    sip_stack_make_tag (&lane->stack, tag);
    sip_stack_make_tag (&lane->stack, call_id);
    sip_compose_request (out, "OPTIONS", sip_view_of (probe->uri), path->transport, listener->host,
                         branch);
    g_string_append_printf (out,
                            "Max-Forwards: 70\r\nFrom: <sip:%s>;tag=%s\r\nTo: <%s>\r\n"
                            "Call-ID: %s\r\n",
                            listener->host, tag, probe->uri, call_id);
    sip_compose_cseq (out, 1, "OPTIONS");
    sip_transport_compose_self (lane->sip, path, out, false,
                                g_str_has_prefix (probe->uri, "sips:"));
    g_string_append (out, "Accept: application/sdp\r\n"); /* RFC 3261 11.1 */
    sip_compose_end (out, NULL, NULL, 0);
    td_metric_add (lane->sip->probes, 1);
    probe->transaction = sip_client_start (&lane->stack, SIP_METHOD_OPTIONS, branch, path, out->str,
                                           out->len, &probe_user, probe);
}

static void
ask_at (Probe *probe, TdTransport transport, const TdAddress *address)
{
    Sip *sip = probe->lane->sip;
    SipPath path;
    SipUri uri;

    if (sip_transport_path (sip, transport, address, &path)) {
        sip_uri_scan (sip_view_of (probe->uri), &uri); /* was checked */
        path.wish = transport == TD_TRANSPORT_TLS
                        ? sip_wish (sip, sip_trunks_by_name (sip, probe->trunk), uri.host)
                        : NULL;
        ask (probe, &path);
    } else {
        fail (probe, "no listener for its transport");
    }
}

/* The probe may end while its name is looked for, and another one begin for the same peer. */
typedef struct {
    SipLane *lane;
    TdTransport transport;
    char key[];
} Search;

static void
resolved (const TdAddress *address, void *data)
{
    g_autofree Search *search = data;
    SipLane *lane = search->lane;
    Probe *probe = lane->probes != NULL ? g_hash_table_lookup (lane->probes, search->key) : NULL;

    if (probe == NULL || !probe->is_searching) {
        return;
    }
    probe->is_searching = false;
    if (address != NULL) {
        ask_at (probe, search->transport, address);
    } else {
        fail (probe, "its name has no address");
    }
}

/* What tells probes apart. */
static char *
key_of (const char *trunk, const char *member, const char *uri)
{
    return g_strjoin ("\n", trunk, member, uri, NULL);
}

static void
look_up (Probe *probe, const SipUri *uri, TdTransport transport)
{
    g_autofree char *key = key_of (probe->trunk, probe->member, probe->uri);
    g_autofree char *host = sip_view_dup (uri->host);
    size_t key_size = strlen (key) + 1;
    Search *search = g_malloc (sizeof *search + key_size);

    search->lane = probe->lane;
    search->transport = transport;
    memcpy (search->key, key, key_size);
    probe->is_searching = true;
    sip_resolve (probe->lane, host, sip_transport_port (uri), TD_CLASS_ORDINARY, resolved, search);
}

static void
expired (TdTimer *timer)
{
    Probe *probe = (Probe *) ((char *) timer - offsetof (Probe, timer));
    TdTransport transport;
    TdAddress address;
    SipUri uri;

    probe->begun_us = td_clock_now_us ();
    sip_uri_scan (sip_view_of (probe->uri), &uri); /* was checked */
    if (sip_transport_numeric (&uri, &transport, &address)) {
        ask_at (probe, transport, &address);
    } else {
        look_up (probe, &uri, transport);
    }
}

/* --- Which there are --------------------------------------------------------------------- */

static void
free_probe (void *data)
{
    Probe *probe = data;

    td_timer_stop (&probe->timer);
    if (probe->transaction != NULL) {
        sip_transaction_orphan (probe->transaction);
    }
    if (probe->found == DOWN) {
        td_metric_add (probe->lane->sip->unreachable, -1);
    }
    g_free (probe->trunk);
    g_free (probe->member);
    g_free (probe->uri);
    g_free (probe->subject);
    g_free (probe);
}

/* Somewhere in its interval, the same each time: peers are not asked all at once. */
static void
begin (Probe *probe, unsigned hash)
{
    td_timer_start (&probe->timer, (hash * 2654435761u) % probe->interval_ms);
}

static Probe *
probe_new (SipLane *lane, const SipPeer *peer)
{
    Probe *probe = g_new0 (Probe, 1);

    probe->lane = lane;
    probe->trunk = g_strdup (peer->trunk.name);
    probe->member = g_strdup (peer->name);
    probe->uri = g_strdup (peer->uri);
    probe->subject = strcmp (peer->name, peer->trunk.name) == 0
                         ? g_strdup_printf ("trunk %s", peer->name)
                         : g_strdup_printf ("trunk %s, member %s", peer->trunk.name, peer->name);
    td_timer_init (&probe->timer, lane->sip->module, expired);
    return probe;
}

/* An earlier life of the module may have said that PEER, which nobody asks now, is down. */
static void
clear_up (SipLane *lane, const SipPeer *peer)
{
    const TdTrunkService *service = sip_trunk_service (lane->sip);

    if (service != NULL && td_module_generation (lane->sip->module) > 1) {
        service->member (peer->trunk.name, peer->name, true, "not probed", service->data);
    }
}

static void
update (SipLane *lane, const SipPeer *peer, bool is_first)
{
    g_autofree char *key = key_of (peer->trunk.name, peer->name, peer->uri);
    unsigned hash = g_str_hash (key);

    if (hash % lane->sip->n_lanes != lane->stack.lane) {
        return;
    }
    if (peer->probe_ms == 0) {
        if (is_first) {
            clear_up (lane, peer);
        }
        return;
    }
    Probe *probe = g_hash_table_lookup (lane->probes, key);
    if (probe == NULL) {
        probe = probe_new (lane, peer);
        g_hash_table_insert (lane->probes, g_steal_pointer (&key), probe);
    }
    bool is_other = probe->interval_ms != peer->probe_ms;
    probe->interval_ms = peer->probe_ms;
    probe->n_allowed = peer->n_probe_failures;
    probe->is_kept = true;
    if (is_other && probe->transaction == NULL && !probe->is_searching) {
        begin (probe, hash);
    }
}

/* Whoever nobody asks any more is not held to have gone for ever. */
static gboolean
ends (void *key, void *value, void *data)
{
    Probe *probe = value;
    bool is_kept = probe->is_kept;

    probe->is_kept = false;
    if (!is_kept && probe->found == DOWN) {
        find (probe, UP, "no longer probed");
    }
    return !is_kept;
}

void
sip_probes_update (SipLane *lane)
{
    const SipTrunks *trunks = (const SipTrunks *) td_snapshot_peek (lane->sip->trunks);

    if (atomic_load (&lane->sip->is_closing)) {
        return;
    }
    bool is_first = lane->probes == NULL;
    if (is_first) {
        lane->probes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_probe);
    }
    for (unsigned i = 0; i < trunks->peers->len; i++) {
        update (lane, trunks->peers->pdata[i], is_first);
    }
    g_hash_table_foreach_remove (lane->probes, ends, NULL);
}

void
sip_probes_clear (SipLane *lane)
{
    g_clear_pointer (&lane->probes, g_hash_table_unref);
}

void
sip_probes_tell (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);
    GHashTableIter probes;
    void *probe;

    if (lane == NULL || lane->probes == NULL) {
        return;
    }
    g_hash_table_iter_init (&probes, lane->probes);
    while (g_hash_table_iter_next (&probes, NULL, &probe)) {
        tell (probe);
    }
}
