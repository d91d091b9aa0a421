/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The timer wheel of one lane: where a timer stands, and when it is its turn. */

#include "run/wheel.h"

enum {
    FIRST_OF_LEVEL_0 = (TD_WHEEL_LEVELS - 1) * TD_WHEEL_SLOTS + 1, /* as list_at() counts */
    N_LISTS = TD_WHEEL_LEVELS * TD_WHEEL_SLOTS + 2,
};

static inline bool
is_empty (const TdTimer *head)
{
    return head->next == head;
}

static inline void
append (TdTimer *head, TdTimer *timer)
{
    timer->next = head;
    timer->prev = head->prev;
    head->prev->next = timer;
    head->prev = timer;
}

/* Moves all of FROM to the end of TO. */
static void
splice (TdTimer *to, TdTimer *from)
{
    if (is_empty (from)) {
        return;
    }
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    from->next = from->prev = from;
}

/* A mark shows a cursor the way; it is no timer and expires never. */
static inline bool
is_mark (const TdTimer *timer)
{
    return timer->expire == NULL;
}

/* The lists in the order in which a timer travels through them, so that a search in this order
 * misses none that moves meanwhile. */
static TdTimer *
list_at (TdWheel *wheel, unsigned index)
{
    if (index == N_LISTS - 1) {
        return &wheel->due;
    }
    if (index == 0) {
        return &wheel->falling;
    }
    unsigned level = TD_WHEEL_LEVELS - 1 - (index - 1) / TD_WHEEL_SLOTS;
    return &wheel->slots[level][(index - 1) % TD_WHEEL_SLOTS];
}

void
td_wheel_init (TdWheel *wheel, int64_t now_us)
{
    *wheel = (TdWheel){ .tick = (uint64_t) now_us / 1000 };
    for (unsigned i = 0; i < N_LISTS; i++) {
        TdTimer *head = list_at (wheel, i);
        head->next = head->prev = head;
    }
}

void
td_wheel_clear (TdWheel *wheel)
{
    for (unsigned i = 0; i < N_LISTS; i++) {
        TdTimer *head = list_at (wheel, i);
        while (!is_empty (head)) {
            td_timer_unlink (head->next);
        }
    }
}

void
td_wheel_add (TdWheel *wheel, TdTimer *timer)
{
    uint64_t tick = ((uint64_t) timer->due_us + 999) / 1000;

    if (tick < wheel->tick) {
        tick = wheel->tick;
    }
    uint64_t differing = tick ^ wheel->tick;
    unsigned level = differing == 0 ? 0 : 63 - (unsigned) __builtin_clzll (differing);
    level = MIN (level / TD_WHEEL_BITS, TD_WHEEL_LEVELS - 1);
    unsigned slot = (tick >> (level * TD_WHEEL_BITS)) & (TD_WHEEL_SLOTS - 1);
    append (&wheel->slots[level][slot], timer);
    wheel->occupied[level] |= UINT64_C (1) << slot;
}

/* Finds the first slot with timers. Bits of slots that were emptied by stopping go on the way. */
static bool
find_first (TdWheel *wheel, unsigned *ret_level, unsigned *ret_slot)
{
    for (unsigned level = 0; level < TD_WHEEL_LEVELS; level++) {
        while (wheel->occupied[level] != 0) {
            unsigned slot = (unsigned) __builtin_ctzll (wheel->occupied[level]);
            if (!is_empty (&wheel->slots[level][slot])) {
                *ret_level = level;
                *ret_slot = slot;
                return true;
            }
            wheel->occupied[level] &= ~(UINT64_C (1) << slot);
        }
    }
    return false;
}

/* The tick at which SLOT of LEVEL begins. */
static uint64_t
slot_tick (const TdWheel *wheel, unsigned level, unsigned slot)
{
    unsigned shift = level * TD_WHEEL_BITS;
    uint64_t above = wheel->tick >> (shift + TD_WHEEL_BITS) << (shift + TD_WHEEL_BITS);

    return above | (uint64_t) slot << shift;
}

int64_t
td_wheel_next_us (TdWheel *wheel)
{
    unsigned level, slot;

    if (!is_empty (&wheel->due) || !is_empty (&wheel->falling)) {
        return (int64_t) wheel->tick * 1000;
    }
    if (!find_first (wheel, &level, &slot)) {
        return INT64_MAX;
    }
    return (int64_t) slot_tick (wheel, level, slot) * 1000;
}

/* Moves some of what falls to its new places. */
static void
settle_falling (TdWheel *wheel)
{
    for (unsigned i = 0; i < TD_WHEEL_STRIDE && !is_empty (&wheel->falling); i++) {
        TdTimer *timer = wheel->falling.next;
        td_timer_unlink (timer);
        if (!is_mark (timer)) {
            td_wheel_add (wheel, timer);
        }
    }
}

/* Moves the tick to the next slot that has timers, but not beyond NOW, and takes them out. */
static void
advance (TdWheel *wheel, uint64_t now)
{
    unsigned level, slot;

    if (!find_first (wheel, &level, &slot)) {
        wheel->tick = MAX (wheel->tick, now);
        return;
    }
    uint64_t tick = slot_tick (wheel, level, slot);
    if (tick > now) {
        wheel->tick = MAX (wheel->tick, now);
        return;
    }
    wheel->tick = tick;
    wheel->occupied[level] &= ~(UINT64_C (1) << slot);
    splice (level == 0 ? &wheel->due : &wheel->falling, &wheel->slots[level][slot]);
}

TdTimer *
td_wheel_take (TdWheel *wheel, int64_t now_us)
{
    if (is_empty (&wheel->due)) {
        if (is_empty (&wheel->falling)) {
            advance (wheel, (uint64_t) now_us / 1000);
        }
        settle_falling (wheel);
    }
    if (is_empty (&wheel->due)) {
        return NULL;
    }
    TdTimer *timer = wheel->due.next;
    td_timer_unlink (timer);
    return timer;
}

bool
td_wheel_revoke (TdWheel *wheel, TdWheelCursor *cursor, const TdModule *owner, unsigned *n_found)
{
    TdTimer *mark = &cursor->mark;
    unsigned n_seen = 0;

    /* What falls could land behind the cursor. */
    settle_falling (wheel);
    if (!is_empty (&wheel->falling)) {
        return false;
    }
    for (; cursor->n_lists < N_LISTS; cursor->n_lists++) {
        TdTimer *head = list_at (wheel, cursor->n_lists);
        TdTimer *timer = head->next;
        if (mark->next != NULL) {
            timer = mark->next;
            td_timer_unlink (mark);
        }
        while (timer != head) {
            /* A list of level 0 may become due meanwhile; it is seen whole. */
            if (n_seen++ >= TD_WHEEL_STRIDE && cursor->n_lists < FIRST_OF_LEVEL_0) {
                /* To stand at the end of the list that TIMER heads is to stand before TIMER. */
                append (timer, mark);
                return false;
            }
            TdTimer *next = timer->next;
            if (timer->owner == owner && !is_mark (timer)) {
                td_timer_unlink (timer);
                (*n_found)++;
            }
            timer = next;
        }
    }
    return true;
}
