/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ids: a slot, its generation, its lane and the boot, in 64 bits. */

#include "base/id.h"

enum {
    SLOT_BITS = 24,
    GENERATION_BITS = 20,
    LANE_BITS = 8,
    BOOT_BITS = 12,
    GENERATION_SHIFT = SLOT_BITS,
    LANE_SHIFT = GENERATION_SHIFT + GENERATION_BITS,
    BOOT_SHIFT = LANE_SHIFT + LANE_BITS,
    FIRST_SLOTS = 64,
};

static inline uint64_t
mask (unsigned bits)
{
    return (UINT64_C (1) << bits) - 1;
}

unsigned
td_id_lane (TdId id)
{
    return (id >> LANE_SHIFT) & mask (LANE_BITS);
}

const char *
td_id_print (TdId id, char text[TD_ID_TEXT_SIZE])
{
    g_snprintf (text, TD_ID_TEXT_SIZE, "%03x-%02x-%05x-%06x", (unsigned) (id >> BOOT_SHIFT),
                td_id_lane (id), (unsigned) ((id >> GENERATION_SHIFT) & mask (GENERATION_BITS)),
                (unsigned) (id & mask (SLOT_BITS)));
    return text;
}

/* Reads N_DIGITS hexadecimal digits of *TEXT and the END that follows them. */
static bool
read_hex (const char **text, unsigned n_digits, char end, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < n_digits; i++) {
        int digit = g_ascii_xdigit_value (**text);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (unsigned) digit;
        (*text)++;
    }
    if (**text != end) {
        return false;
    }
    (*text)++;
    *ret_value = value;
    return true;
}

bool
td_id_parse (const char *text, TdId *ret_id)
{
    uint64_t boot, lane, generation, slot;

    if (!read_hex (&text, 3, '-', &boot) || !read_hex (&text, 2, '-', &lane)
        || !read_hex (&text, 5, '-', &generation) || !read_hex (&text, 6, '\0', &slot)) {
        return false;
    }
    *ret_id = boot << BOOT_SHIFT | lane << LANE_SHIFT | generation << GENERATION_SHIFT | slot;
    return true;
}

void
td_id_table_init (TdIdTable *table, unsigned boot, unsigned lane)
{
    *table = (TdIdTable){ .boot = boot & mask (BOOT_BITS), .lane = lane & mask (LANE_BITS) };
}

void
td_id_table_clear (TdIdTable *table)
{
    g_return_if_fail (table->n_used == 0);
    g_clear_pointer (&table->slots, g_free);
    table->n_slots = table->first_free = table->last_free = 0;
}

/* Puts SLOT at the end of the free list, so that a generation lasts as long as it can. */
static void
append_free (TdIdTable *table, uint32_t slot)
{
    table->slots[slot].next_free = 0;
    if (table->last_free != 0) {
        table->slots[table->last_free - 1].next_free = slot + 1;
    } else {
        table->first_free = slot + 1;
    }
    table->last_free = slot + 1;
}

static bool
grow (TdIdTable *table)
{
    uint32_t n_slots = table->n_slots == 0 ? FIRST_SLOTS : table->n_slots * 2;

    if (n_slots > mask (SLOT_BITS) + 1) {
        return false;
    }
    table->slots = g_renew (TdIdSlot, table->slots, n_slots);
    for (uint32_t slot = table->n_slots; slot < n_slots; slot++) {
        table->slots[slot] = (TdIdSlot){ .generation = 1 };
        append_free (table, slot);
    }
    table->n_slots = n_slots;
    return true;
}

static TdId
make_id (const TdIdTable *table, uint32_t slot)
{
    return (uint64_t) table->boot << BOOT_SHIFT | (uint64_t) table->lane << LANE_SHIFT
           | (uint64_t) table->slots[slot].generation << GENERATION_SHIFT | slot;
}

TdId
td_id_table_add (TdIdTable *table, TdIdKind kind, void *object)
{
    g_return_val_if_fail (object != NULL, TD_ID_NONE);

    if (table->first_free == 0 && !grow (table)) {
        return TD_ID_NONE;
    }
    uint32_t slot = table->first_free - 1;
    table->first_free = table->slots[slot].next_free;
    if (table->first_free == 0) {
        table->last_free = 0;
    }
    table->slots[slot].object = object;
    table->slots[slot].kind = kind;
    table->n_used++;
    return make_id (table, slot);
}

void *
td_id_table_find (const TdIdTable *table, TdIdKind kind, TdId id)
{
    uint32_t slot = id & mask (SLOT_BITS);

    if (slot >= table->n_slots || table->slots[slot].object == NULL
        || table->slots[slot].kind != kind || make_id (table, slot) != id) {
        return NULL;
    }
    return table->slots[slot].object;
}

void
td_id_table_remove (TdIdTable *table, TdId id)
{
    uint32_t slot = id & mask (SLOT_BITS);

    if (slot >= table->n_slots || table->slots[slot].object == NULL
        || make_id (table, slot) != id) {
        return;
    }
    table->slots[slot].object = NULL;
    /* Generation 0 is never used, so that no id is TD_ID_NONE. */
    uint32_t generation = (table->slots[slot].generation + 1) & mask (GENERATION_BITS);
    table->slots[slot].generation = generation == 0 ? 1 : generation;
    append_free (table, slot);
    table->n_used--;
}

uint32_t
td_id_table_some (const TdIdTable *table, TdIdKind kind, uint32_t first, uint32_t n_slots,
                  bool (*visit) (TdId id, void *object, void *data), void *data)
{
    uint32_t end = first + MIN (n_slots, table->n_slots - MIN (first, table->n_slots));

    for (uint32_t slot = first; slot < end; slot++) {
        if (table->slots[slot].object != NULL && table->slots[slot].kind == kind
            && !visit (make_id (table, slot), table->slots[slot].object, data)) {
            end = slot + 1;
        }
    }
    return end < table->n_slots ? end : 0;
}

void
td_id_table_each (const TdIdTable *table, TdIdKind kind,
                  bool (*visit) (TdId id, void *object, void *data), void *data)
{
    td_id_table_some (table, kind, 0, UINT32_MAX, visit, data);
}
