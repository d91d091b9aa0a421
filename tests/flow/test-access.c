/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The application of the module access: a caller types a personal number and a destination. The media provider
 * is the test's own, so that it knows what is played, types digits, and says when something has ended. */

#include "common/fake-endpoint.h"
#include "common/fake-media.h"

#include <crypt.h>
#include <string.h>

#define SDP(label)                                                                                 \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=" label "\r\n"

#define PIN   "482915736028"
#define SPENT "111122223333" /* it was good until the year before */

#define CONFIG                                                                                     \
    "[modules]\n%saccess = required\npriority = required\n"                                        \
    "[access]\nnumbers = 7106274387, +18005550100\npins = %s/pins.table\nlock-after = 6\n"         \
    "first-prompt = first\nagain-prompt = again\ndestination-prompt = destination\n"               \
    "barred-prompt = barred\nrefused-prompt = refused\nbusy-prompt = busy\n%s"                     \
    "[access-profile gets]\nmark = ets.0\ndestinations = 1703, 703, 4\n"                           \
    "[access-profile cellular]\nmark = wps.2\n"                                                    \
    "[trunk radio]\naddress = fake:r\naccess-subscription = cellular\n"                            \
    "[trunk plain]\naddress = fake:p\n"                                                            \
    "[trunk west]\naddress = fake:w\n[trunk east]\naddress = fake:e\n"

/* In place of keys of [access]: another module looks the numbers up. */
#define ASKED "pins = required\n"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    char *folder;
    FakeMedia *media;
    char *ended;  /* what was told of the call */
    char *routed; /* ... and whom it was routed to last */
    unsigned n_callers;
} Flow;

/* --- The world --------------------------------------------------------------------------- */

static void
hear (const TdFact *fact, void *data)
{
    Flow *flow = data;
    const TdCallFact *body = fact->body;

    if (g_str_equal (td_topic_name (fact->topic), "call.routed")) {
        g_free (flow->routed);
        flow->routed = g_strdup_printf ("%s %u %s %s", body->called, body->priority_class,
                                        body->classified_by, body->classified_stage);
        return;
    }
    g_free (flow->ended);
    flow->ended = g_strdup_printf ("%u %s %s%s account %s", body->cause, body->called,
                                   body->answered_us != 0 ? "answered" : "unanswered",
                                   body->connected_us != 0 ? " connected" : "",
                                   body->account != NULL ? body->account : "-");
}

static char *
write_pins (const char *folder)
{
    struct crypt_data data = { 0 };
    g_autofree char *path = g_build_filename (folder, "pins.table", NULL);
    g_autofree char *one = g_strdup (crypt_rn (PIN, "$y$j75$tEsTtEsTtEsTtEsT", &data, sizeof data));
    g_autofree char *two =
        g_strdup (crypt_rn (SPENT, "$y$j75$tEsTtEsTtEsTtEsT", &data, sizeof data));
    g_autofree char *text =
        g_strdup_printf ("ncs-1 gets never %s\nncs-2 gets 2001-01-31 %s\n", one, two);

    g_assert_true (g_file_set_contents (path, text, -1, NULL));
    return g_strdup (path);
}

static void
set_up (Flow *flow, gconstpointer more)
{
    g_autoptr (GError) error = NULL;

    flow->folder = g_dir_make_tmp ("tandem-access-XXXXXX", &error);
    g_assert_no_error (error);
    g_free (write_pins (flow->folder));
    bool is_asked = g_strcmp0 (more, ASKED) == 0;
    g_autofree char *config =
        g_strdup_printf (CONFIG, is_asked ? ASKED : "", flow->folder,
                         more != NULL && !is_asked ? (const char *) more : "");
    flow->fixture = td_fixture_new (config);
    g_assert_cmpstr (flow->fixture->problems->str, ==, "");
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup ("b1");
    flow->endpoint->is_through = false;
    flow->endpoint->is_quick = true;
    flow->media = fake_media_new (flow->fixture);
    td_bus_subscribe (NULL, TD_LIST ("call.routed", "call.ended"), hear, flow);
}

