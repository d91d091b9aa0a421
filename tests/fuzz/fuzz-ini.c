/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a configuration: mistakes have a place and a printable reason, and what has none can
 * be printed and read again as the same. Lines after one of "%%" are overrides. */

#include "fuzz.h"

#include "config/config.h"
#include "config/reload.h"

#include <string.h>

static const char *const levels[] = { "error", "warning", "info", NULL };
static const char *const words[] = { "auto", "all", NULL };
static const char *const codecs[] = { "PCMA", "PCMU", NULL };
static const TdConfigKey core_keys[] = {
    { .name = "node", .type = TD_CONFIG_TEXT, .default_text = "n", .flags = TD_CONFIG_RELOADABLE },
    { .name = "lanes", .type = TD_CONFIG_INTEGER, .min = 1, .max = 256, .choices = words },
    { .name = "level", .type = TD_CONFIG_CHOICE, .default_text = "info", .choices = levels },
    { .name = "buffer", .type = TD_CONFIG_SIZE, .default_text = "16 MiB" },
    { .name = "dir", .type = TD_CONFIG_PATH, .default_text = "state" },
};
static const TdConfigSection core_sections[] = {
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "tandem", .keys = core_keys, .n_keys = 5 },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "modules", .takes_any_key = true },
};
static const TdConfigKey trunk_keys[] = {
    { .name = "address", .type = TD_CONFIG_ADDRESS, .flags = TD_CONFIG_REQUIRED },
    { .name = "capacity", .type = TD_CONFIG_INTEGER, .unit = "calls", .min = -5, .max = INT64_MAX },
    { .name = "hold", .type = TD_CONFIG_DURATION, .default_text = "30 s" },
    { .name = "is-on", .type = TD_CONFIG_BOOL, .default_text = "yes" },
    { .name = "codecs",
      .type = TD_CONFIG_LIST,
      .choices = codecs,
      .flags = TD_CONFIG_REPEATED | TD_CONFIG_RELOADABLE },
    { .name = "match", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_REPEATED },
    { .name = "next", .type = TD_CONFIG_REFERENCE, .refers = "trunk" },
    { .name = "tags", .type = TD_CONFIG_LIST },
};
static const TdConfigSection trunk_section = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .is_named = true,         .keys = trunk_keys,   .n_keys = G_N_ELEMENTS (trunk_keys)
};
static const TdSchemaOwner owners[] = {
    { .name = "core", .sections = core_sections, .n_sections = 2, .can_reload = true },
    { .name = "trunk", .sections = &trunk_section, .n_sections = 1 },
    { .name = "absent", .is_absent = true },
};

static TdConfig *
check (const char *text, size_t len_bytes, char **overrides, TdSchema *schema, GPtrArray *problems)
{
    g_autoptr (TdIni) ini = td_ini_parse ("/etc/f", text, len_bytes, problems);

    return td_config_check (ini, (const char *const *) overrides, schema, 0, problems);
}

static void
check_problems (GPtrArray *problems, unsigned n_lines)
{
    td_problems_sort (problems);
    for (unsigned i = 0; i < problems->len; i++) {
        const TdProblem *problem = g_ptr_array_index (problems, i);
        FUZZ_CHECK (problem->line <= n_lines);
        FUZZ_CHECK ((problem->line == 0) == (problem->column == 0));
        FUZZ_CHECK (*problem->text != '\0' && g_utf8_validate (problem->text, -1, NULL));
        for (const char *at = problem->text; *at != '\0'; at++) {
            FUZZ_CHECK (!g_ascii_iscntrl (*at));
        }
    }
}

/* What CONFIG prints says the same as CONFIG, when it is read again. */
static void
check_dump (const TdConfig *config, TdSchema *schema)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (GString) dump = g_string_new (NULL);

    td_config_dump (config, dump);
    if (dump->len > TD_INI_LINE_MAX) {
        return; /* a line may have grown too long by its escapes and its comment */
    }
    g_autoptr (TdConfig) again = check (dump->str, dump->len, NULL, schema, problems);
    FUZZ_CHECK (problems->len == 0);
    g_autoptr (GPtrArray) changes = td_config_diff (config, again);
    FUZZ_CHECK (changes->len == 0);
}

static unsigned
count_lines (const char *text, size_t len_bytes)
{
    unsigned n_lines = 1;

    for (size_t i = 0; i < len_bytes; i++) {
        n_lines += text[i] == '\n';
    }
    return n_lines;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    static const char divider[] = "\n%%\n";
    const char *text = (const char *) data;
    const char *end = memmem (data, n_bytes, divider, sizeof divider - 1);
    size_t len_bytes = end != NULL ? (size_t) (end - text) : n_bytes;
    g_autofree char *rest =
        end != NULL ? g_strndup (end + 4, n_bytes - len_bytes - 4) : g_strdup ("");
    g_auto (GStrv) overrides = g_strsplit (rest, "\n", 64);
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), NULL);

    FUZZ_CHECK (schema != NULL);
    g_autoptr (TdConfig) config = check (text, len_bytes, overrides, schema, problems);
    FUZZ_CHECK (config != NULL);
    check_problems (problems, count_lines (text, len_bytes));
    if (problems->len == 0) {
        check_dump (config, schema);
    }
    return 0;
}
