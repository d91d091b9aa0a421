/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The schema: the declared sections and keys, checked and copied. */

#include "config/schema.h"

#include "config/value.h"

#include <string.h>

G_DEFINE_QUARK (td - config - error, td_config_error)

/* The layouts of ABI minor 0: what is smaller was never declared by anybody. */
enum {
    SECTION_SIZE_MIN = sizeof (TdConfigSection),
    KEY_SIZE_MIN = sizeof (TdConfigKey),
};

typedef struct {
    TdSchema *schema;
    const TdSchemaOwner *owner;
    const char *section; /* the one being copied, or added to */
    bool is_addition;
} Copy;

TD_PRINTF (3, 4)
static bool
refuse (const Copy *copy, GError **error, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *reason = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_set_error (error, TD_CONFIG_ERROR, TD_CONFIG_ERROR_DECLARATION,
                 copy->is_addition ? "%s cannot add keys to section [%s]: %s"
                                   : "%s declares section [%s] wrongly: %s",
                 copy->owner->name, copy->section, reason);
    return false;
}

static const char *
copy_text (const Copy *copy, const char *text)
{
    return text != NULL ? g_string_chunk_insert_const (copy->schema->texts, text) : NULL;
}

static const char *const *
copy_list (const Copy *copy, const char *const *list)
{
    if (list == NULL || list[0] == NULL) {
        return NULL;
    }
    char **copied = g_strdupv ((char **) list);
    g_ptr_array_add (copy->schema->lists, copied);
    return (const char *const *) copied;
}

/* Lower case, digits and hyphens, beginning with a letter. */
static bool
is_name (const char *name)
{
    if (name == NULL || !g_ascii_islower (*name)) {
        return false;
    }
    while (g_ascii_islower (*name) || g_ascii_isdigit (*name) || *name == '-') {
        name++;
    }
    return *name == '\0';
}

/* Whether the key's default is what the key itself would take. */
static bool
check_default (const Copy *copy, const TdConfigKey *key, GError **error)
{
    TdValue value = { NULL };

    if (key->default_text == NULL) {
        return true;
    }
    if (key->flags & TD_CONFIG_REQUIRED) {
        return refuse (copy, error, "key \"%s\" is required and has a default", key->name);
    }
    g_autofree char *reason = td_value_read (&value, key, key->default_text, "/");
    td_value_clear (&value);
    return reason == NULL || refuse (copy, error, "key \"%s\": default %s", key->name, reason);
}

static bool
check_key (const Copy *copy, const TdConfigKey *key, bool is_any, GError **error)
{
    if (!is_name (key->name) && !is_any) {
        return refuse (copy, error, "key \"%s\" is not lower case, digits and hyphens",
                       key->name != NULL ? key->name : "");
    }
    if ((unsigned) key->type > TD_CONFIG_LIST) {
        return refuse (copy, error, "key \"%s\" has the unknown type %u", key->name,
                       (unsigned) key->type);
    }
    if (key->min > key->max) {
        return refuse (copy, error, "key \"%s\" has its least value above its greatest", key->name);
    }
    if (key->type == TD_CONFIG_CHOICE && key->choices == NULL) {
        return refuse (copy, error, "key \"%s\" has no choices", key->name);
    }
    if (key->type == TD_CONFIG_REFERENCE && key->refers == NULL) {
        return refuse (copy, error, "key \"%s\" refers to nothing", key->name);
    }
    return check_default (copy, key, error);
}

