/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts reach who wants them: at once, or later as copies with their gaps told. */

#include "run/bus.h"

#include "base/owner.h"
#include "run/lane.h"

#include <string.h>

typedef struct {
    const char *name;
    uint32_t number;
    int64_t when_us;
    bool is_good;
    TdId id;
} Body;

static const TdField fields[] = {
    TD_FIELD (Body, name, TD_FIELD_TEXT, "Whose"),
    TD_FIELD (Body, number, TD_FIELD_UINT, "How many"),
    TD_FIELD (Body, when_us, TD_FIELD_TIME, "When"),
    TD_FIELD (Body, is_good, TD_FIELD_BOOL, "Whether"),
    TD_FIELD (Body, id, TD_FIELD_ID, "Which"),
};

static TdTopic *
declare (const char *name)
{
    return td_topic_declare (NULL, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                                   .version = 1,
                                                   .name = name,
                                                   .help = "A fact",
                                                   .fields = fields,
                                                   .n_fields = G_N_ELEMENTS (fields),
                                                   .body_size = sizeof (Body) });
}

static void
set_up (void)
{
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 2, .is_fake = true, .seed = 11, .boot = 3 });
    td_bus_open ("exchange-1", 3);
}

static void
tear_down (void)
{
    td_lanes_settle ();
    td_bus_close ();
    td_lanes_close ();
}

static void
publish (void *data)
{
    Body body = { .name = "a", .number = GPOINTER_TO_UINT (data), .is_good = true };
    uint32_t sequence = 41;

    td_bus_publish (td_topic_find ("call.started"), TD_ID_NONE, &sequence, 4, &body);
    g_assert_cmpuint (sequence, ==, 42);
}

static void
publish_number (unsigned number)
{
    td_lanes_on (td_lane_at (0), publish, GUINT_TO_POINTER (number));
}

static void
hear (const TdFact *fact, void *data)
{
    const Body *body = fact->body;

    g_string_append_printf (data, "%s:%s%u ", td_topic_name (fact->topic), body->name,
                            body->number);
}

static void
hear_gap (uint64_t n_dropped, void *data)
{
    g_string_append_printf (data, "gap%u ", (unsigned) n_dropped);
}

static void
test_inline_hears_in_the_turn (void)
{
    g_autoptr (GString) heard = g_string_new (NULL);
    g_autoptr (GString) other = g_string_new (NULL);

    set_up ();
    td_bus_subscribe (NULL, TD_LIST ("call.*"), hear, heard);
    td_bus_subscribe (NULL, TD_LIST ("trunk.blocked"), hear, other);
    g_assert_true (td_topic_is_heard (declare ("call.started")));
    publish_number (1);
    g_assert_cmpstr (heard->str, ==, "call.started:a1 ");
    g_assert_cmpstr (other->str, ==, "");
    tear_down ();
}

static void
test_unsubscribed_hears_nothing (void)
{
    g_autoptr (GString) heard = g_string_new (NULL);

    set_up ();
    declare ("call.started");
    TdSubscription *subscription = td_bus_subscribe (NULL, TD_LIST ("*"), hear, heard);
    publish_number (1);
    td_bus_unsubscribe (subscription);
    g_assert_false (td_topic_is_heard (td_topic_find ("call.started")));
    publish_number (2);
    td_lanes_settle ();
    g_assert_cmpstr (heard->str, ==, "call.started:a1 ");
    tear_down ();
}

/* Two builds of a module publish at the same time, with schemas of their own. */
static void
test_versions_stand_beside_each_other (void)
{
    enum { N_FEWER_FIELDS = 2 };
    g_autoptr (GString) heard = g_string_new (NULL);
    uint32_t n_fields;

    set_up ();
    td_bus_subscribe (NULL, TD_LIST ("call.started"), hear, heard);
    TdTopic *first = declare ("call.started");
    TdTopicDecl decl = { .size = sizeof (TdTopicDecl),
                         .version = 2,
                         .name = "call.started",
                         .help = "A fact",
                         .fields = fields,
                         .n_fields = N_FEWER_FIELDS,
                         .body_size = offsetof (Body, when_us) };
    TdTopic *other = td_topic_declare (NULL, &decl);
    g_assert_true (other != first && other == td_topic_declare (NULL, &decl));
    g_assert_true (td_topic_find ("call.started") == other);
    g_assert_cmpuint (td_topic_body_size (other), ==, offsetof (Body, when_us));
    td_topic_fields (first, &n_fields);
    g_assert_cmpuint (n_fields, ==, G_N_ELEMENTS (fields));

    Body body = { .name = "a", .number = 1 };
    td_bus_publish (first, TD_ID_NONE, NULL, 4, &body);
    body.number = 2;
    td_bus_publish (other, TD_ID_NONE, NULL, 4, &body);
    g_assert_cmpstr (heard->str, ==, "call.started:a1 call.started:a2 ");
    tear_down ();
}

