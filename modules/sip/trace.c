/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trace: gathers the messages of a call from the rings of all lanes.
 *
 *     learn (once, or twice) -> which Call-IDs are the call's legs?  from live legs, and from notes
 *     collect                -> copies of their messages
 *     draw                   -> on a worker, then the answer
 *
 * Learning and collecting are sweeps, each of which looks at a piece of every lane's ring, so that no
 * turn is long; there are as many as the longest ring needs. */

#include "trace.h"

#include "leg.h"

#include <tandem/command.h>
#include <tandem/worker.h>

enum {
    PIECE = 2048, /* entries or buckets a turn */
    MAX_NAMES = 256,
    MAX_MESSAGES = 2000,
    MAX_BYTES = 4 << 20,
    INDENT = 2, /* of a text of several lines under its name */
    WIDTH = 100,
    WIDTH_MIN = 40,
    WIDTH_MAX = 1000,
};

typedef enum {
    FORM_LADDER,
    FORM_SVG,
    FORM_PCAP,
    FORM_RAW,
} Form;

/* How far a lane has been read. */
typedef struct {
    unsigned bucket, n_buckets; /* of its legs */
    uint64_t place, end;        /* of its ring */
    bool has_begun, is_over;
} Progress;

/* Which side of the call a Call-ID is on, if that is known. */
enum {
    SIDE_UNKNOWN,
    SIDE_IN,
    SIDE_OUT,
};

typedef struct {
    TdWork work; /* first */
    TdRequest *request;
    char *call; /* as it was asked for */
    Sip *sip;
    Form form;
    unsigned width;
    unsigned n_learning; /* passes to come */
    GHashTable *calls;   /* of TdId */
    GHashTable *names;   /* Call-ID -> side */
    GHashTable *hashes;  /* of the names, to pass over most of a ring at a glance */
    Progress *lanes;
    SipTraces traces;
    size_t n_bytes;
    bool is_withheld; /* it is a call that who asks may not see */
    GVariant *result;
} Trace;

static void
clear_traced (void *data)
{
    SipTraced *message = data;

    g_free (message->call_id);
    g_free (message->bytes);
}

void
sip_traces_clear (SipTraces *traces)
{
    g_clear_pointer (&traces->messages, g_array_unref);
}

static void
free_trace (Trace *trace)
{
    trace->sip->n_traces--;
    td_request_unref (trace->request);
    g_free (trace->call);
    g_hash_table_unref (trace->calls);
    g_hash_table_unref (trace->names);
    g_hash_table_unref (trace->hashes);
    g_free (trace->lanes);
    sip_traces_clear (&trace->traces);
    g_clear_pointer (&trace->result, g_variant_unref);
    g_free (trace);
}

/* --- Learning ---------------------------------------------------------------------------- */

static void
add_name (Trace *trace, const char *name, unsigned side)
{
    if (g_hash_table_size (trace->names) < MAX_NAMES
        || g_hash_table_contains (trace->names, name)) {
        uint64_t hash = sip_view_hash (sip_view_of (name), 0);
        g_hash_table_insert (trace->names, g_strdup (name), GUINT_TO_POINTER (side));
        g_hash_table_add (trace->hashes, g_memdup2 (&hash, sizeof hash));
    }
}

static void
add_call (Trace *trace, TdId call)
{
    if (g_hash_table_size (trace->calls) < MAX_NAMES) {
        g_hash_table_add (trace->calls, g_memdup2 (&call, sizeof call));
    }
}

/* NAME is a leg of CALL. */
static void
learn (Trace *trace, const char *name, TdId call, bool is_incoming, unsigned priority_class)
{
    bool is_the_call = true;

    if (g_hash_table_contains (trace->calls, &call)) {
        add_name (trace, name, is_incoming ? SIDE_IN : SIDE_OUT);
    } else if (g_hash_table_contains (trace->names, name)) {
        add_call (trace, call);
    } else {
        is_the_call = false;
    }
    trace->is_withheld |= is_the_call && !td_request_may_see (trace->request, priority_class);
}

