/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transactions: what is sent again, when, and what ends when (RFC 3261 17, RFC 6026). */

#include "transaction-inside.h"

#define HEAD(method, branch)                                                                       \
    method " sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=" branch                 \
           "\r\nFrom: <sip:a@a.example>;tag=1\r\n"
#define TAIL(method)            "Call-ID: c@a\r\nCSeq: 7 " method "\r\nContent-Length: 0\r\n\r\n"
#define REQUEST(method, branch) HEAD (method, branch) "To: <sip:b@b.example>\r\n" TAIL (method)
#define INVITE                  REQUEST ("INVITE", "z9hG4bKx")
#define ACK                     HEAD ("ACK", "z9hG4bKx") "To: <sip:b@b.example>;tag=2\r\n" TAIL ("ACK")

typedef struct {
    SipStack stack;
    SipPath path;
    SipTransaction *transaction;
    GPtrArray *sent;
    GString *told; /* what the user heard, in order */
    bool is_broken;
} Fixture;

static bool
catch_sent (SipPath *path, const char *bytes, size_t len_bytes, void *data)
{
    Fixture *f = data;

    if (f->is_broken) {
        return false;
    }
    g_ptr_array_add (f->sent, g_strndup (bytes, len_bytes));
    return true;
}

static void
heard_response (SipTransaction *transaction, const SipScan *response, void *data)
{
    g_string_append_printf (((Fixture *) data)->told, "%u ", response->status);
}

static void
heard_failed (SipTransaction *transaction, SipFailure failure, void *data)
{
    g_string_append (((Fixture *) data)->told,
                     failure == SIP_FAILURE_TIMEOUT ? "timeout " : "broken ");
}

static void
heard_ended (SipTransaction *transaction, void *data)
{
    Fixture *f = data;

    g_assert_true (f->transaction == transaction);
    f->transaction = NULL;
    g_string_append (f->told, "ended ");
}

static const SipUser user = { heard_response, heard_failed, heard_ended };

static void
set_up (Fixture *f, const void *transport)
{
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .boot = 1 });
    *f = (Fixture){ .sent = g_ptr_array_new_with_free_func (g_free), .told = g_string_new (NULL) };
    sip_stack_init (&f->stack, NULL, 0, &sip_timers_default, 12345);
    f->stack.send = catch_sent;
    f->stack.data = f;
    f->path.transport = transport != NULL ? TD_TRANSPORT_TCP : TD_TRANSPORT_UDP;
}

static void
tear_down (Fixture *f, const void *unused)
{
    sip_stack_clear (&f->stack);
    td_lanes_close ();
    g_ptr_array_unref (f->sent);
    g_string_free (f->told, TRUE);
}

static SipReceived
receive (Fixture *f, const char *text)
{
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    return sip_receive (&f->stack, &scan);
}

static void
start_server (Fixture *f, const char *text)
{
    SipScan scan;

    g_assert_cmpint (receive (f, text), ==, SIP_RECEIVED_NEW);
    sip_scan (&scan, text, strlen (text), false);
    f->transaction = sip_server_start (&f->stack, &scan, &f->path, &user, f);
}

static void
respond (Fixture *f, unsigned status)
{
    g_autofree char *text = g_strdup_printf ("SIP/2.0 %u x", status);

    sip_server_respond (f->transaction, status, text, strlen (text));
}

static void
start_client (Fixture *f, SipMethod method)
{
    char branch[SIP_BRANCH_SIZE];
    const char *name = sip_method_name (method);

    sip_stack_make_branch (&f->stack, branch);
    g_autofree char *text = g_strdup_printf (
        "%s sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=%s\r\n"
        "Route: <sip:r;lr>\r\nFrom: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\n"
        "Call-ID: c@a\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
        name, branch, name);
    f->transaction =
        sip_client_start (&f->stack, method, branch, &f->path, text, strlen (text), &user, f);
}

