/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found out about peers and told to whoever keeps trunk groups: whether they are there, asked with
 * OPTIONS (ROU-006), and what they say of their load (ROU-008, RFC 7339). */

#include "common/sip-peers.h"

#include <string.h>
#include <tandem/command.h>

#define EAR "ear = optional\n[call]\nmedia = through\n"

static const SipPeersOptions probed = { .b_keys = "probe = 10 s\n", .more = EAR };

static const SipPeersOptions heard = { .more = EAR };

/* --- What the test does ------------------------------------------------------------------ */

static void
take_reply (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    bool *ret_is_answered = data;

    g_assert_cmpstr (error_text, ==, NULL);
    *ret_is_answered = is_last;
}

/* Gives the command of WORDS, which may be answered later. */
static void
begin_command (const char *const *words, bool *ret_is_answered)
{
    TdRequest *request = td_command_run (NULL, words, "test", true, take_reply, ret_is_answered);

    td_engine_settle ();
    td_request_unref (request);
}

/* What the ear was told since it was asked last (transfer full). */
static char *
ask_ear (void)
{
    g_autofree char *json = td_fixture_ask ("ear told");
    size_t length = strlen (json);

    g_assert_true (length >= 2 && json[0] == '"');
    json[length - 1] = '\0';
    return g_strcompress (json + 1);
}

#define assert_told(expected)                                                                      \
    do {                                                                                           \
        g_autofree char *told = ask_ear ();                                                        \
        g_assert_cmpstr (told, ==, (expected));                                                    \
    } while (0)

/* Lets time pass until something is told. Returns how much it was, to a tenth of a second. */
static unsigned
await_told (Flow *flow, const char *expected)
{
    unsigned passed_ms = 0;
    g_autofree char *told = ask_ear ();

    while (*told == '\0') {
        g_assert_cmpuint (passed_ms, <, 100 * 1000);
        sip_advance (flow, 100);
        passed_ms += 100;
        g_free (told);
        told = ask_ear ();
    }
    g_assert_cmpstr (told, ==, expected);
    return passed_ms;
}

/* Lets up to MS pass, until PEER is asked. Returns how much it was, to a tenth of a second. */
static unsigned
await_probe (Flow *flow, Peer *peer, unsigned ms)
{
    unsigned passed_ms = 0;

    for (; sip_peer_receive (peer) == NULL; passed_ms += 100) {
        g_assert_cmpuint (passed_ms, <, ms);
        sip_advance (flow, 100);
    }
    g_assert_true (g_str_has_prefix (peer->last, "OPTIONS sip:"));
    return passed_ms;
}

/* B is asked N times, and answers STATUS. */
static void
answer_probes (Flow *flow, unsigned n, unsigned status)
{
    while (n-- > 0) {
        await_probe (flow, &flow->b, 10100);
        ANSWER (&flow->b, status, NULL);
    }
}

static void
rewrite (Flow *flow, const char *before, const char *after)
{
    g_autofree char *text = NULL;

    g_assert_true (g_file_get_contents (flow->fixture->config_file, &text, NULL, NULL));
    g_autoptr (GString) config = g_string_new (text);
    g_assert_cmpuint (g_string_replace (config, before, after, 0), ==, 1);
    g_assert_true (g_file_set_contents (flow->fixture->config_file, config->str, -1, NULL));
}

static bool
can_reload_with (Flow *flow, const char *before, const char *after)
{
    rewrite (flow, before, after);
    bool is_done = td_engine_reload (NULL, NULL);
    td_engine_settle ();
    return is_done;
}

static void
reload_with (Flow *flow, const char *before, const char *after)
{
    g_assert_true (can_reload_with (flow, before, after));
}

/* --- What is asked ----------------------------------------------------------------------- */

