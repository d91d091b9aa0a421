/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who registered is called where he is, whatever happens to the switch in between. */

#include "common/fake-endpoint.h"

#include <glib/gstdio.h>
#include <string.h>
#include <tandem/command.h>

static const char users[] = "[user alice]\npassword = secret\nnumbers = 1001, +49 30 555\n"
                            "[user bob]\npassword = word\n";

typedef struct {
    TdFixture *switch_;
    FakeEndpoint *endpoint;
    char *folder, *database; /* outlives the switch */
    GString *placed;         /* targets of legs that were placed */
    GString *facts;
} Fixture;

static Fixture *present; /* the driver's verbs know no other way to it */

/* --- An endpoint that only writes down where it was sent --------------------------------- */

static void
originate (TdChannel *channel)
{
    g_string_append_printf (present->placed, "%s ", td_channel_target (channel));
}

static void
answer (TdChannel *channel, TdDescription *description)
{
}

static void
release (TdChannel *channel, const TdCause *cause)
{
    td_channel_released (channel, cause);
}

static const TdChannelDriver sip = { .size = sizeof (TdChannelDriver),
                                     .name = "sip",
                                     .originate = originate,
                                     .answer = answer,
                                     .release = release };

static void
hear (const TdFact *fact, void *data)
{
    g_autoptr (GString) json = g_string_new (NULL);

    td_fact_to_json (fact, json);
    const char *contact = strstr (json->str, "\"contact\":\"");
    g_assert_nonnull (contact);
    contact += strlen ("\"contact\":\"");
    g_string_append_printf (present->facts, "%s %.*s\n", td_topic_name (fact->topic),
                            (int) strcspn (contact, "\""), contact);
}

static void
begin (Fixture *fixture, const char *settings, const char *more)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *config =
        g_strdup_printf ("[call]\nmedia = through\n[modules]\nregistrar = optional\nprobe = "
                         "optional\n[registrar]\ndatabase = %s\n%s%s",
                         fixture->database, settings, more);

    present = fixture;
    fixture->switch_ = td_fixture_new (config);
    fixture->endpoint = fake_endpoint_new (fixture->switch_);
    td_channel_driver_register (NULL, &sip, &error);
    g_assert_no_error (error);
    td_bus_subscribe (NULL, TD_LIST ("registration.*"), hear, NULL);
}

static void
end (Fixture *fixture)
{
    td_fixture_free (fixture->switch_);
    fake_endpoint_free (fixture->endpoint);
}

static void
restart (Fixture *fixture, const char *settings, const char *more)
{
    end (fixture);
    begin (fixture, settings, more);
}

static void
set_up (Fixture *fixture, const void *data)
{
    fixture->folder = g_dir_make_tmp ("registrar-XXXXXX", NULL);
    fixture->database = g_build_filename (fixture->folder, "contacts.db", NULL);
    fixture->placed = g_string_new (NULL);
    fixture->facts = g_string_new (NULL);
    begin (fixture, data != NULL ? data : "", users);
    g_assert_cmpstr (fixture->switch_->problems->str, ==, "");
}

static void
tear_down (Fixture *fixture, const void *data)
{
    static const char *const ends[] = { "", "-wal", "-shm", ".away" };

    end (fixture);
    for (unsigned i = 0; i < G_N_ELEMENTS (ends); i++) {
        g_autofree char *path = g_strconcat (fixture->database, ends[i], NULL);
        g_remove (path);
    }
    g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
    g_free (fixture->folder);
    g_free (fixture->database);
    g_string_free (fixture->placed, true);
    g_string_free (fixture->facts, true);
}

/* --- What the test does ------------------------------------------------------------------ */

static void
take_reply (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    char **ret_text = data;

    g_free (*ret_text);
    *ret_text = error_text != NULL ? g_strconcat ("error: ", error_text, NULL)
                : piece == NULL    ? g_strdup ("")
                : g_variant_is_of_type (piece, G_VARIANT_TYPE_STRING)
                    ? g_variant_dup_string (piece, NULL)
                    : td_result_to_json (piece);
}

static char *
run (const char *const *words)
{
    char *text = NULL;
    TdRequest *request = td_command_run (NULL, words, "test", true, take_reply, &text);

    td_engine_settle ();
    for (unsigned i = 0; text == NULL && i < 100; i++) {
        td_engine_advance (100); /* what waits for a module to stop looks again and again */
    }
    g_assert_nonnull (text);
    td_request_unref (request);
    return text;
}