/* Answers the request that was sent first, with METHOD in CSeq. */
static void
answer_method (Fixture *f, unsigned status, const char *method)
{
    SipScan request;
    const char *text = f->sent->pdata[0];

    sip_scan (&request, text, strlen (text), false);
    g_autofree char *branch = sip_view_dup (request.via.branch);
    g_autofree char *response = g_strdup_printf (
        "SIP/2.0 %u x\r\nVia: SIP/2.0/UDP a.example;branch=%s\r\nFrom: <sip:a@a.example>;tag=1\r\n"
        "To: <sip:b@b.example>;tag=2\r\nCall-ID: c@a\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
        status, branch, method);
    receive (f, response);
}

static void
answer (Fixture *f, unsigned status)
{
    answer_method (f, status, sip_method_name (f->transaction->method));
}

/* Whether message INDEX that was sent begins with START. */
static bool
sent_is (Fixture *f, unsigned index, const char *start)
{
    return index < f->sent->len && g_str_has_prefix (f->sent->pdata[index], start);
}

#define assert_told(f, text) g_assert_cmpstr ((f)->told->str, ==, (text))

/* --- INVITE client ----------------------------------------------------------------------- */

static void
test_ict_retransmits_and_times_out (Fixture *f, const void *unused)
{
    /* Timer A: 500, 1000, 2000, 4000, 8000, 16000 ms; timer B: 32 s (RFC 3261 17.1.1.2). */
    static const unsigned after_ms[] = { 500, 1500, 3500, 7500, 15500, 31500 };
    unsigned now_ms = 0;

    start_client (f, SIP_METHOD_INVITE);
    for (unsigned i = 0; i < G_N_ELEMENTS (after_ms); i++) {
        td_lanes_advance (after_ms[i] - now_ms - 1);
        g_assert_cmpuint (f->sent->len, ==, i + 1);
        td_lanes_advance (2);
        now_ms = after_ms[i] + 1;
        g_assert_cmpuint (f->sent->len, ==, i + 2);
    }
    td_lanes_advance (32000 - now_ms + 1);
    assert_told (f, "timeout ended ");
    g_assert_cmpuint (f->sent->len, ==, 7);
    g_assert_cmpuint (f->stack.clients.n_links, ==, 0);
}

static void
test_ict_provisional_stops_retransmission (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_INVITE);
    answer (f, 100);
    answer (f, 180);
    td_lanes_advance (3600 * 1000);
    assert_told (f, "100 180 ");
    g_assert_cmpuint (f->sent->len, ==, 1);
}

static void
test_ict_acknowledges_failure (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_INVITE);
    answer (f, 486);
    g_assert_cmpuint (f->sent->len, ==, 2);
    SipScan invite, ack;
    sip_scan (&invite, f->sent->pdata[0], strlen (f->sent->pdata[0]), false);
    g_assert_cmpint (sip_scan (&ack, f->sent->pdata[1], strlen (f->sent->pdata[1]), false), ==,
                     SIP_SCAN_GOOD);
    /* RFC 3261 17.1.1.3. */
    g_assert_cmpint (ack.method, ==, SIP_METHOD_ACK);
    g_assert_true (sip_view_equal (ack.request_uri, invite.request_uri));
    g_assert_true (sip_view_equal (ack.via.branch, invite.via.branch));
    g_assert_cmpuint (ack.n_vias, ==, 1);
    g_assert_true (sip_view_is (ack.to_tag, "2"));
    g_assert_cmpuint (ack.cseq_number, ==, 7);
    g_assert_true (sip_view_is (sip_scan_header (&ack, SIP_HEADER_ROUTE), "<sip:r;lr>"));
    answer (f, 486);
    g_assert_cmpuint (f->sent->len, ==, 3);
    g_assert_true (sent_is (f, 2, "ACK "));
    assert_told (f, "486 ");
    td_lanes_advance (31999);
    g_assert_nonnull (f->transaction);
    td_lanes_advance (2);
    assert_told (f, "486 ended ");
}

