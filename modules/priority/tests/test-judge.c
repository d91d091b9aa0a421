/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What marks are worth that somebody brings, and which ones go out. */

#include "judge.h"
#include "world.h"

static const char trunks[] =
    "[trunk none]\naddress = sip:192.0.2.1\n"
    "[trunk inner]\naddress = sip:192.0.2.2\nrph-border = no\n"
    "[trunk pass]\naddress = sip:192.0.2.3\nrph-trust = pass\n"
    "[trunk sure]\naddress = sip:192.0.2.4;transport=tcp\n"
    "rph-trust = accept\nrph-accept = ets, wps.4, dsn, esnet\n"
    "rph-category = yes\n"
    "[trunk mild]\naddress = sip:192.0.2.5;transport=tcp\n"
    "rph-trust = accept\nrph-accept = ets.4\nrph-excess = downgrade\n"
    "[trunk private]\naddress = sip:192.0.2.6\nrph-interface = 10.0.0.1:5060\n"
    "rph-trust = accept\nrph-accept = ets\n"
    "[modules]\npassport = required\n"
    "[trunk signed]\naddress = sip:192.0.2.7\nrph-trust = validate\n"
    "rph-accept = ets, wps\n";

typedef struct {
    const char *more; /* of the configuration */
    const char *trunk, *marks, *category;
    bool is_spoofable, is_required;
    const char *local;
    TdPeerKnown known;
    TdMarkedRequest request;
    const TdForeign *foreign;
} Asked;

/* "STATUS CLASS NAMESPACE.VALUE kept=... pending=... accept=...". */
static char *
answer_to (const Asked *asked)
{
    g_autofree char *text = g_strconcat (trunks, asked->more, NULL);
    Settings *settings = world_settings (text);
    g_autoptr (GString) kept = g_string_new (NULL), accepted = g_string_new (NULL),
                        pending = g_string_new (NULL), conflict = g_string_new (NULL),
                        out = g_string_new (NULL);
    TdAddress local;
    TdPriorityQuestion question = {
        .size = sizeof question,
        .request = asked->request,
        .known = asked->known != TD_PEER_UNKNOWN ? asked->known : TD_PEER_ADDRESS,
        .is_spoofable = asked->is_spoofable,
        .is_required = asked->is_required,
        .trunk = asked->trunk,
        .marks = asked->marks != NULL ? TD_LIST (asked->marks) : (const char *const[]){ NULL },
        .foreign = asked->foreign,
    };
    TdPriorityVerdict verdict = { .size = sizeof verdict, .kept = kept, .accepted = accepted };

    if (asked->local != NULL) {
        g_assert_true (td_address_parse (asked->local, 0, &local));
        question.local = &local;
    }
    judge (settings, &question, asked->category, &verdict, pending, conflict);
    g_string_printf (out, "%u %u", verdict.status, verdict.priority.priority_class);
    if (verdict.priority.priority_class > 0) {
        g_string_append_printf (out, " %s.%s", verdict.priority.name_space, verdict.priority.value);
    }
    if (kept->len > 0) {
        g_string_append_printf (out, " kept=%s", kept->str);
    }
    if (pending->len > 0) {
        g_string_append_printf (out, " pending=%s", pending->str);
    }
    if (verdict.has_accepted) {
        g_string_append_printf (out, " accept=%s", accepted->str);
    }
    if (conflict->len > 0) {
        g_string_append_printf (out, " conflict=%s", conflict->str);
    }
    td_table_unref (&settings->table);
    return g_string_free (g_steal_pointer (&out), FALSE);
}

#define JUDGE(wanted, ...)                                                                         \
    do {                                                                                           \
        g_autofree char *answer = answer_to (&(Asked){ __VA_ARGS__ });                             \
        g_assert_cmpstr (answer, ==, (wanted));                                                    \
    } while (0)

/* RFC 4412 8.1. */
static void
test_highest_class_wins (void)
{
    JUDGE ("0 11 ets.0 kept=ets.0", .trunk = "sure", .marks = "ets.0");
    JUDGE ("0 11 ets.0 kept=wps.4, ets.0, dsn.routine", .trunk = "sure",
           .marks = "wps.4, ets.0, dsn.routine");
    JUDGE ("0 12 esnet.4 kept=esnet.4, ets.0", .trunk = "sure", .marks = "esnet.4, ets.0");
}