#define assert_reply(expected, ...)                                                                \
    do {                                                                                           \
        g_autofree char *reply = run (TD_LIST (__VA_ARGS__));                                      \
        g_assert_cmpstr (reply, ==, (expected));                                                   \
    } while (0)

#define assert_says(expected, ...)                                                                 \
    do {                                                                                           \
        g_autofree char *reply = run (TD_LIST (__VA_ARGS__));                                      \
        g_assert_nonnull (strstr (reply, (expected)));                                             \
    } while (0)

#define assert_facts(fixture, expected)                                                            \
    do {                                                                                           \
        g_assert_cmpstr ((fixture)->facts->str, ==, (expected));                                   \
        g_string_truncate ((fixture)->facts, 0);                                                   \
    } while (0)

#define assert_placed(fixture, expected)                                                           \
    do {                                                                                           \
        g_assert_cmpstr ((fixture)->placed->str, ==, (expected));                                  \
        g_string_truncate ((fixture)->placed, 0);                                                  \
    } while (0)

typedef struct {
    const char *user, *host;
} Called;

static void
call_user (void *data)
{
    const Called *called = data;
    TdChannel *channel = td_channel_new (NULL, "fake", g_strdup ("a"));

    g_assert_true (td_party_from_number (td_channel_calling (channel), "5550100"));
    g_assert_true (td_party_from_user (td_channel_called (channel), called->user, called->host));
    td_channel_called (channel)->is_complete = true;
    td_channel_offer_call (channel, NULL);
}

static void
call (Fixture *fixture, const char *user, const char *host)
{
    td_fixture_on (fixture->switch_, 0, call_user, &(Called){ user, host });
}

#define A "sip:alice@10.0.0.1:5070"
#define B "sip:alice@10.0.0.2"

/* --- Registering ------------------------------------------------------------------------- */

static void
test_adds_refreshes_removes (Fixture *fixture, const void *data)
{
    assert_reply ("done " A ";q=1000;expires=3600", "probe", "update", "alice@x", "c", "1", A);
    assert_facts (fixture, "registration.added " A "\n");
    assert_reply ("done " A ";q=500;expires=60", "probe", "update", "alice@x", "c", "2",
                  A " 500 60");
    assert_facts (fixture, "registration.refreshed " A "\n");
    assert_reply ("done", "probe", "update", "alice@x", "c", "3", A " 500 0");
    assert_facts (fixture, "registration.removed " A "\n");
    assert_reply ("none", "probe", "lookup", "alice@x");
}

static void
test_expires_in_time (Fixture *fixture, const void *data)
{
    assert_reply ("done " A ";q=1000;expires=60", "probe", "update", "alice@x", "c", "1",
                  A " 1000 60");
    td_engine_advance (59999);
    assert_reply ("known " A ";q=1000;expires=0", "probe", "lookup", "alice@x");
    assert_facts (fixture, "registration.added " A "\n");
    td_engine_advance (2);
    assert_reply ("none", "probe", "lookup", "alice@x");
    assert_facts (fixture, "registration.expired " A "\n");
}

static void
test_time_is_limited (Fixture *fixture, const void *data)
{
    assert_reply ("done " A ";q=1000;expires=7200", "probe", "update", "alice@x", "c", "1",
                  A " 1000 999999");
}

static void
test_old_order_is_refused (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "5", A);
    assert_reply ("out-of-order " A ";q=1000;expires=3600", "probe", "update", "alice@x", "c", "5",
                  A " 1000 0");
    assert_says ("out-of-order", "probe", "update", "alice@x", "c", "4", "*");
    assert_reply ("done", "probe", "update", "alice@x", "other", "1", "*");
}

static void
test_too_many_is_refused_whole (Fixture *fixture, const void *data)
{
    assert_reply ("too-many", "probe", "update", "alice@x", "c", "1", A "," B ",sip:c@d");
    assert_says ("done", "probe", "update", "alice@x", "c", "1", A "," B);
    assert_facts (fixture, "registration.added " A "\nregistration.added " B "\n");
}

static void
test_stranger_has_no_contacts (Fixture *fixture, const void *data)
{
    assert_reply ("failed", "probe", "update", "mallory@x", "c", "1", A);
    assert_reply ("none", "probe", "lookup", "mallory@x");
}