static void
test_ict_accepted_passes_every_2xx (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_INVITE);
    answer (f, 200);
    answer (f, 180);
    answer (f, 200);
    answer (f, 486);
    assert_told (f, "200 200 ");
    td_lanes_advance (31999);
    answer (f, 200);
    td_lanes_advance (2);
    assert_told (f, "200 200 200 ended ");
    g_assert_cmpuint (f->sent->len, ==, 1);
}

static void
test_ict_broken (Fixture *f, const void *unused)
{
    f->is_broken = true;
    start_client (f, SIP_METHOD_INVITE);
    assert_told (f, "");
    td_lanes_advance (1);
    assert_told (f, "broken ended ");
}

static void
test_ict_reliable (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_INVITE);
    td_lanes_advance (31000);
    g_assert_cmpuint (f->sent->len, ==, 1);
    answer (f, 404);
    td_lanes_advance (2);
    assert_told (f, "404 ended ");
}

/* --- CANCEL ------------------------------------------------------------------------------ */

static void
test_cancel_waits_for_provisional (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_INVITE);
    sip_client_cancel (f->transaction, "");
    g_assert_cmpuint (f->sent->len, ==, 1);
    answer (f, 100);
    g_assert_true (sent_is (f, 1, "CANCEL sip:b@b.example"));
    answer_method (f, 200, "CANCEL");
    answer (f, 487);
    assert_told (f, "100 487 ");
    g_assert_true (sent_is (f, 2, "ACK "));
}

static void
test_cancel_unanswered_ends_invite (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_INVITE);
    answer (f, 180);
    sip_client_cancel (f->transaction, "");
    sip_client_cancel (f->transaction, "");
    answer_method (f, 200, "CANCEL");
    g_assert_cmpuint (f->sent->len, ==, 2);
    td_lanes_advance (32001);
    assert_told (f, "180 timeout ended ");
}

static void
test_cancel_finds_invite (Fixture *f, const void *unused)
{
    SipScan cancel;
    const char *right = REQUEST ("CANCEL", "z9hG4bKx");
    const char *wrong = REQUEST ("CANCEL", "z9hG4bKy");

    start_server (f, INVITE);
    g_assert_cmpint (receive (f, right), ==, SIP_RECEIVED_NEW);
    sip_scan (&cancel, right, strlen (right), false);
    g_assert_true (sip_server_find_invite (&f->stack, &cancel) == f->transaction);
    sip_scan (&cancel, wrong, strlen (wrong), false);
    g_assert_null (sip_server_find_invite (&f->stack, &cancel));
}

/* --- Other clients ----------------------------------------------------------------------- */

static void
test_nict_retransmits_and_times_out (Fixture *f, const void *unused)
{
    /* Timer E: 500, 1000, 2000, then every 4000 ms (RFC 3261 17.1.2.2). */
    start_client (f, SIP_METHOD_OPTIONS);
    td_lanes_advance (3501);
    g_assert_cmpuint (f->sent->len, ==, 4);
    td_lanes_advance (4000);
    g_assert_cmpuint (f->sent->len, ==, 5);
    td_lanes_advance (24500);
    assert_told (f, "timeout ended ");
    g_assert_cmpuint (f->sent->len, ==, 11);
}

static void
test_nict_proceeding_keeps_timer_f (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_OPTIONS);
    td_lanes_advance (10000);
    answer (f, 100);
    guint n_sent = f->sent->len;
    td_lanes_advance (12000);
    g_assert_cmpuint (f->sent->len - n_sent, ==, 3);
    td_lanes_advance (10001);
    assert_told (f, "100 timeout ended ");
}

static void
test_nict_completed (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_OPTIONS);
    answer (f, 404);
    answer (f, 404);
    td_lanes_advance (4999);
    assert_told (f, "404 ");
    td_lanes_advance (2);
    assert_told (f, "404 ended ");
    g_assert_cmpuint (f->sent->len, ==, 1);
}