static void
test_request (Flow *flow, gconstpointer data)
{
    await_probe (flow, &flow->b, 10100);
    g_autofree char *contact = sip_field (flow->b.last, "Contact");
    g_autofree char *own = g_strdup_printf ("<sip:127.0.0.1:%u>", flow->port);
    g_assert_cmpstr (contact, ==, own);
    g_assert_true (sip_has (&flow->b, "\r\nAccept: application/sdp\r\n"));
    g_assert_true (sip_has (&flow->b, "\r\nCSeq: 1 OPTIONS\r\n"));
    expect_nothing (&flow->c);
}

static void
test_interval (Flow *flow, gconstpointer data)
{
    await_probe (flow, &flow->b, 10100);
    ANSWER (&flow->b, 200, NULL);
    unsigned passed_ms = await_probe (flow, &flow->b, 10100);
    g_assert_cmpuint (passed_ms, >=, 9900);
}

static void
test_too_often (Flow *flow, gconstpointer data)
{
    g_assert_false (can_reload_with (flow, "probe = 10 s", "probe = 999 ms"));
    answer_probes (flow, 1, 200); /* as before */
}

/* --- What the answers mean --------------------------------------------------------------- */

static void
test_answer_means_up (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 200);
    assert_told ("b of b: up, 200 to OPTIONS\n");
    answer_probes (flow, 1, 200);
    assert_told (""); /* nothing has changed */
}

/* Whoever refuses is there. */
static void
test_refusal_means_up (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 404);
    assert_told ("b of b: up, 404 to OPTIONS\n");
}

static void
test_provisional_means_nothing (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 100);
    assert_told ("");
}

static void
test_503_means_down (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 503);
    assert_told (""); /* once is not enough */
    answer_probes (flow, 1, 503);
    assert_told ("b of b: down, 503 to OPTIONS\n");
}

static void
test_failures_in_a_row (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 503);
    answer_probes (flow, 1, 200);
    assert_told ("b of b: up, 200 to OPTIONS\n");
    answer_probes (flow, 1, 503);
    assert_told ("");
}

static const SipPeersOptions strict = { .b_keys = "probe = 10 s\nprobe-failures = 1\n",
                                        .more = EAR };

static void
test_one_answer_makes_up_again (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 503);
    assert_told ("b of b: down, 503 to OPTIONS\n");
    answer_probes (flow, 1, 200);
    assert_told ("b of b: up, 200 to OPTIONS\n");
}

/* RFC 3261 17.1.2.2: 64*T1, twice. */
static void
test_silence_means_down (Flow *flow, gconstpointer data)
{
    await_probe (flow, &flow->b, 10100);
    unsigned passed_ms = await_told (flow, "b of b: down, no response to OPTIONS\n");
    g_assert_cmpuint (passed_ms, >=, 63900);
    g_assert_cmpuint (passed_ms, <=, 64200);
    sip_drain (&flow->b, "OPTIONS ");
    answer_probes (flow, 1, 200);
    assert_told ("b of b: up, 200 to OPTIONS\n");
}

/* Nobody listens there (tcpmux is long gone). */
static const SipPeersOptions no_listener = {
    .more = EAR "[trunk dead]\naddress = sip:127.0.0.1:1;transport=tcp\nprobe = 1 s\n"
};

static void
test_transport_error_means_down (Flow *flow, gconstpointer data)
{
    await_told (flow, "dead of dead: down, OPTIONS cannot be sent\n");
}

/* --- Whom it is about -------------------------------------------------------------------- */

static void
test_members (Flow *flow, gconstpointer data)
{
    g_autofree char *pair = g_strdup_printf ("[trunk pair]\nprobe = 10 s\n"
                                             "[member east]\ntrunk = pair\naddress = "
                                             "sip:127.0.0.1:%u\n"
                                             "[member west]\ntrunk = pair\naddress = "
                                             "sip:127.0.0.1:%u\n[route all]\n",
                                             flow->b.port, flow->c.port);

    reload_with (flow, "[route all]\n", pair);
    await_probe (flow, &flow->b, 10100);
    ANSWER (&flow->b, 200, NULL);
    assert_told ("east of pair: up, 200 to OPTIONS\n");
    sip_drain (&flow->c, "OPTIONS ");
    await_probe (flow, &flow->c, 10100);
    ANSWER (&flow->c, 200, NULL);
    assert_told ("west of pair: up, 200 to OPTIONS\n");
}

