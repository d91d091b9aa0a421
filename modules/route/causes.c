/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* After which failure of a target the next one is tried. */

#include "causes.h"

#include <tandem/cause.h>

enum { N_CAUSES = 128 }; /* ITU-T Q.850 2.2.5: seven bits */

typedef struct {
    int8_t actions[N_CAUSES]; /* of the choices of cause.action, and one more; 0: nothing said */
    bool has_rows;
} CauseTable;

enum { NOTHING_SAID, TRY_NEXT };

struct Causes {
    Names *names;
    GArray *tables; /* CauseTable */
};

Causes *
causes_new (Names *names)
{
    Causes *causes = g_new (Causes, 1);

    causes->names = names;
    causes->tables = g_array_new (false, true, sizeof (CauseTable));
    return causes;
}

void
causes_free (Causes *causes)
{
    if (causes != NULL) {
        g_array_unref (causes->tables);
        g_free (causes);
    }
}

bool
causes_add (Causes *causes, const Row *row, GError **error)
{
    int64_t cause;
    int action;

    if (!row_required (row, CAUSE_NAME, error) || !row_integer (row, CAUSE_CAUSE, &cause, error)
        || !row_choice (row, CAUSE_ACTION, &action, error)) {
        return false;
    }
    uint32_t index = names_add (causes->names, row_text (row, CAUSE_NAME));
    if (index >= causes->tables->len) {
        g_array_set_size (causes->tables, index + 1);
    }
    CauseTable *table = &g_array_index (causes->tables, CauseTable, index);
    table->has_rows = true;
    table->actions[cause] = (int8_t) (action + TRY_NEXT);
    return true;
}

bool
causes_has (const Causes *causes, uint32_t index)
{
    return index < causes->tables->len
           && g_array_index (causes->tables, CauseTable, index).has_rows;
}

static int8_t
find_action (const Causes *causes, uint32_t index, unsigned cause)
{
    return causes_has (causes, index) && cause < N_CAUSES
               ? g_array_index (causes->tables, CauseTable, index).actions[cause]
               : NOTHING_SAID;
}

bool
causes_says_next (const Causes *causes, uint32_t index, unsigned cause)
{
    return find_action (causes, index, cause) == TRY_NEXT;
}

bool
causes_is_try_next (const Causes *causes, uint32_t index, unsigned cause)
{
    int8_t action = find_action (causes, index, cause);

    return action != NOTHING_SAID ? action == TRY_NEXT : td_cause_is_try_next (cause);
}