/* --- INVITE server ----------------------------------------------------------------------- */

static void
test_ist_repeats_provisional (Fixture *f, const void *unused)
{
    start_server (f, INVITE);
    respond (f, 100);
    respond (f, 180);
    g_assert_cmpint (receive (f, INVITE), ==, SIP_RECEIVED_HANDLED);
    g_assert_cmpuint (f->sent->len, ==, 3);
    g_assert_true (sent_is (f, 2, "SIP/2.0 180"));
}

static void
test_ist_retransmits_failure (Fixture *f, const void *unused)
{
    /* Timer G: 500, 1000, 2000, then every 4000 ms; timer H: 32 s (RFC 3261 17.2.1). */
    start_server (f, INVITE);
    respond (f, 486);
    td_lanes_advance (501);
    g_assert_cmpuint (f->sent->len, ==, 2);
    td_lanes_advance (3000);
    g_assert_cmpuint (f->sent->len, ==, 4);
    td_lanes_advance (28500);
    assert_told (f, "timeout ended ");
    g_assert_cmpuint (f->sent->len, ==, 11);
}

static void
test_ist_confirmed (Fixture *f, const void *unused)
{
    start_server (f, INVITE);
    respond (f, 486);
    g_assert_cmpint (receive (f, ACK), ==, SIP_RECEIVED_HANDLED);
    g_assert_cmpint (receive (f, ACK), ==, SIP_RECEIVED_HANDLED);
    td_lanes_advance (4999);
    g_assert_cmpuint (f->sent->len, ==, 1);
    g_assert_nonnull (f->transaction);
    td_lanes_advance (2);
    assert_told (f, "ended ");
}

static void
test_ist_accepted (Fixture *f, const void *unused)
{
    start_server (f, INVITE);
    respond (f, 200);
    g_assert_cmpint (receive (f, INVITE), ==, SIP_RECEIVED_HANDLED);
    g_assert_cmpuint (f->sent->len, ==, 1);
    g_assert_cmpint (receive (f, ACK), ==, SIP_RECEIVED_ACK);
    respond (f, 200);
    g_assert_cmpuint (f->sent->len, ==, 2);
    td_lanes_advance (31999);
    g_assert_nonnull (f->transaction);
    td_lanes_advance (2);
    assert_told (f, "ended ");
}

static void
test_ist_broken_stays (Fixture *f, const void *unused)
{
    start_server (f, INVITE);
    f->is_broken = true;
    respond (f, 180);
    assert_told (f, "broken ");
    f->is_broken = false;
    g_assert_cmpint (receive (f, INVITE), ==, SIP_RECEIVED_HANDLED);
    g_assert_cmpuint (f->sent->len, ==, 1);
}

/* --- Other servers ----------------------------------------------------------------------- */

static void
test_nist (Fixture *f, const void *unused)
{
    const char *options = REQUEST ("OPTIONS", "z9hG4bKx");

    start_server (f, options);
    g_assert_cmpint (receive (f, options), ==, SIP_RECEIVED_HANDLED);
    g_assert_cmpuint (f->sent->len, ==, 0);
    respond (f, 200);
    g_assert_cmpint (receive (f, options), ==, SIP_RECEIVED_HANDLED);
    g_assert_cmpuint (f->sent->len, ==, 2);
    td_lanes_advance (31999);
    g_assert_nonnull (f->transaction);
    td_lanes_advance (2);
    assert_told (f, "ended ");
    g_assert_cmpint (receive (f, options), ==, SIP_RECEIVED_NEW);
}

static void
test_nist_reliable (Fixture *f, const void *unused)
{
    start_server (f, REQUEST ("OPTIONS", "z9hG4bKx"));
    respond (f, 200);
    td_lanes_advance (2);
    assert_told (f, "ended ");
}

/* --- Matching ---------------------------------------------------------------------------- */

