/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* announce: tones and announcements, and what a caller hears when a call fails.
 *
 *     [announce]                              [treatment north-america]
 *     tones   = tones/north-america.ini       1       = tone/sit-vc, prompt/vacant * 2
 *     prompts = /var/lib/tandem/prompts       17      = tone/busy 30 s
 *                                             default = tone/reorder 15 s
 */

#include "announce.h"

#include <tandem/module.h>

static void
count_book (Announce *announce, const Book *book)
{
    announce->n_tones = g_hash_table_size (book->library->tones);
    announce->n_prompts = g_hash_table_size (book->library->prompts);
    announce->n_treatments = g_hash_table_size (book->treatments);
}

static bool
check (const TdConfig *config, GError **error)
{
    Book *book = book_load (config, error);

    if (book != NULL) {
        td_table_unref (&book->table);
    }
    return book != NULL;
}

static bool
start (TdModule *module, GError **error)
{
    Announce *announce = g_new0 (Announce, 1);

    announce->module = module;
    td_module_set_state (module, announce);
    announce->prepared = book_load (td_module_config (module), error);
    if (announce->prepared == NULL) {
        return false;
    }
    count_book (announce, announce->prepared);
    announce->book = td_snapshot_new (module, "announce", &announce->prepared->table);
    bool is_started = announce_legs_start (announce, error)
                      && announce_treat_start (announce, error)
                      && announce_play_start (announce, error);
    announce->prepared = NULL; /* the snapshot's */
    return is_started;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Announce *announce = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        announce->prepared = book_load (next, error);
        return announce->prepared != NULL;
    case TD_RELOAD_COMMIT:
        count_book (announce, announce->prepared);
        td_limit_set_capacity (announce->limit, announce->prepared->capacity);
        td_snapshot_swap (announce->book, &g_steal_pointer (&announce->prepared)->table);
        break;
    case TD_RELOAD_ABANDON:
        if (announce->prepared != NULL) {
            td_table_unref (&g_steal_pointer (&announce->prepared)->table);
        }
        break;
    }
    return true;
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
    td_module_set_state (module, NULL);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const Announce *announce = td_module_state (module);

    if (announce != NULL) {
        g_variant_dict_insert (info, "tones", "u", announce->n_tones);
        g_variant_dict_insert (info, "prompts", "u", announce->n_prompts);
        g_variant_dict_insert (info, "treatments", "u", announce->n_treatments);
    }
}

TD_MODULE (announce, .summary = "Tones and announcements, and what callers hear when a call fails",
           .version = "1.0", .license = "LGPL-2.1-or-later",
           .provides = TD_LIST ("endpoint.announce", TD_FEATURE_SOURCE), .wants = TD_LIST ("media"),
           .config = book_sections, .n_config = BOOK_N_SECTIONS, .upgrade = TD_UPGRADE_BESIDE,
           .start = start, .reload = reload, .unload = unload, .describe = describe, .check = check)
