/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers and URIs in the one form that is signed (RFC 8224 8.1, 8.3, 8.5). */

#include "canon.h"

#include <glib.h>
#include <string.h>

#define TN_CHARS "0123456789*#"

enum { SHORT_DIGITS = 6 }; /* numbers of services (RFC 8224 8.3: 911, 112) stay as they are */

bool
canon_is_tn (const char *text)
{
    size_t len = strspn (text, TN_CHARS);

    return len > 0 && text[len] == '\0' && len < CANON_NUMBER_SIZE;
}

/* Whether all of TEXT is what people write numbers with. */
static bool
looks_like_number (const char *text, size_t len)
{
    bool has_digit = false;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0' || strchr (TN_CHARS "+-.() ", text[i]) == NULL) {
            return false;
        }
        has_digit = has_digit || g_ascii_isdigit (text[i]);
    }
    return has_digit;
}

/* RFC 8224 8.3: everything is dropped but digits, "*" and "#". */
static bool
read_number (Canon *canon, const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\0' && strchr (TN_CHARS, text[i]) != NULL) {
            if (n == CANON_NUMBER_SIZE - 1) {
                return false;
            }
            canon->number[n++] = text[i];
        }
    }
    canon->number[n] = '\0';
    canon->is_number = true;
    canon->is_global = len > 0 && *text == '+';
    return n > 0;
}

static bool
is_unreserved (int c)
{
    return g_ascii_isalnum (c) || (c > 0 && c < 0x80 && strchr ("-._~", c) != NULL);
}

/* Appends LEN bytes of TEXT in lower case, with what need not be escaped (RFC 3986 6.2.2) as itself. */
static void
append_normal (GString *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = i + 2 < len ? g_ascii_xdigit_value (text[i + 1]) : -1;
        int low = high >= 0 ? g_ascii_xdigit_value (text[i + 2]) : -1;
        if (text[i] == '%' && low >= 0 && is_unreserved (high << 4 | low)) {
            g_string_append_c (out, g_ascii_tolower ((char) (high << 4 | low)));
            i += 2;
        } else {
            g_string_append_c (out, g_ascii_tolower (text[i]));
        }
    }
}

static bool
keep_uri (Canon *canon, const GString *uri)
{
    canon->is_number = false;
    return g_strlcpy (canon->uri, uri->str, sizeof canon->uri) < sizeof canon->uri;
}

/* RFC 8224 8.5: sip:user@host, without password, port, parameters and headers. */
static bool
read_address (Canon *canon, const char *scheme, const char *user, size_t user_len, const char *host)
{
    g_autoptr (GString) uri = g_string_new (scheme);
    size_t host_len = *host == '[' ? strcspn (host, "]") + 1 : strcspn (host, ":;?");

    if (host_len == 0 || host_len > strlen (host)) {
        return false;
    }
    if (user_len > 0) {
        append_normal (uri, user, user_len);
        g_string_append_c (uri, '@');
    }
    append_normal (uri, host, host_len);
    return keep_uri (canon, uri);
}

static bool
has_user_phone (const char *host)
{
    const char *parameter = strchr (host, ';');

    for (; parameter != NULL; parameter = strchr (parameter + 1, ';')) {
        if (g_ascii_strncasecmp (parameter, ";user=phone", 11) == 0
            && (parameter[11] == '\0' || strchr (";?", parameter[11]) != NULL)) {
            return true;
        }
    }
    return false;
}

/* RFC 8224 8.1: with user=phone or a "+" it is a number; and so is a user of digits alone. */
static bool
read_sip (Canon *canon, const char *scheme, const char *rest)
{
    const char *at = strchr (rest, '@'), *host = at != NULL ? at + 1 : rest;
    size_t user_len = at != NULL ? (size_t) (at - rest) : 0;
    size_t password = strcspn (rest, ":"), parameters = strcspn (rest, ";");
    g_autoptr (GString) user = g_string_new (NULL);

    append_normal (user, rest, MIN (user_len, MIN (password, parameters)));
    g_autofree char *plain = g_uri_unescape_string (user->str, NULL);
    const char *number = plain != NULL ? plain : user->str;
    if (user->len > 0 && looks_like_number (number, strlen (number))
        && (has_user_phone (host) || strspn (number, "+" TN_CHARS) == strlen (number)
            || *number == '+')) {
        return read_number (canon, number, strlen (number));
    }
    return read_address (canon, scheme, rest, MIN (user_len, password), host);
}

bool
canon_read (Canon *ret, const char *text)
{
    Canon canon = { 0 };
    bool is_read;

    if (strlen (text) >= CANON_URI_SIZE) {
        return false;
    }
    if (g_ascii_strncasecmp (text, "tel:", 4) == 0) {
        size_t len = strcspn (text + 4, ";");
        is_read = looks_like_number (text + 4, len) && read_number (&canon, text + 4, len);
    } else if (g_ascii_strncasecmp (text, "sip:", 4) == 0) {
        is_read = read_sip (&canon, "sip:", text + 4);
    } else if (g_ascii_strncasecmp (text, "sips:", 5) == 0) {
        is_read = read_sip (&canon, "sips:", text + 5);
    } else if (looks_like_number (text, strlen (text))) {
        is_read = read_number (&canon, text, strlen (text));
    } else {
        g_autoptr (GString) uri = g_string_new (NULL);
        append_normal (uri, text, strlen (text));
        is_read = uri->len > 0 && keep_uri (&canon, uri);
    }
    if (is_read) {
        *ret = canon;
    }
    return is_read;
}

/* Puts PREFIX and DIGITS into RET, or DIGITS alone where both are too long for a number. */
static void
join (char ret[CANON_NUMBER_SIZE], const char *prefix, const char *digits)
{
    if (g_snprintf (ret, CANON_NUMBER_SIZE, "%s%s", prefix, digits) >= CANON_NUMBER_SIZE) {
        g_strlcpy (ret, digits, CANON_NUMBER_SIZE);
    }
}

void
canon_complete (const Canon *canon, const CanonPlan *plan, char ret[CANON_NUMBER_SIZE])
{
    const char *number = canon->number;
    size_t international = strlen (plan->international), national = strlen (plan->national);

    if (canon->is_global || *plan->country == '\0' || strlen (number) <= SHORT_DIGITS
        || strpbrk (number, "*#") != NULL) {
        join (ret, "", number);
    } else if (international > 0 && g_str_has_prefix (number, plan->international)) {
        join (ret, "", number + international);
    } else if (national > 0 && g_str_has_prefix (number, plan->national)) {
        join (ret, plan->country, number + national);
    } else {
        join (ret, plan->country, number);
    }
}

bool
canon_is_number (const Canon *canon, const CanonPlan *plan, const char *tn)
{
    char completed[CANON_NUMBER_SIZE];

    if (!canon->is_number) {
        return false;
    }
    canon_complete (canon, plan, completed);
    return strcmp (canon->number, tn) == 0 || strcmp (completed, tn) == 0;
}

bool
canon_is_uri (const Canon *canon, const char *uri)
{
    Canon other;

    return !canon->is_number && canon_read (&other, uri) && !other.is_number
           && strcmp (canon->uri, other.uri) == 0;
}