static void
test_match_sent_by_and_method (Fixture *f, const void *unused)
{
    start_server (f, INVITE);
    g_assert_cmpint (
        receive (f, "INVITE sip:b@b.example SIP/2.0\r\n"
                    "Via: SIP/2.0/UDP A.EXAMPLE;branch=z9hG4bKx\r\n"
                    "From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\n" TAIL ("INVITE")),
        ==, SIP_RECEIVED_HANDLED);
    g_assert_cmpint (
        receive (f, "INVITE sip:b@b.example SIP/2.0\r\n"
                    "Via: SIP/2.0/UDP other.example;branch=z9hG4bKx\r\n"
                    "From: <sip:a@a.example>;tag=9\r\nTo: <sip:b@b.example>\r\n" TAIL ("INVITE")),
        ==, SIP_RECEIVED_NEW);
    g_assert_cmpint (receive (f, REQUEST ("INFO", "z9hG4bKx")), ==, SIP_RECEIVED_NEW);
}

static void
test_merged (Fixture *f, const void *unused)
{
    start_server (f, INVITE);
    g_assert_cmpint (receive (f, REQUEST ("INVITE", "z9hG4bKother")), ==, SIP_RECEIVED_MERGED);
    /* RFC 3261 8.2.2.2 speaks of requests outside a dialog. */
    g_assert_cmpint (
        receive (f, HEAD ("INVITE", "z9hG4bKother") "To: <sip:b@b>;tag=3\r\n" TAIL ("INVITE")), ==,
        SIP_RECEIVED_NEW);
}

static void
test_old_branch (Fixture *f, const void *unused)
{
    const char *invite = REQUEST ("INVITE", "1");

    start_server (f, invite);
    g_assert_cmpint (receive (f, invite), ==, SIP_RECEIVED_HANDLED);
    respond (f, 404);
    g_assert_cmpint (receive (f, HEAD ("ACK", "1") "To: <sip:b@b.example>;tag=2\r\n" TAIL ("ACK")),
                     ==, SIP_RECEIVED_HANDLED);
    td_lanes_advance (5001);
    assert_told (f, "ended ");
}

static void
test_stray_response (Fixture *f, const void *unused)
{
    receive (f, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKt000123456789abcdef\r\n"
                "From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\n" TAIL ("BYE"));
    g_assert_cmpuint (f->stack.n_stray, ==, 1);
}

static void
test_orphan_hears_nothing (Fixture *f, const void *unused)
{
    start_client (f, SIP_METHOD_INVITE);
    SipTransaction *transaction = f->transaction;
    sip_transaction_orphan (transaction);
    answer (f, 180);
    answer (f, 404);
    td_lanes_advance (40000);
    assert_told (f, "");
    g_assert_cmpuint (f->stack.clients.n_links, ==, 0);
}

static void
test_tags (Fixture *f, const void *unused)
{
    char one[SIP_TAG_SIZE], two[SIP_TAG_SIZE], branch[SIP_BRANCH_SIZE];
    unsigned lane = 99;

    f->stack.lane = 200;
    sip_stack_make_tag (&f->stack, one);
    sip_stack_make_tag (&f->stack, two);
    sip_stack_make_branch (&f->stack, branch);
    g_assert_cmpstr (one, !=, two);
    g_assert_true (sip_tag_lane (&f->stack, sip_view_of (one), &lane));
    g_assert_cmpuint (lane, ==, 200);
    lane = 0;
    g_assert_true (sip_branch_lane (&f->stack, sip_view_of (branch), &lane));
    g_assert_cmpuint (lane, ==, 200);
}

