/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the DNS says of a number. */

#include "naptr.h"

#include <glib.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_GROUPS = 10, /* \0 to \9 */
    MAX_LABEL = 63,  /* RFC 1035 2.3.4 */
    MAX_NAME = 255,
};

/* --- Records ----------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *at, *end;
} Reader;

static bool
read_u16 (Reader *reader, uint16_t *ret_value)
{
    if (reader->end - reader->at < 2) {
        return false;
    }
    *ret_value = (uint16_t) (reader->at[0] << 8 | reader->at[1]);
    reader->at += 2;
    return true;
}

/* RFC 1035 3.3: a length, and so many characters; none of them is a NUL here. */
static bool
read_text (Reader *reader, char ret_text[NAPTR_TEXT_SIZE])
{
    if (reader->at == reader->end) {
        return false;
    }
    size_t len = *reader->at++;
    if ((size_t) (reader->end - reader->at) < len || memchr (reader->at, '\0', len) != NULL) {
        return false;
    }
    memcpy (ret_text, reader->at, len);
    ret_text[len] = '\0';
    reader->at += len;
    return true;
}

/* RFC 3403 4.1: a name, never compressed, with nothing behind it. */
static bool
read_last_name (Reader *reader, bool *ret_has_name)
{
    const uint8_t *begin = reader->at;

    while (reader->at<reader->end && * reader->at> 0) {
        size_t len = *reader->at;
        if (len > MAX_LABEL || (size_t) (reader->end - reader->at) < len + 1) {
            return false;
        }
        reader->at += len + 1;
    }
    *ret_has_name = reader->at > begin;
    return reader->end - reader->at == 1 && reader->at - begin < MAX_NAME;
}

bool
naptr_read (Naptr *ret_naptr, const void *rdata, size_t len_bytes)
{
    Reader reader = { rdata, (const uint8_t *) rdata + len_bytes };

    return read_u16 (&reader, &ret_naptr->order) && read_u16 (&reader, &ret_naptr->preference)
           && read_text (&reader, ret_naptr->flags) && read_text (&reader, ret_naptr->services)
           && read_text (&reader, ret_naptr->regexp)
           && read_last_name (&reader, &ret_naptr->has_replacement);
}