static const SipPeersOptions by_name = { .b_host = "localhost",
                                         .b_keys = "probe = 10 s\n",
                                         .more = EAR };

static void
test_name (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 200);
    assert_told ("b of b: up, 200 to OPTIONS\n");
}

/* --- What changes meanwhile -------------------------------------------------------------- */

/* One failure before, one behind. */
static void
test_reload_keeps_probes (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 503);
    reload_with (flow, "[trunk c]\n", "[trunk c]\nusername = we\n");
    answer_probes (flow, 1, 503);
    assert_told ("b of b: down, 503 to OPTIONS\n");
    reload_with (flow, "username = we\n", "");
    answer_probes (flow, 1, 503);
    assert_told ("");
}

static void
test_reload_ends_probes (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 2, 503);
    assert_told ("b of b: down, 503 to OPTIONS\n");
    reload_with (flow, "probe = 10 s\n", "");
    assert_told ("b of b: up, no longer probed\n");
    sip_advance (flow, 30 * 1000);
    expect_nothing (&flow->b);
}

/* Whoever was down stays so for nobody's sake when the module begins anew and asks no more. */
static void
test_restart_without_probes (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 2, 503);
    assert_told ("b of b: down, 503 to OPTIONS\n");
    rewrite (flow, "probe = 10 s\n", "");
    g_free (td_fixture_ask ("module unload sip"));
    g_free (td_fixture_ask ("module load sip"));
    g_autofree char *told = ask_ear ();
    g_assert_nonnull (strstr (told, "b of b: up, not probed\n"));
}

static void
test_peer_goes_while_it_is_asked (Flow *flow, gconstpointer data)
{
    await_probe (flow, &flow->b, 10100);
    reload_with (flow, "probe = 10 s\n", "");
    ANSWER (&flow->b, 200, NULL);
    assert_told ("");
}

static void
test_provider_that_comes_is_told (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 1, 200);
    assert_told ("b of b: up, 200 to OPTIONS\n");
    g_free (td_fixture_ask ("module stop ear"));
    g_free (td_fixture_ask ("module load ear"));
    assert_told ("b of b: up, 200 to OPTIONS\n");
}

static const SipPeersOptions alone = { .b_keys = "probe = 10 s\n" };

static void
test_without_provider (Flow *flow, gconstpointer data)
{
    answer_probes (flow, 3, 503);
    answer_probes (flow, 1, 200);
}

/* A call goes on, and nobody is asked any more; it is the call alone that is waited for. */
static void
test_stop_ends_probes (Flow *flow, gconstpointer data)
{
    bool is_answered = false;

    sip_set_up_call (flow);
    await_probe (flow, &flow->b, 10100);
    ANSWER (&flow->b, 200, NULL);
    begin_command (TD_LIST ("module", "stop", "sip"), &is_answered);
    sip_advance (flow, 20 * 1000);
    expect_nothing (&flow->b);
    g_assert_false (is_answered);
    sip_hang_up (flow);
    td_engine_advance (1000);
    g_assert_true (is_answered);
}

/* From now on the new build asks, and it alone. */
static void
test_upgrade_hands_probes_over (Flow *flow, gconstpointer data)
{
    bool is_answered = false;

    sip_set_up_call (flow);
    await_probe (flow, &flow->b, 10100);
    ANSWER (&flow->b, 200, NULL);
    assert_told ("b of b: up, 200 to OPTIONS\n");
    begin_command (TD_LIST ("module", "upgrade", "sip"), &is_answered);
    answer_probes (flow, 1, 200);
    assert_told ("c of c: up, not probed\nb of b: up, 200 to OPTIONS\n");
    g_assert_cmpuint (await_probe (flow, &flow->b, 10100), >=, 9900);
    ANSWER (&flow->b, 200, NULL);
    sip_hang_up (flow);
    td_engine_advance (1000);
    g_assert_true (is_answered);
}