/* RFC 4412 4.6.2: not understood. */
static void
test_nothing_understood (void)
{
    JUDGE ("0 0 kept=foo.1, ets.9", .trunk = "sure", .marks = "foo.1, ets.9");
    JUDGE ("0 0 kept=foo.1", .trunk = "none", .marks = "foo.1");
    JUDGE ("0 0 kept=q735.1", .trunk = "sure", .marks = "q735.1",
           .more = "[priority]\nserve = ets, wps, dsn, esnet\n");
}

static void
test_nothing_understood_but_required (void)
{
    JUDGE ("417 0 accept=ets.4", .trunk = "mild", .marks = "foo.1", .is_required = true);
    JUDGE ("417 0 accept=", .trunk = "none", .marks = "foo.1", .is_required = true);
    JUDGE ("417 0", .trunk = "mild", .marks = "foo.1", .is_required = true,
           .more = "[priority]\ntell-accepted = no\n");
    JUDGE ("0 7 ets.4 kept=ets.4", .trunk = "mild", .marks = "ets.4", .is_required = true);
    JUDGE ("0 0", .trunk = "none", .is_required = true); /* there is nothing not to understand */
}

static void
test_known_and_unknown (void)
{
    JUDGE ("0 7 ets.4 kept=foo.1, ets.4, bar.9", .trunk = "mild", .marks = "foo.1, ets.4, bar.9");
}

static void
test_faulty (void)
{
    JUDGE ("400 0", .trunk = "sure", .marks = "ets.0, ets.1");
    JUDGE ("400 0", .trunk = "none", .marks = "ets");
    JUDGE ("0 0", .trunk = "sure", .marks = "ets.0, ets.1",
           .more = "[priority]\nfaulty = ignore\n");
}

/* PRI-011, PRI-030. */
static void
test_trust_none (void)
{
    JUDGE ("0 0 kept=foo.1", .trunk = "none", .marks = "ets.0, foo.1");
    JUDGE ("0 0 kept=foo.1", .trunk = "", .marks = "ets.0, foo.1");
    JUDGE ("0 0 kept=ets.0, foo.1", .trunk = "inner", .marks = "ets.0, foo.1");
    JUDGE ("417 0 accept=", .trunk = "none", .marks = "ets.0, foo.1", .is_required = true);
}

static void
test_trust_pass (void)
{
    JUDGE ("0 0 kept=ets.0, foo.1", .trunk = "pass", .marks = "ets.0, foo.1");
    JUDGE ("0 0 kept=ets.0", .trunk = "pass", .marks = "ets.0", .is_required = true);
}

/* RFC 4412 4.6.4. */
static void
test_beyond_the_list (void)
{
    JUDGE ("403 0", .trunk = "sure", .marks = "wps.0");
    JUDGE ("403 0", .trunk = "sure", .marks = "ets.0, wps.0");
    JUDGE ("0 0", .trunk = "mild", .marks = "ets.0");
    JUDGE ("0 0 kept=foo.1", .trunk = "mild", .marks = "ets.0, foo.1");
}

/* RFC 4412 11.3: what comes by a datagram is nobody's word. */
static void
test_forged_source (void)
{
    JUDGE ("0 0", .trunk = "sure", .marks = "ets.0", .is_spoofable = true);
    JUDGE ("417 0 accept=", .trunk = "sure", .marks = "ets.0", .is_spoofable = true,
           .is_required = true);
    JUDGE ("0 11 ets.0 kept=ets.0", .trunk = "sure", .marks = "ets.0", .known = TD_PEER_TLS);
    JUDGE ("0 11 ets.0 kept=ets.0", .trunk = "private", .marks = "ets.0", .is_spoofable = true,
           .local = "10.0.0.1:5060");
    JUDGE ("0 0", .trunk = "private", .marks = "ets.0", .is_spoofable = true,
           .local = "10.0.0.1:5070");
    JUDGE ("0 0", .trunk = "private", .marks = "ets.0", .local = "192.0.2.9:5060");
    JUDGE ("0 0", .trunk = "private", .marks = "ets.0");
}

static void
test_signature_pending (void)
{
    JUDGE ("0 0 kept=foo.1 pending=ets.0, wps.1", .trunk = "signed", .is_spoofable = true,
           .marks = "ets.0, foo.1, wps.1");
    JUDGE ("403 0", .trunk = "signed", .marks = "ets.0, dsn.flash");
}