/* A message that brings a tag of ours is served before all others: so nobody but us may make one. */
static void
test_invented_tags_are_none_of_ours (Fixture *f, const void *unused)
{
    static const char *const invented[] = { "",
                                            "t",
                                            "t00123456789abcdeg",
                                            "t000123456789abcdef",
                                            "t000123456789abcdef01234567",
                                            "t000123456789abcdef00000000" };
    char tag[SIP_TAG_SIZE], branch[SIP_BRANCH_SIZE];
    unsigned lane = 99;

    for (size_t i = 0; i < G_N_ELEMENTS (invented); i++) {
        g_snprintf (branch, sizeof branch, "z9hG4bK%s", invented[i]);
        g_assert_false (sip_tag_lane (&f->stack, sip_view_of (invented[i]), &lane));
        g_assert_false (sip_branch_lane (&f->stack, sip_view_of (branch), &lane));
    }
    sip_stack_make_tag (&f->stack, tag);
    for (size_t i = 0; tag[i] != '\0'; i++) { /* of one that was overheard nothing can be changed */
        char kept = tag[i];
        tag[i] = kept == '1' ? '2' : '1';
        g_assert_false (sip_tag_lane (&f->stack, sip_view_of (tag), &lane));
        tag[i] = kept;
    }
    g_assert_cmpuint (lane, ==, 99);
}

/* While the module is upgraded, the newer build sorts what belongs to calls of the older one. */
static void
test_builds_of_a_process_know_each_others_tags (Fixture *f, const void *unused)
{
    char tag[SIP_TAG_SIZE];
    unsigned lane = 99;
    SipStack newer;

    sip_stack_init (&newer, NULL, 0, &sip_timers_default, 54321);
    sip_stack_make_tag (&f->stack, tag);
    g_assert_true (sip_tag_lane (&newer, sip_view_of (tag), &lane));
    g_assert_cmpuint (lane, ==, 0);
    sip_stack_clear (&newer);
}

/* One round of a hash that only stirs, and back: with K, and with what K times is 1. */
static uint64_t
stir (uint64_t hash, uint64_t factor)
{
    hash = (hash ^ hash >> 32) * factor;
    return hash ^ hash >> 32;
}

/* A caller learns a tag of ours with each answer. RFC 3261 19.3: it must not be enough to invent that
 * of somebody else's call. Of a hash that can be undone the first tag told all. */
static void
test_a_tag_does_not_tell_the_next (Fixture *f, const void *unused)
{
    uint64_t factor = UINT64_C (0xd6e8feb86659fd93), inverse = factor, known;
    char one[SIP_TAG_SIZE], two[SIP_TAG_SIZE], guess[SIP_TAG_SIZE];

    for (unsigned i = 0; i < 6; i++) {
        inverse *= 2 - factor * inverse;
    }
    sip_stack_make_tag (&f->stack, one);
    sip_stack_make_tag (&f->stack, two);
    g_autofree char *digits = g_strndup (one + 3, 16);
    g_assert_true (g_ascii_string_to_unsigned (digits, 16, 0, UINT64_MAX, &known, NULL));
    uint64_t secret =
        stir (known, inverse) - stir (UINT64_C (8) * UINT64_C (0x9e3779b97f4a7c15), factor);
    uint64_t count = secret + 1;
    g_snprintf (guess, sizeof guess, "t00%016" G_GINT64_MODIFIER "x",
                sip_view_hash ((SipView){ (const char *) &count, sizeof count }, secret));
    g_assert_false (g_str_has_prefix (two, guess));
}

/* Every event that a state lists leaves the machine in a state that it lists, and none crashes. */
static void
throw_all (Fixture *f, bool is_server, const char *method, unsigned n_steps, unsigned event)
{
    static const char *const steps[] = { "180", "200", "486" };
    SipScan response;

    f->transaction = NULL;
    g_string_truncate (f->told, 0);
    if (is_server) {
        g_autofree char *text = g_strdup_printf (
            "%s sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKz%u%u\r\nFrom: <sip:a@a>\r\n"
            "To: <sip:b@b>\r\nCall-ID: c%u%u\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
            method, n_steps, event, n_steps, event, method);
        start_server (f, text);
    } else {
        start_client (f, sip_method_id (sip_view_of (method)));
    }
    if (n_steps > 0) {
        unsigned status = (unsigned) atoi (steps[n_steps - 1]);
        if (is_server) {
            respond (f, status);
        } else {
            g_ptr_array_remove_range (f->sent, 0, f->sent->len - 1);
            answer (f, status);
        }
    }
    sip_scan (&response, INVITE, strlen (INVITE), false);
    response.status = 486;
    struct {
        unsigned status;
        const char *bytes;
        size_t len_bytes;
    } sent = { 486, "x", 1 };
    if (f->transaction != NULL && td_fsm_admits (&f->transaction->fsm, event)) {
        g_assert_true (td_fsm_dispatch (&f->transaction->fsm, event,
                                        is_server ? (void *) &sent : (void *) &response));
    }
    td_lanes_advance (100 * 1000);
}

