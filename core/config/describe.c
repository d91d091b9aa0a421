/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a key takes, in words. */

#include "config/describe.h"

#include "config/unit.h"

static void
describe_range (const TdConfigKey *key, GString *out)
{
    if (key->min == 0 && key->max == 0) {
        return;
    }
    if (key->max == INT64_MAX) {
        g_string_append (out, " of at least ");
        td_unit_print (out, key->type, key->min);
    } else if (key->min == INT64_MIN) {
        g_string_append (out, " of at most ");
        td_unit_print (out, key->type, key->max);
    } else {
        g_string_append (out, " from ");
        td_unit_print (out, key->type, key->min);
        g_string_append (out, " to ");
        td_unit_print (out, key->type, key->max);
    }
}

static void
describe_words (const TdConfigKey *key, const char *before, GString *out)
{
    if (key->choices != NULL) {
        g_autofree char *words = g_strjoinv (", ", (char **) key->choices);
        g_string_append_printf (out, "%s%s", before, words);
    }
}

static void
describe_number (const TdConfigKey *key, GString *out)
{
    if (key->type == TD_CONFIG_INTEGER) {
        g_string_append (out, "a whole number");
        if (key->unit != NULL) {
            g_string_append_printf (out, " of %s", key->unit);
        }
    } else {
        g_string_append (out, key->type == TD_CONFIG_SIZE ? "a size" : "a duration");
    }
    describe_range (key, out);
    if (key->type != TD_CONFIG_INTEGER) {
        g_string_append (out, key->type == TD_CONFIG_SIZE ? " in B, KiB, MiB, GiB or TiB"
                                                          : " in ms, s, min, h or d");
    }
    describe_words (key, ", or one of ", out);
}

void
td_key_describe (const TdConfigKey *key, GString *out)
{
    switch (key->type) {
    case TD_CONFIG_TEXT:
        g_string_append (out, "a text");
        break;
    case TD_CONFIG_BOOL:
        g_string_append (out, "yes or no");
        break;
    case TD_CONFIG_INTEGER:
    case TD_CONFIG_DURATION:
    case TD_CONFIG_SIZE:
        describe_number (key, out);
        break;
    case TD_CONFIG_CHOICE:
        describe_words (key, "one of ", out);
        break;
    case TD_CONFIG_ADDRESS:
        g_string_append (out, "an address a.b.c.d or [IPv6], with :port or without");
        break;
    case TD_CONFIG_PATH:
        g_string_append (out, "a path");
        break;
    case TD_CONFIG_REFERENCE:
        g_string_append_printf (out, "the name of a [%s ...] section", key->refers);
        break;
    case TD_CONFIG_LIST:
        g_string_append (out, "a list divided by commas");
        if (key->refers != NULL) {
            g_string_append_printf (out, " of names of [%s ...] sections", key->refers);
        }
        describe_words (key, " of ", out);
        break;
    }
}
