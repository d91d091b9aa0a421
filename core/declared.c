/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be configured: the core's own sections, and those of every module that is mapped. */

#include "declared.h"

#include "call/settings.h"
#include "run/lane.h"

#include <stdlib.h>
#include <string.h>

static const char *const level_choices[] = { "error", "warning", "notice", "info", "debug", NULL };
/* In the order of TdLogFormat. */
static const char *const format_choices[] = { "auto", "text", "json", "journal", NULL };

static const TdConfigKey tandem_keys[] = {
    { .name = "node",
      .type = TD_CONFIG_TEXT,
      .default_text = "tandem",
      .help = "The name of this switch in records, events and logs.",
      .since = "0.1" },
    { .name = "lanes",
      .type = TD_CONFIG_TEXT,
      .default_text = "auto",
      .help = "How many threads carry calls, 1 to 255; auto: half of the processors, at least one.",
      .since = "0.1" },
    { .name = "state-dir",
      .type = TD_CONFIG_PATH,
      .default_text = "/var/lib/tandem",
      .help = "Where the switch keeps what must survive a restart.",
      .since = "0.1" },
    { .name = "drain",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "5 s",
      .min = 0,
      .max = 3600000,
      .help = "How long calls may go on after the switch was told to stop.",
      .since = "0.1" },
    { .name = "descriptor-reserve",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2",
      .unit = "%",
      .min = 0,
      .max = 50,
      .help =
          "The share of the descriptors the process may have, rounded down, that only calls with a "
          "priority, and emergency calls, may use for media and for connections they make.",
      .since = "0.1" },
    { .name = "log-level",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "info",
      .choices = level_choices,
      .help = "The least important lines that are logged.",
      .since = "0.1" },
    { .name = "log-format",
      .type = TD_CONFIG_CHOICE,
      .default_text = "auto",
      .choices = format_choices,
      .help = "How a log line is written: auto (to the journal under systemd, as text otherwise), "
              "text, json, journal.",
      .since = "0.1" },
};

static const char *const policy_choices[] = { "required", "optional", "disabled", NULL };

static const TdConfigKey modules_keys[] = {
    { .name = "*",
      .type = TD_CONFIG_CHOICE,
      .choices = policy_choices,
      .help = "A module by name: required (the switch does not start without it), optional, "
              "disabled.",
      .since = "0.1" },
};

static const TdConfigSection core_sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "tandem",
      .help = "The switch as a whole.",
      .keys = tandem_keys,
      .n_keys = G_N_ELEMENTS (tandem_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "modules",
      .help = "Which modules are loaded.",
      .takes_any_key = true,
      .keys = modules_keys,
      .n_keys = G_N_ELEMENTS (modules_keys) },
};

typedef struct {
    TdRegistry *registry; /* nullable */
    GArray *owners;
} Gathering;

static void
add_owner (TdModule *module, void *data)
{
    Gathering *gathering = data;
    TdSchemaOwner owner = { .name = td_module_name (module) };

    /* An older build that ends its calls keeps the configuration it has. */
    if (td_registry_find (gathering->registry, owner.name) != module) {
        return;
    }
    if (td_module_is_over (module) || module->image == NULL) {
        owner.is_absent = true;
    } else {
        const TdModuleDescriptor *descriptor = &module->image->descriptor;
        owner.sections = descriptor->config;
        owner.n_sections = descriptor->n_config;
        owner.can_reload = descriptor->reload != NULL;
    }
    g_array_append_val (gathering->owners, owner);
}

/* The names that [modules] of CONFIG (nullable) gives to modules that are not mapped. */
static void
add_absent (Gathering *gathering, const TdConfig *config)
{
    const TdConfigBlock *block =
        config != NULL ? td_config_find_block (config, "modules", NULL) : NULL;

    for (unsigned i = 0; block != NULL && block->any_names != NULL && i < block->any_names->len;
         i++) {
        const char *name = block->any_names->pdata[i];
        if (name != NULL
            && (gathering->registry == NULL
                || td_registry_find (gathering->registry, name) == NULL)) {
            TdSchemaOwner owner = { .name = name, .is_absent = true };
            g_array_append_val (gathering->owners, owner);
        }
    }
}

TdSchema *
td_declared_schema (TdRegistry *registry, const TdConfig *earlier, GError **error)
{
    g_autoptr (GArray) owners = g_array_new (false, false, sizeof (TdSchemaOwner));
    TdConfigSection sections[G_N_ELEMENTS (core_sections) + 3];
    TdSchemaOwner core = { .name = "core",
                           .sections = sections,
                           .n_sections = G_N_ELEMENTS (sections),
                           .can_reload = true };

    memcpy (sections, core_sections, sizeof (core_sections));
    sections[G_N_ELEMENTS (core_sections)] = td_call_section;
    sections[G_N_ELEMENTS (core_sections) + 1] = td_trunk_section;
    sections[G_N_ELEMENTS (core_sections) + 2] = td_member_section;
    g_array_append_val (owners, core);
    Gathering gathering = { registry, owners };
    if (registry != NULL) {
        td_registry_each (registry, add_owner, &gathering);
    }
    add_absent (&gathering, earlier);
    return td_schema_new ((const TdSchemaOwner *) owners->data, owners->len, error);
}

unsigned
td_declared_lanes (const TdConfig *config, GPtrArray *problems)
{
    const char *text = td_config_text (config, "tandem", NULL, "lanes");
    char *end;

    if (g_ascii_strcasecmp (text, "auto") == 0) {
        return MAX (1, g_get_num_processors () / 2);
    }
    unsigned long n_lanes = strtoul (text, &end, 10);
    if (!g_ascii_isdigit (*text) || *end != '\0' || n_lanes < 1 || n_lanes > TD_LANES_MAX) {
        td_config_problem (config, problems, "tandem", NULL, "lanes",
                           "\"%s\" is neither auto nor a number of lanes from 1 to %u", text,
                           TD_LANES_MAX);
        return 1;
    }
    return (unsigned) n_lanes;
}

static void
check_address (const TdConfig *config, const char *section, const char *name, GPtrArray *problems)
{
    const char *address = td_config_text (config, section, name, "address");

    if (address != NULL && (strchr (address, ':') == NULL || *address == ':')) {
        td_config_problem (config, problems, section, name, "address",
                           "\"%s\" does not begin with a scheme such as sip:", address);
    }
}

static void
check_trunk (const TdConfig *config, const TdTrunk *trunk, GPtrArray *problems)
{
    bool has_address = td_config_text (config, "trunk", trunk->name, "address") != NULL;

    check_address (config, "trunk", trunk->name, problems);
    if (trunk->members->len == 0) {
        const TdConfigBlock *block = td_config_find_block (config, "trunk", trunk->name);
        td_problem_add (problems, &block->place,
                        "section [trunk %s] has no \"address\", and no [member ...] names it",
                        trunk->name);
    } else if (has_address && trunk->members->len > 1) {
        td_config_problem (config, problems, "trunk", trunk->name, "address",
                           "[member %s] names this trunk, whose members have the addresses: make "
                           "this one a [member ...], too",
                           g_array_index (trunk->members, TdMember, 1).name);
    }
}

void
td_declared_check_trunks (const TdConfig *config, GPtrArray *problems)
{
    g_autoptr (GHashTable) trunks = td_trunks_new (config);
    const char *const *names = td_config_instances (config, "trunk");

    for (; *names != NULL; names++) {
        check_trunk (config, g_hash_table_lookup (trunks, *names), problems);
    }
    for (names = td_config_instances (config, "member"); *names != NULL; names++) {
        check_address (config, "member", *names, problems);
    }
}