static void
learn_from_legs (Trace *trace, const SipLane *lane, Progress *progress)
{
    const SipTable *table = &lane->legs;

    if (progress->n_buckets != table->n_buckets) { /* it has grown: everything is elsewhere */
        progress->n_buckets = table->n_buckets;
        progress->bucket = 0;
    }
    unsigned end = MIN (progress->bucket + PIECE, table->n_buckets);
    for (; progress->bucket < end; progress->bucket++) {
        for (SipLink *link = table->buckets[progress->bucket]; link != NULL; link = link->next) {
            const SipLeg *leg = (const SipLeg *) link;
            TdId call = leg->channel != NULL ? td_channel_call_id (leg->channel) : TD_ID_NONE;
            if (call != TD_ID_NONE) {
                learn (trace, td_channel_peer_id (leg->channel), call, leg->is_incoming,
                       td_channel_priority (leg->channel)->priority_class);
            }
        }
    }
}

/* --- Collecting -------------------------------------------------------------------------- */

static void
collect (Trace *trace, const SipRing *ring, const SipRingEntry *entry)
{
    if (!g_hash_table_contains (trace->hashes, &entry->hash)) {
        return;
    }
    g_autofree char *text = sip_ring_copy (ring, entry);
    g_autofree char *name = g_strndup (text, entry->call_id_len_bytes);
    if (!g_hash_table_contains (trace->names, name)) {
        return;
    }
    if (trace->traces.messages->len >= MAX_MESSAGES
        || trace->n_bytes + entry->record.len_bytes > MAX_BYTES) {
        trace->traces.n_left_out++;
        return;
    }
    const char *bytes = text + entry->call_id_len_bytes;
    trace->is_withheld |= strcasestr (bytes, "\nResource-Priority") != NULL
                          && !td_request_may_see (trace->request, TD_CLASS_MAX);
    SipTraced message = { .record = entry->record,
                          .call_id = g_steal_pointer (&name),
                          .bytes = g_memdup2 (bytes, entry->record.len_bytes + 1) };
    sip_mask (message.bytes, message.record.len_bytes);
    trace->n_bytes += message.record.len_bytes;
    g_array_append_val (trace->traces.messages, message);
}

static void
read_ring (Trace *trace, const SipRing *ring, Progress *progress)
{
    SipRingEntry entry;

    for (unsigned i = 0; i < PIECE; i++) {
        if (progress->place >= progress->end || !sip_ring_next (ring, &progress->place, &entry)) {
            progress->is_over = true;
            return;
        }
        if (trace->n_learning == 0 && entry.call == TD_ID_NONE) {
            collect (trace, ring, &entry);
        } else if (trace->n_learning > 0 && entry.call != TD_ID_NONE) {
            g_autofree char *name = sip_ring_copy (ring, &entry);
            learn (trace, name, entry.call, !entry.record.is_sent, entry.record.priority_class);
        }
    }
}

static void
visit_lane (TdLane *at, void *data)
{
    Trace *trace = data;
    unsigned index = td_lane_index (at);

    if (index >= trace->sip->n_lanes || trace->lanes[index].is_over) {
        return;
    }
    const SipLane *lane = &trace->sip->lanes[index];
    Progress *progress = &trace->lanes[index];
    if (!progress->has_begun) { /* what comes later is not waited for */
        progress->has_begun = true;
        progress->end = sip_ring_end (lane->ring);
    }
    if (trace->n_learning > 0
        && (progress->bucket < lane->legs.n_buckets
            || progress->n_buckets != lane->legs.n_buckets)) {
        learn_from_legs (trace, lane, progress);
    } else {
        read_ring (trace, lane->ring, progress);
    }
}

/* --- Drawing ----------------------------------------------------------------------------- */

static gint
compare_times (const void *a, const void *b)
{
    const SipTraced *one = a, *other = b;

    return (one->record.wall_us > other->record.wall_us)
           - (one->record.wall_us < other->record.wall_us);
}

/* Whether the first message there is of a leg says that the leg came in. */
static bool
looks_incoming (const SipTraced *message)
{
    bool is_response = g_str_has_prefix (message->bytes, "SIP/");

    return message->record.is_sent == is_response;
}

