/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What travels with a telephone number. */

#include "parameters.h"

#include <string.h>

/* --- Reading ----------------------------------------------------------------------------- */

/* The value of NAME in ";npdi;rn=+12125550000", "" when it has none; false when it is not there, or too
 * long to mean anything. */
static bool
find_parameter (const char *parameters, const char *name, char ret_value[PARAMETER_SIZE])
{
    g_auto (GStrv) parts = g_strsplit (parameters != NULL ? parameters : "", ";", -1);

    for (char **part = parts; *part != NULL; part++) {
        size_t len = strcspn (*part, "=");
        if (len == strlen (name) && g_ascii_strncasecmp (*part, name, len) == 0) {
            const char *value = *part + len + ((*part)[len] == '=');
            return g_strlcpy (ret_value, value, PARAMETER_SIZE) < PARAMETER_SIZE;
        }
    }
    return false;
}

/* The same of a number, without its visual separators (RFC 3966 3); false as well when no row could
 * name it, such as one with hexadecimal digits. */
static bool
find_number (const char *parameters, const char *name, char ret_value[PARAMETER_SIZE])
{
    char *end = ret_value;

    if (!find_parameter (parameters, name, ret_value)) {
        return false;
    }
    for (const char *at = ret_value; *at != '\0'; at++) {
        if (strchr ("-.()", *at) == NULL) {
            *end++ = *at;
        }
    }
    *end = '\0';
    return *ret_value != '\0' && td_prefix_is_valid (ret_value);
}

/* The number NAME, and the network in which it holds where it has no "+"; "" for what is not there. */
static void
read_number (const char *text, const char *name, const char *context,
             char ret_number[PARAMETER_SIZE], char ret_context[PARAMETER_SIZE])
{
    if (!find_number (text, name, ret_number)) {
        ret_number[0] = '\0';
    }
    if (ret_number[0] == '\0' || !find_parameter (text, context, ret_context)) {
        ret_context[0] = '\0';
    }
}

void
parameters_read (const char *text, Parameters *ret_parameters)
{
    char unused[PARAMETER_SIZE];

    ret_parameters->is_dipped = find_parameter (text, "npdi", unused);
    read_number (text, "rn", "rn-context", ret_parameters->routing_number,
                 ret_parameters->routing_context);
    read_number (text, "cic", "cic-context", ret_parameters->carrier,
                 ret_parameters->carrier_context);
}

/* --- Writing ----------------------------------------------------------------------------- */

static void
append_others (GString *out, const char *parameters)
{
    static const char *const ours[] = { "npdi", "rn", "rn-context", "cic", "cic-context", NULL };
    g_auto (GStrv) parts = g_strsplit (parameters != NULL ? parameters : "", ";", -1);

    for (char **part = parts; *part != NULL; part++) {
        g_autofree char *name = g_ascii_strdown (*part, (gssize) strcspn (*part, "="));
        if (*name != '\0' && !g_strv_contains (ours, name)) {
            g_string_append_printf (out, ";%s", *part);
        }
    }
}

/* Rows may name carriers as they like; a "cic" has hexadecimal digits (RFC 4694 4). */
static bool
is_carrier_code (const char *carrier)
{
    const char *digits = carrier + (*carrier == '+');

    return *digits != '\0' && strspn (digits, "0123456789ABCDEFabcdef") == strlen (digits);
}

/* What has no "+" says in which network it holds (RFC 4694 4): as it came, for as long as it goes on, or by
 * the country it belongs to. Nobody can say it where neither is known. */
static void
append_number (GString *out, const char *name, const char *value, const char *before,
               const char *context, const char *country)
{
    if (value[0] == '+' || (*context == '\0' && *country == '\0')) {
        g_string_append_printf (out, ";%s=%s", name, value);
    } else if (*context != '\0' && strcmp (before, value) == 0) {
        g_string_append_printf (out, ";%s=%s;%s-context=%s", name, value, name, context);
    } else if (*country != '\0') {
        g_string_append_printf (out, ";%s=+%s%s", name, country, value);
    } else {
        g_string_append_printf (out, ";%s=%s", name, value);
    }
}

static char *
end_text (GString *text)
{
    return g_string_free (text, text->len == 0);
}

char *
parameters_write (const char *text, const Decision *decision)
{
    GString *out = g_string_new (NULL);
    Parameters before;

    parameters_read (text, &before);
    append_others (out, text);
    /* RFC 4694 5.2.1: that it was looked up, and what was found, so that nobody does it again. */
    if (decision->is_dipped) {
        g_string_append (out, ";npdi");
    }
    if (decision->routing_number[0] != '\0') {
        append_number (out, "rn", decision->routing_number, before.routing_number,
                       before.routing_context, decision->country);
    }
    /* RFC 4694 5.1, 5.2.2: what names ourselves is of use to nobody else. */
    if (is_carrier_code (decision->carrier) && !decision->is_own_carrier) {
        append_number (out, "cic", decision->carrier, before.carrier, before.carrier_context,
                       decision->country);
    }
    return end_text (out);
}

char *
parameters_write_others (const char *text)
{
    GString *out = g_string_new (NULL);

    append_others (out, text);
    return end_text (out);
}