static void
tear_down (Flow *flow, gconstpointer more)
{
    g_autofree char *path = g_build_filename (flow->folder, "pins.table", NULL);

    td_engine_settle ();
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "a"));
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
    remove (path);
    remove (flow->folder);
    fake_media_free (flow->media);
    g_free (flow->folder);
    g_free (flow->ended);
    g_free (flow->routed);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))
#define ENDED(expected)        g_assert_cmpstr (flow->ended, ==, (expected))
#define ROUTED(expected)       g_assert_cmpstr (flow->routed, ==, (expected))
#define PLAYED(expected)       fake_assert_played (flow->media, (expected))

#define SILENCE "silence 3600 s;"

static void
call (Flow *flow, const char *number)
{
    fake_call (flow->endpoint, flow->fixture, number, SDP ("a"));
}

/* Waits for the worker that looks a number up, too. */
static void
type (Flow *flow, const char *digits)
{
    fake_media_type (flow->media, 0, digits);
}

/* A good number, and as far as the destination. */
static void
get_in (Flow *flow)
{
    call (flow, "7106274387");
    LOG ("a:answer<a> ");
    type (flow, PIN);
    PLAYED ("first;" SILENCE "destination;");
}

/* --- What is asked ----------------------------------------------------------------------- */

static void
test_good_number (Flow *flow, gconstpointer more)
{
    get_in (flow);
    type (flow, "7035550100#");
    ROUTED ("7035550100 11 pin late");
    LOG ("b1:originate<a> ");
    SAY ("b1", FAKE_RING, NULL);
    PLAYED (SILENCE "tone/ringback;");
    SAY ("b1", FAKE_ANSWER, SDP ("b"));
    LOG ("");
    SAY ("a", FAKE_RELEASE, "16");
    ENDED ("16 7035550100 answered connected account ncs-1");
}

static void
test_silence_completes_a_destination (Flow *flow, gconstpointer more)
{
    get_in (flow);
    type (flow, "7035550100");
    td_engine_advance (4998);
    LOG ("");
    td_engine_advance (4);
    LOG ("b1:originate<a> ");
    SAY ("a", FAKE_RELEASE, "16");
    ENDED ("16 7035550100 answered account ncs-1");
}

