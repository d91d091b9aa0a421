/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* States set by hand, and controls, on the disk: a restart forgets neither.
 *
 *     { "states": [ { "trunk": "carrier-a", "member": "", "state": "blocked", "who": "uid 0", ... } ],
 *       "controls": [ { "id": 3, "kind": "skip", "who": "uid 0", "--trunk": "carrier-a", ... } ] }
 *
 * The file is written whole, by a worker, one after the other.
 */

#include "trunk.h"

#include <errno.h>
#include <string.h>
#include <tandem/log.h>
#include <tandem/worker.h>

#define FILE_NAME "trunks.json"
#define QUEUE     "trunk.store"

struct Store {
    char *path;
};

typedef struct {
    TdWork work;
    TdModule *module;
    char *path, *text;
    GError *error;
} Writing;

bool
store_open (Trunk *trunk, GError **error)
{
    const char *folder = td_module_state_dir (trunk->module, error);

    if (folder == NULL) {
        return false;
    }
    trunk->store = g_new0 (Store, 1);
    trunk->store->path = g_build_filename (folder, FILE_NAME, NULL);
    return true;
}

void
store_free (Store *store)
{
    if (store != NULL) {
        g_free (store->path);
        g_free (store);
    }
}

/* --- Writing ----------------------------------------------------------------------------- */

static void
free_writing (TdWork *work)
{
    Writing *writing = (Writing *) work;

    g_clear_error (&writing->error);
    g_free (writing->path);
    g_free (writing->text);
    g_free (writing);
}

static void
run_writing (TdWork *work)
{
    Writing *writing = (Writing *) work;

    g_file_set_contents_full (writing->path, writing->text, -1,
                              G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                              &writing->error);
}

static void
written (TdWork *work)
{
    const Writing *writing = (const Writing *) work;

    if (writing->error != NULL) {
        td_log_error (writing->module, "states",
                      "%s; what was blocked by hand, and controls, would not outlive a restart",
                      writing->error->message);
    }
    free_writing (work);
}

static void
add_text (GVariantBuilder *row, const char *name, const char *value)
{
    if (value != NULL) {
        g_variant_builder_add (row, "{sv}", name, g_variant_new_string (value));
    }
}

static void
add_condition (GVariantBuilder *rows, const Group *group, const Member *member)
{
    const Condition *condition = member != NULL ? &member->condition : &group->condition;

    if (condition->state == STATION_IN_SERVICE || condition->state == STATION_UNREACHABLE) {
        return; /* a probe will find out again */
    }
    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    add_text (rows, "trunk", group->name);
    add_text (rows, "member", member != NULL ? member->name : "");
    add_text (rows, "state", station_state_name (condition->state));
    add_text (rows, "who", condition->who);
    add_text (rows, "why", condition->why);
    g_variant_builder_add (rows, "{sv}", "since_us", g_variant_new_int64 (condition->since_us));
    g_variant_builder_add (rows, "{sv}", "drain_until_us",
                           g_variant_new_int64 (condition->drain_until_us));
    g_variant_builder_close (rows);
}

static GVariant *
list_conditions (const Trunk *trunk)
{
    GVariantBuilder rows;
    GHashTableIter iter;
    void *value;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    g_hash_table_iter_init (&iter, trunk->book->groups);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Group *group = value;
        add_condition (&rows, group, NULL);
        for (unsigned i = 0; i < group->members->len; i++) {
            add_condition (&rows, group, group->members->pdata[i]);
        }
    }
    return g_variant_builder_end (&rows);
}

static void
add_option (const char *name, const char *value, void *data)
{
    add_text (data, name, value);
}

static GVariant *
list_controls (const Trunk *trunk)
{
    const GPtrArray *controls = trunk->book->controls->controls;
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    pthread_mutex_lock (&trunk->book->lock);
    for (unsigned i = 0; i < controls->len; i++) {
        const Control *control = controls->pdata[i];
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add (&rows, "{sv}", "id", g_variant_new_int64 (control->id));
        add_text (&rows, "kind", control_kind_name (control->kind));
        add_text (&rows, "who", control->who);
        g_variant_builder_add (&rows, "{sv}", "set_us", g_variant_new_int64 (control->set_us));
        control_write (control, add_option, &rows);
        g_variant_builder_close (&rows);
    }
    pthread_mutex_unlock (&trunk->book->lock);
    return g_variant_builder_end (&rows);
}

