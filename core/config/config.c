/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration as its readers see it: an immutable table of values. */

#include "config/config.h"

#include <string.h>

/* A key that nothing gives and that has no default. */
static const TdConfigItem nothing = { .is_set = false };
static const char *const no_texts[] = { NULL };

static unsigned
hash_block (gconstpointer data)
{
    const TdConfigBlock *block = data;

    return g_direct_hash (block->decl)
           ^ (block->instance != NULL ? g_str_hash (block->instance) * 31 : 0);
}

static gboolean
equal_blocks (gconstpointer a, gconstpointer b)
{
    const TdConfigBlock *one = a, *other = b;

    return one->decl == other->decl && g_strcmp0 (one->instance, other->instance) == 0;
}

void
td_config_item_free (TdConfigItem *item)
{
    if (item == NULL) {
        return;
    }
    td_value_clear (&item->value);
    g_free (item->place_text);
    g_free (item);
}

void
td_config_item_place (TdConfigItem *item, const TdPlace *place)
{
    item->place = *place;
    g_free (item->place_text);
    item->place_text = NULL;
}

const char *
td_config_item_where (const TdConfigItem *item)
{
    char *none = NULL;

    if (item->place.file == NULL) {
        return NULL;
    }
    if (atomic_load (&item->place_text) == NULL) {
        char *text = td_place_print (&item->place);
        if (!atomic_compare_exchange_strong (&((TdConfigItem *) item)->place_text, &none, text)) {
            g_free (text); /* somebody else was faster */
        }
    }
    return atomic_load (&item->place_text);
}

TdConfigBlock *
td_config_new_block (const TdSchemaSection *decl, const char *instance, const TdPlace *place)
{
    TdConfigBlock *block = g_new (TdConfigBlock, 1);

    *block = (TdConfigBlock){ .decl = decl,
                              .instance = instance,
                              .place = *place,
                              .items = g_new0 (TdConfigItem *, decl->n_keys) };
    if (decl->any != NULL) {
        block->any = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                            (GDestroyNotify) td_config_item_free);
        block->any_names = g_ptr_array_new ();
        g_ptr_array_add (block->any_names, NULL);
    }
    return block;
}

void
td_config_free_block (TdConfigBlock *block)
{
    for (unsigned i = 0; i < block->decl->n_keys; i++) {
        td_config_item_free (block->items[i]);
    }
    g_clear_pointer (&block->any, g_hash_table_unref);
    g_clear_pointer (&block->any_names, g_ptr_array_unref);
    g_free (block->items);
    g_free (block);
}

static TdConfigItem *
make_item (void)
{
    TdConfigItem *item = g_new0 (TdConfigItem, 1);

    item->is_set = true;
    return item;
}

/* Adds NAME before the NULL at the end of NAMES. */
static void
append_name (GPtrArray *names, const char *name)
{
    g_ptr_array_index (names, names->len - 1) = (char *) name;
    g_ptr_array_add (names, NULL);
}

TdConfigItem *
td_config_block_item (TdConfigBlock *block, const TdSchemaKey *key, const char *name)
{
    if (key != block->decl->any) {
        if (block->items[key->index] == NULL) {
            block->items[key->index] = make_item ();
        }
        return block->items[key->index];
    }
    TdConfigItem *item = g_hash_table_lookup (block->any, name);
    if (item == NULL) {
        item = make_item ();
        g_hash_table_insert (block->any, (char *) name, item);
        append_name (block->any_names, name);
    }
    return item;
}

TdConfigBlock *
td_config_add_block (TdConfig *config, const TdSchemaSection *decl, const char *instance,
                     const TdPlace *place)
{
    TdConfigBlock *block = td_config_new_block (decl, instance, place);

    g_ptr_array_add (config->blocks, block);
    g_hash_table_add (config->by_name, block);
    if (instance != NULL) {
        append_name (g_hash_table_lookup (config->instances, decl), instance);
    }
    return block;
}

static void
add_default (TdConfig *config, const TdSchemaKey *key)
{
    static const TdPlace place = { .file = "default" };

    if (key->decl.default_text == NULL) {
        return;
    }
    TdConfigItem *item = g_new0 (TdConfigItem, 1);
    /* The schema has seen that its keys take their own defaults. */
    g_free (td_value_read (&item->value, &key->decl, key->decl.default_text, config->ini->folder));
    td_config_item_place (item, &place);
    g_hash_table_insert (config->defaults, (void *) key, item);
}