static void
test_digit_stops_the_prompt (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    PLAYED ("first;");
    type (flow, "4");
    PLAYED (SILENCE);
    type (flow, "8");
    PLAYED ("");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_star_starts_over (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    type (flow, "4829*" PIN);
    PLAYED ("first;" SILENCE "first;" SILENCE "destination;");
    type (flow, "999*7035550100#");
    ROUTED ("7035550100 11 pin late");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_short_number (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    type (flow, "48291573602#");
    PLAYED ("first;" SILENCE "again;");
    SAY ("a", FAKE_RELEASE, "16");
    ENDED ("16 7106274387 answered account -");
}

static void
test_three_tries (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    type (flow, "482915736029");
    type (flow, "482915736029");
    PLAYED ("first;" SILENCE "again;" SILENCE "again;");
    type (flow, "482915736029");
    PLAYED (SILENCE "refused;");
    type (flow, PIN); /* too late */
    LOG ("a:answer<a> ");
    fake_media_end_sound (flow->media);
    LOG ("a:release(21) ");
    ENDED ("21 7106274387 answered account -");
}

static void
test_second_try_is_good (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    type (flow, "482915736029" PIN);
    type (flow, PIN);
    PLAYED ("first;" SILENCE "again;" SILENCE "destination;");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_nothing_is_typed (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    td_engine_advance (90001);
    PLAYED ("first;refused;");
    fake_media_end_sound (flow->media);
    LOG ("a:answer<a> a:release(18) ");
}

static void
test_a_last_prompt_that_does_not_end (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    td_engine_advance (90001);
    td_engine_advance (30001);
    LOG ("a:answer<a> a:release(18) ");
}

static void
test_digits_beside_the_media (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    for (const char *digit = PIN; *digit != '\0'; digit++) {
        SAY ("a", FAKE_DIGIT, ((char[]){ *digit, '\0' }));
    }
    PLAYED ("first;" SILENCE "destination;");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_before_an_answer (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    LOG ("a:progress<a> ");
    type (flow, PIN);
    type (flow, "7035550100#");
    LOG ("b1:originate<a> ");
    SAY ("b1", FAKE_RING, NULL);
    SAY ("b1", FAKE_ANSWER, SDP ("b"));
    LOG ("a:ring a:answer<b> ");
    SAY ("a", FAKE_RELEASE, "16");
    ENDED ("16 7035550100 answered account ncs-1");
}

/* In one turn of the lane: the worker has not answered yet. */
static void
type_and_hang_up (void *data)
{
    const Flow *flow = data;
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);
    TdChannel *channel =
        td_channel_find (*(TdId *) g_hash_table_lookup (flow->endpoint->legs, "a"));

    for (const char *digit = PIN; *digit != '\0'; digit++) {
        td_channel_digit (channel, *digit, 100);
    }
    td_channel_released (channel, &cause);
}

static void
test_caller_hangs_up_while_it_is_looked_up (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    td_fixture_on (flow->fixture, 0, type_and_hang_up, flow);
    ENDED ("16 7106274387 answered account -");
}

static void
test_expired (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    type (flow, SPENT);
    PLAYED ("first;" SILENCE "again;");
    g_autofree char *locks = td_fixture_ask ("access locks");
    g_assert_nonnull (strstr (locks, "\"account ncs-2\""));
    SAY ("a", FAKE_RELEASE, "16");
}

/* --- Destinations ------------------------------------------------------------------------ */

static void
refuse_destination (Flow *flow, const char *number)
{
    get_in (flow);
    type (flow, number);
    type (flow, "#");
    PLAYED (SILENCE "barred;");
    LOG ("");
    type (flow, "7035550100#");
    ROUTED ("7035550100 11 pin late");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_toll_free (Flow *flow, gconstpointer more)
{
    refuse_destination (flow, "18005550199");
}

static void
test_short_code (Flow *flow, gconstpointer more)
{
    refuse_destination (flow, "411");
}

static void
test_destination_of_others (Flow *flow, gconstpointer more)
{
    refuse_destination (flow, "2125550100");
}

static void
test_three_destinations (Flow *flow, gconstpointer more)
{
    get_in (flow);
    type (flow, "411#");
    type (flow, "411#");
    type (flow, "411#");
    PLAYED (SILENCE "barred;" SILENCE "barred;" SILENCE "refused;");
    fake_media_end_sound (flow->media);
    LOG ("a:release(21) ");
}

/* He was answered, and so he stays; what is left to him is sound, and the end. */
static void
test_destination_is_busy (Flow *flow, gconstpointer more)
{
    get_in (flow);
    type (flow, "7035550100#");
    SAY ("b1", FAKE_RELEASE, "17");
    LOG ("b1:originate<a> a:release(17) ");
    ENDED ("17 7035550100 answered account ncs-1");
}

/* PRI-043: the call, its class and its account are who has typed the number's, wherever it is redirected to; and that
 * is where he could have called himself. */
static void
test_destination_redirects (Flow *flow, gconstpointer more)
{
    get_in (flow);
    type (flow, "7035550100#");
    SAY ("b1", FAKE_REDIRECT, "2125550100 411 18005550199 +4930 4125550100");
    LOG ("b1:originate<a> b1:originate<a> ");
    g_assert_true (g_str_has_suffix (flow->routed, " pin late"));
    SAY ("b1", FAKE_RELEASE, "17");
    LOG ("a:release(17) ");
    ENDED ("17 4125550100 answered account ncs-1");
}

static void
test_destination_redirects_to_others (Flow *flow, gconstpointer more)
{
    get_in (flow);
    type (flow, "7035550100#");
    SAY ("b1", FAKE_REDIRECT, "2125550100");
    LOG ("b1:originate<a> a:release(21) ");
}

static void
test_ringing_ends_with_early_media (Flow *flow, gconstpointer more)
{
    get_in (flow);
    type (flow, "7035550100#");
    SAY ("b1", FAKE_RING, NULL);
    SAY ("b1", FAKE_PROGRESS, SDP ("early"));
    SAY ("b1", FAKE_ANSWER, SDP ("b"));
    LOG ("b1:originate<a> ");
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "answered");
    SAY ("b1", FAKE_RELEASE, "16");
    LOG ("a:release(16) ");
}

static void
test_reoffer_while_it_rings_is_glare (Flow *flow, gconstpointer more)
{
    get_in (flow);
    type (flow, "7035550100#");
    SAY ("b1", FAKE_RING, NULL);
    SAY ("a", FAKE_OFFER, SDP ("again"));
    LOG ("b1:originate<a> a:refuse(0) ");
    SAY ("b1", FAKE_ANSWER, SDP ("b"));
    SAY ("a", FAKE_OFFER, SDP ("hold"));
    LOG ("b1:offer<hold> ");
    SAY ("b1", FAKE_OFFER_ANSWERED, SDP ("held"));
    LOG ("a:accept<held> ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_caller_offers_anew_while_he_is_asked (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    SAY ("a", FAKE_OFFER, SDP ("moved"));
    LOG ("a:answer<a> a:accept<moved> ");
    type (flow, PIN);
    type (flow, "7035550100#");
    LOG ("b1:originate<moved> ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
bar_transfer (void *data)
{
    Flow *flow = data;
    TdId *id = g_hash_table_lookup (flow->endpoint->legs, "a");
    const TdAttribute *no_transfer =
        td_attribute_declare (NULL, TD_ATTRIBUTE_NO_TRANSFER, TD_ATTRIBUTE_NUMBER, 0, "", NULL);

    td_attributes_set_number (td_call_attributes (td_channel_call (td_channel_find (*id))),
                              no_transfer, 1);
}

/* Another module has said so: there is nothing else here for the caller. */
static void
test_call_that_stays (Flow *flow, gconstpointer more)
{
    get_in (flow);
    td_fixture_on (flow->fixture, 0, bar_transfer, flow);
    type (flow, "7035550100#");
    LOG ("a:release(29) ");
    ENDED ("29 7106274387 answered account ncs-1");
}

/* --- Locks ------------------------------------------------------------------------------- */

static void
fail_twice (Flow *flow)
{
    call (flow, "7106274387");
    type (flow, "482915736029");
    type (flow, "482915736029");
    type (flow, "482915736029");
    fake_media_end_sound (flow->media);
    td_engine_settle ();
}

static void
test_locked_out (Flow *flow, gconstpointer more)
{
    fail_twice (flow);
    fail_twice (flow);
    LOG ("a:answer<a> a:release(21) a:answer<a> a:release(21) ");
    call (flow, "7106274387");
    LOG ("a:release(21) ");
    g_autofree char *locks = td_fixture_ask ("access locks");
    g_assert_nonnull (strstr (locks, "\"locked\":true"));
    td_engine_advance (60001);
    call (flow, "7106274387");
    LOG ("a:answer<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
fail_as (Flow *flow, const char *source, const char *number)
{
    flow->endpoint->source = source;
    flow->endpoint->number = number;
    fail_twice (flow);
}

/* SOURCE is let in, or not, whatever number he shows. */
static void
assert_in (Flow *flow, const char *source, bool is_in)
{
    g_string_truncate (flow->endpoint->log, 0);
    flow->endpoint->source = source;
    flow->endpoint->number = "5550199";
    call (flow, "7106274387");
    LOG (is_in ? "a:answer<a> " : "a:release(21) ");
    if (is_in) {
        SAY ("a", FAKE_RELEASE, "16");
    }
}

/* Each call shows another number, which anybody can. */
static void
test_number_that_changes (Flow *flow, gconstpointer more)
{
    fail_as (flow, "address 198.51.100.9", "5550101");
    fail_as (flow, "address ::ffff:198.51.100.9", "5550102"); /* the same, by another socket */
    assert_in (flow, "address 198.51.100.9", false);
    assert_in (flow, "address 198.51.100.10", true);
    assert_in (flow, "user anna", true);
    g_autofree char *locks = td_fixture_ask ("access locks");
    g_assert_nonnull (strstr (locks, "\"address 198.51.100.9\""));
}

/* An address of IPv6 costs its owner nothing. */
static void
test_address_that_changes (Flow *flow, gconstpointer more)
{
    fail_as (flow, "address 2001:db8:1:2::1", "5550101");
    fail_as (flow, "address 2001:db8:1:2:ffff::7%lo", "5550102");
    assert_in (flow, "address 2001:db8:1:2:a:b:c:d", false);
    assert_in (flow, "address 2001:db8:1:3::1", true);
    g_autofree char *locks = td_fixture_ask ("access locks");
    g_assert_nonnull (strstr (locks, "\"address 2001:db8:1:2::/64\""));
}

/* Who comes by a trunk is one of many, as it says. */
static void
test_callers_of_a_trunk (Flow *flow, gconstpointer more)
{
    flow->endpoint->trunk = "plain";
    fail_as (flow, "address 198.51.100.9", "5550199");
    fail_as (flow, "address 198.51.100.10", "5550199");
    assert_in (flow, "address 198.51.100.9", false);
    flow->endpoint->number = "5550101";
    g_string_truncate (flow->endpoint->log, 0);
    call (flow, "7106274387");
    LOG ("a:answer<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

/* --- Trunks that are to blame ------------------------------------------------------------ */

#define BOUND "trunk-failures = 3\nalarm-failures = 3\nalarm-window = 30 s\n"

#define RAISED "alarm=\\\"access-failures\\\",trunk=\\\"plain\\\""

/* Those of switches before this one, which had it when they stopped, count as well. */
static int64_t
n_raised (void)
{
    g_autofree char *json = td_fixture_ask ("metric");
    const char *at = strstr (json, RAISED), *value = at != NULL ? strstr (at, "\"value\":") : NULL;

    return value != NULL ? g_ascii_strtoll (value + strlen ("\"value\":"), NULL, 10) : 0;
}

/* A caller by TRUNK types DIGITS. Each is another one, as far as he says. */
static void
try_by (Flow *flow, const char *trunk, const char *digits)
{
    g_autofree char *number = g_strdup_printf ("55502%02u", flow->n_callers++);

    flow->endpoint->trunk = trunk;
    flow->endpoint->number = number;
    call (flow, "7106274387");
    type (flow, digits);
}

static void
hang_up (Flow *flow)
{
    SAY ("a", FAKE_RELEASE, "16");
    g_string_truncate (flow->endpoint->log, 0);
}

static void
spend (Flow *flow)
{
    for (unsigned i = 0; i < 3; i++) {
        try_by (flow, "plain", "482915736029");
        PLAYED ("first;" SILENCE "again;");
        hang_up (flow);
    }
}

static void
wait_for_turn (Flow *flow)
{
    td_engine_advance (9990);
    PLAYED ("");
    td_engine_advance (12);
    td_engine_settle ();
}

/* A number shown each time is no way round: the trunk's callers are slow together, whatever they type. */
static void
test_trunk_above_its_bound (Flow *flow, gconstpointer more)
{
    spend (flow);
    try_by (flow, "plain", "482915736029");
    PLAYED ("first;" SILENCE);
    wait_for_turn (flow);
    PLAYED ("again;");
    hang_up (flow);
    try_by (flow, "plain", PIN);
    PLAYED ("first;" SILENCE);
    wait_for_turn (flow);
    PLAYED ("destination;");
    hang_up (flow);
}

/* It is not locked: others are not slow, and whoever waits too long is told so, and has not failed. */
static void
test_line_of_a_trunk (Flow *flow, gconstpointer more)
{
    spend (flow);
    try_by (flow, "radio", PIN);
    PLAYED ("first;" SILENCE "destination;");
    hang_up (flow);
    try_by (flow, "plain", PIN);
    PLAYED ("first;" SILENCE);
    flow->endpoint->caller = "c";
    try_by (flow, "plain", PIN);
    PLAYED ("first;" SILENCE "busy;");
    fake_media_end_sound (flow->media);
    flow->endpoint->caller = "a";
    hang_up (flow); /* his place is the next one's */
    try_by (flow, "plain", PIN);
    PLAYED ("first;" SILENCE);
    td_engine_advance (5);
    type (flow, "1"); /* nobody listens */
    td_engine_advance (9990);
    PLAYED ("");
    td_engine_advance (10);
    td_engine_settle ();
    PLAYED ("destination;");
    hang_up (flow);
}

static void
test_good_numbers_are_no_failures (Flow *flow, gconstpointer more)
{
    int64_t n_before = n_raised ();

    for (unsigned i = 0; i < 8; i++) {
        try_by (flow, "plain", PIN);
        PLAYED ("first;" SILENCE "destination;");
        hang_up (flow);
    }
    td_engine_advance (1100);
    g_assert_cmpint (n_raised (), ==, n_before);
}

/* PRI-102 */
static void
test_alarm (Flow *flow, gconstpointer more)
{
    int64_t n_before = n_raised ();

    try_by (flow, "plain", "48#"); /* no guess */
    hang_up (flow);
    PLAYED ("first;" SILENCE "again;");
    try_by (flow, "radio", "482915736029");
    hang_up (flow);
    PLAYED ("first;" SILENCE "again;");
    td_engine_advance (1100);
    g_assert_cmpint (n_raised (), ==, n_before);
    spend (flow);
    td_engine_advance (1100);
    g_assert_cmpint (n_raised (), ==, n_before + 1);
    td_engine_advance (35000);
    g_assert_cmpint (n_raised (), ==, n_before);
}

/* An account that is locked out: its number is no good just now, which says nothing of the number. */
static void
test_locked_account (Flow *flow, gconstpointer more)
{
    for (unsigned i = 0; i < 6; i++) {
        try_by (flow, "plain", "835791357913"); /* it has expired */
        PLAYED ("first;" SILENCE "again;");
        hang_up (flow);
    }
    try_by (flow, "plain", "235791357913"); /* it is good */
    PLAYED ("first;" SILENCE "again;");
    hang_up (flow);
}

/* What CHANNEL types goes where it is asked for numbers. */
static void
type_into (TdId id, const char *digits)
{
    TdChannel *channel = td_channel_find (id);

    for (; *digits != '\0' && channel != NULL; digits++) {
        td_channel_digit (channel, *digits, 100);
    }
}

/* A second call of the same caller, while the first one is asked. */
static void
type_wrong_in_both (void *data)
{
    const TdId *ids = data;

    for (unsigned i = 0; i < 2; i++) {
        type_into (ids[i], "482915736029");
    }
}

static void
type_good_in_first (void *data)
{
    type_into (*(const TdId *) data, PIN);
}

/* However many calls he makes at once: those that are asked already when he is locked out get no further,
 * whatever they type. */
static void
test_locked_out_in_all_calls (Flow *flow, gconstpointer more)
{
    TdId ids[2];

    for (unsigned i = 0; i < 2; i++) {
        call (flow, "7106274387");
        ids[i] = *(TdId *) g_hash_table_lookup (flow->endpoint->legs, "a");
    }
    for (unsigned i = 0; i < 3; i++) { /* the sixth locks him out */
        td_fixture_on (flow->fixture, 0, type_wrong_in_both, ids);
        td_engine_settle ();
    }
    td_fixture_on (flow->fixture, 0, type_good_in_first, ids);
    td_engine_settle ();
    g_assert_null (strstr (flow->media->played->str, "destination;"));
    td_engine_advance (30001); /* what is heard at the end does not end by itself here */
    LOG ("a:answer<a> a:answer<a> a:release(21) a:release(21) ");
}

/* --- Another module knows the numbers ---------------------------------------------------- */

static void
test_module_says_good (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    LOG ("a:answer<a> ");
    type (flow, PIN); /* good in the table, which nobody asks */
    type (flow, "135791357913");
    PLAYED ("first;" SILENCE "again;" SILENCE "destination;");
    type (flow, "4155550100#");
    PLAYED (SILENCE "barred;");
    type (flow, "7035550100#");
    g_assert_true (g_str_has_suffix (flow->routed, " pin late"));
    SAY ("a", FAKE_RELEASE, "16");
    ENDED ("16 7035550100 answered account far-1");
}

static void
test_module_is_silent (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    type (flow, "035791357913");
    PLAYED ("first;" SILENCE "busy;");
    g_autofree char *locks = td_fixture_ask ("access locks");
    g_assert_null (strstr (locks, "caller"));
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_module_says_expired (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    type (flow, "835791357913");
    PLAYED ("first;" SILENCE "again;");
    g_autofree char *locks = td_fixture_ask ("access locks");
    g_assert_nonnull (strstr (locks, "\"account far-2\""));
    SAY ("a", FAKE_RELEASE, "16");
}

static void
type_135791357913_and_hang_up (void *data)
{
    const Flow *flow = data;
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);
    TdChannel *channel =
        td_channel_find (*(TdId *) g_hash_table_lookup (flow->endpoint->legs, "a"));

    for (const char *digit = "135791357913"; *digit != '\0'; digit++) {
        td_channel_digit (channel, *digit, 100);
    }
    td_channel_released (channel, &cause);
}

static void
test_module_is_told_of_the_end (Flow *flow, gconstpointer more)
{
    call (flow, "7106274387");
    td_fixture_on (flow->fixture, 0, type_135791357913_and_hang_up, flow);
    td_engine_settle ();
    ENDED ("16 7106274387 answered account -");
}

/* --- Codes and numbers ------------------------------------------------------------------- */

static void
test_subscription (Flow *flow, gconstpointer more)
{
    flow->endpoint->trunk = "radio";
    call (flow, "*2727035550100");
    ROUTED ("7035550100 9 access late");
    LOG ("b1:originate<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_no_subscription (Flow *flow, gconstpointer more)
{
    flow->endpoint->trunk = "plain";
    call (flow, "*2727035550100");
    LOG ("a:release(50) ");
}

static void
test_subscription_and_number (Flow *flow, gconstpointer more)
{
    flow->endpoint->trunk = "radio";
    call (flow, "*2727106274387");
    ROUTED ("7106274387 9 access late");
    LOG ("a:answer<a> ");
    type (flow, PIN);
    type (flow, "7035550100#");
    ROUTED ("7035550100 11 pin late");
    SAY ("a", FAKE_RELEASE, "16");
    ENDED ("16 7035550100 answered account ncs-1");
}

#define CARRIERS "carriers = 0288:west, 0222:east\ncarrier-alternates = west, east, plain\n"

static void
call_by_carrier (Flow *flow, const char *number)
{
    call (flow, number);
    LOG ("a:answer<a> ");
    type (flow, PIN);
    type (flow, "7035550100#");
}

static void
test_dialled_carrier_is_first (Flow *flow, gconstpointer more)
{
    call_by_carrier (flow, "10102227106274387");
    LOG ("e:originate<a> ");
    SAY ("e", FAKE_RELEASE, "34");
    LOG ("w:originate<a> ");
    SAY ("w", FAKE_RELEASE, "34");
    LOG ("p:originate<a> ");
    SAY ("a", FAKE_RELEASE, "16");
    ENDED ("16 7035550100 answered account ncs-1");
}

static void
test_unknown_carrier (Flow *flow, gconstpointer more)
{
    call_by_carrier (flow, "10109997106274387");
    LOG ("w:originate<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_no_carrier (Flow *flow, gconstpointer more)
{
    call_by_carrier (flow, "7106274387");
    LOG ("b1:originate<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

/* A code before any other number is nothing that is known here. */
static void
test_carrier_of_another_number (Flow *flow, gconstpointer more)
{
    call (flow, "10102887035550100");
    LOG ("b1:originate<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_code_and_carrier (Flow *flow, gconstpointer more)
{
    flow->endpoint->trunk = "radio";
    call_by_carrier (flow, "*27210102227106274387");
    LOG ("e:originate<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_another_number (Flow *flow, gconstpointer more)
{
    call (flow, "7035550100");
    LOG ("b1:originate<a> ");
    ROUTED ("7035550100 4 default ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_toll_free_access (Flow *flow, gconstpointer more)
{
    call (flow, "+18005550100");
    LOG ("a:answer<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(name, more, test) g_test_add ("/access/" name, Flow, more, set_up, test, tear_down)
    ADD ("PRI-044/good-number", NULL, test_good_number);
    ADD ("PRI-044/toll-free-access", NULL, test_toll_free_access);
    ADD ("another-number", NULL, test_another_number);
    ADD ("PRI-045/dialled-carrier", CARRIERS, test_dialled_carrier_is_first);
    ADD ("PRI-045/unknown-carrier", CARRIERS, test_unknown_carrier);
    ADD ("PRI-045/no-carrier", CARRIERS, test_no_carrier);
    ADD ("PRI-045/code-and-carrier", CARRIERS, test_code_and_carrier);
    ADD ("carrier-of-another-number", CARRIERS, test_carrier_of_another_number);
    ADD ("PRI-046/silence-completes", NULL, test_silence_completes_a_destination);
    ADD ("PRI-046/barge-in", NULL, test_digit_stops_the_prompt);
    ADD ("PRI-046/star", NULL, test_star_starts_over);
    ADD ("PRI-046/short-number", NULL, test_short_number);
    ADD ("PRI-046/three-tries", NULL, test_three_tries);
    ADD ("PRI-046/second-try", NULL, test_second_try_is_good);
    ADD ("PRI-046/total-time", NULL, test_nothing_is_typed);
    ADD ("PRI-046/prompt-without-end", NULL, test_a_last_prompt_that_does_not_end);
    ADD ("PRI-046/digits-beside-media", NULL, test_digits_beside_the_media);
    ADD ("PRI-046/early", "early = yes\n", test_before_an_answer);
    ADD ("PRI-046/hangs-up", NULL, test_caller_hangs_up_while_it_is_looked_up);
    ADD ("PRI-046/busy", NULL, test_destination_is_busy);
    ADD ("PRI-043/redirected", NULL, test_destination_redirects);
    ADD ("PRI-043/redirected-to-others", NULL, test_destination_redirects_to_others);
    ADD ("PRI-046/early-media", NULL, test_ringing_ends_with_early_media);
    ADD ("PRI-046/glare", NULL, test_reoffer_while_it_rings_is_glare);
    ADD ("PRI-046/offers-anew", NULL, test_caller_offers_anew_while_he_is_asked);
    ADD ("stays", NULL, test_call_that_stays);
    ADD ("PRI-047/toll-free", NULL, test_toll_free);
    ADD ("PRI-047/short-code", NULL, test_short_code);
    ADD ("PRI-047/three-destinations", NULL, test_three_destinations);
    ADD ("PRI-048/locked-out", NULL, test_locked_out);
    ADD ("PRI-048/locked-out-in-all-calls", "tries = 10\n", test_locked_out_in_all_calls);
    ADD ("PRI-048/number-that-changes", NULL, test_number_that_changes);
    ADD ("PRI-048/address-that-changes", NULL, test_address_that_changes);
    ADD ("PRI-048/callers-of-a-trunk", NULL, test_callers_of_a_trunk);
    ADD ("PRI-048/trunk-above-its-bound", BOUND, test_trunk_above_its_bound);
    ADD ("PRI-048/line-of-a-trunk", BOUND, test_line_of_a_trunk);
    ADD ("PRI-048/good-numbers", BOUND, test_good_numbers_are_no_failures);
    ADD ("PRI-048/locked-account", ASKED, test_locked_account);
    ADD ("PRI-102/alarm", BOUND, test_alarm);
    ADD ("PRI-048/module-says-good", ASKED, test_module_says_good);
    ADD ("PRI-048/module-is-silent", ASKED, test_module_is_silent);
    ADD ("PRI-048/module-says-expired", ASKED, test_module_says_expired);
    ADD ("PRI-048/module-is-told-of-the-end", ASKED, test_module_is_told_of_the_end);
    ADD ("PRI-050/destinations", NULL, test_destination_of_others);
    ADD ("PRI-050/expired", NULL, test_expired);
    ADD ("PRI-051/subscription", NULL, test_subscription);
    ADD ("PRI-051/no-subscription", NULL, test_no_subscription);
    ADD ("PRI-110/both", NULL, test_subscription_and_number);
    return g_test_run ();
}
