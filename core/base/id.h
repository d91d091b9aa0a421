/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table behind the ids of one lane: slots that are given away again and again. */

#ifndef CORE_BASE_ID_H
#define CORE_BASE_ID_H

#include <tandem/id.h>

typedef struct {
    void *object;        /* NULL: the slot is free */
    uint32_t generation; /* of the object, or of the next one */
    uint32_t next_free;  /* slot + 1, 0: the last free one */
    uint8_t kind;
} TdIdSlot;

/* Belongs to one lane; no lock. */
typedef struct {
    unsigned boot, lane;
    TdIdSlot *slots;
    uint32_t n_slots, n_used;
    uint32_t first_free, last_free; /* slot + 1; given away first-in first-out */
} TdIdTable;

/* BOOT and LANE go into every id of the table, cut to their 12 and 8 bits. */
void td_id_table_init (TdIdTable *table, unsigned boot, unsigned lane);
void td_id_table_clear (TdIdTable *table);

/* A new id for OBJECT, or TD_ID_NONE when all 2^24 slots are taken. */
TdId td_id_table_add (TdIdTable *table, TdIdKind kind, void *object);

/* The object, or NULL when ID is stale, of another kind, of another lane or of another boot. */
void *td_id_table_find (const TdIdTable *table, TdIdKind kind, TdId id);

/* Frees the slot of ID; a stale id is ignored. */
void td_id_table_remove (TdIdTable *table, TdId id);

/* Calls VISIT with each object of KIND until it returns false. VISIT may remove the object. */
void td_id_table_each (const TdIdTable *table, TdIdKind kind,
                       bool (*visit) (TdId id, void *object, void *data), void *data);

/* As td_id_table_each(), for the N_SLOTS slots from FIRST, so that a large table is gone through in many
 * turns; what lives all the time is seen once. Returns the slot to go on with, 0 at the end. */
uint32_t td_id_table_some (const TdIdTable *table, TdIdKind kind, uint32_t first, uint32_t n_slots,
                           bool (*visit) (TdId id, void *object, void *data), void *data);

#endif
