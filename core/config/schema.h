/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The schema: what the core and every module have declared, copied into one table.
 *
 *     owner "core"  --> section [trunk NAME] --> key "address", type, unit, range, default
 *     owner "trunk" --> adds to [trunk NAME] --> key "capacity"
 *
 * The copy is deep and smaller declarations of older modules are widened with zeros, so a schema
 * outlives the program files it came from. Immutable and counted.
 */

#ifndef CORE_CONFIG_SCHEMA_H
#define CORE_CONFIG_SCHEMA_H

#include <stdatomic.h>
#include <tandem/config.h>

#define TD_CONFIG_ERROR (td_config_error_quark ())
GQuark td_config_error_quark (void);

typedef enum {
    TD_CONFIG_ERROR_DECLARATION, /* a table of sections and keys is wrong: its author's mistake */
} TdConfigError;

/* Who declares. Filled in by whoever builds the schema, only read during that. */
typedef struct {
    const char *name; /* "core", or the module's name */
    const TdConfigSection *sections;
    uint32_t n_sections;
    bool can_reload; /* takes a new configuration over without a restart */
    bool is_absent;  /* a module that is not loaded: a section of its name is passed over */
} TdSchemaOwner;

typedef struct TdSchema TdSchema;
typedef struct TdSchemaSection TdSchemaSection;

typedef struct {
    TdConfigKey decl;
    const TdSchemaSection *section;
    const char *owner; /* whose key it is: the section's owner, or who added it */
    bool can_reload;   /* the owner takes a new configuration over without a restart */
    unsigned index;    /* in the section; n_keys for the key that stands for all others */
} TdSchemaKey;

struct TdSchemaSection {
    const char *owner; /* who declared it */
    bool can_reload;   /* that owner */
    const char *name, *help;
    bool is_named;
    TdSchemaKey *keys; /* in declared order, then what was added, or, with takes_any_key, ANY */
    unsigned n_keys;
    const TdSchemaKey *any; /* nullable: a declared key "*", or plain text */
    GHashTable *by_name;    /* const char * -> const TdSchemaKey * */
};

struct TdSchema {
    atomic_uint n_refs;
    GStringChunk *texts;
    GPtrArray *lists;    /* the copied lists of choices */
    GPtrArray *sections; /* TdSchemaSection *, in declared order */
    GHashTable *by_name; /* const char * -> const TdSchemaSection * */
    GHashTable *absent;  /* names of owners that are not loaded */
    GHashTable *orphans; /* sections that they may have declared -> who adds keys there */
};

/* The schema of all OWNERS (transfer full). What they add to each other's sections comes behind what is
 * declared there, in the order of OWNERS, whoever of two comes first. Errors: a section declared twice, a key
 * without a name or with a default that its own type refuses, and so on: "sip declares section [sip] wrongly:
 * ..."; an addition to what nobody declares: "trunk cannot add keys to section [trunk]: ...", unless an owner
 * that may declare it is absent: then it is passed over, and its keys are empty. Thread: any. */
TdSchema *td_schema_new (const TdSchemaOwner *owners, unsigned n_owners, GError **error);
TdSchema *td_schema_ref (TdSchema *schema);
void td_schema_unref (TdSchema *schema);

const TdSchemaSection *td_schema_find (const TdSchema *schema, const char *section);

/* A declared key, or the one that stands for all others, or NULL. */
const TdSchemaKey *td_schema_find_key (const TdSchemaSection *section, const char *key);

/* Texts made from the tables of OWNERS (NULL-terminated), in their order; NULL: of all. A section
 * stands with its owner, with those keys that are of OWNERS; keys added to a section whose owner is
 * not among them stand with who adds them, and say so.
 *
 * The sample: every section and key as a comment with help, type, range and default; what follows a
 * "#" without a blank becomes a setting when the "#" is taken away. */
void td_schema_write_sample (GString *out, const TdSchema *schema, const char *const *owners);

/* In Markdown: a heading of second level a section, an item a key. */
void td_schema_write_manual (GString *out, const TdSchema *schema, const char *const *owners);

/* For a manual page: the same in man macros, a .SS a section, a .TP a key. */
void td_schema_write_man (GString *out, const TdSchema *schema, const char *const *owners);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdSchema, td_schema_unref)

#endif
