/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The check: what the files say against what is declared; all mistakes, not the first. */

#include "config/config.h"

#include <string.h>

/* A name that must be an instance; known only when all sections are read. */
typedef struct {
    const TdSchemaKey *key;
    const char *name; /* of the key, as it is given */
    char *target;
    TdPlace place;
} Reference;

typedef struct {
    TdConfig *config;
    GPtrArray *problems;
    GPtrArray *references;
    GHashTable *given; /* TdConfigBlock * -> table of key -> const TdIniEntry * */
    GHashTable *only;  /* such a table, of the block that is filled now and by no other section */
    unsigned flags;
    unsigned n_sought; /* instances that were compared with a wrong name */
} Check;

enum {
    SOUGHT_MAX = 1000000, /* so many are a second's work; whoever has more gets no advice */
};

static void
free_reference (gpointer data)
{
    Reference *reference = data;

    g_free (reference->target);
    g_free (reference);
}

/* "[trunk carrier-a]" (transfer full). */
static char *
print_head (const char *section, const char *instance)
{
    return instance != NULL ? g_strdup_printf ("[%s %s]", section, instance)
                            : g_strdup_printf ("[%s]", section);
}

static void
report_unknown_section (Check *check, const TdPlace *place, const char *name)
{
    const GPtrArray *sections = check->config->schema->sections;
    TdNearest nearest;
    g_autofree char *quoted = td_problem_quote (name);

    td_nearest_init (&nearest, name);
    for (unsigned i = 0; i < sections->len; i++) {
        const TdSchemaSection *section = g_ptr_array_index (sections, i);
        td_nearest_offer (&nearest, section->name);
    }
    if (nearest.best != NULL) {
        td_problem_add (check->problems, place, "section %s is unknown: did you mean [%s]?", quoted,
                        nearest.best);
    } else {
        td_problem_add (check->problems, place,
                        "section %s is unknown: no module in [modules] declares it: name the one "
                        "that does, or take "
                        "the section out",
                        quoted);
    }
}

static void
report_unknown_key (Check *check, const TdPlace *place, const TdSchemaSection *section,
                    const char *name)
{
    TdNearest nearest;
    g_autofree char *quoted = td_problem_quote (name);

    td_nearest_init (&nearest, name);
    for (unsigned i = 0; i < section->n_keys; i++) {
        td_nearest_offer (&nearest, section->keys[i].decl.name);
    }
    g_autofree char *advice = nearest.best != NULL
                                  ? g_strdup_printf ("; did you mean \"%s\"?", nearest.best)
                                  : g_strdup ("");
    /* It may be one that a module adds which is disabled, or failed. */
    td_problem_add (check->problems, place,
                    "key %s is unknown in [%s]: no module that runs declares it%s", quoted,
                    section->name, advice);
}

static void
note_reference (Check *check, const TdSchemaKey *key, const char *name, const char *target,
                const TdPlace *place)
{
    Reference *reference = g_new (Reference, 1);

    *reference =
        (Reference){ .key = key, .name = name, .target = g_strdup (target), .place = *place };
    g_ptr_array_add (check->references, reference);
}

/* Notes what the texts of VALUE from the FIRST on refer to. */
static void
note_references (Check *check, const TdSchemaKey *key, const char *name, const TdValue *value,
                 unsigned first, const TdPlace *place)
{
    if (key->decl.refers == NULL || value->texts == NULL) {
        return;
    }
    for (unsigned i = first; i + 1 < value->texts->len; i++) {
        note_reference (check, key, name, g_ptr_array_index (value->texts, i), place);
    }
}

/* Reads TEXT into ITEM, next to what a REPEATED key has already. REPORT_AT is where a problem
 * stands. */
static void
read_item (Check *check, TdConfigItem *item, const TdSchemaKey *key, const char *name,
           const char *text, const TdPlace *place, const TdPlace *report_at)
{
    if (item->place.file == NULL) {
        td_config_item_place (item, place);
    }
    unsigned n_before = item->value.texts != NULL ? item->value.texts->len - 1 : 0;
    g_autofree char *reason =
        td_value_read (&item->value, &key->decl, text, check->config->ini->folder);
    if (reason != NULL) {
        td_problem_add (check->problems, report_at, "%s: %s", name, reason);
    } else {
        note_references (check, key, name, &item->value, n_before, report_at);
    }
}

/* Whether the key stands in its section for the first time, or may stand there again. */
static bool
check_first (Check *check, GHashTable *given, const TdSchemaKey *key, const TdIniEntry *entry)
{
    const TdIniEntry *first = g_hash_table_lookup (given, entry->key);

    if (first == NULL) {
        g_hash_table_insert (given, (char *) entry->key, (void *) entry);
        return true;
    }
    if (key->decl.flags & TD_CONFIG_REPEATED) {
        return true;
    }
    g_autofree char *place = td_place_print (&first->key_place);
    td_problem_add (check->problems, &entry->key_place, "key \"%s\" is given twice, first at %s",
                    entry->key, place);
    return false;
}