/* --- What they say of their load --------------------------------------------------------- */

/* A calls B, which refuses and says LOAD. */
static void
refuse_with_load (Flow *flow, const char *load)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autoptr (GString) request = g_string_new (flow->b.last);
    g_assert_cmpuint (g_string_replace (request, ";oc;oc-algo=\"loss\"", load, 0), ==, 1);
    sip_answer_to (flow, &flow->b, request->str, 486, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 486 ");
    sip_acknowledge (flow, &flow->a);
    flow->n_calls++;
}

static void
test_load_is_told (Flow *flow, gconstpointer data)
{
    refuse_with_load (flow, ";oc=40;oc-algo=\"loss\";oc-validity=2000;oc-seq=1.0");
    assert_told ("b: level 2 for 2000 ms\n");
    refuse_with_load (flow, ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=1.1");
    assert_told ("b: level 0 for 0 ms\n");
}

static void
test_overloaded_peer_is_passed_by (Flow *flow, gconstpointer data)
{
    refuse_with_load (flow, ";oc=100;oc-algo=\"loss\";oc-validity=2000;oc-seq=1.0");
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->c, "INVITE ");
    expect_nothing (&flow->b);
    ANSWER (&flow->c, 486, NULL);
    expect (&flow->c, "ACK ");
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 486 ");
    sip_acknowledge (flow, &flow->a);
    flow->n_calls++;
    sip_advance (flow, 2000);
    refuse_with_load (flow, "");
}

/* Who knows no branch of ours has no say. */
static void
test_load_of_nobody (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autoptr (GString) request = g_string_new (flow->b.last);
    g_string_replace (request, ";oc;", ";oc=100;", 0);
    g_string_replace (request, "z9hG4bKt0", "z9hG4bKt0f", 0);
    sip_answer_to (flow, &flow->b, request->str, 100, NULL, "", NULL);
    assert_told ("");
    ANSWER (&flow->b, 486, NULL);
    expect (&flow->b, "ACK ");
}

#define ADD(path, function, data)                                                                  \
    g_test_add ("/flow/sip-peer-state/" path, Flow, data, sip_peers_set_up, function,              \
                sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("request", test_request, &probed);
    ADD ("interval", test_interval, &probed);
    ADD ("too-often", test_too_often, &probed);
    ADD ("answer-means-up", test_answer_means_up, &probed);
    ADD ("refusal-means-up", test_refusal_means_up, &probed);
    ADD ("provisional-means-nothing", test_provisional_means_nothing, &probed);
    ADD ("503-means-down", test_503_means_down, &probed);
    ADD ("failures-in-a-row", test_failures_in_a_row, &probed);
    ADD ("one-answer-makes-up-again", test_one_answer_makes_up_again, &strict);
    ADD ("silence-means-down", test_silence_means_down, &probed);
    ADD ("transport-error-means-down", test_transport_error_means_down, &no_listener);
    ADD ("members", test_members, &heard);
    ADD ("name", test_name, &by_name);
    ADD ("reload-keeps-probes", test_reload_keeps_probes, &probed);
    ADD ("reload-ends-probes", test_reload_ends_probes, &probed);
    ADD ("restart-without-probes", test_restart_without_probes, &probed);
    ADD ("peer-goes-while-it-is-asked", test_peer_goes_while_it_is_asked, &probed);
    ADD ("provider-that-comes-is-told", test_provider_that_comes_is_told, &probed);
    ADD ("without-provider", test_without_provider, &alone);
    ADD ("stop-ends-probes", test_stop_ends_probes, &probed);
    ADD ("upgrade-hands-probes-over", test_upgrade_hands_probes_over, &probed);
    ADD ("load-is-told", test_load_is_told, &heard);
    ADD ("overloaded-peer-is-passed-by", test_overloaded_peer_is_passed_by, &heard);
    ADD ("load-of-nobody", test_load_of_nobody, &heard);
    return g_test_run ();
}
