/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The level on its way from one build of the module to the next, in the same process. */

#include "congestion.h"

enum { STATE_VERSION = 1 };

/* level, value, changed, sampled, normal, learnt */
#define MEASURE_TYPE "(uxxxdx)"
/* version; in force, since; by hand: set, level, until, when, who; measures; sums of the thinning */
#define STATE_TYPE "(uux(buxxs)a" MEASURE_TYPE "at)"

GBytes *
congestion_export (const Congestion *congestion)
{
    const Level *level = &congestion->level;
    GVariantBuilder measures, sums;

    g_variant_builder_init (&measures, G_VARIANT_TYPE ("a" MEASURE_TYPE));
    for (unsigned i = 0; i < N_MEASURES; i++) {
        const Measure *measure = &congestion->measures[i];
        g_variant_builder_add (&measures, MEASURE_TYPE, measure->level, measure->value,
                               measure->changed_us, measure->sampled_us, measure->normal,
                               measure->learnt_us);
    }
    g_variant_builder_init (&sums, G_VARIANT_TYPE ("at"));
    for (unsigned i = 0; i < TD_N_CLASSES; i++) {
        g_variant_builder_add (&sums, "t",
                               atomic_load_explicit (&((Congestion *) congestion)->thinning[i].sum,
                                                     memory_order_relaxed));
    }
    g_autoptr (GVariant) state = g_variant_ref_sink (g_variant_new (
        STATE_TYPE, STATE_VERSION, level->level, level->wall_us, level->by_hand.is_set,
        level->by_hand.level, level->by_hand.until_us, level->by_hand.wall_us,
        level->by_hand.who != NULL ? level->by_hand.who : "", &measures, &sums));
    return g_variant_get_data_as_bytes (state);
}

static void
import_measures (Congestion *congestion, GVariantIter *rows)
{
    for (unsigned i = 0; i < N_MEASURES; i++) {
        Measure *measure = &congestion->measures[i];
        uint32_t level;
        if (!g_variant_iter_next (rows, MEASURE_TYPE, &level, &measure->value, &measure->changed_us,
                                  &measure->sampled_us, &measure->normal, &measure->learnt_us)) {
            return;
        }
        measure->level = MIN (level, N_LEVELS - 1);
    }
}

static void
import_sums (Congestion *congestion, GVariantIter *rows)
{
    uint64_t sum;

    for (unsigned i = 0; i < TD_N_CLASSES && g_variant_iter_next (rows, "t", &sum); i++) {
        atomic_store_explicit (&congestion->thinning[i].sum, sum, memory_order_relaxed);
    }
}

void
congestion_import (Congestion *congestion, GBytes *bytes)
{
    g_autoptr (GVariant) state =
        g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (STATE_TYPE), bytes, false));
    g_autoptr (GVariantIter) measures = NULL, sums = NULL;
    Level *level = &congestion->level;
    ByHand by_hand = { 0 };
    gboolean is_set;
    uint32_t version, in_force, by_hand_level;
    int64_t wall_us;

    g_variant_get (state, STATE_TYPE, &version, &in_force, &wall_us, &is_set, &by_hand_level,
                   &by_hand.until_us, &by_hand.wall_us, &by_hand.who, &measures, &sums);
    if (version != STATE_VERSION) {
        g_free (by_hand.who);
        return;
    }
    by_hand.is_set = is_set;
    by_hand.level = MIN (by_hand_level, N_LEVELS - 1);
    level_unset (level);
    level->by_hand = by_hand;
    level->level = level->told = MIN (in_force, N_LEVELS - 1);
    level->wall_us = wall_us;
    import_measures (congestion, measures);
    import_sums (congestion, sums);
    atomic_store_explicit (&congestion->level_in_force, level->level, memory_order_relaxed);
}