/* --- Passwords, domains ------------------------------------------------------------------ */

static void
test_credentials (Fixture *fixture, const void *data)
{
    /* RFC 7616 3.9.1's way, with "alice:tandem:secret". */
    g_autofree char *md5 =
        g_compute_checksum_for_string (G_CHECKSUM_MD5, "alice:tandem:secret", -1);
    g_autofree char *sha256 =
        g_compute_checksum_for_string (G_CHECKSUM_SHA256, "alice:tandem:secret", -1);

    assert_reply (md5, "probe", "credentials", "alice", "tandem", "MD5");
    assert_reply (sha256, "probe", "credentials", "alice", "tandem", "SHA-256");
    assert_reply ("none", "probe", "credentials", "alice", "tandem", "SHA-512-256");
    assert_reply ("none", "probe", "credentials", "mallory", "tandem", "MD5");
}

static void
test_domains (Fixture *fixture, const void *data)
{
    assert_reply ("yes", "probe", "local", "example.org");
    assert_reply ("yes", "probe", "local", "192.0.2.1");
    assert_reply ("no", "probe", "local", "example.com");
    assert_says ("done", "probe", "update", "alice@example.org", "c", "1", A);
    assert_says ("known", "probe", "lookup", "alice@192.0.2.1");
    assert_reply ("none", "probe", "lookup", "alice@example.com");
}

/* --- Calls ------------------------------------------------------------------------------- */

static void
test_call_finds_contact (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "1",
                 A " 1000 3600 tcp:198.51.100.7:41022 17");
    call (fixture, "alice", "192.0.2.1");
    assert_placed (fixture, "<" A ">;received=tcp:198.51.100.7:41022;flow=17 ");
    call (fixture, "1001", "192.0.2.1");
    assert_placed (fixture, "<" A ">;received=tcp:198.51.100.7:41022;flow=17 ");
    call (fixture, "+4930555", "elsewhere.example");
    assert_placed (fixture, "<" A ">;received=tcp:198.51.100.7:41022;flow=17 ");
}

static void
test_equal_q_rings_together (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "1",
                 "sip:a@h 500, sip:b@h 1000, sip:c@h 1000, mailto:a@h 1000, sip:d@h 100");
    call (fixture, "alice", "");
    assert_placed (fixture, "<sip:b@h> <sip:c@h> ");
    /* Nobody answers: the next ones are tried. */
    td_engine_advance (400000);
    assert_placed (fixture, "<sip:a@h> <sip:d@h> ");
}

static void
hear_end (const TdFact *fact, void *data)
{
    const TdCallFact *body = fact->body;

    g_string_append_printf (data, "%u %s\n", body->cause, body->cause_text);
}

static void
test_absent_is_refused (Fixture *fixture, const void *data)
{
    g_autoptr (GString) ended = g_string_new (NULL);

    td_bus_subscribe (NULL, TD_LIST ("call.ended"), hear_end, ended);
    call (fixture, "bob", "x");
    g_assert_cmpstr (ended->str, ==, "20 User is not registered\n");
}

static void
test_unknown_is_left_to_others (Fixture *fixture, const void *data)
{
    fixture->endpoint->routes = g_strdup ("b1");
    call (fixture, "mallory", "x");
    fake_assert_log (fixture->endpoint, "b1:originate ");
}

static void
test_name_elsewhere_is_left_to_others (Fixture *fixture, const void *data)
{
    fixture->endpoint->routes = g_strdup ("b1");
    assert_says ("done", "probe", "update", "alice@example.org", "c", "1", A);
    call (fixture, "alice", "example.com");
    fake_assert_log (fixture->endpoint, "b1:originate ");
    call (fixture, "alice", "Example.org");
    assert_placed (fixture, "<" A "> ");
}

/* --- Survival ---------------------------------------------------------------------------- */

static void
test_contacts_survive (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "7", A " 300 600 udp:1.2.3.4:5 9");
    td_engine_advance (100000);
    restart (fixture, "", users);
    assert_says ("known " A ";q=300;expires=", "probe", "lookup", "alice@x");
    assert_says ("out-of-order", "probe", "update", "alice@x", "c", "7", A);
    call (fixture, "alice", "x");
    assert_placed (fixture, "<" A ">;received=udp:1.2.3.4:5 ");
}