static bool
copy_key (const Copy *copy, TdSchemaSection *section, const TdConfigSection *decl,
          const TdConfigKey *source, GError **error)
{
    TdSchemaKey *key = &section->keys[section->n_keys];

    *key = (TdSchemaKey){ .section = section,
                          .owner = copy_text (copy, copy->owner->name),
                          .can_reload = copy->owner->can_reload,
                          .index = section->n_keys };
    memcpy (&key->decl, source, MIN (decl->key_size, sizeof key->decl));
    bool is_any = decl->takes_any_key && g_strcmp0 (key->decl.name, "*") == 0;
    key->decl.name = copy_text (copy, key->decl.name);
    key->decl.default_text = copy_text (copy, key->decl.default_text);
    key->decl.unit = copy_text (copy, key->decl.unit);
    key->decl.choices = copy_list (copy, key->decl.choices);
    key->decl.refers = copy_text (copy, key->decl.refers);
    key->decl.help = copy_text (copy, key->decl.help);
    key->decl.since = copy_text (copy, key->decl.since);
    if (!check_key (copy, &key->decl, is_any, error)) {
        return false;
    }
    if (is_any) {
        section->keys[decl->n_keys] = *key;
        section->any = &section->keys[decl->n_keys];
        return true;
    }
    const TdSchemaKey *other = g_hash_table_lookup (section->by_name, key->decl.name);
    if (other != NULL) {
        return copy->is_addition
                   ? refuse (copy, error, "%s has declared key \"%s\" there already", other->owner,
                             key->decl.name)
                   : refuse (copy, error, "key \"%s\" stands there twice", key->decl.name);
    }
    g_hash_table_insert (section->by_name, (char *) key->decl.name, key);
    section->n_keys++;
    return true;
}

static void
free_section (gpointer data)
{
    TdSchemaSection *section = data;

    g_hash_table_unref (section->by_name);
    g_free (section->keys);
    g_free (section);
}

static bool
copy_keys (Copy *copy, TdSchemaSection *section, const TdConfigSection *decl, GError **error)
{
    const char *source = (const char *) decl->keys;

    for (uint32_t i = 0; i < decl->n_keys; i++, source += decl->key_size) {
        if (!copy_key (copy, section, decl, (const TdConfigKey *) source, error)) {
            return false;
        }
    }
    return true;
}

/* Makes the key that stands for all others the last one. */
static void
end_with_any (TdSchemaSection *section, const TdConfigSection *decl)
{
    TdSchemaKey *last = &section->keys[decl->n_keys];

    if (section->any == NULL) {
        *last = (TdSchemaKey){ .decl = { .name = "*", .type = TD_CONFIG_TEXT },
                               .section = section,
                               .owner = section->owner,
                               .can_reload = section->can_reload };
        section->any = last;
    }
    last->index = section->n_keys;
}

static bool
copy_section (Copy *copy, const TdConfigSection *decl, GError **error)
{
    TdSchema *schema = copy->schema;
    const TdSchemaSection *other = td_schema_find (schema, decl->name);

    if (other != NULL) {
        return refuse (copy, error, "%s has declared it already", other->owner);
    }
    TdSchemaSection *section = g_new (TdSchemaSection, 1);
    *section = (TdSchemaSection){ .owner = copy_text (copy, copy->owner->name),
                                  .can_reload = copy->owner->can_reload,
                                  .name = copy_text (copy, decl->name),
                                  .help = copy_text (copy, decl->help),
                                  .is_named = decl->is_named,
                                  .keys = g_new0 (TdSchemaKey, (size_t) decl->n_keys + 1),
                                  .by_name = g_hash_table_new (g_str_hash, g_str_equal) };
    g_ptr_array_add (schema->sections, section);
    g_hash_table_insert (schema->by_name, (char *) section->name, section);
    if (!copy_keys (copy, section, decl, error)) {
        return false;
    }
    if (decl->takes_any_key) {
        end_with_any (section, decl);
    }
    return true;
}

/* Makes room for N_MORE keys; BY_NAME follows to where the keys are now. */
static void
grow_section (TdSchemaSection *section, uint32_t n_more)
{
    section->keys = g_renew (TdSchemaKey, section->keys, (size_t) section->n_keys + n_more + 1);
    for (unsigned i = 0; i < section->n_keys; i++) {
        TdSchemaKey *key = &section->keys[i];
        g_hash_table_replace (section->by_name, (char *) key->decl.name, key);
    }
}

static bool
add_to_section (Copy *copy, const TdConfigSection *decl, GError **error)
{
    TdSchemaSection *section = g_hash_table_lookup (copy->schema->by_name, decl->name);

    if (decl->is_named || decl->takes_any_key || decl->help != NULL) {
        return refuse (copy, error,
                       "is_named, takes_any_key and help are for who declares it to say");
    }
    if (section == NULL && g_hash_table_size (copy->schema->absent) > 0) {
        g_hash_table_insert (copy->schema->orphans, (char *) copy_text (copy, decl->name),
                             (char *) copy_text (copy, copy->owner->name));
        return true;
    }
    if (section == NULL) {
        return refuse (copy, error,
                       "no module in [modules] declares it: name the one that does, or disable %s",
                       copy->owner->name);
    }
    if (section->any != NULL) {
        return refuse (copy, error, "%s has declared that it takes any key", section->owner);
    }
    grow_section (section, decl->n_keys);
    return copy_keys (copy, section, decl, error);
}