static void
add_section (TdConfig *config, const TdSchemaSection *decl)
{
    static const TdPlace nowhere = { .file = "default" };

    for (unsigned i = 0; i < decl->n_keys; i++) {
        add_default (config, &decl->keys[i]);
    }
    if (decl->is_named) {
        GPtrArray *names = g_ptr_array_new ();
        g_ptr_array_add (names, NULL);
        g_hash_table_insert (config->instances, (void *) decl, names);
    } else {
        td_config_add_block (config, decl, NULL, &nowhere);
    }
}

TdConfig *
td_config_new (TdIni *ini, TdSchema *schema)
{
    TdConfig *config = g_new0 (TdConfig, 1);

    atomic_init (&config->n_refs, 1);
    config->schema = td_schema_ref (schema);
    config->ini = td_ini_ref (ini);
    config->texts = g_string_chunk_new (64);
    config->blocks = g_ptr_array_new_with_free_func ((GDestroyNotify) td_config_free_block);
    config->by_name = g_hash_table_new (hash_block, equal_blocks);
    config->defaults =
        g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) td_config_item_free);
    config->instances =
        g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
    for (unsigned i = 0; i < schema->sections->len; i++) {
        add_section (config, g_ptr_array_index (schema->sections, i));
    }
    return config;
}

TdConfig *
td_config_ref (TdConfig *config)
{
    atomic_fetch_add_explicit (&config->n_refs, 1, memory_order_relaxed);
    return config;
}

