/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A SIP leg that another call has adopted is found by the id of that call, on whichever lane it
 * lives, while the call is up and when it is over. */

#include "common/sip-peers.h"

#include <string.h>
#include <tandem/call.h>
#include <tandem/command.h>

/* What was asked last was answered with. */
static GVariant *answer;

static void
take (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    g_assert_cmpstr (error_text, ==, NULL);
    g_assert_true (is_last);
    g_clear_pointer (&answer, g_variant_unref);
    answer = g_variant_ref (piece);
}

static GVariant *
ask (const char *const *words)
{
    int64_t end_us = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

    g_clear_pointer (&answer, g_variant_unref);
    g_autoptr (TdRequest) request G_GNUC_UNUSED =
        td_command_run (NULL, words, "a test", true, take, NULL);
    for (td_engine_settle (); answer == NULL; td_engine_settle ()) {
        g_assert_cmpint (g_get_monotonic_time (), <, end_us);
        g_thread_yield ();
    }
    return answer;
}

typedef struct {
    char *call; /* as text */
    TdId id, legs[2];
} Call;

static TdId
id_of (GVariant *row, const char *name)
{
    const char *text;
    TdId id;

    g_assert_true (g_variant_lookup (row, name, "&s", &text));
    g_assert_true (td_id_parse (text, &id));
    return id;
}

static void
learn_call (Call *call)
{
    g_autoptr (GVariant) shown = g_variant_ref (ask (TD_LIST ("call", "show", call->call)));
    g_autoptr (GVariant) legs = g_variant_lookup_value (shown, "legs", NULL);

    for (unsigned i = 0; i < 2; i++) {
        g_autoptr (GVariant) leg = g_variant_get_child_value (legs, i);
        call->legs[i] = id_of (leg, "leg");
    }
}

/* The only call there is but for OTHER. */
static void
find_call (Call *call, const Call *other)
{
    g_autoptr (GVariant) rows = g_variant_ref (ask (TD_LIST ("call", "list")));

    for (gsize i = 0; i < g_variant_n_children (rows); i++) {
        g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
        TdId id = id_of (row, "call");
        if (other == NULL || id != other->id) {
            call->id = id;
            g_variant_lookup (row, "call", "s", &call->call);
        }
    }
    learn_call (call);
}

/* A calls B once more, on the same lane as FIRST, or on another one. */
static void
place_second (Flow *flow, const Call *first, bool is_other_lane, Call *second)
{
    for (;;) {
        flow->n_calls++;
        sip_invite (flow, "", SDP ("offer-a"));
        expect (&flow->a, "SIP/2.0 100 ");
        expect (&flow->b, "INVITE sip:8001@127.0.0.1");
        sip_learn_b (flow, "pt2");
        sip_answer_to (flow, &flow->b, flow->b.last, 200, "pt2", "", SDP ("answer-b"));
        expect (&flow->b, "ACK ");
        expect (&flow->a, "SIP/2.0 200 ");
        find_call (second, first);
        if ((td_id_lane (second->id) != td_id_lane (first->id)) == is_other_lane) {
            return;
        }
        ask (TD_LIST ("call", "hangup", second->call));
        expect (&flow->b, "BYE ");
        ANSWER (&flow->b, 200, NULL);
        sip_advance (flow, 40000);
        sip_drain (&flow->a, "");
        g_free (second->call);
        g_assert_cmpuint (flow->n_calls, <, 50);
    }
}

typedef struct {
    Call first, second;
    bool is_adopted;
} Both;

static void
done (bool is_adopted, void *data)
{
    ((Both *) data)->is_adopted = is_adopted;
}

/* The first call takes the second one's leg to B in the place of its own. */
static void
adopt (void *data)
{
    Both *both = data;

    td_call_adopt_leg (NULL, td_channel_call (td_channel_find (both->first.legs[0])),
                       both->second.legs[1], both->first.legs[1], done, both);
}

static void
assert_traced (const char *call, const char *call_id)
{
    GVariant *result = ask (TD_LIST ("trace", call, "--raw"));
    g_autoptr (GVariant) file = g_variant_lookup_value (result, "file", G_VARIANT_TYPE_VARDICT);
    g_autofree char *line = g_strdup_printf ("\nCall-ID: %s\r\n", call_id);
    const char *base64;
    gsize len_bytes;

    g_assert_true (g_variant_lookup (file, "base64", "&s", &base64));
    g_autofree guchar *bytes = g_base64_decode (base64, &len_bytes);
    g_autofree char *text = g_strndup ((const char *) bytes, len_bytes);
    if (strstr (text, line) == NULL) {
        g_error ("no message of %s in %s", call_id, text);
    }
}

static void
test_trace (Flow *flow, gconstpointer data)
{
    const bool is_other_lane = GPOINTER_TO_UINT (data) == 1;
    Both both = { 0 };

    sip_set_up_call (flow);
    find_call (&both.first, NULL);
    place_second (flow, &both.first, is_other_lane, &both.second);
    td_fixture_on (flow->fixture, td_id_lane (both.first.id), adopt, &both);
    sip_catch_up (flow);
    g_assert_true (both.is_adopted);
    assert_traced (both.first.call, "call-0");
    assert_traced (both.first.call, flow->b_call_id);
    ask (TD_LIST ("call", "hangup", both.first.call));
    sip_advance (flow, 40000);
    assert_traced (both.first.call, flow->b_call_id);
    g_free (both.first.call);
    g_free (both.second.call);
    g_clear_pointer (&answer, g_variant_unref);
}

static void
set_up (Flow *flow, gconstpointer data)
{
    sip_peers_set_up (flow, NULL);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add ("/flow/sip-adopt/trace-same-lane", Flow, GUINT_TO_POINTER (0), set_up, test_trace,
                sip_peers_tear_down);
    g_test_add ("/flow/sip-adopt/trace-other-lane", Flow, GUINT_TO_POINTER (1), set_up, test_trace,
                sip_peers_tear_down);
    return g_test_run ();
}