static void
check_entry (Check *check, TdConfigBlock *block, GHashTable *given, const TdIniEntry *entry)
{
    const TdSchemaKey *key = td_schema_find_key (block->decl, entry->key);

    if (key == NULL) {
        report_unknown_key (check, &entry->key_place, block->decl, entry->key);
        return;
    }
    bool is_first = check_first (check, given, key, entry);
    if (entry->value == NULL) {
        return;
    }
    if (is_first) {
        read_item (check, td_config_block_item (block, key, entry->key), key, entry->key,
                   entry->value, &entry->value_place, &entry->value_place);
    } else {
        /* The second value is of no use, but may be wrong as well. */
        TdConfigItem unused = { .is_set = true };
        read_item (check, &unused, key, entry->key, entry->value, &entry->value_place,
                   &entry->value_place);
        td_value_clear (&unused.value);
    }
}

static void
check_entries (Check *check, TdConfigBlock *block, GHashTable *given, const TdIniSection *section)
{
    for (unsigned i = 0; i < section->n_entries; i++) {
        check_entry (check, block, given, &section->entries[i]);
    }
}

/* Checks a section that cannot be kept, for what else is wrong in it. */
static void
check_aside (Check *check, const TdSchemaSection *decl, const TdIniSection *section)
{
    TdConfigBlock *block = td_config_new_block (decl, section->instance, &section->place);
    g_autoptr (GHashTable) given = g_hash_table_new (g_str_hash, g_str_equal);

    check_entries (check, block, given, section);
    td_config_free_block (block);
}

/* Whether the section's head has an instance where it must, and none where it must not. */
static bool
check_instance (Check *check, const TdSchemaSection *decl, const TdIniSection *section)
{
    if (decl->is_named && section->instance == NULL) {
        td_problem_add (check->problems, &section->place,
                        "section [%s] needs a name: write [%s NAME]", decl->name, decl->name);
        return false;
    }
    if (!decl->is_named && section->instance != NULL) {
        td_problem_add (check->problems, &section->place, "section [%s] takes no name: write [%s]",
                        decl->name, decl->name);
        return false;
    }
    return true;
}

/* Finds or makes the block SECTION fills; NULL when another section has filled it, which is
 * reported. */
static TdConfigBlock *
take_block (Check *check, const TdSchemaSection *decl, const TdIniSection *section)
{
    TdConfig *config = check->config;
    TdConfigBlock *block = td_config_find_block (config, decl->name, section->instance);

    if (block == NULL) {
        return td_config_add_block (config, decl, section->instance, &section->place);
    }
    if (block->place.line == 0) {
        block->place = section->place;
        return block;
    }
    if (decl->any != NULL && block->place.rank != section->place.rank) {
        return block;
    }
    g_autofree char *head = print_head (decl->name, section->instance);
    g_autofree char *place = td_place_print (&block->place);
    td_problem_add (check->problems, &section->place, "section %s stands here again, first at %s",
                    head, place);
    return NULL;
}

/* Whether all that is given in SECTION will be in its block, which no other section fills. */
static bool
is_alone (const TdConfigBlock *block, const TdIniSection *section)
{
    bool is_whole = block->decl->any == NULL;

    for (unsigned i = 0; i < section->n_entries; i++) {
        is_whole &= section->entries[i].value != NULL;
    }
    return is_whole;
}

/* What is kept of the keys given in SECTION is needed for a while only, and there may be 100,000. */
static GHashTable *
given_keys (Check *check, TdConfigBlock *block, const TdIniSection *section)
{
    if (is_alone (block, section)) {
        g_hash_table_remove_all (check->only);
        return check->only;
    }
    GHashTable *given = g_hash_table_lookup (check->given, block);

    if (given == NULL) {
        given = g_hash_table_new (g_str_hash, g_str_equal);
        g_hash_table_insert (check->given, block, given);
    }
    return given;
}

static void
check_section (Check *check, const TdIniSection *section)
{
    if (section->name == NULL) {
        return;
    }
    const TdSchemaSection *decl = td_schema_find (check->config->schema, section->name);
    if (decl == NULL) {
        if (!(check->flags & TD_CHECK_DECLARED_ONLY)
            && !g_hash_table_contains (check->config->schema->absent, section->name)) {
            report_unknown_section (check, &section->place, section->name);
        }
        return;
    }
    if (decl->is_named && (check->flags & TD_CHECK_DECLARED_ONLY)) {
        return;
    }
    TdConfigBlock *block =
        check_instance (check, decl, section) ? take_block (check, decl, section) : NULL;
    if (block != NULL) {
        check_entries (check, block, given_keys (check, block, section), section);
    } else {
        check_aside (check, decl, section);
    }
}