/* RFC 4769 3: "pstn", without a subtype or with one. */
static bool
is_pstn (const char *service)
{
    static const char *const names[] = { "pstn", "pstn:tel", "pstn:sip" };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        if (g_ascii_strcasecmp (service, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool
naptr_is_pstn (const Naptr *naptr)
{
    g_auto (GStrv) parts = g_strsplit (naptr->services, "+", -1);

    if (parts[0] == NULL || g_ascii_strcasecmp (parts[0], "E2U") != 0) {
        return false;
    }
    for (unsigned i = 1; parts[i] != NULL; i++) {
        if (is_pstn (parts[i])) {
            return true;
        }
    }
    return false;
}

/* --- Substitution ------------------------------------------------------------------------ */

/* Takes the part up to the next DELIMITER that no backslash stands before, which it may be escaped by (RFC
 * 3402 3.2); false: there is no such delimiter. */
static bool
take_part (const char **at, char delimiter, char into[NAPTR_TEXT_SIZE])
{
    size_t len = 0;

    for (const char *c = *at; *c != '\0'; c++) {
        if (*c == delimiter) {
            into[len] = '\0';
            *at = c + 1;
            return true;
        }
        if (*c == '\\' && c[1] != '\0') {
            c++;
            if (*c != delimiter) {
                into[len++] = '\\';
            }
        }
        into[len++] = *c; /* never longer than what it is taken from */
    }
    return false;
}

/* Repetitions that are counted, and groups that are meant again, are how an expression takes long. No number
 * needs them. */
static bool
is_simple (const char *expression)
{
    for (const char *c = expression; *c != '\0'; c++) {
        if (*c == '{' || (*c == '\\' && g_ascii_isdigit (c[1]))) {
            return false;
        }
        c += *c == '\\' && c[1] != '\0';
    }
    return true;
}

/* Appends to the LEN characters of URI; false: it is full. */
static bool
append (char uri[NAPTR_URI_SIZE], size_t *len, const char *text, size_t len_text)
{
    if (*len + len_text >= NAPTR_URI_SIZE) {
        return false;
    }
    memcpy (uri + *len, text, len_text);
    *len += len_text;
    uri[*len] = '\0';
    return true;
}

/* What PATTERN says, its \1 to \9 being what the groups fit. */
static bool
expand (const char *pattern, const char *number, const regmatch_t *groups, char uri[NAPTR_URI_SIZE])
{
    size_t len = 0;

    for (const char *c = pattern; *c != '\0'; c++) {
        bool is_escape = *c == '\\' && c[1] != '\0';
        c += is_escape;
        if (is_escape && g_ascii_isdigit (*c)) {
            const regmatch_t *group = &groups[*c - '0'];
            if (group->rm_so >= 0
                && !append (uri, &len, number + group->rm_so,
                            (size_t) (group->rm_eo - group->rm_so))) {
                return false;
            }
        } else if (!append (uri, &len, c, 1)) {
            return false;
        }
    }
    return len > 0;
}

static bool
match (const char *expression, const char *modifiers, const char *number,
       regmatch_t groups[MAX_GROUPS])
{
    int flags = REG_EXTENDED | (strcmp (modifiers, "i") == 0 ? REG_ICASE : 0);
    regex_t compiled;

    if (regcomp (&compiled, expression, flags) != 0) {
        return false;
    }
    bool is_match = regexec (&compiled, number, MAX_GROUPS, groups, 0) == 0;
    regfree (&compiled);
    return is_match;
}

bool
naptr_substitute (const Naptr *naptr, const char *number, char ret_uri[NAPTR_URI_SIZE],
                  const char **ret_why)
{
    char expression[NAPTR_TEXT_SIZE], pattern[NAPTR_TEXT_SIZE];
    regmatch_t groups[MAX_GROUPS];
    const char *at = naptr->regexp;
    char delimiter = *at;

    /* RFC 6116 3.4: "u" is terminal. Who follows other rules follows them for ever. */
    if (g_ascii_strcasecmp (naptr->flags, "u") != 0) {
        *ret_why = "its record is not terminal (flag \"u\"), and is not followed";
        return false;
    }
    /* RFC 3402 3.2 */
    if (naptr->has_replacement || delimiter == '\0' || strchr ("123456789i\\", delimiter) != NULL) {
        *ret_why = "its record has no substitution expression";
        return false;
    }
    at++;
    if (!take_part (&at, delimiter, expression) || !take_part (&at, delimiter, pattern)
        || (*at != '\0' && strcmp (at, "i") != 0)) {
        *ret_why = "the substitution expression of its record is broken";
        return false;
    }
    if (!is_simple (expression)) {
        *ret_why = "the expression of its record counts or refers back, which could take long";
        return false;
    }
    if (!match (expression, at, number, groups)) {
        *ret_why = "the expression of its record does not fit the number";
        return false;
    }
    if (!expand (pattern, number, groups, ret_uri)) {
        *ret_why = "the URI of its record is empty or too long";
        return false;
    }
    return true;
}

/* --- URIs -------------------------------------------------------------------------------- */

/* Copies the number TEXT without its visual separators (RFC 3966 5.1.1); false: it is none. */
static bool
take_number (char into[NAPTR_NUMBER_SIZE], const char *text, size_t len_text)
{
    size_t len = 0;

    for (size_t i = 0; i < len_text; i++) {
        if (strchr ("-.()", text[i]) != NULL && text[i] != '\0') {
            continue;
        }
        bool is_good = g_ascii_isxdigit (text[i]) || strchr ("*#", text[i]) != NULL
                       || (text[i] == '+' && len == 0);
        if (!is_good || text[i] == '\0' || len + 1 == NAPTR_NUMBER_SIZE) {
            return false;
        }
        into[len++] = text[i];
    }
    into[len] = '\0';
    return len > 0 && strcmp (into, "+") != 0;
}

/* The value of parameter NAME in PARTS, "" for one without, NULL for one that is not there. */
static const char *
find_parameter (char *const *parts, const char *name)
{
    for (; *parts != NULL; parts++) {
        size_t len = strcspn (*parts, "=");
        if (len == strlen (name) && g_ascii_strncasecmp (*parts, name, len) == 0) {
            return *parts + len + ((*parts)[len] == '=');
        }
    }
    return NULL;
}

/* RFC 4694 4: the number NAME; one that is local to a country gets its code. */
static bool
read_number (char *const *parts, const char *name, const char *context,
             char into[NAPTR_NUMBER_SIZE])
{
    const char *value = find_parameter (parts, name), *where = find_parameter (parts, context);

    into[0] = '\0';
    if (value == NULL) {
        return true;
    }
    if (value[0] == '+' || where == NULL || where[0] != '+') {
        return take_number (into, value, strlen (value));
    }
    g_autofree char *whole = g_strconcat (where, value, NULL);
    return take_number (into, whole, strlen (whole));
}

bool
naptr_read_uri (NaptrNumber *ret_number, const char *uri)
{
    bool is_tel = g_ascii_strncasecmp (uri, "tel:", 4) == 0;

    if (!is_tel && g_ascii_strncasecmp (uri, "sip:", 4) != 0) {
        return false;
    }
    uri += 4;
    g_autofree char *user = g_strndup (uri, is_tel ? strlen (uri) : strcspn (uri, "@"));
    g_auto (GStrv) parts = g_strsplit (user, ";", -1);

    if (parts[0] == NULL || !take_number (ret_number->number, parts[0], strlen (parts[0]))) {
        return false;
    }
    ret_number->is_dipped = find_parameter (parts + 1, "npdi") != NULL;
    return read_number (parts + 1, "rn", "rn-context", ret_number->routing_number)
           && read_number (parts + 1, "cic", "cic-context", ret_number->carrier);
}

/* --- Choosing ---------------------------------------------------------------------------- */

static int
compare (const void *a, const void *b)
{
    const Naptr *one = a, *other = b;

    return one->order != other->order ? one->order - other->order
                                      : one->preference - other->preference;
}

bool
naptr_choose (Naptr *naptrs, unsigned n, const char *number, NaptrNumber *ret_number,
              const char **ret_why)
{
    char uri[NAPTR_URI_SIZE];
    const char *why = NULL;

    *ret_why = NULL;
    qsort (naptrs, n, sizeof (Naptr), compare);
    for (unsigned i = 0; i < n; i++) {
        if (!naptr_is_pstn (&naptrs[i])) {
            continue;
        }
        if (naptr_substitute (&naptrs[i], number, uri, &why)) {
            if (naptr_read_uri (ret_number, uri)) {
                return true;
            }
            why = "the URI of its record is no tel or sip URI of a number";
        }
        *ret_why = *ret_why != NULL ? *ret_why : why;
    }
    return false;
}