static void
test_queued_hears_later_on_its_lane (void)
{
    g_autoptr (GString) heard = g_string_new (NULL);

    set_up ();
    declare ("call.started");
    td_bus_subscribe_queued (NULL, TD_LIST ("call.started"), td_lane_at (1), 8, hear, hear_gap,
                             heard);
    publish_number (1);
    publish_number (2);
    g_assert_cmpstr (heard->str, ==, "");
    td_lanes_settle ();
    g_assert_cmpstr (heard->str, ==, "call.started:a1 call.started:a2 ");
    tear_down ();
}

static void
test_full_ring_tells_the_gap_where_it_is (void)
{
    g_autoptr (GString) heard = g_string_new (NULL);

    set_up ();
    declare ("call.started");
    td_bus_subscribe_queued (NULL, TD_LIST ("call.started"), td_lane_at (1), 2, hear, hear_gap,
                             heard);
    for (unsigned i = 1; i <= 5; i++) {
        publish_number (i);
    }
    td_lanes_settle ();
    publish_number (6);
    td_lanes_settle ();
    g_assert_cmpstr (heard->str, ==, "call.started:a1 call.started:a2 gap3 call.started:a6 ");
    tear_down ();
}

static void
test_module_that_stops_is_unsubscribed (void)
{
    g_autoptr (GString) heard = g_string_new (NULL);
    TdOwner owner;

    set_up ();
    td_owner_init (&owner, "module");
    declare ("call.started");
    td_bus_subscribe_queued ((TdModule *) &owner, TD_LIST ("*"), td_lane_at (1), 8, hear, NULL,
                             heard);
    publish_number (1);
    atomic_store (&owner.is_stopped, true);
    g_assert_cmpuint (td_owner_revoke_all (&owner, NULL, NULL), ==, 1);
    td_lanes_settle ();
    g_assert_cmpstr (heard->str, ==, "");
    td_owner_clear (&owner);
    tear_down ();
}

static void
test_copy_outlives_the_fact (void)
{
    char name[] = "short-lived", node[] = "exchange-1";
    Body body = { .name = name, .number = 7 };

    set_up ();
    TdFact fact = { .topic = declare ("call.started"), .node = node, .body = &body };
    g_autoptr (TdFact) copy = td_fact_copy (&fact);
    memset (name, 'x', sizeof (name) - 1);
    memset (node, 'x', sizeof (node) - 1);
    g_assert_cmpstr (copy->node, ==, "exchange-1");
    g_assert_cmpstr (((const Body *) copy->body)->name, ==, "short-lived");
    g_clear_pointer (&copy, td_fact_free);
    tear_down ();
}

static void
test_text_is_found_by_its_name (void)
{
    Body body = { .name = "north", .number = 7 };

    set_up ();
    TdFact fact = { .topic = declare ("call.started"), .body = &body };
    g_assert_cmpstr (td_fact_text (&fact, "name"), ==, "north");
    g_assert_null (td_fact_text (&fact, "number"));
    g_assert_null (td_fact_text (&fact, "nobody"));
    tear_down ();
}

static void
test_json (void)
{
    Body body = { .name = "q\"\n\xff", .number = 7, .when_us = INT64_C (1700000000123456) };
    g_autoptr (GString) json = g_string_new (NULL);

    set_up ();
    TdFact fact = { .topic = declare ("call.started"),
                    .node = "exchange-1",
                    .boot = 3,
                    .sequence = 2,
                    .call = UINT64_C (0x1f302000a410002c),
                    .wall_us = INT64_C (1700000000000001),
                    .monotonic_us = 5,
                    .priority_class = 4,
                    .body = &body };
    td_fact_to_json (&fact, json);
    g_assert_cmpstr (json->str, ==,
                     "{\"event\":\"call.started\",\"version\":1,\"node\":\"exchange-1\",\"boot\":3,"
                     "\"call\":\"1f3-02-000a4-10002c\",\"sequence\":2,"
                     "\"time\":\"2023-11-14T22:13:20.000001Z\",\"monotonic_us\":5,\"class\":4,"
                     "\"data\":{\"name\":\"q\\\"\\n\xef\xbf\xbd\",\"number\":7,"
                     "\"when_us\":\"2023-11-14T22:13:20.123456Z\",\"is_good\":false,"
                     "\"id\":null}}");
    tear_down ();
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/run/bus/inline", test_inline_hears_in_the_turn);
    g_test_add_func ("/run/bus/unsubscribed", test_unsubscribed_hears_nothing);
    g_test_add_func ("/run/bus/versions", test_versions_stand_beside_each_other);
    g_test_add_func ("/run/bus/queued", test_queued_hears_later_on_its_lane);
    g_test_add_func ("/run/bus/gap", test_full_ring_tells_the_gap_where_it_is);
    g_test_add_func ("/run/bus/stopped-module", test_module_that_stops_is_unsubscribed);
    g_test_add_func ("/run/bus/copy", test_copy_outlives_the_fact);
    g_test_add_func ("/run/bus/text", test_text_is_found_by_its_name);
    g_test_add_func ("/run/bus/json", test_json);
    return g_test_run ();
}