/* Where an unnamed section that stands in no file would stand. */
static TdPlace
place_of_nothing (const TdIni *ini)
{
    if (ini->files->len == 0) {
        return (TdPlace){ .file = "--config" };
    }
    return (TdPlace){ .file = g_ptr_array_index (ini->files, 0), .line = 1, .column = 1 };
}

static void
report_missing (Check *check, const TdConfigBlock *block, const char *key)
{
    if (block->place.line != 0) {
        g_autofree char *head = print_head (block->decl->name, block->instance);
        td_problem_add (check->problems, &block->place, "section %s lacks the key \"%s\"", head,
                        key);
        return;
    }
    TdPlace place = place_of_nothing (check->config->ini);
    td_problem_add (check->problems, &place,
                    "section [%s] is missing: its key \"%s\" has no default", block->decl->name,
                    key);
}

/* Looks for keys that must be given, and for defaults that refer to something. */
static void
check_block (Check *check, TdConfigBlock *block)
{
    GHashTable *given = g_hash_table_lookup (check->given, block);

    for (unsigned i = 0; i < block->decl->n_keys; i++) {
        const TdSchemaKey *key = &block->decl->keys[i];
        const char *name = key->decl.name;
        if (block->items[i] != NULL || (given != NULL && g_hash_table_contains (given, name))) {
            continue;
        }
        if (key->decl.flags & TD_CONFIG_REQUIRED) {
            report_missing (check, block, name);
        } else if (key->decl.refers != NULL && key->decl.default_text != NULL) {
            TdPlace place =
                block->place.line != 0 ? block->place : place_of_nothing (check->config->ini);
            const TdConfigItem *item = td_config_find_item (check->config, block, name);
            note_references (check, key, name, &item->value, 0, &place);
        }
    }
}

/* The instance of SECTION whose name is nearest to NAME, or NULL. */
static const char *
find_nearest_instance (Check *check, const char *section, const char *name)
{
    const char *const *instances = td_config_instances (check->config, section);
    TdNearest nearest;

    td_nearest_init (&nearest, name);
    for (unsigned i = 0; instances[i] != NULL && check->n_sought < SOUGHT_MAX; i++) {
        td_nearest_offer (&nearest, instances[i]);
        check->n_sought++;
    }
    return nearest.best;
}

static void
check_reference (Check *check, const Reference *reference)
{
    const TdConfigKey *key = &reference->key->decl;

    if (td_config_find_block (check->config, key->refers, reference->target) != NULL) {
        return;
    }
    if ((check->flags & TD_CHECK_DECLARED_ONLY)
        && td_schema_find (check->config->schema, key->refers) == NULL) {
        return;
    }
    if (key->flags & TD_CONFIG_SECRET) {
        td_problem_add (check->problems, &reference->place,
                        "%s: there is no section [%s ...] of that name", reference->name,
                        key->refers);
        return;
    }
    const char *nearest = find_nearest_instance (check, key->refers, reference->target);
    g_autofree char *target = td_problem_quote (reference->target);
    g_autofree char *advice =
        nearest != NULL ? g_strdup_printf (": did you mean \"%s\"?", nearest) : g_strdup ("");
    td_problem_add (check->problems, &reference->place,
                    "%s: %s is the name of no section [%s ...]%s", reference->name, target,
                    key->refers, advice);
}

/* A --set, taken apart. Its parts live as long as the configuration. */
typedef struct {
    const char *section, *instance, *key, *value;
    TdPlace place, report_at;
} Override;

/* Whether an override is what a file could say, too. */
static bool
is_sound (const char *text)
{
    if (!g_utf8_validate (text, -1, NULL)) {
        return false;
    }
    while (*text != '\0' && (!g_ascii_iscntrl (*text) || *text == '\t')) {
        text++;
    }
    return *text == '\0';
}

static bool
is_key (const char *text)
{
    while (g_ascii_isalnum (*text) || *text == '-' || *text == '_') {
        text++;
    }
    return *text == '\0';
}

