/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reload: the difference of two configurations, and the transaction in two phases. */

#include "config/reload.h"

#include <string.h>

typedef struct {
    const TdConfig *before, *after;
    GPtrArray *changes;
} Diff;

/* One section in both configurations; either side may lack it. */
typedef struct {
    const TdConfigBlock *before, *after;
} Pair;

static void
free_change (gpointer data)
{
    TdChange *change = data;

    g_free (change->owner);
    g_free (change->section);
    g_free (change->instance);
    g_free (change->key);
    g_free (change->before);
    g_free (change->after);
    g_free (change->place);
    g_free (change);
}

static TdChange *
add_change (Diff *diff, TdChangeKind kind, const TdConfigBlock *block, const char *owner)
{
    TdChange *change = g_new (TdChange, 1);

    *change = (TdChange){ .kind = kind,
                          .owner = g_strdup (owner),
                          .section = g_strdup (block->decl->name),
                          .instance = g_strdup (block->instance) };
    g_ptr_array_add (diff->changes, change);
    return change;
}

/* A section that comes with its module, or goes with it, needs nothing but that module's start or
 * stop. */
static bool
is_declared_in_both (const Diff *diff, const char *section)
{
    return td_schema_find (diff->before->schema, section) != NULL
           && td_schema_find (diff->after->schema, section) != NULL;
}

static bool
is_reloadable (const TdSchemaKey *key)
{
    return (key->decl.flags & TD_CONFIG_RELOADABLE) != 0 && key->can_reload;
}

/* Whether OWNER's part of SECTION sees by a reload that an instance comes or goes. */
static bool
sees_instances (const TdSchemaSection *section, const char *owner)
{
    bool has_reloadable = false;

    for (unsigned i = 0; i < section->n_keys; i++) {
        const TdSchemaKey *key = &section->keys[i];
        has_reloadable = has_reloadable || (is_reloadable (key) && strcmp (key->owner, owner) == 0);
    }
    return has_reloadable;
}

static void
add_section_change (Diff *diff, TdChangeKind kind, const TdConfigBlock *block)
{
    TdChange *change = add_change (diff, kind, block, block->decl->owner);

    change->place = td_place_print (&block->place);
    change->needs_restart = is_declared_in_both (diff, block->decl->name)
                            && !sees_instances (block->decl, block->decl->owner);
}

/* The value of ITEM as a file would say it; NULL where there is none. */
static char *
print_item (const TdSchemaKey *key, const TdConfigItem *item)
{
    if (item == NULL || item->value.text == NULL) {
        return NULL;
    }
    GString *out = g_string_new (NULL);
    bool is_repeated = (key->decl.flags & TD_CONFIG_REPEATED) != 0;
    if (!is_repeated || (key->decl.flags & TD_CONFIG_SECRET) != 0) {
        td_config_print_text (key, item->value.text, out);
    } else {
        for (unsigned i = 0; i + 1 < item->value.texts->len; i++) {
            g_string_append (out, i > 0 ? ", " : "");
            td_config_print_text (key, g_ptr_array_index (item->value.texts, i), out);
        }
    }
    if (!item->is_set) {
        g_string_append (out, " (default)");
    }
    return g_string_free (out, FALSE);
}

static bool
is_set (const TdConfigItem *item)
{
    return item != NULL && item->is_set;
}

/* The key as one side declares it, and its item there; nothing, where that side lacks either. */
static const TdConfigItem *
find_side (const TdConfig *config, const TdConfigBlock *block, const char *name,
           const TdSchemaKey **ret_key)
{
    *ret_key = block != NULL ? td_schema_find_key (block->decl, name) : NULL;
    return *ret_key != NULL ? td_config_find_item (config, block, name) : NULL;
}

static bool
is_same (const TdSchemaKey *key, const TdSchemaKey *other, const TdConfigItem *a,
         const TdConfigItem *b)
{
    if (key == NULL || other == NULL) {
        return !is_set (a) && !is_set (b);
    }
    if (key->decl.type != other->decl.type) {
        return g_strcmp0 (a->value.text, b->value.text) == 0;
    }
    return td_value_equal (&a->value, &b->value, &key->decl);
}

/* The declaration to print by: who calls a value secret on one side does not want to read it on the
 * other. */
static const TdSchemaKey *
choose_shown (const TdSchemaKey *old, const TdSchemaKey *new)
{
    if (old == NULL || new == NULL) {
        return old != NULL ? old : new;
    }
    return (old->decl.flags & TD_CONFIG_SECRET) != 0 ? old : new;
}