/* ITU-T Q.763 3.11. */
static void
test_category (void)
{
    JUDGE ("0 7 ets.4", .trunk = "sure", .category = "226");
    JUDGE ("0 7 ets.4", .trunk = "sure", .category = "nsep");
    JUDGE ("0 7 ets.4", .trunk = "sure", .category = "14");
    JUDGE ("0 11 esnet.3", .trunk = "sure", .category = "0xE0");
    JUDGE ("0 12 esnet.4", .trunk = "sure", .category = "225");
    JUDGE ("0 11 ets.0 kept=ets.0", .trunk = "sure", .marks = "ets.0", .category = "226");
    JUDGE ("0 0", .trunk = "sure", .category = "payphone");
    JUDGE ("0 0", .trunk = "sure", .category = "226", .is_spoofable = true);
    JUDGE ("0 0", .trunk = "mild", .category = "226");
    JUDGE ("0 0", .trunk = "none", .category = "226");
}

/* Outside a call. */
static void
test_messages (void)
{
    JUDGE ("0 7 ets.4 kept=ets.4", .trunk = "mild", .marks = "ets.4", .request = TD_MARKED_MESSAGE);
    JUDGE ("0 7 ets.4 kept=ets.4", .trunk = "mild", .marks = "ets.4",
           .request = TD_MARKED_SUBSCRIPTION);
}

static void
test_accepted (void)
{
    Settings *settings = world_settings (trunks);
    g_autoptr (GString) text = g_string_new (NULL);

    g_assert_false (judge_accepted (settings, "none", text));
    g_assert_false (judge_accepted (settings, "pass", text));
    g_assert_false (judge_accepted (settings, "", text));
    g_assert_cmpstr (text->str, ==, "");
    g_assert_true (judge_accepted (settings, "private", text));
    g_assert_cmpstr (text->str, ==, "ets.4, ets.3, ets.2, ets.1, ets.0");
    td_table_unref (&settings->table);
}

/* PRI-073: by mark and source, before anything is read. */
static void
test_standing (void)
{
    Settings *settings = world_settings (trunks);
    static const struct {
        const char *trunk;
        TdStanding by_datagram, by_connection;
    } peers[] = {
        { "", TD_STANDING_NONE, TD_STANDING_NONE },
        { "none", TD_STANDING_NONE, TD_STANDING_NONE },
        { "pass", TD_STANDING_NONE, TD_STANDING_NONE },
        { "sure", TD_STANDING_NONE, TD_STANDING_TRUSTED },
        { "private", TD_STANDING_CLAIMED, TD_STANDING_CLAIMED },
        { "signed", TD_STANDING_CLAIMED, TD_STANDING_CLAIMED },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (peers); i++) {
        g_assert_cmpint (judge_standing (settings, peers[i].trunk, TD_TRANSPORT_UDP), ==,
                         peers[i].by_datagram);
        g_assert_cmpint (judge_standing (settings, peers[i].trunk, TD_TRANSPORT_TCP), ==,
                         peers[i].by_connection);
    }
    td_table_unref (&settings->table);
}

/* --- Out --------------------------------------------------------------------------------- */

static void
goes_out (const char *keys, const char *marks, const char *priority, unsigned class,
          const char *wanted)
{
    g_autofree char *text = g_strconcat ("[trunk t]\naddress = sip:h\n", keys, NULL);
    g_auto (GStrv) parts = g_strsplit (priority, ".", 2);
    Settings *settings = world_settings (text);
    g_autoptr (GString) out = g_string_new (NULL);
    TdPriority now = { .priority_class = (uint8_t) class };

    g_strlcpy (now.name_space, parts[0] != NULL ? parts[0] : "", sizeof now.name_space);
    g_strlcpy (now.value, parts[0] != NULL ? parts[1] : "", sizeof now.value);
    judge_outgoing (settings, "t", TD_MARKED_CALL, &now, TD_LIST (marks), out);
    g_assert_cmpstr (out->str, ==, wanted);
    td_table_unref (&settings->table);
}

static void
test_egress (void)
{
    goes_out ("", "ets.0, foo.1", "ets.0", 11, "ets.0, foo.1");
    goes_out ("rph-egress = strip\n", "ets.0, foo.1", "ets.0", 11, "foo.1");
    goes_out ("rph-egress = map\nrph-map = ets:wps\n", "ets.0, foo.1, dsn.flash", "ets.0", 11,
              "foo.1, wps.0, dsn.flash");
    goes_out ("rph-egress = generate\nrph-send = ets\n", "ets.0, foo.1", "ets.0", 11,
              "foo.1, ets.0");
    goes_out ("rph-egress = generate\nrph-send = q735\n", "ets.0", "ets.2", 9, "q735.0");
    goes_out ("rph-egress = generate\nrph-send = ets\n", "ets.0", "", TD_CLASS_ORDINARY, "");
}