static void
test_every_event_in_every_state (Fixture *f, const void *unused)
{
    static const char *const methods[] = { "INVITE", "OPTIONS" };

    for (unsigned m = 0; m < 2; m++) {
        for (unsigned n_steps = 0; n_steps <= 3; n_steps++) {
            for (unsigned event = 0; event < SIP_N_INVITE_SERVER_EVENTS; event++) {
                throw_all (f, false, methods[m], n_steps, event);
                throw_all (f, true, methods[m], n_steps, event);
            }
        }
    }
}

#define ADD(path, function, transport)                                                             \
    g_test_add ("/sip/transaction/" path, Fixture, transport, set_up, function, tear_down)
#define UDP NULL
#define TCP "tcp"

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("ict/retransmits-and-times-out", test_ict_retransmits_and_times_out, UDP);
    ADD ("ict/provisional-stops-retransmission", test_ict_provisional_stops_retransmission, UDP);
    ADD ("ict/acknowledges-failure", test_ict_acknowledges_failure, UDP);
    ADD ("ict/accepted-passes-every-2xx", test_ict_accepted_passes_every_2xx, UDP);
    ADD ("ict/broken", test_ict_broken, UDP);
    ADD ("ict/reliable", test_ict_reliable, TCP);
    ADD ("cancel/waits-for-provisional", test_cancel_waits_for_provisional, UDP);
    ADD ("cancel/unanswered-ends-invite", test_cancel_unanswered_ends_invite, UDP);
    ADD ("cancel/finds-invite", test_cancel_finds_invite, UDP);
    ADD ("nict/retransmits-and-times-out", test_nict_retransmits_and_times_out, UDP);
    ADD ("nict/proceeding-keeps-timer-f", test_nict_proceeding_keeps_timer_f, UDP);
    ADD ("nict/completed", test_nict_completed, UDP);
    ADD ("ist/repeats-provisional", test_ist_repeats_provisional, UDP);
    ADD ("ist/retransmits-failure", test_ist_retransmits_failure, UDP);
    ADD ("ist/confirmed", test_ist_confirmed, UDP);
    ADD ("ist/accepted", test_ist_accepted, UDP);
    ADD ("ist/broken-stays", test_ist_broken_stays, UDP);
    ADD ("nist/answers-again", test_nist, UDP);
    ADD ("nist/reliable", test_nist_reliable, TCP);
    ADD ("match/sent-by-and-method", test_match_sent_by_and_method, UDP);
    ADD ("match/merged", test_merged, UDP);
    ADD ("match/old-branch", test_old_branch, UDP);
    ADD ("match/stray-response", test_stray_response, UDP);
    ADD ("orphan-hears-nothing", test_orphan_hears_nothing, UDP);
    ADD ("tags", test_tags, UDP);
    ADD ("PRI-073/invented-tags-are-none-of-ours", test_invented_tags_are_none_of_ours, UDP);
    ADD ("PRI-073/builds-of-a-process-know-each-others-tags",
         test_builds_of_a_process_know_each_others_tags, UDP);
    ADD ("a-tag-does-not-tell-the-next", test_a_tag_does_not_tell_the_next, UDP);
    ADD ("every-event-in-every-state", test_every_event_in_every_state, UDP);
    return g_test_run ();
}
