/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The level of the whole switch, from its measures and from an operator. */

#include "level.h"

#include <tandem/lane.h>

void
level_init (Level *level)
{
    *level = (Level){ .leading = -1, .told_us = INT64_MIN, .wall_us = td_clock_wall_us () };
}

void
level_clear (Level *level)
{
    level_unset (level);
}

void
level_set (Level *level, unsigned by_hand, const char *who, int64_t now_us, int64_t for_us)
{
    level_unset (level);
    level->by_hand = (ByHand){
        .is_set = true,
        .level = by_hand,
        .until_us = for_us < INT64_MAX - now_us ? now_us + for_us : INT64_MAX,
        .wall_us = td_clock_wall_us (),
        .who = g_strdup (who),
    };
}

void
level_unset (Level *level)
{
    g_free (level->by_hand.who);
    level->by_hand = (ByHand){ 0 };
}

static void
find_highest (Level *level, const Measure measures[N_MEASURES])
{
    level->measured = 0;
    level->leading = -1;
    for (int i = 0; i < N_MEASURES; i++) {
        if (measures[i].level > level->measured) {
            level->measured = measures[i].level;
            level->leading = i;
        }
    }
}

bool
level_update (Level *level, const Measure measures[N_MEASURES], int64_t now_us, unsigned *ret_from)
{
    unsigned before = level->level;

    if (level->by_hand.is_set && now_us >= level->by_hand.until_us) {
        level_unset (level);
    }
    find_highest (level, measures);
    level->level = level->by_hand.is_set ? level->by_hand.level : level->measured;
    if (level->level == before) {
        return false;
    }
    level->wall_us = td_clock_wall_us ();
    *ret_from = before;
    return true;
}

bool
level_must_tell (Level *level, int64_t dwell_us, int64_t now_us, unsigned *ret_from)
{
    if (level->level == level->told
        || (level->told_us != INT64_MIN && now_us - level->told_us < dwell_us)) {
        return false;
    }
    *ret_from = level->told;
    level->told = level->level;
    level->told_us = now_us;
    return true;
}
