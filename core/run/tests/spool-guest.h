/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest of the core with a spool that takes every test fact, on two lanes that are stepped. */

#ifndef TANDEM_TESTS_SPOOL_GUEST_H
#define TANDEM_TESTS_SPOOL_GUEST_H

#include "base/metric.h"
#include "base/owner.h"
#include "common/folder.h"
#include "run/bus.h"
#include "run/lane.h"

#include <tandem/metric.h>

typedef struct {
    uint32_t number;
    const char *text;
} Body;

static const TdField fields[] = {
    TD_FIELD (Body, number, TD_FIELD_UINT, "Which"),
    TD_FIELD (Body, text, TD_FIELD_TEXT, "Any"),
};

typedef struct {
    TdOwner module;
    TdSpool *spool;
    GString *taken; /* "[1 2 ]": a batch */
    bool is_broken;
    uint32_t again_ms;
    unsigned n_ends;
    char *journal; /* a folder, or NULL */
} Fixture;

static inline void
declare (void)
{
    static const char *const names[] = { "test.fact", "test.begin", "test.end" };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        td_topic_declare (NULL, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                                .version = 1,
                                                .name = names[i],
                                                .help = "A fact",
                                                .fields = fields,
                                                .n_fields = G_N_ELEMENTS (fields),
                                                .body_size = sizeof (Body) });
    }
}

static inline bool
take (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
      GError **error)
{
    Fixture *fixture = data;

    g_assert_null (td_lane_current ());
    g_assert_cmpuint (fixture->n_ends, ==, 0);
    if (fixture->is_broken) {
        g_string_append_c (fixture->taken, '!');
        g_set_error_literal (error, TD_ERROR, TD_ERROR_SYSTEM, "the store is full: make room");
        return false;
    }
    *ret_again_ms = fixture->again_ms;
    g_string_append_c (fixture->taken, '[');
    for (unsigned i = 0; i < n_facts; i++) {
        g_string_append_printf (fixture->taken, "%u ", ((const Body *) facts[i]->body)->number);
    }
    g_string_append_c (fixture->taken, ']');
    return true;
}

static inline void
end (void *data)
{
    ((Fixture *) data)->n_ends++;
}

/* Settings are texts: they stand among what was taken. */
static inline void
configure (void *settings, void *data)
{
    g_autofree char *text = settings;

    g_assert_null (td_lane_current ());
    g_string_append_printf (((Fixture *) data)->taken, "{%s}", text);
}

/* A thousand more, and a hundred for each tenth of a second. */
static inline void
finish (void *body, const TdFact *begun, int64_t until_us)
{
    ((Body *) body)->number += 1000 + (uint32_t) ((until_us - begun->monotonic_us) / 1000);
}

static inline void
open_spool (Fixture *fixture, uint64_t capacity_bytes)
{
    fixture->spool = td_spool_open ((TdModule *) &fixture->module, TD_LIST ("test.*"),
                                    &(TdSpoolDecl){ .size = sizeof (TdSpoolDecl),
                                                    .name = "store",
                                                    .capacity_bytes = capacity_bytes,
                                                    .retry_ms = 1000,
                                                    .take = take,
                                                    .end = end,
                                                    .configure = configure,
                                                    .drop_settings = g_free,
                                                    .journal = fixture->journal,
                                                    .begins = "test.begin",
                                                    .ends = "test.end",
                                                    .finish = finish,
                                                    .data = fixture });
}

static inline void
open_world (Fixture *fixture, unsigned boot)
{
    td_lanes_open (&(TdLanesOptions){
        .n_lanes = 2, .is_fake = true, .seed = g_test_rand_int (), .boot = boot });
    td_bus_open ("exchange-1", boot);
    declare ();
    td_owner_init (&fixture->module, "guest");
    fixture->taken = g_string_new (NULL);
    open_spool (fixture, 1024 * 1024);
}

static inline void
set_up (Fixture *fixture, gconstpointer data)
{
    open_world (fixture, 3);
}

/* The module stops, and leaves nothing. */
static inline void
stop (Fixture *fixture)
{
    td_spool_close (fixture->spool);
    td_lanes_advance (4000);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    /* Metrics are leases; nothing else is left. */
    g_assert_cmpuint (td_owner_revoke_all (&fixture->module, NULL, NULL), ==, 0);
    td_lanes_settle ();
}

static inline void
clear (Fixture *fixture)
{
    td_owner_clear (&fixture->module);
    g_string_free (fixture->taken, TRUE);
    if (fixture->journal != NULL) {
        folder_remove (fixture->journal);
        g_free (fixture->journal);
    }
}

static inline void
tear_down (Fixture *fixture, gconstpointer data)
{
    stop (fixture);
    td_bus_close ();
    td_lanes_close ();
    clear (fixture);
}

static inline int64_t
metric (Fixture *fixture, TdMetricKind kind, const char *name, const char *help)
{
    return td_metric_value (td_metric_declare ((TdModule *) &fixture->module,
                                               &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                                .kind = kind,
                                                                .name = name,
                                                                .help = help,
                                                                .labels = "module=\"guest\"" }));
}

#define WAITING() metric (fixture, TD_METRIC_GAUGE, "tandem_spool_waiting", "w")
#define FAILING() metric (fixture, TD_METRIC_GAUGE, "tandem_spool_failing", "f")
#define LOST()    metric (fixture, TD_METRIC_COUNTER, "tandem_spool_lost_total", "l")

#define assert_taken(expected)                                                                     \
    do {                                                                                           \
        g_assert_cmpstr (fixture->taken->str, ==, (expected));                                     \
        g_string_truncate (fixture->taken, 0);                                                     \
    } while (0)

#define REST_MS 20

typedef struct {
    unsigned first, last;
} Range;

static inline void
do_publish (void *data)
{
    const Range *range = data;

    for (unsigned i = range->first; i <= range->last; i++) {
        Body body = { .number = i, .text = "some text" };
        td_bus_publish (td_topic_find ("test.fact"), TD_ID_NONE, NULL, 4, &body);
    }
}

static inline void
tell (unsigned first, unsigned last)
{
    td_lanes_on (td_lane_at (0), do_publish, &(Range){ first, last });
    td_lanes_settle ();
}

/* Facts, and as long as they may wait for others. */
static inline void
publish (unsigned first, unsigned last)
{
    tell (first, last);
    td_lanes_advance (REST_MS);
}

#endif