static void
test_wps_before_ets (void)
{
    goes_out ("rph-egress = generate\nrph-send = ets, wps\n", "foo.1", "ets.1", 10,
              "foo.1, wps.1, ets.1");
    goes_out ("rph-egress = map\nrph-map = dsn.flash:wps.1\n", "ets.0, dsn.flash", "ets.0", 11,
              "wps.1, ets.0");
}

/* Not even when another value of it is not understood. */
static void
test_namespace_never_goes_out_twice (void)
{
    goes_out ("rph-egress = map\nrph-map = ets:wps\n", "ets.0, wps.4", "ets.0", 11, "wps.0");
    goes_out ("rph-egress = generate\nrph-send = ets, wps\n", "ets.9", "wps.0", 11, "ets.9, wps.0");
}

static void
test_in_dialog (void)
{
    Settings *settings = world_settings ("[trunk t]\naddress = sip:h\n"
                                         "[trunk u]\naddress = sip:i\nrph-in-dialog = yes\n");
    TdPriority now = { .priority_class = 11 };
    g_autoptr (GString) out = g_string_new (NULL);

    judge_outgoing (settings, "t", TD_MARKED_DIALOG, &now, TD_LIST ("ets.0"), out);
    g_assert_cmpstr (out->str, ==, "");
    judge_outgoing (settings, "u", TD_MARKED_DIALOG, &now, TD_LIST ("ets.0"), out);
    g_assert_cmpstr (out->str, ==, "ets.0");
    td_table_unref (&settings->table);
}

/* RFC 4412 4.7.1. */
static void
test_retry (void)
{
    Settings *settings =
        world_settings ("[trunk t]\naddress = sip:h\nrph-send = q735, ets.4\n"
                        "[trunk u]\naddress = sip:i\nrph-send = q735\nrph-retry = no\n"
                        "[trunk v]\naddress = sip:j\n");
    TdPriority now = { .priority_class = 7 }, ordinary = { .priority_class = TD_CLASS_ORDINARY };
    const char *const *accepted =
        TD_LIST ("", "q735.0, q735.1, q735.2,q735.3", "foo.1, ets.0, nonsense");
    g_autoptr (GString) out = g_string_new (NULL);

    g_assert_false (judge_retry (settings, "t", &ordinary, accepted, out));
    g_assert_false (judge_retry (settings, "u", &now, accepted, out));
    g_assert_false (judge_retry (settings, "v", &now, accepted, out));
    g_assert_false (judge_retry (settings, "t", &now, TD_LIST ("dsn.flash"), out));
    g_assert_cmpstr (out->str, ==, "");
    g_assert_true (judge_retry (settings, "t", &now, accepted, out));
    g_assert_cmpstr (out->str, ==, "q735.2");
    td_table_unref (&settings->table);
}

static void
test_numbers (void)
{
    Settings *settings =
        world_settings ("[trunk t]\naddress = sip:h\n"
                        "[priority-number an]\nprefixes = 7106274387\nmark = ets.4\ntrunks = t\n"
                        "[priority-number fc]\nkind = feature-code\nprefixes = *272\ncause = 29\n");
    const NumberRule *rule = judge_number (settings, "t", "7106274387");

    g_assert_cmpstr (rule->name, ==, "an");
    g_assert_cmpuint (rule->level->priority_class, ==, 7);
    g_assert_null (judge_number (settings, "u", "7106274387"));
    g_assert_null (judge_number (settings, "t", "710627438"));
    rule = judge_number (settings, "u", "*27212025550100");
    g_assert_cmpint (rule->kind, ==, NUMBER_FEATURE_CODE);
    g_assert_cmpuint (rule->cause, ==, 29);
    td_table_unref (&settings->table);
}

#define SAYS(...)                                                                                  \
    &(TdForeign)                                                                                   \
    {                                                                                              \
        .size = sizeof (TdForeign), __VA_ARGS__                                                    \
    }
#define CATEGORY(n) SAYS (.given = TD_FOREIGN_CATEGORY, .category = (n))
#define SIP_I(conflict)                                                                            \
    "[trunk sip-i]\naddress = sip:192.0.2.8;transport=tcp\nrph-isup = ansi\n"                      \
    "rph-trust = accept\nrph-accept = ets, dsn\nrph-conflict = " conflict "\n"
#define DISAGREE(n, counts)                                                                        \
    " conflict=Resource-Priority \"ets.0\" and the ISUP within, category " n ", disagree: " counts \
    " counts"