/* Takes TEXT apart; false: it was reported, without its value. */
static bool
split_override (Check *check, const char *text, Override *ret)
{
    GStringChunk *texts = check->config->texts;
    TdPlace place = { .file = "--set", .rank = G_MAXUINT - 1 };
    const char *equals = strchr (text, '=');

    if (equals == NULL || !is_sound (text)) {
        td_problem_add (check->problems, &place, "%s",
                        equals == NULL ? "\"=\" is missing: write section.key=value"
                                       : "a value is not UTF-8 or has control characters");
        return false;
    }
    g_autofree char *target = g_strndup (text, (size_t) (equals - text));
    g_strstrip (target);
    if (strchr (target, '\t') != NULL) { /* it would be shown as it is */
        td_problem_add (check->problems, &place, "a tab stands before \"=\": write blanks");
        return false;
    }
    g_autofree char *shown = g_strdup_printf ("--set%s%s", *target != '\0' ? " " : "", target);
    place.file = g_string_chunk_insert (texts, shown);
    char *dot = strrchr (target, '.');
    if (dot == NULL || dot == target || dot[1] == '\0' || !is_key (dot + 1)) {
        td_problem_add (check->problems, &place,
                        "write section.key=value or \"section instance.key=value\"");
        return false;
    }
    *dot = '\0';
    char *instance = strchr (target, ' ');
    if (instance != NULL) {
        *instance++ = '\0';
        g_strstrip (instance);
        instance = g_string_chunk_insert (texts, instance);
    }
    *ret = (Override){ .section = g_string_chunk_insert (texts, target),
                       .instance = instance,
                       .key = g_string_chunk_insert (texts, dot + 1),
                       .value = g_string_chunk_insert (texts, equals + 1),
                       .place = { .file = "--set", .rank = place.rank },
                       .report_at = place };
    return true;
}

/* The block that an override changes; it makes no new instance, for that would hide a slip. */
static TdConfigBlock *
find_overridden (Check *check, const Override *override)
{
    const TdSchemaSection *decl = td_schema_find (check->config->schema, override->section);
    TdIniSection head = { .place = override->report_at, .instance = (char *) override->instance };

    if (decl == NULL) {
        if (!(check->flags & TD_CHECK_DECLARED_ONLY)
            && !g_hash_table_contains (check->config->schema->absent, override->section)) {
            report_unknown_section (check, &override->report_at, override->section);
        }
        return NULL;
    }
    if (!check_instance (check, decl, &head)) {
        return NULL;
    }
    TdConfigBlock *block =
        td_config_find_block (check->config, override->section, override->instance);
    if (block == NULL) {
        const char *nearest = find_nearest_instance (check, override->section, override->instance);
        g_autofree char *advice =
            nearest != NULL ? g_strdup_printf (": did you mean [%s %s]?", decl->name, nearest)
                            : g_strdup ("");
        td_problem_add (check->problems, &override->report_at, "no file has a section [%s %s]%s",
                        override->section, override->instance, advice);
    }
    return block;
}

static void
apply_override (Check *check, const char *text)
{
    Override override;

    if (!split_override (check, text, &override)) {
        return;
    }
    TdConfigBlock *block = find_overridden (check, &override);
    if (block == NULL) {
        return;
    }
    const TdSchemaKey *key = td_schema_find_key (block->decl, override.key);
    if (key == NULL) {
        report_unknown_key (check, &override.report_at, block->decl, override.key);
        return;
    }
    TdConfigItem *item = td_config_block_item (block, key, override.key);
    /* The last one holds; only a REPEATED key gathers them, but not with those of the files. */
    bool is_again = item->place.file != NULL && item->place.rank == override.place.rank;
    if (!is_again || !(key->decl.flags & TD_CONFIG_REPEATED)) {
        td_value_clear (&item->value);
        td_config_item_place (item, &override.place);
    }
    read_item (check, item, key, override.key, override.value, &override.place,
               &override.report_at);
}

TdConfig *
td_config_check (TdIni *ini, const char *const *overrides, TdSchema *schema, unsigned flags,
                 GPtrArray *problems)
{
    Check check = { .config = td_config_new (ini, schema),
                    .problems = problems,
                    .references = g_ptr_array_new_with_free_func (free_reference),
                    .given = g_hash_table_new_full (NULL, NULL, NULL,
                                                    (GDestroyNotify) g_hash_table_unref),
                    .only = g_hash_table_new (g_str_hash, g_str_equal),
                    .flags = flags };

    for (unsigned i = 0; i < ini->sections->len; i++) {
        check_section (&check, g_ptr_array_index (ini->sections, i));
    }
    for (unsigned i = 0; overrides != NULL && overrides[i] != NULL; i++) {
        apply_override (&check, overrides[i]);
    }
    for (unsigned i = 0; i < check.config->blocks->len; i++) {
        check_block (&check, g_ptr_array_index (check.config->blocks, i));
    }
    for (unsigned i = 0; i < check.references->len; i++) {
        check_reference (&check, g_ptr_array_index (check.references, i));
    }
    g_hash_table_unref (check.given);
    g_hash_table_unref (check.only);
    g_ptr_array_unref (check.references);
    return check.config;
}

TdConfig *
td_config_load (const char *file, const char *const *overrides, TdSchema *schema,
                GPtrArray *problems)
{
    g_autoptr (TdIni) ini = file != NULL ? td_ini_load (file, problems) : td_ini_new_empty ();
    TdConfig *config = td_config_check (ini, overrides, schema, 0, problems);

    td_problems_sort (problems);
    return config;
}