static void
set_sides (Trace *trace)
{
    for (unsigned i = 0; i < trace->traces.messages->len; i++) {
        SipTraced *message = &g_array_index (trace->traces.messages, SipTraced, i);
        unsigned side = GPOINTER_TO_UINT (g_hash_table_lookup (trace->names, message->call_id));
        if (side == SIDE_UNKNOWN) {
            side = looks_incoming (message) ? SIDE_IN : SIDE_OUT;
            g_hash_table_insert (trace->names, g_strdup (message->call_id),
                                 GUINT_TO_POINTER (side));
        }
        message->is_left = side == SIDE_IN;
    }
}

/* A result whose "file" is BYTES, or TEXT. */
static GVariant *
file_result (const char *name, const char *type, const char *text, GByteArray *bytes)
{
    GVariantDict file, result;

    g_variant_dict_init (&file, NULL);
    g_variant_dict_insert (&file, "name", "s", name);
    g_variant_dict_insert (&file, "type", "s", type);
    if (text != NULL) {
        g_variant_dict_insert (&file, "text", "s", text);
    } else {
        g_autofree char *base64 = g_base64_encode (bytes->data, bytes->len);
        g_variant_dict_insert (&file, "base64", "s", base64);
        g_byte_array_unref (bytes);
    }
    g_variant_dict_init (&result, NULL);
    g_variant_dict_insert_value (&result, "file", g_variant_dict_end (&file));
    return g_variant_dict_end (&result);
}

static GVariant *
draw (const Trace *trace)
{
    g_autofree char *since =
        sip_trace_time (g_array_index (trace->traces.messages, SipTraced, 0).record.wall_us);
    g_autofree char *title = g_strdup_printf ("%s, %s UTC", trace->call, since);
    SipLadder *ladder = sip_ladder_new (&trace->traces, title);
    g_autofree char *text = trace->form == FORM_SVG
                                ? sip_ladder_to_svg (ladder)
                                : sip_ladder_to_text (ladder, trace->width - INDENT);

    sip_ladder_free (ladder);
    if (trace->form == FORM_SVG) {
        return file_result ("trace.svg", "image/svg+xml", text, NULL);
    }
    return g_variant_new_parsed ("{'call': <%s>, 'begun': <%s>, 'ladder': <%s>}", trace->call,
                                 since, text);
}

static void
run_work (TdWork *work)
{
    Trace *trace = (Trace *) work;
    GVariant *result;

    g_array_sort (trace->traces.messages, compare_times);
    set_sides (trace);
    switch (trace->form) {
    case FORM_PCAP:
        result = file_result ("trace.pcap", "application/vnd.tcpdump.pcap", NULL,
                              sip_capture (&trace->traces));
        break;
    case FORM_RAW:
        result = file_result ("trace.txt", "text/plain", NULL, sip_trace_raw (&trace->traces));
        break;
    default:
        result = draw (trace);
        break;
    }
    trace->result = g_variant_ref_sink (result);
}

static void
work_done (TdWork *work)
{
    Trace *trace = (Trace *) work;

    td_request_reply (trace->request, trace->result);
    free_trace (trace);
}

static void
give_up (void *data)
{
    Trace *trace = data;

    td_request_fail (trace->request, "the module sip has stopped, and its messages are gone");
    free_trace (trace);
}

static void
work_dropped (TdWork *work)
{
    give_up (work);
}

/* --- The passes -------------------------------------------------------------------------- */

static void
finish (Trace *trace)
{
    if (trace->traces.messages->len == 0 || trace->is_withheld) {
        td_request_fail (trace->request,
                         "no SIP message of \"%s\" is kept: give a call's id, as in \"call list\", "
                         "or a Call-ID; the oldest messages make room for new ones",
                         trace->call);
        free_trace (trace);
        return;
    }
    trace->work = (TdWork){
        .owner = trace->sip->module, .run = run_work, .done = work_done, .drop = work_dropped
    };
    td_work_start (&trace->work);
}