static TdChangeKind
kind_of (const TdConfigItem *old, const TdConfigItem *new)
{
    if (is_set (old) == is_set (new)) {
        return TD_CHANGE_CHANGED;
    }
    return is_set (new) ? TD_CHANGE_ADDED : TD_CHANGE_REMOVED;
}

static void
compare_key (Diff *diff, const Pair *pair, const char *name)
{
    const TdSchemaKey *old_key, *new_key;
    const TdConfigItem *old = find_side (diff->before, pair->before, name, &old_key);
    const TdConfigItem *new = find_side (diff->after, pair->after, name, &new_key);

    if (is_same (old_key, new_key, old, new)) {
        return;
    }
    TdChange *change =
        add_change (diff, kind_of (old, new), pair->after != NULL ? pair->after : pair->before,
                    new_key != NULL ? new_key->owner : old_key->owner);
    change->key = g_strdup (name);
    const TdSchemaKey *shown = choose_shown (old_key, new_key);
    change->before = print_item (shown, old);
    change->after = print_item (shown, new);
    const TdConfigItem *place = new != NULL &&new->place.file != NULL ? new : old;
    change->place = g_strdup (place != NULL ? td_config_item_where (place) : NULL);
    change->needs_restart = old_key != NULL && new_key != NULL && !is_reloadable (new_key);
}

/* Whether KEY was added by somebody who does not see that an instance comes or goes, where the
 * section's owner does. */
static bool
is_unseen (const Diff *diff, const TdSchemaKey *key)
{
    const char *section = key->section->name;

    if (strcmp (key->owner, key->section->owner) == 0 || sees_instances (key->section, key->owner)
        || !is_declared_in_both (diff, section)) {
        return false;
    }
    return td_schema_find_key (td_schema_find (diff->before->schema, section), key->decl.name)
               != NULL
           && td_schema_find_key (td_schema_find (diff->after->schema, section), key->decl.name)
                  != NULL;
}

/* Tells of each key that is given for an instance which its owner will not see come or go. */
static void
add_unseen (Diff *diff, TdChangeKind kind, const TdConfigBlock *block)
{
    for (unsigned i = 0; i < block->decl->n_keys; i++) {
        const TdSchemaKey *key = &block->decl->keys[i];
        const TdConfigItem *item = block->items[i];
        if (!is_set (item) || !is_unseen (diff, key)) {
            continue;
        }
        TdChange *change = add_change (diff, kind, block, key->owner);
        change->key = g_strdup (key->decl.name);
        *(kind == TD_CHANGE_ADDED ? &change->after : &change->before) = print_item (key, item);
        change->place = g_strdup (td_config_item_where (item));
        change->needs_restart = true;
    }
}

/* The keys of BLOCK, but those that EXCEPT (nullable) has, too. */
static void
compare_keys (Diff *diff, const Pair *pair, const TdConfigBlock *block, const TdConfigBlock *except)
{
    for (unsigned i = 0; block != NULL && i < block->decl->n_keys; i++) {
        const char *name = block->decl->keys[i].decl.name;
        if (except == NULL || !g_hash_table_contains (except->decl->by_name, name)) {
            compare_key (diff, pair, name);
        }
    }
    for (unsigned i = 0; block != NULL && block->any != NULL && i + 1 < block->any_names->len;
         i++) {
        const char *name = g_ptr_array_index (block->any_names, i);
        if (except == NULL || except->any == NULL || !g_hash_table_contains (except->any, name)) {
            compare_key (diff, pair, name);
        }
    }
}

static const TdConfigBlock *
find_other (const TdConfig *config, const TdConfigBlock *block)
{
    return td_config_find_block (config, block->decl->name, block->instance);
}

static void
compare_block (Diff *diff, const TdConfigBlock *block)
{
    Pair pair = { find_other (diff->before, block), block };

    if (pair.before == NULL && block->instance != NULL) {
        add_section_change (diff, TD_CHANGE_ADDED, block);
        add_unseen (diff, TD_CHANGE_ADDED, block);
        return;
    }
    compare_keys (diff, &pair, pair.after, NULL);
    compare_keys (diff, &pair, pair.before, pair.after);
}

static void
compare_gone (Diff *diff, const TdConfigBlock *block)
{
    Pair pair = { block, NULL };

    if (find_other (diff->after, block) != NULL) {
        return;
    }
    if (block->instance != NULL) {
        add_section_change (diff, TD_CHANGE_REMOVED, block);
        add_unseen (diff, TD_CHANGE_REMOVED, block);
    } else {
        compare_keys (diff, &pair, block, NULL);
    }
}

