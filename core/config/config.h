/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration: what the files and --set say, checked against the schema.
 *
 *     files --reader--> TdIni --check, schema--> TdConfig: block [trunk carrier-a] -> values
 *                                        \-----> problems
 *
 * Checking never stops: a TdConfig always comes out, but one with problems is only fit for further
 * checks, such as whether the modules it names exist. Nothing may run on it.
 */

#ifndef CORE_CONFIG_CONFIG_H
#define CORE_CONFIG_CONFIG_H

#include "config/problem.h"
#include "config/reader.h"
#include "config/schema.h"
#include "config/value.h"

/* One key as it is given, or its default. */
typedef struct {
    TdValue value;
    TdPlace place;
    _Atomic (char *) place_text; /* printed when somebody asks: td_config_item_where () */
    bool is_set;
} TdConfigItem;

/* One section as it stands in the files; of an unnamed one there is always one. */
typedef struct {
    const TdSchemaSection *decl;
    const char *instance; /* NULL: the section is not named */
    TdPlace place;        /* line 0: it stands in no file */
    TdConfigItem **items; /* decl->n_keys, NULL where the default speaks */
    GHashTable *any;      /* nullable; const char * -> TdConfigItem *, keys not declared */
    GPtrArray *any_names; /* nullable; NULL-terminated, in the order of the files */
} TdConfigBlock;

struct TdConfig {
    atomic_uint n_refs;
    TdSchema *schema;
    TdIni *ini;
    GStringChunk *texts;   /* of overrides */
    GPtrArray *blocks;     /* TdConfigBlock *, unnamed ones first, then as in the files */
    GHashTable *by_name;   /* TdConfigBlock * (hashed by section and instance) -> itself */
    GHashTable *defaults;  /* const TdSchemaKey * -> TdConfigItem * */
    GHashTable *instances; /* const TdSchemaSection * -> GPtrArray of names, NULL-terminated */
};

typedef enum {
    /* Sections that the schema does not know, and those that have names, are passed over: for the first
     * look, at [modules], before the modules that would declare the rest are there. */
    TD_CHECK_DECLARED_ONLY = 1 << 0,
} TdCheckFlags;

/* Checks INI and OVERRIDES (nullable; "section.key=value", "section instance.key=value") against
 * SCHEMA. Adds to PROBLEMS, in no order; returns a configuration always (transfer full). */
TdConfig *td_config_check (TdIni *ini, const char *const *overrides, TdSchema *schema,
                           unsigned flags, GPtrArray *problems);

/* Reads FILE (NULL: nothing but OVERRIDES) and its conf.d, checks all, sorts PROBLEMS. Blocks: on
 * files. */
TdConfig *td_config_load (const char *file, const char *const *overrides, TdSchema *schema,
                          GPtrArray *problems);

/* Adds a problem at the place of a key: for whoever knows more than the tables. */
void td_config_problem (const TdConfig *config, GPtrArray *problems, const char *section,
                        const char *instance, const char *key, const char *format, ...)
    TD_PRINTF (6, 7);

/* The section, or NULL: it is not declared, or has no such instance. */
TdConfigBlock *td_config_find_block (const TdConfig *config, const char *section,
                                     const char *instance);
/* The value that holds, be it a default or nothing; NULL: no such key is declared. */
const TdConfigItem *td_config_find_item (const TdConfig *config, const TdConfigBlock *block,
                                         const char *key);

/* Appends a text of KEY's as a file would say it; a secret is "(secret)". */
void td_config_print_text (const TdSchemaKey *key, const char *text, GString *out);

/* Appends all sections that are there with all their values, as a file that says the same but for
 * the secrets; places stand behind as comments. */
void td_config_dump (const TdConfig *config, GString *out);

/* For check.c alone. */
TdConfig *td_config_new (TdIni *ini, TdSchema *schema);
TdConfigBlock *td_config_add_block (TdConfig *config, const TdSchemaSection *decl,
                                    const char *instance, const TdPlace *place);
TdConfigBlock *td_config_new_block (const TdSchemaSection *decl, const char *instance,
                                    const TdPlace *place);
void td_config_free_block (TdConfigBlock *block);
/* The item of NAME, a key like KEY, which is made when it is not given yet; NAME must live as long. */
TdConfigItem *td_config_block_item (TdConfigBlock *block, const TdSchemaKey *key, const char *name);
void td_config_item_place (TdConfigItem *item, const TdPlace *place);

/* Where the value stands: "/etc/tandem/tandem.conf:12:9", "--set", or "default". Thread: any. */
const char *td_config_place (const TdConfig *config, const char *section, const char *instance,
                             const char *key);

/* Where ITEM stands, as text; NULL: nothing gives it. Thread: any. */
const char *td_config_item_where (const TdConfigItem *item);
void td_config_item_free (TdConfigItem *item);

#endif