static void
sweep_done (void *data)
{
    Trace *trace = data;
    bool is_over = true;

    for (unsigned i = 0; i < trace->sip->n_lanes; i++) {
        is_over &= trace->lanes[i].is_over;
    }
    if (is_over && trace->n_learning == 0) {
        finish (trace);
        return;
    }
    if (is_over) {
        trace->n_learning--;
        memset (trace->lanes, 0, trace->sip->n_lanes * sizeof *trace->lanes);
    }
    td_lane_sweep (trace->sip->module, visit_lane, sweep_done, give_up, trace);
}

static void
gather (Sip *sip, TdRequest *request, Form form, unsigned width)
{
    Trace *trace = g_new0 (Trace, 1);
    TdId call;

    sip->n_traces++;
    trace->request = td_request_ref (request);
    trace->call = g_strdup (td_request_argument (request, "CALL"));
    trace->sip = sip;
    trace->form = form;
    trace->width = width;
    trace->calls = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
    trace->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    trace->hashes = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
    trace->lanes = g_new0 (Progress, sip->n_lanes);
    trace->traces.messages = g_array_new (FALSE, FALSE, sizeof (SipTraced));
    g_array_set_clear_func (trace->traces.messages, clear_traced);
    if (td_id_parse (trace->call, &call)) {
        add_call (trace, call);
        trace->n_learning = 1;
    } else { /* its call first, then the call's other legs */
        add_name (trace, trace->call, SIDE_UNKNOWN);
        trace->n_learning = 2;
    }
    td_lane_sweep (sip->module, visit_lane, sweep_done, give_up, trace);
}

/* --- The command ------------------------------------------------------------------------- */

static bool
read_form (const TdRequest *request, Form *ret_form)
{
    static const struct {
        const char *option;
        Form form;
    } forms[] = { { "--svg", FORM_SVG }, { "--pcap", FORM_PCAP }, { "--raw", FORM_RAW } };
    unsigned n = 0;

    *ret_form = FORM_LADDER;
    for (size_t i = 0; i < G_N_ELEMENTS (forms); i++) {
        if (td_request_argument (request, forms[i].option) != NULL) {
            *ret_form = forms[i].form;
            n++;
        }
    }
    return n <= 1;
}

static bool
read_width (const TdRequest *request, unsigned *ret_width)
{
    const char *text = td_request_argument (request, "--width");
    uint64_t width = WIDTH;

    if (text != NULL
        && (!sip_view_number (sip_view_of (text), WIDTH_MAX, &width) || width < WIDTH_MIN)) {
        return false;
    }
    *ret_width = (unsigned) width;
    return true;
}

static void
run (TdRequest *request, void *data)
{
    Sip *sip = td_module_state (data);
    unsigned width;
    Form form;

    if (!read_form (request, &form)) {
        td_request_fail (request, "--svg, --pcap and --raw are forms of one answer: choose one");
    } else if (!read_width (request, &width)) {
        td_request_fail (request, "\"%s\" is no width: a number of columns from %d to %d",
                         td_request_argument (request, "--width"), WIDTH_MIN, WIDTH_MAX);
    } else if (sip == NULL || atomic_load (&sip->is_closing)) {
        td_request_fail (request, "the module sip is stopping, and its messages go with it");
    } else if (sip->lanes[0].ring == NULL) {
        td_request_fail (request,
                         "messages are not kept: set \"trace = yes\" in [sip] and restart");
    } else {
        gather (sip, request, form, width);
    }
}

static const TdArgument arguments[] = {
    { .name = "CALL",
      .help = "The call's id, or a Call-ID",
      .is_required = true,
      .complete = "call list" },
    { .name = "--svg", .help = "The ladder as a picture" },
    { .name = "--pcap", .help = "The messages as a capture file, for Wireshark" },
    { .name = "--raw", .help = "The messages as they were, without credentials" },
    { .name = "--width",
      .help = "Columns the ladder may take, 100 otherwise",
      .takes_value = true },
};

bool
sip_trace_command_add (TdModule *module, GError **error)
{
    TdCommand command = { .size = sizeof command,
                          .argument_size = sizeof (TdArgument),
                          .name = "trace",
                          .help = "Shows the SIP messages of a call, up or over, as a ladder",
                          .arguments = arguments,
                          .n_arguments = G_N_ELEMENTS (arguments),
                          .data = module,
                          .run = run };

    return td_command_add (module, &command, error);
}