/* Which of the two counts is the trunk's to say. */
static void
test_conflict (void)
{
    JUDGE ("0 11 ets.0 kept=ets.0" DISAGREE ("10", "the higher one"), .trunk = "sip-i",
           .marks = "ets.0", .foreign = CATEGORY (10), .more = SIP_I ("higher"));
    JUDGE ("0 11 ets.0 kept=ets.0, foo.1" DISAGREE ("10", "Resource-Priority"), .trunk = "sip-i",
           .marks = "ets.0, foo.1", .foreign = CATEGORY (10), .more = SIP_I ("header"));
    JUDGE ("0 0 kept=foo.1" DISAGREE ("10", "the ISUP"), .trunk = "sip-i", .marks = "ets.0, foo.1",
           .foreign = CATEGORY (10), .more = SIP_I ("isup"));
    JUDGE ("0 10 ets.1 conflict=Resource-Priority \"ets.4\" and the ISUP within, category 226, "
           "precedence 1, disagree: the ISUP counts",
           .trunk = "sip-i", .marks = "ets.4", .more = SIP_I ("isup"),
           .foreign = SAYS (.given = TD_FOREIGN_CATEGORY | TD_FOREIGN_PRECEDENCE, .category = 226,
                            .precedence = 1));
}

static void
test_agreement (void)
{
    JUDGE ("0 11 ets.0 kept=ets.0", .trunk = "sip-i", .marks = "ets.0", .foreign = CATEGORY (226),
           .more = SIP_I ("isup"));
    JUDGE ("0 7 ets.4", .trunk = "sip-i", .foreign = CATEGORY (226), .more = SIP_I ("header"));
    JUDGE ("0 8 dsn.flash kept=dsn.flash", .trunk = "sip-i", .marks = "dsn.flash",
           .foreign = CATEGORY (10), .more = SIP_I ("isup")); /* which says nothing of it */
    JUDGE ("0 0 kept=foo.1", .trunk = "sip-i", .marks = "foo.1", .foreign = CATEGORY (10),
           .more = SIP_I ("isup"));
}

/* Where a trunk's profile has no ISUP, or it is not trusted, what is within says nothing. */
static void
test_no_isup (void)
{
    JUDGE ("0 0", .trunk = "sure", .foreign = CATEGORY (226));
    JUDGE ("0 0", .trunk = "sip-i", .foreign = CATEGORY (226), .is_spoofable = true,
           .more = SIP_I ("isup"));
    JUDGE ("0 0", .trunk = "", .foreign = CATEGORY (226), .more = SIP_I ("isup"));
    JUDGE ("0 0", .trunk = "none",
           .foreign = SAYS (.given = TD_FOREIGN_CONTEXT, .is_emergency = true));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-002/faulty", test_faulty);
    g_test_add_func ("/priority/PRI-002/never-generated", test_namespace_never_goes_out_twice);
    g_test_add_func ("/priority/PRI-005/highest", test_highest_class_wins);
    g_test_add_func ("/priority/PRI-006/unknown", test_nothing_understood);
    g_test_add_func ("/priority/PRI-007/required", test_nothing_understood_but_required);
    g_test_add_func ("/priority/PRI-008/mixed", test_known_and_unknown);
    g_test_add_func ("/priority/PRI-009/accepted", test_accepted);
    g_test_add_func ("/priority/PRI-011/none", test_trust_none);
    g_test_add_func ("/priority/PRI-011/pass", test_trust_pass);
    g_test_add_func ("/priority/PRI-011/beyond", test_beyond_the_list);
    g_test_add_func ("/priority/PRI-012/in-dialog", test_in_dialog);
    g_test_add_func ("/priority/PRI-012/messages", test_messages);
    g_test_add_func ("/priority/PRI-018/retry", test_retry);
    g_test_add_func ("/priority/PRI-019/egress", test_egress);
    g_test_add_func ("/priority/PRI-020/wps-first", test_wps_before_ets);
    g_test_add_func ("/priority/PRI-031/forged", test_forged_source);
    g_test_add_func ("/priority/PRI-032/pending", test_signature_pending);
    g_test_add_func ("/priority/PRI-040/category", test_category);
    g_test_add_func ("/priority/PRI-042/numbers", test_numbers);
    g_test_add_func ("/priority/PRI-073/standing", test_standing);
    g_test_add_func ("/priority/PRI-086/conflict", test_conflict);
    g_test_add_func ("/priority/PRI-086/agreement", test_agreement);
    g_test_add_func ("/priority/PRI-086/no-isup", test_no_isup);
    return g_test_run ();
}
