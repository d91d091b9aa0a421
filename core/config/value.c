/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values: one text read as its key's type. */

#include "config/value.h"

#include "config/describe.h"
#include "config/problem.h"
#include "config/unit.h"

#include <arpa/inet.h>
#include <string.h>

/* Where WORD stands in WORDS (nullable), or -1. */
static int
find_word (const char *const *words, const char *word)
{
    for (int i = 0; words != NULL && words[i] != NULL; i++) {
        if (strcmp (words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

/* What follows, each "read_...", returns NULL or what is wrong with TEXT. */

/* The digits of TEXT; RET_UNIT is what follows them and their blanks. */
static const char *
read_digits (const char *text, int64_t *ret_number, const char **ret_unit)
{
    bool is_negative = *text == '-';
    const char *at = text + is_negative;
    int64_t number = 0;
    bool is_too_large = false;

    if (!g_ascii_isdigit (*at)) {
        return "is not a number";
    }
    for (; g_ascii_isdigit (*at); at++) {
        int digit = *at - '0';
        is_too_large = is_too_large || __builtin_mul_overflow (number, 10, &number)
                       || __builtin_add_overflow (number, digit, &number);
    }
    if (*at == '.' || *at == ',') {
        return "is not a whole number";
    }
    if (is_too_large) {
        return "is out of range";
    }
    *ret_unit = at + strspn (at, " \t");
    *ret_number = is_negative ? -number : number;
    return NULL;
}

/* Multiplies NUMBER by the unit it was given in. */
static const char *
apply_unit (const TdConfigKey *key, const char *unit, int64_t *number)
{
    const TdUnit *units = td_units_of (key->type);

    if (units == NULL) {
        size_t len = strlen (unit);
        /* "1 call" is as good as "1 calls". */
        bool is_known = len == 0
                        || (key->unit != NULL
                            && (strcmp (unit, key->unit) == 0
                                || (strlen (key->unit) == len + 1 && key->unit[len] == 's'
                                    && strncmp (unit, key->unit, len) == 0)));
        return is_known ? NULL : "has a wrong unit";
    }
    if (*unit == '\0') {
        return *number == 0 ? NULL : "has no unit";
    }
    while (units->name != NULL && strcmp (units->name, unit) != 0) {
        units++;
    }
    if (units->name == NULL) {
        return "has a wrong unit";
    }
    return __builtin_mul_overflow (*number, units->factor, number) ? "is out of range" : NULL;
}

static const char *
read_number (const TdConfigKey *key, const char *text, int64_t *ret_number)
{
    const char *unit;
    int64_t number;
    int word = find_word (key->choices, text);

    if (word >= 0) {
        *ret_number = -1 - word;
        return NULL;
    }
    const char *wrong = read_digits (text, &number, &unit);
    if (wrong == NULL) {
        wrong = apply_unit (key, unit, &number);
    }
    if (wrong != NULL) {
        return wrong;
    }
    bool has_range = key->min != 0 || key->max != 0;
    if ((has_range && (number < key->min || number > key->max))
        || (td_units_of (key->type) != NULL && number < 0)) {
        return "is out of range";
    }
    *ret_number = number;
    return NULL;
}

static const char *
read_bool (const char *text, int64_t *ret_number)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };

    for (unsigned i = 0; i < G_N_ELEMENTS (words); i++) {
        if (g_ascii_strcasecmp (words[i], text) == 0) {
            *ret_number = i % 2;
            return NULL;
        }
    }
    return "is not known";
}

static const char *
read_choice (const TdConfigKey *key, const char *text, int64_t *ret_number)
{
    int word = find_word (key->choices, text);

    if (word < 0) {
        return "is not known";
    }
    *ret_number = word;
    return NULL;
}

static bool
is_port (const char *text)
{
    size_t n_digits = strspn (text, "0123456789");

    return n_digits > 0 && n_digits <= 5 && text[n_digits] == '\0'
           && g_ascii_strtoull (text, NULL, 10) <= 65535;
}

/* The N bytes of TEXT as an address without port; the zone of an IPv6 address is not looked up. */
static bool
is_host (int family, const char *text, size_t n)
{
    char host[INET6_ADDRSTRLEN + 1];
    uint8_t bytes[16];
    const char *zone = memchr (text, '%', n);

    if (zone != NULL) {
        if (family != AF_INET6 || zone + 1 == text + n) {
            return false;
        }
        n = (size_t) (zone - text);
    }
    if (n >= sizeof host) {
        return false;
    }
    memcpy (host, text, n);
    host[n] = '\0';
    return inet_pton (family, host, bytes) == 1;
}

static const char *
read_address (const char *text)
{
    static const char wrong[] = "is no address";

    if (*text == '[') {
        const char *end = strchr (text, ']');
        if (end == NULL || !is_host (AF_INET6, text + 1, (size_t) (end - text - 1))) {
            return wrong;
        }
        return end[1] == '\0' || (end[1] == ':' && is_port (end + 2)) ? NULL : wrong;
    }
    if (is_host (AF_INET6, text, strlen (text))) {
        return "is an IPv6 address without its brackets";
    }
    size_t len = strcspn (text, ":");
    if (!is_host (AF_INET, text, len)) {
        return wrong;
    }
    return text[len] == '\0' || is_port (text + len + 1) ? NULL : wrong;
}

/* Appends the parts of a list to TEXTS, but nothing when one is wrong. */
static const char *
read_list (const TdConfigKey *key, const char *text, GPtrArray *texts)
{
    if (text[strspn (text, " \t")] == '\0') {
        return NULL;
    }
    g_auto (GStrv) parts = g_strsplit (text, ",", -1);
    for (unsigned i = 0; parts[i] != NULL; i++) {
        g_strstrip (parts[i]);
        if (*parts[i] == '\0') {
            return "has an empty part";
        }
        if (key->choices != NULL && find_word (key->choices, parts[i]) < 0) {
            return "has a part that is not known";
        }
    }
    for (unsigned i = 0; parts[i] != NULL; i++) {
        g_ptr_array_add (texts, g_strdup (parts[i]));
    }
    return NULL;
}

static const char *
read_one (const TdConfigKey *key, const char *text, int64_t *ret_number)
{
    switch (key->type) {
    case TD_CONFIG_BOOL:
        return read_bool (text, ret_number);
    case TD_CONFIG_INTEGER:
    case TD_CONFIG_DURATION:
    case TD_CONFIG_SIZE:
        return read_number (key, text, ret_number);
    case TD_CONFIG_CHOICE:
        return read_choice (key, text, ret_number);
    case TD_CONFIG_ADDRESS:
        return read_address (text);
    case TD_CONFIG_TEXT:
    case TD_CONFIG_PATH:
    case TD_CONFIG_REFERENCE:
    case TD_CONFIG_LIST:
        break;
    }
    return NULL;
}

/* An empty value says something only where any text does. */
static bool
must_not_be_empty (const TdConfigKey *key)
{
    return (key->type != TD_CONFIG_TEXT && key->type != TD_CONFIG_LIST)
           || (key->flags & TD_CONFIG_REQUIRED) != 0;
}

/* The first part of a list that is no choice, or the whole text of anything else (transfer full). */
static char *
find_culprit (const TdConfigKey *key, const char *text)
{
    if (key->type == TD_CONFIG_LIST) {
        g_auto (GStrv) parts = g_strsplit (text, ",", -1);
        for (unsigned i = 0; parts[i] != NULL; i++) {
            if (find_word (key->choices, g_strstrip (parts[i])) < 0) {
                return g_strdup (parts[i]);
            }
        }
    }
    return g_strdup (text);
}

/* The whole reason: the value (but no secret), what is WRONG with it, what would be right. */
static char *
explain (const TdConfigKey *key, const char *text, const char *wrong)
{
    GString *out = g_string_new (NULL);
    bool is_secret = (key->flags & TD_CONFIG_SECRET) != 0;

    if (is_secret || *text == '\0') {
        g_string_append (out, "the value");
    } else {
        g_autofree char *quoted = td_problem_quote (text);
        g_string_append (out, quoted);
    }
    g_string_append_printf (out, " %s: expected ", wrong);
    td_key_describe (key, out);
    if (!is_secret && key->choices != NULL) {
        TdNearest nearest;
        g_autofree char *culprit = find_culprit (key, text);
        td_nearest_init (&nearest, culprit);
        for (unsigned i = 0; key->choices[i] != NULL; i++) {
            td_nearest_offer (&nearest, key->choices[i]);
        }
        if (nearest.best != NULL) {
            g_string_append_printf (out, "; did you mean \"%s\"?", nearest.best);
        }
    }
    return g_string_free (out, FALSE);
}

/* Makes room for texts behind those that are there, without the NULL at their end. */
static void
open_texts (TdValue *value)
{
    if (value->texts == NULL) {
        value->texts = g_ptr_array_new_with_free_func (g_free);
    } else {
        g_ptr_array_set_size (value->texts, (int) value->texts->len - 1);
    }
}

char *
td_value_read (TdValue *value, const TdConfigKey *key, const char *text, const char *folder)
{
    int64_t number = 0;
    const char *wrong = NULL;

    if (*text == '\0' && must_not_be_empty (key)) {
        return explain (key, text, "is missing");
    }
    wrong = read_one (key, text, &number);
    if (wrong != NULL) {
        return explain (key, text, wrong);
    }
    open_texts (value);
    char *kept = key->type == TD_CONFIG_PATH && !g_path_is_absolute (text)
                     ? g_build_filename (folder, text, NULL)
                     : g_strdup (text);
    if (key->type == TD_CONFIG_LIST) {
        wrong = read_list (key, text, value->texts);
    } else {
        g_ptr_array_add (value->texts, g_strdup (kept));
    }
    g_ptr_array_add (value->texts, NULL);
    if (wrong != NULL) {
        g_free (kept);
        return explain (key, text, wrong);
    }
    g_free (value->text);
    value->text = kept;
    value->number = number;
    return NULL;
}

void
td_value_clear (TdValue *value)
{
    g_clear_pointer (&value->text, g_free);
    g_clear_pointer (&value->texts, g_ptr_array_unref);
    value->number = 0;
}

bool
td_value_equal (const TdValue *a, const TdValue *b, const TdConfigKey *key)
{
    bool is_one = (key->flags & TD_CONFIG_REPEATED) == 0;

    if (a->text == NULL || b->text == NULL) {
        return a->text == b->text;
    }
    if (is_one
        && (key->type == TD_CONFIG_BOOL || key->type == TD_CONFIG_CHOICE
            || key->type == TD_CONFIG_INTEGER || td_units_of (key->type) != NULL)) {
        return a->number == b->number;
    }
    if (a->texts->len != b->texts->len) {
        return false;
    }
    for (unsigned i = 0; i + 1 < a->texts->len; i++) {
        if (strcmp (g_ptr_array_index (a->texts, i), g_ptr_array_index (b->texts, i)) != 0) {
            return false;
        }
    }
    return true;
}