void
td_config_unref (TdConfig *config)
{
    if (config == NULL
        || atomic_fetch_sub_explicit (&config->n_refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    g_hash_table_unref (config->by_name);
    g_hash_table_unref (config->instances);
    g_hash_table_unref (config->defaults);
    g_ptr_array_unref (config->blocks);
    g_string_chunk_free (config->texts);
    td_ini_unref (config->ini);
    td_schema_unref (config->schema);
    g_free (config);
}

TdConfigBlock *
td_config_find_block (const TdConfig *config, const char *section, const char *instance)
{
    TdConfigBlock wanted = { .decl = td_schema_find (config->schema, section),
                             .instance = instance };

    return wanted.decl != NULL ? g_hash_table_lookup (config->by_name, &wanted) : NULL;
}

const TdConfigItem *
td_config_find_item (const TdConfig *config, const TdConfigBlock *block, const char *key)
{
    const TdSchemaKey *decl = td_schema_find_key (block->decl, key);

    if (decl == NULL) {
        return NULL;
    }
    const TdConfigItem *item = decl == block->decl->any ? g_hash_table_lookup (block->any, key)
                                                        : block->items[decl->index];
    if (item == NULL) {
        item = g_hash_table_lookup (config->defaults, decl);
    }
    return item != NULL ? item : &nothing;
}

/* The item for a reader, whose names must be right: a wrong one is the reader's defect. */
static const TdConfigItem *
look_up (const TdConfig *config, const char *section, const char *instance, const char *key)
{
    const TdConfigBlock *block = td_config_find_block (config, section, instance);
    const TdConfigItem *item = block != NULL ? td_config_find_item (config, block, key) : NULL;

    if (item == NULL) {
        if (!g_hash_table_contains (config->schema->orphans, section)) {
            g_critical ("configuration [%s %s] %s is asked for, but not declared", section,
                        instance != NULL ? instance : "", key);
        }
        return &nothing;
    }
    return item;
}

const char *
td_config_text (const TdConfig *config, const char *section, const char *instance, const char *key)
{
    return look_up (config, section, instance, key)->value.text;
}

bool
td_config_bool (const TdConfig *config, const char *section, const char *instance, const char *key)
{
    return look_up (config, section, instance, key)->value.number != 0;
}

int64_t
td_config_number (const TdConfig *config, const char *section, const char *instance,
                  const char *key)
{
    return look_up (config, section, instance, key)->value.number;
}

const char *const *
td_config_list (const TdConfig *config, const char *section, const char *instance, const char *key)
{
    const TdConfigItem *item = look_up (config, section, instance, key);

    return item->value.texts != NULL ? (const char *const *) item->value.texts->pdata : no_texts;
}

bool
td_config_is_set (const TdConfig *config, const char *section, const char *instance,
                  const char *key)
{
    return look_up (config, section, instance, key)->is_set;
}

const char *const *
td_config_keys (const TdConfig *config, const char *section, const char *instance)
{
    const TdConfigBlock *block = td_config_find_block (config, section, instance);

    return block != NULL && block->any_names != NULL ? (const char *const *) block->any_names->pdata
                                                     : no_texts;
}

const char *const *
td_config_instances (const TdConfig *config, const char *section)
{
    const TdSchemaSection *decl = td_schema_find (config->schema, section);
    const GPtrArray *names = decl != NULL ? g_hash_table_lookup (config->instances, decl) : NULL;

    return names != NULL ? (const char *const *) names->pdata : no_texts;
}

const char *
td_config_place (const TdConfig *config, const char *section, const char *instance, const char *key)
{
    const TdConfigItem *item = look_up (config, section, instance, key);

    const char *where = td_config_item_where (item);

    return where != NULL ? where : "default";
}

bool
td_config_refuse (const TdConfig *config, const char *section, const char *instance,
                  const char *key, const char *value, GError **error, const char *format, ...)
{
    g_autoptr (GString) text = g_string_new (NULL);
    va_list arguments;

    g_string_append_printf (
        text, "%s: [%s%s%s] %s: ", td_config_place (config, section, instance, key), section,
        instance != NULL ? " " : "", instance != NULL ? instance : "", key);
    if (value != NULL) {
        td_text_append_value (text, value);
        g_string_append_c (text, ' ');
    }
    va_start (arguments, format);
    g_string_append_vprintf (text, format, arguments);
    va_end (arguments);
    g_set_error_literal (error, TD_ERROR, TD_ERROR_INVALID, text->str);
    return false;
}

void
td_config_problem (const TdConfig *config, GPtrArray *problems, const char *section,
                   const char *instance, const char *key, const char *format, ...)
{
    const TdConfigItem *item = look_up (config, section, instance, key);
    TdPlace place = item->place.file != NULL ? item->place : (TdPlace){ .file = "default" };
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    td_problem_add (problems, &place, "%s: %s", key, text);
}

static void
dump_item (const TdSchemaKey *key, const char *name, const TdConfigItem *item, GString *out)
{
    if (item->value.text == NULL) {
        return;
    }
    bool is_repeated = (key->decl.flags & TD_CONFIG_REPEATED) != 0 && item->value.texts->len > 1;
    unsigned n_lines = is_repeated ? item->value.texts->len - 1 : 1;
    for (unsigned i = 0; i < n_lines; i++) {
        const char *text =
            is_repeated ? g_ptr_array_index (item->value.texts, i) : item->value.text;
        g_string_append_printf (out, "%s = ", name);
        td_config_print_text (key, text, out);
        g_string_append_printf (out, "  # %s\n", td_config_item_where (item));
    }
}

static void
dump_block (const TdConfig *config, const TdConfigBlock *block, GString *out)
{
    g_string_append_printf (out, "%s[%s%s%s]\n", out->len > 0 ? "\n" : "", block->decl->name,
                            block->instance != NULL ? " " : "",
                            block->instance != NULL ? block->instance : "");
    for (unsigned i = 0; i < block->decl->n_keys; i++) {
        const TdSchemaKey *key = &block->decl->keys[i];
        dump_item (key, key->decl.name, td_config_find_item (config, block, key->decl.name), out);
    }
    for (unsigned i = 0; block->any_names != NULL && i + 1 < block->any_names->len; i++) {
        const char *name = g_ptr_array_index (block->any_names, i);
        dump_item (block->decl->any, name, g_hash_table_lookup (block->any, name), out);
    }
}

void
td_config_dump (const TdConfig *config, GString *out)
{
    for (unsigned i = 0; i < config->blocks->len; i++) {
        dump_block (config, g_ptr_array_index (config->blocks, i), out);
    }
}

/* Whether the reader would understand TEXT without quotes as it is. */
static bool
is_plain (const char *text)
{
    size_t len = strlen (text);

    if (len == 0) {
        return true;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\r' || *at == '\t'
            || ((*at == '#' || *at == ';') && (at == text || at[-1] == ' '))) {
            return false;
        }
    }
    return *text != '"' && *text != ' ' && text[len - 1] != ' ' && text[len - 1] != '\\';
}

void
td_config_print_text (const TdSchemaKey *key, const char *text, GString *out)
{
    if (key->decl.flags & TD_CONFIG_SECRET) {
        g_string_append (out, "(secret)");
    } else if (is_plain (text)) {
        g_string_append (out, text);
    } else {
        g_string_append_c (out, '"');
        for (; *text != '\0'; text++) {
            static const char raw[] = "\\\"\n\r\t", letters[] = "\\\"nrt";
            const char *escape = strchr (raw, *text);
            if (escape != NULL) {
                g_string_append_printf (out, "\\%c", letters[escape - raw]);
            } else {
                g_string_append_c (out, *text);
            }
        }
        g_string_append_c (out, '"');
    }
}