static void
test_removed_stay_removed (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "1", A "," B);
    /* Another way to write the same contact replaces it on the disk, too. */
    assert_says ("done", "probe", "update", "alice@x", "c", "2", "sip:alice@10.0.0.2;x=y");
    assert_says ("done", "probe", "update", "alice@x", "c", "3", A " 1000 0");
    restart (fixture, "", users);
    assert_says ("known sip:alice@10.0.0.2;x=y;q=1000;expires=3", "probe", "lookup", "alice@x");
}

static void
test_leaver_is_forgotten (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "1", A);
    restart (fixture, "", "[user bob]\npassword = word\n");
    assert_reply ("none", "probe", "lookup", "alice@x");
}

static void
rewrite (Fixture *fixture, const char *more)
{
    g_autofree char *config =
        g_strdup_printf ("[call]\nmedia = through\n[modules]\nregistrar = optional\nprobe = "
                         "optional\n[registrar]\ndatabase = %s\n%s",
                         fixture->database, more);

    g_assert_true (g_file_set_contents (fixture->switch_->config_file, config, -1, NULL));
}

static void
test_reload (Fixture *fixture, const void *data)
{
    g_autofree char *md5 = g_compute_checksum_for_string (G_CHECKSUM_MD5, "bob:r:new", -1);

    assert_says ("done", "probe", "update", "alice@x", "c", "1", A);
    assert_says ("done", "probe", "update", "bob@x", "c", "1", B);
    g_string_truncate (fixture->facts, 0);
    rewrite (fixture, "[user bob]\npassword = new\n");
    g_assert_true (td_engine_reload (NULL, NULL));
    td_engine_settle ();
    assert_facts (fixture, "registration.removed " A "\n");
    assert_reply ("none", "probe", "lookup", "alice@x");
    assert_says ("known", "probe", "lookup", "bob@x");
    assert_reply (md5, "probe", "credentials", "bob", "r", "MD5");
}

static void
note_problem (const char *problem, void *data)
{
    g_string_append_printf (data, "%s\n", problem);
}

static void
test_bad_settings_are_refused (Fixture *fixture, const void *data)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        { "min-expiry = 30 min\ndefault-expiry = 10 min\n", "must not be below min-expiry" },
        { "[user a@b]\npassword = x\n", "the domain is left out" },
        { "[user a]\npassword = x\nnumbers = 12x\n", "numbers: 12x is no number: that is digits" },
        { "[user a]\npassword = x\nnumbers = 5\n[user b]\npassword = x\nnumbers = 5\n",
          "numbers: 5 is a number of [user a], too" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GString) problems = g_string_new (NULL);
        rewrite (fixture, rows[i].text);
        g_assert_false (td_engine_reload (note_problem, problems));
        g_assert_nonnull (strstr (problems->str, rows[i].reason));
    }
    assert_says ("", "probe", "credentials", "alice", "r", "MD5");
}

/* --- Commands ---------------------------------------------------------------------------- */

static void
test_operator_lists (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "bob@x", "c", "1", B);
    assert_says ("done", "probe", "update", "alice@x", "c", "1", A " 250 100 udp:1.2.3.4:5");
    assert_says ("\"contact\":\"" A "\"", "registration", "list");
    assert_says ("\"contact\":\"" B "\"", "registration", "list");
    g_autofree char *one = run (TD_LIST ("registration", "list", "--user", "alice"));
    g_assert_nonnull (strstr (one, "udp:1.2.3.4:5"));
    g_assert_null (strstr (one, "bob"));
    g_autofree char *all = run (TD_LIST ("user", "list"));
    g_assert_nonnull (strstr (all, "1001 +4930555"));
    g_assert_null (strstr (all, "secret"));
}

static void
test_operator_removes (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "1", A "," B);
    assert_says ("has no contact \"sip:c@d\"", "registration", "remove", "alice", "sip:c@d");
    assert_reply ("{\"removed\":1}", "registration", "remove", "alice", A);
    assert_reply ("{\"removed\":1}", "registration", "remove", "alice");
    assert_says ("has no contacts", "registration", "remove", "alice");
}

/* --- Life -------------------------------------------------------------------------------- */

