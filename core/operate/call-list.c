/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call list: lane by lane, a bounded part in a turn, as fast as the asker takes it.
 *
 *     control            lane 0                    lane 1
 *     list ---post--->   some calls
 *     piece <---post--
 *          ----post--->  some more ... none left
 *     piece <------------------------post------->  some calls ...
 *     the last of them
 *
 * A call that is up all the time is listed once; one that comes or goes meanwhile may be.
 */

#include "operate/calls.h"

#include "config/value.h"

#include <string.h>

/* What is shown in place of its state of a call that waits for means. */
#define QUEUED "queued"

enum {
    ROWS_A_TURN = 32,    /* about half a millisecond of a lane */
    SLOTS_A_TURN = 4096, /* looked at where few are wanted */
};

typedef struct {
    TdPost post; /* first */
    TdRequest *request;
    unsigned lane;         /* whose turn it is; all lanes: none is left */
    uint32_t next;         /* where to go on among the lane's ids */
    GVariantBuilder *rows; /* NULL: none yet */
    unsigned n_rows;
    /* What is wanted, NULL: any. The texts are the request's. */
    const char *caller, *called, *trunk;
    unsigned states;  /* TD_BIT () of each that is wanted */
    bool is_queued;   /* those that wait for means, whatever their state */
    int64_t since_us; /* wall clock */
} List;

static void look (TdPost *post);

static void
list_free (TdPost *post)
{
    List *list = (List *) post;

    g_clear_pointer (&list->rows, g_variant_builder_unref);
    td_request_unref (list->request);
    g_free (list);
}

static int64_t
age_s (int64_t since_us)
{
    return (td_clock_now_us () - since_us) / G_USEC_PER_SEC;
}

void
td_call_describe_briefly (const TdCall *call, GVariantBuilder *row)
{
    char id[TD_ID_TEXT_SIZE];
    const TdChannel *b = td_call_outgoing (call);

    td_row_text (row, "call", td_id_print (td_call_id (call), id));
    td_row_text (row, "state", td_call_is_waiting (call) ? QUEUED : td_call_state_name (call));
    td_row_text (row, "calling", td_party_key (td_call_calling (call)));
    td_row_text (row, "called", td_party_key (td_call_called (call)));
    td_row_text (row, "from", call->a != NULL ? td_channel_trunk (call->a) : NULL);
    td_row_text (row, "to", b != NULL ? td_channel_trunk (b) : NULL);
    td_row_number (row, "class", td_call_priority (call)->priority_class);
    td_row_number (row, "seconds",
                   age_s (call->answered_us != 0 ? call->answered_us : call->started_us));
}

static bool
is_like (const char *pattern, const char *text)
{
    return pattern == NULL || g_pattern_match_simple (pattern, text != NULL ? text : "");
}

static bool
is_by_trunk (const List *list, const TdCall *call)
{
    const TdChannel *b = td_call_outgoing (call);

    return list->trunk == NULL
           || (call->a != NULL && g_strcmp0 (td_channel_trunk (call->a), list->trunk) == 0)
           || (b != NULL && g_strcmp0 (td_channel_trunk (b), list->trunk) == 0);
}

static bool
is_wanted (const List *list, const TdCall *call)
{
    /* A call that waits is shown as queued, and found as that alone. */
    bool is_in_state = td_call_is_waiting (call)
                           ? list->is_queued
                           : (list->states & TD_BIT (td_call_state (call))) != 0;

    return td_request_may_see (list->request, td_call_priority (call)->priority_class)
           && is_in_state && call->started_wall_us >= list->since_us
           && is_like (list->caller, td_party_key (td_call_calling (call)))
           && is_like (list->called, td_party_key (td_call_called (call)))
           && is_by_trunk (list, call);
}

static bool
add_call (TdId id, void *object, void *data)
{
    List *list = data;
    const TdCall *call = object;

    if (is_wanted (list, call)) {
        g_variant_builder_open (list->rows, G_VARIANT_TYPE_VARDICT);
        td_call_describe_briefly (call, list->rows);
        g_variant_builder_close (list->rows);
        list->n_rows++;
    }
    return list->n_rows < ROWS_A_TURN;
}

static void
go_on (TdRequest *request, void *data)
{
    List *list = data;

    list->post = (TdPost){ .run = look, .drop = list_free };
    td_lane_post (td_lane_at (list->lane), &list->post);
}

/* On the control lane. */
static void
tell (TdPost *post)
{
    List *list = (List *) post;
    GVariant *rows = g_variant_builder_end (list->rows);

    g_clear_pointer (&list->rows, g_variant_builder_unref);
    list->n_rows = 0;
    if (list->lane == td_lane_count ()) {
        td_request_reply (list->request, rows);
        list_free (post);
    } else if (td_request_push (list->request, rows)) {
        td_request_when_ready (list->request, go_on, list);
    } else {
        list_free (post);
    }
}

/* One turn of a lane. */
static void
look (TdPost *post)
{
    List *list = (List *) post;

    if (list->rows == NULL) {
        list->rows = g_variant_builder_new (G_VARIANT_TYPE ("aa{sv}"));
    }
    list->next = td_calls_some (list->next, SLOTS_A_TURN, add_call, list);
    if (list->next == 0) {
        list->lane++;
    }
    bool is_full = list->lane == td_lane_count () || list->n_rows == ROWS_A_TURN;
    post->run = is_full ? tell : look;
    td_lane_post (is_full ? td_lane_control () : td_lane_at (list->lane), post);
}

/* --- What is wanted ---------------------------------------------------------------------- */

static bool
read_state (TdRequest *request, List *list)
{
    const char *text = td_request_argument (request, "--state");
    g_autoptr (GString) known = g_string_new (NULL);

    for (unsigned i = 0; i < TD_CALL_ENDED; i++) {
        const char *name = td_call_machine.states[i].name;
        if (text == NULL || strcmp (text, name) == 0) {
            list->states |= TD_BIT (i);
        }
        g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", name);
    }
    list->is_queued = text == NULL || strcmp (text, QUEUED) == 0;
    if (list->states == 0 && !list->is_queued) {
        td_request_fail (request, "a call is never in the state \"%s\": it is " QUEUED ", %s", text,
                         known->str);
    }
    return list->states != 0 || list->is_queued;
}

static bool
read_since (TdRequest *request, List *list)
{
    static const TdConfigKey duration = { .name = "since",
                                          .type = TD_CONFIG_DURATION,
                                          .max = INT64_MAX / 1000000 };
    const char *text = td_request_argument (request, "--since");
    TdValue value = { 0 };

    if (text == NULL) {
        return true;
    }
    g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
    g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, utc);
    if (time != NULL) {
        list->since_us =
            g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time);
        return true;
    }
    g_autofree char *reason = td_value_read (&value, &duration, text, NULL);
    if (reason == NULL) {
        list->since_us = td_clock_wall_us () - value.number * 1000;
    } else {
        td_request_fail (request,
                         "\"%s\" is no time: say how long ago, such as 10 min, or when, such as "
                         "2026-01-31T14:00:00Z",
                         text);
    }
    td_value_clear (&value);
    return reason == NULL;
}

void
td_call_list (TdRequest *request, void *data)
{
    List *list = g_new0 (List, 1);

    list->request = td_request_ref (request);
    list->caller = td_request_argument (request, "--caller");
    list->called = td_request_argument (request, "--called");
    list->trunk = td_request_argument (request, "--trunk");
    if (read_state (request, list) && read_since (request, list)) {
        go_on (request, list);
    } else {
        list_free (&list->post);
    }
}