/* Copies one section of an owner, in the pass it belongs to. */
static bool
copy_declaration (Copy *copy, const TdConfigSection *source, bool is_addition, GError **error)
{
    TdConfigSection decl = { 0 };

    memcpy (&decl, source, MIN (source->size, sizeof decl));
    if (decl.is_addition != is_addition) {
        return true;
    }
    copy->section = decl.name != NULL ? decl.name : "";
    copy->is_addition = is_addition;
    if (!is_name (decl.name)) {
        return refuse (copy, error, "its name is not lower case, digits and hyphens");
    }
    if (decl.n_keys > 0 && (decl.keys == NULL || decl.key_size < KEY_SIZE_MIN)) {
        return refuse (copy, error, "its keys are %u bytes each, %u are known", decl.key_size,
                       (unsigned) KEY_SIZE_MIN);
    }
    return is_addition ? add_to_section (copy, &decl, error) : copy_section (copy, &decl, error);
}

static bool
copy_owner (TdSchema *schema, const TdSchemaOwner *owner, bool is_addition, GError **error)
{
    Copy copy = { schema, owner, "", false };

    if (owner->is_absent) {
        g_hash_table_add (schema->absent, (char *) copy_text (&copy, owner->name));
        return true;
    }
    if (owner->n_sections > 0 && owner->sections->size < SECTION_SIZE_MIN) {
        return refuse (&copy, error, "it is %u bytes, %u are known", owner->sections->size,
                       (unsigned) SECTION_SIZE_MIN);
    }
    const char *source = (const char *) owner->sections;
    for (uint32_t i = 0; i < owner->n_sections; i++) {
        if (!copy_declaration (&copy, (const TdConfigSection *) source, is_addition, error)) {
            return false;
        }
        source += owner->sections->size;
    }
    return true;
}

/* What is declared, or what is added to that, of all OWNERS. */
static bool
copy_owners (TdSchema *schema, const TdSchemaOwner *owners, unsigned n_owners, bool is_addition,
             GError **error)
{
    for (unsigned i = 0; i < n_owners; i++) {
        if (!copy_owner (schema, &owners[i], is_addition, error)) {
            return false;
        }
    }
    return true;
}

TdSchema *
td_schema_new (const TdSchemaOwner *owners, unsigned n_owners, GError **error)
{
    g_autoptr (TdSchema) schema = g_new0 (TdSchema, 1);

    atomic_init (&schema->n_refs, 1);
    schema->texts = g_string_chunk_new (4096);
    schema->lists = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
    schema->sections = g_ptr_array_new_with_free_func (free_section);
    schema->by_name = g_hash_table_new (g_str_hash, g_str_equal);
    schema->absent = g_hash_table_new (g_str_hash, g_str_equal);
    schema->orphans = g_hash_table_new (g_str_hash, g_str_equal);
    if (!copy_owners (schema, owners, n_owners, false, error)
        || !copy_owners (schema, owners, n_owners, true, error)) {
        return NULL;
    }
    return g_steal_pointer (&schema);
}

TdSchema *
td_schema_ref (TdSchema *schema)
{
    atomic_fetch_add_explicit (&schema->n_refs, 1, memory_order_relaxed);
    return schema;
}

void
td_schema_unref (TdSchema *schema)
{
    if (schema == NULL
        || atomic_fetch_sub_explicit (&schema->n_refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    g_hash_table_unref (schema->absent);
    g_hash_table_unref (schema->orphans);
    g_hash_table_unref (schema->by_name);
    g_ptr_array_unref (schema->sections);
    g_ptr_array_unref (schema->lists);
    g_string_chunk_free (schema->texts);
    g_free (schema);
}

const TdSchemaSection *
td_schema_find (const TdSchema *schema, const char *section)
{
    return g_hash_table_lookup (schema->by_name, section);
}

const TdSchemaKey *
td_schema_find_key (const TdSchemaSection *section, const char *key)
{
    const TdSchemaKey *found = g_hash_table_lookup (section->by_name, key);

    return found != NULL ? found : section->any;
}