static void
test_starts_again (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "1", A);
    for (unsigned i = 0; i < 3; i++) {
        assert_reply ("", "probe", "release");
        g_autofree char *stopped = run (TD_LIST ("module", "stop", "registrar"));
        g_assert_null (strstr (stopped, "error"));
        g_autofree char *loaded = run (TD_LIST ("module", "load", "registrar"));
        g_assert_null (strstr (loaded, "error"));
        assert_reply ("yes", "probe", "acquire");
        assert_says ("known " A, "probe", "lookup", "alice@x");
    }
}

/* The connections of phones outlive a build, though not a process. */
static void
test_upgrade (Fixture *fixture, const void *data)
{
    assert_says ("done", "probe", "update", "alice@x", "c", "1", A " 1000 600 tcp:1.2.3.4:5 17");
    assert_says ("done", "probe", "update", "bob@x", "c", "1", B);
    assert_reply ("", "probe", "release");
    assert_says ("2", "module", "upgrade", "registrar");
    assert_reply ("yes", "probe", "acquire");
    assert_reply ("known " A ";q=1000;expires=599;flow=17", "probe", "lookup", "alice@x");
    td_engine_advance (600000);
    assert_reply ("none", "probe", "lookup", "alice@x");
    assert_says ("known", "probe", "lookup", "bob@x");
}

static void
test_moved_database_is_filled_again (Fixture *fixture, const void *data)
{
    g_autofree char *away = g_strconcat (fixture->database, ".away", NULL);

    assert_says ("done", "probe", "update", "alice@x", "c", "1", A);
    g_assert_cmpint (g_rename (fixture->database, away), ==, 0);
    assert_says ("done", "probe", "update", "bob@x", "c", "1", B);
    restart (fixture, "", users);
    assert_says ("known " A, "probe", "lookup", "alice@x");
    assert_says ("known " B, "probe", "lookup", "bob@x");
}

static void
test_damaged_database_is_named (Fixture *fixture, const void *data)
{
    end (fixture);
    g_assert_true (
        g_file_set_contents (fixture->database, "this was a database once, not now", -1, NULL));
    begin (fixture, "", users);
    g_assert_nonnull (strstr (fixture->switch_->problems->str, "contacts.db: cannot "));
    g_assert_nonnull (strstr (fixture->switch_->problems->str, "move it away"));
}

int
main (int argc, char **argv)
{
    static const char two_contacts[] = "max-contacts = 2\n";
    static const char two_domains[] = "domains = Example.org, 192.0.2.1\n";

    g_test_init (&argc, &argv, NULL);
#define ADD(path, function, settings)                                                              \
    g_test_add ("/flow/registrar/" path, Fixture, settings, set_up, function, tear_down)
    ADD ("adds-refreshes-removes", test_adds_refreshes_removes, NULL);
    ADD ("expires-in-time", test_expires_in_time, NULL);
    ADD ("time-is-limited", test_time_is_limited, NULL);
    ADD ("old-order-is-refused", test_old_order_is_refused, NULL);
    ADD ("too-many-is-refused-whole", test_too_many_is_refused_whole, two_contacts);
    ADD ("stranger-has-no-contacts", test_stranger_has_no_contacts, NULL);
    ADD ("credentials", test_credentials, NULL);
    ADD ("domains", test_domains, two_domains);
    ADD ("call-finds-contact", test_call_finds_contact, NULL);
    ADD ("equal-q-rings-together", test_equal_q_rings_together, NULL);
    ADD ("absent-is-refused", test_absent_is_refused, NULL);
    ADD ("unknown-is-left-to-others", test_unknown_is_left_to_others, NULL);
    ADD ("name-elsewhere-is-left-to-others", test_name_elsewhere_is_left_to_others, two_domains);
    ADD ("contacts-survive", test_contacts_survive, NULL);
    ADD ("removed-stay-removed", test_removed_stay_removed, NULL);
    ADD ("leaver-is-forgotten", test_leaver_is_forgotten, NULL);
    ADD ("reload", test_reload, NULL);
    ADD ("bad-settings-are-refused", test_bad_settings_are_refused, NULL);
    ADD ("operator-lists", test_operator_lists, NULL);
    ADD ("operator-removes", test_operator_removes, NULL);
    ADD ("starts-again", test_starts_again, NULL);
    ADD ("upgrade", test_upgrade, NULL);
    ADD ("moved-database-is-filled-again", test_moved_database_is_filled_again, NULL);
    ADD ("damaged-database-is-named", test_damaged_database_is_named, NULL);
    return g_test_run ();
}
