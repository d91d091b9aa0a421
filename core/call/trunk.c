/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The [trunk] and [member] sections: who the members of a trunk group are, and where. */

#include "call/trunk.h"

#include <string.h>

static const char *const media_choices[] = { "default", "anchor", "through", NULL };

static const TdConfigKey trunk_keys[] = {
    { .name = "address",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "Where the peer is: SCHEME:..., such as sip:198.51.100.7:5060. The scheme is the name "
          "of the endpoint driver. Not given: the peers are the [member ...] sections that "
          "name this trunk.",
      .since = "0.1" },
    { .name = "media",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "default",
      .choices = media_choices,
      .help = "Whether media to this trunk are anchored or run past the switch; default: as [call] "
              "says.",
      .since = "0.1" },
};

const TdConfigSection td_trunk_section = {
    .size = sizeof (TdConfigSection),
    .key_size = sizeof (TdConfigKey),
    .name = "trunk",
    .help = "A trunk group: peers that calls come from and go to, and that are one to routing.",
    .is_named = true,
    .keys = trunk_keys,
    .n_keys = G_N_ELEMENTS (trunk_keys),
};

static const TdConfigKey member_keys[] = {
    { .name = "trunk",
      .type = TD_CONFIG_REFERENCE,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .refers = "trunk",
      .help = "The trunk group it belongs to.",
      .since = "0.1" },
    { .name = "address",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "Where the peer is: SCHEME:..., as in [trunk ...].",
      .since = "0.1" },
};

const TdConfigSection td_member_section = {
    .size = sizeof (TdConfigSection),
    .key_size = sizeof (TdConfigKey),
    .name = "member",
    .help = "One peer of a trunk group that has more than one.",
    .is_named = true,
    .keys = member_keys,
    .n_keys = G_N_ELEMENTS (member_keys),
};

static void
clear_member (void *data)
{
    g_free (((TdMember *) data)->driver);
}

static void
free_trunk (void *data)
{
    TdTrunk *trunk = data;

    g_array_unref (trunk->members);
    g_free (trunk);
}

static void
add_member (TdTrunk *trunk, const char *name, const char *address)
{
    TdMember member = { .name = name, .address = address };

    member.driver = g_strndup (address, strcspn (address, ":"));
    g_array_append_val (trunk->members, member);
}

static TdTrunk *
trunk_new (const TdConfig *config, const char *name)
{
    TdTrunk *trunk = g_new0 (TdTrunk, 1);
    const char *address = td_config_text (config, "trunk", name, "address");

    trunk->name = name;
    trunk->media = (TdTrunkMedia) td_config_number (config, "trunk", name, "media");
    trunk->members = g_array_new (FALSE, FALSE, sizeof (TdMember));
    g_array_set_clear_func (trunk->members, clear_member);
    if (address != NULL) {
        add_member (trunk, name, address);
    }
    return trunk;
}

GHashTable *
td_trunks_new (const TdConfig *config)
{
    GHashTable *trunks = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_trunk);
    const char *const *names = td_config_instances (config, "trunk");

    for (; *names != NULL; names++) {
        g_hash_table_insert (trunks, (char *) *names, trunk_new (config, *names));
    }
    for (names = td_config_instances (config, "member"); *names != NULL; names++) {
        const char *group = td_config_text (config, "member", *names, "trunk");
        const char *address = td_config_text (config, "member", *names, "address");
        TdTrunk *trunk = group != NULL ? g_hash_table_lookup (trunks, group) : NULL;
        if (trunk != NULL && address != NULL) { /* otherwise it is reported already */
            add_member (trunk, *names, address);
        }
    }
    return trunks;
}