void
store_save (Trunk *trunk)
{
    Writing *writing = g_new0 (Writing, 1);
    g_auto (GVariantDict) all;

    g_variant_dict_init (&all, NULL);
    g_variant_dict_insert_value (&all, "states", list_conditions (trunk));
    g_variant_dict_insert_value (&all, "controls", list_controls (trunk));
    g_autoptr (GVariant) result = g_variant_ref_sink (g_variant_dict_end (&all));
    writing->work = (TdWork){ .owner = trunk->module,
                              .queue = QUEUE,
                              .run = run_writing,
                              .done = written,
                              .drop = free_writing };
    writing->module = trunk->module;
    writing->path = g_strdup (trunk->store->path);
    writing->text = td_result_to_json (result);
    td_work_start (&writing->work);
}

/* --- Reading ----------------------------------------------------------------------------- */

static const char *
text_of (GVariant *row, const char *name)
{
    const char *text = NULL;

    g_variant_lookup (row, name, "&s", &text);
    return text;
}

/* td_result_from_json () gives a number the type it fits into. */
static int64_t
number_of (GVariant *row, const char *name)
{
    g_autoptr (GVariant) value = g_variant_lookup_value (row, name, NULL);

    return value == NULL                                        ? 0
           : g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ? g_variant_get_int64 (value)
           : g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64)
               ? (int64_t) g_variant_get_uint64 (value)
               : 0;
}

/* What is in the file and cannot be taken over. */
static void
pass_over (const Trunk *trunk, const char *what, const char *why)
{
    td_log_error (trunk->module, "states", "%s: %s: %s: left out", trunk->store->path, what, why);
}

static void
load_condition (Trunk *trunk, GVariant *row)
{
    const char *name = text_of (row, "trunk"), *member_name = text_of (row, "member");
    const char *state_name = text_of (row, "state");
    Group *group = name != NULL ? g_hash_table_lookup (trunk->book->groups, name) : NULL;
    bool has_member = member_name != NULL && member_name[0] != '\0';
    Member *member = group != NULL && has_member ? group_find_member (group, member_name) : NULL;
    unsigned state;

    if (name == NULL || state_name == NULL || !station_state_parse (state_name, &state)) {
        pass_over (trunk, name != NULL ? name : "states", "no trunk, or no state of one");
        return;
    }
    if (group == NULL || (has_member && member == NULL)) {
        return; /* it is not configured any more */
    }
    Condition *condition = member != NULL ? &member->condition : &group->condition;
    condition_set (condition, state, text_of (row, "who"), text_of (row, "why"),
                   number_of (row, "since_us"));
    condition->drain_until_us = number_of (row, "drain_until_us");
}

static const char *
get_option (const char *name, void *data)
{
    return text_of (data, name);
}

static void
load_control (Trunk *trunk, GVariant *row)
{
    const char *kind = text_of (row, "kind");
    g_autoptr (GError) error = NULL;
    Control *control = control_read (kind != NULL ? kind : "", get_option, row, &error);

    if (control != NULL) {
        control->id = (uint32_t) number_of (row, "id");
        control->who = g_strdup (text_of (row, "who"));
        control->set_us = number_of (row, "set_us");
    }
    if (control == NULL || !control_set_add (trunk->book->controls, control, &error)) {
        td_log_warning (trunk->module, "controls", "%s: %s: left out", trunk->store->path,
                        error->message);
    }
}

typedef void (*RowLoader) (Trunk *trunk, GVariant *row);

static void
each_row (Trunk *trunk, GVariant *all, const char *name, RowLoader load)
{
    g_autoptr (GVariant) rows = g_variant_lookup_value (all, name, NULL);
    bool is_list = rows != NULL && g_variant_is_of_type (rows, G_VARIANT_TYPE_ARRAY);
    gsize n = is_list ? g_variant_n_children (rows) : 0;

    if (!is_list || (n > 0 && !g_variant_is_of_type (rows, G_VARIANT_TYPE ("aa{sv}")))) {
        pass_over (trunk, name, "no list of objects");
        return;
    }
    for (gsize i = 0; i < n; i++) {
        g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
        load (trunk, row);
    }
}

void
store_load (Trunk *trunk)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;
    gsize length;

    if (!g_file_get_contents (trunk->store->path, &text, &length, &error)) {
        if (!g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            td_log_error (trunk->module, "states", "%s: all trunks begin in service",
                          error->message);
        }
        return;
    }
    g_autoptr (GVariant) all = td_result_from_json (text, length, &error);
    if (all == NULL || !g_variant_is_of_type (all, G_VARIANT_TYPE_VARDICT)) {
        td_log_error (trunk->module, "states", "%s: %s: all trunks begin in service",
                      trunk->store->path, error != NULL ? error->message : "no object");
        return;
    }
    each_row (trunk, all, "states", load_condition);
    each_row (trunk, all, "controls", load_control);
    atomic_store (&trunk->book->n_controls, trunk->book->controls->controls->len);
}