GPtrArray *
td_config_diff (const TdConfig *before, const TdConfig *after)
{
    Diff diff = { before, after, g_ptr_array_new_with_free_func (free_change) };

    for (unsigned i = 0; i < after->blocks->len; i++) {
        compare_block (&diff, g_ptr_array_index (after->blocks, i));
    }
    for (unsigned i = 0; i < before->blocks->len; i++) {
        compare_gone (&diff, g_ptr_array_index (before->blocks, i));
    }
    return diff.changes;
}

const char *
td_change_kind_name (TdChangeKind kind)
{
    static const char *const names[] = { "added", "removed", "changed" };

    return names[kind];
}

void
td_change_print (const TdChange *change, GString *out)
{
    g_string_append_printf (out, "%s [%s%s%s]", td_change_kind_name (change->kind), change->section,
                            change->instance != NULL ? " " : "",
                            change->instance != NULL ? change->instance : "");
    if (change->key != NULL) {
        g_string_append_printf (out, " %s: %s -> %s", change->key,
                                change->before != NULL ? change->before : "nothing",
                                change->after != NULL ? change->after : "nothing");
    }
    if (change->needs_restart) {
        g_string_append_printf (out, "; restart %s", change->owner);
    }
    if (change->place != NULL) {
        g_string_append_printf (out, " (%s)", change->place);
    }
}

static void
free_verdict (gpointer data)
{
    TdVerdict *verdict = data;

    g_free (verdict->name);
    g_free (verdict->reason);
    g_free (verdict);
}

/* Takes PARTICIPANT into PHASE; what goes wrong becomes KIND_IF_WRONG. */
static bool
enter_phase (const TdReloadParticipant *participant, TdReloadPhase phase, const TdConfig *next,
             TdVerdict *verdict, TdVerdictKind kind_if_wrong)
{
    g_autoptr (GError) error = NULL;

    if (participant->reload (participant->data, phase, next, &error)) {
        return true;
    }
    verdict->kind = kind_if_wrong;
    g_free (verdict->reason);
    verdict->reason = g_strdup (error != NULL ? error->message : "it gives no reason");
    return false;
}

static bool
prepare (const TdReloadParticipant *participants, unsigned n, const TdConfig *next,
         GPtrArray *verdicts)
{
    bool is_ready = true;

    for (unsigned i = 0; i < n; i++) {
        TdVerdict *verdict = g_new (TdVerdict, 1);
        *verdict = (TdVerdict){ .name = g_strdup (participants[i].name), .kind = TD_VERDICT_TAKEN };
        g_ptr_array_add (verdicts, verdict);
        is_ready &=
            enter_phase (&participants[i], TD_RELOAD_PREPARE, next, verdict, TD_VERDICT_REFUSED);
    }
    return is_ready;
}

bool
td_reload_run (const TdReloadParticipant *participants, unsigned n_participants,
               const TdConfig *next, GPtrArray **ret_verdicts)
{
    g_autoptr (GPtrArray) verdicts = g_ptr_array_new_with_free_func (free_verdict);
    bool is_ready = prepare (participants, n_participants, next, verdicts);

    for (unsigned i = 0; i < n_participants; i++) {
        unsigned turn = is_ready ? i : n_participants - 1 - i;
        TdVerdict *verdict = g_ptr_array_index (verdicts, turn);
        if (is_ready) {
            enter_phase (&participants[turn], TD_RELOAD_COMMIT, next, verdict, TD_VERDICT_BROKEN);
        } else if (verdict->kind == TD_VERDICT_TAKEN) {
            verdict->kind = TD_VERDICT_ABANDONED;
            enter_phase (&participants[turn], TD_RELOAD_ABANDON, next, verdict, TD_VERDICT_BROKEN);
        }
    }
    *ret_verdicts = g_steal_pointer (&verdicts);
    return is_ready;
}

const char *
td_verdict_kind_name (TdVerdictKind kind)
{
    static const char *const names[] = { "taken over", "refused", "abandoned", "broken" };

    return names[kind];
}

void
td_verdict_print (const TdVerdict *verdict, GString *out)
{
    g_string_append_printf (out, "%s: %s", verdict->name, td_verdict_kind_name (verdict->kind));
    if (verdict->reason != NULL) {
        g_string_append_printf (out, ": %s", verdict->reason);
    }
}
