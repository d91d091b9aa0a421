/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether two contacts are the same one, by the rules of RFC 3261 19.1.4. */

#include "uri.h"

#include <glib.h>
#include <string.h>

typedef struct {
    const char *at, *end;
} View;

typedef struct {
    View scheme, user, host, port, params, headers;
} Uri;

static View
view_of (const char *text)
{
    return (View){ text, text + strlen (text) };
}

/* Takes what stands before the first of STOPS off the front of REST; the stop stays. */
static View
take_until (View *rest, const char *stops)
{
    View taken = { rest->at, rest->at };

    while (rest->at < rest->end && strchr (stops, *rest->at) == NULL) {
        rest->at++;
    }
    taken.end = rest->at;
    return taken;
}

/* The next character, an escaped one standing for itself unless it is reserved (RFC 3261 19.1.4:
 * "characters other than those in the reserved set are equivalent to their encoding"). */
static int
next_char (View *view, bool with_case)
{
    int c = (unsigned char) *view->at++;

    if (c == '%' && view->end - view->at >= 2 && g_ascii_isxdigit (view->at[0])
        && g_ascii_isxdigit (view->at[1])) {
        c = g_ascii_xdigit_value (view->at[0]) * 16 + g_ascii_xdigit_value (view->at[1]);
        view->at += 2;
        if (c == 0 || strchr (";/?:@&=+$,", c) != NULL) {
            return c + 256;
        }
    }
    return with_case ? c : g_ascii_tolower ((char) c);
}

static bool
view_equal (View a, View b, bool with_case)
{
    while (a.at < a.end && b.at < b.end) {
        if (next_char (&a, with_case) != next_char (&b, with_case)) {
            return false;
        }
    }
    return a.at == a.end && b.at == b.end;
}

static bool
view_is (View view, const char *text)
{
    return view_equal (view, view_of (text), false);
}

/* The host, which in brackets may hold colons, and the port with its colon. */
static void
split_host (View hostport, Uri *uri)
{
    uri->host = hostport;
    if (hostport.at < hostport.end && *hostport.at == '[') {
        uri->host = take_until (&hostport, "]");
    }
    View rest = hostport;
    View before = take_until (&rest, ":");
    uri->host.end = before.end;
    uri->port = rest;
}

static bool
split (const char *text, Uri *ret_uri)
{
    View rest = view_of (text);

    ret_uri->scheme = take_until (&rest, ":");
    if (rest.at == rest.end
        || !(view_is (ret_uri->scheme, "sip") || view_is (ret_uri->scheme, "sips"))) {
        return false;
    }
    rest.at++;
    ret_uri->user = (View){ rest.at, rest.at };
    /* Semicolons and question marks may stand in a user part, "@" only behind it. */
    const char *at = memchr (rest.at, '@', (size_t) (rest.end - rest.at));
    if (at != NULL) {
        ret_uri->user.end = at;
        rest.at = at + 1;
    }
    split_host (take_until (&rest, ";?"), ret_uri);
    ret_uri->params = take_until (&rest, "?");
    ret_uri->headers = rest;
    return true;
}

/* The next "name=value" of REST, whose parts begin with one of MARKS; false at the end. */
static bool
next_pair (View *rest, const char *marks, View *ret_name, View *ret_value)
{
    while (rest->at < rest->end && strchr (marks, *rest->at) != NULL) {
        rest->at++;
    }
    if (rest->at == rest->end) {
        return false;
    }
    View pair = take_until (rest, marks);
    *ret_name = take_until (&pair, "=");
    *ret_value = (View){ pair.at < pair.end ? pair.at + 1 : pair.at, pair.end };
    return true;
}

static bool
find_pair (View all, const char *marks, View name, View *ret_value)
{
    View other;

    while (next_pair (&all, marks, &other, ret_value)) {
        if (view_equal (name, other, false)) {
            return true;
        }
    }
    return false;
}

/* Parameters that one URI has and the other has not are ignored, but for these. "transport" is not
 * in the rule's list; its examples tell apart URIs that differ in nothing else. */
static bool
must_be_in_both (View name)
{
    return view_is (name, "user") || view_is (name, "ttl") || view_is (name, "method")
           || view_is (name, "maddr") || view_is (name, "transport");
}

static bool
params_agree (View a, View b)
{
    View name, value, other, rest = a;

    while (next_pair (&rest, ";", &name, &value)) {
        if (find_pair (b, ";", name, &other)) {
            if (!view_equal (value, other, false)) {
                return false;
            }
        } else if (must_be_in_both (name)) {
            return false;
        }
    }
    return true;
}

/* Header components are never ignored. */
static bool
headers_agree (View a, View b)
{
    View name, value, other, rest = a;

    while (next_pair (&rest, "?&", &name, &value)) {
        if (!find_pair (b, "?&", name, &other) || !view_equal (value, other, true)) {
            return false;
        }
    }
    return true;
}

bool
uri_equal (const char *a, const char *b)
{
    Uri first, second;

    if (strcmp (a, b) == 0) {
        return true;
    }
    if (!split (a, &first) || !split (b, &second)) {
        return false;
    }
    return view_equal (first.scheme, second.scheme, false)
           && view_equal (first.user, second.user, true)
           && view_equal (first.host, second.host, false)
           && view_equal (first.port, second.port, false)
           && params_agree (first.params, second.params)
           && params_agree (second.params, first.params)
           && headers_agree (first.headers, second.headers)
           && headers_agree (second.headers, first.headers);
}
