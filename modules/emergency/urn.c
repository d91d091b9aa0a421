/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Service URNs of emergency services (RFC 5031). */

#include "urn.h"

#include <string.h>

enum { MAX_TOP_LEVEL = 27 }; /* RFC 5031 3: let-dig [ *25let-dig-hyp let-dig ] */

/* The length of the label that TEXT begins with, 0: none. It begins and ends with a letter or digit. */
static size_t
label_length (const char *text)
{
    size_t len = 0;

    while (g_ascii_isalnum (text[len]) || text[len] == '-') {
        len++;
    }
    return len > 0 && text[0] != '-' && text[len - 1] != '-' ? len : 0;
}

/* Whether a URN may end before C: at its end, or where components follow that name nothing
 * (RFC 8141 2.3). */
static bool
is_end (char c)
{
    return c == '\0' || c == '?' || c == '#' || c == ';';
}

/* How much of SERVICE is labels, as many as are well formed and fit into SIZE bytes. */
static size_t
service_length (const char *service, size_t size)
{
    size_t len = label_length (service);

    while (service[len] == '.') {
        size_t next = label_length (service + len + 1);
        if (next == 0 || len + 1 + next >= size) {
            break;
        }
        len += 1 + next;
    }
    return len;
}

static bool
begins_with (const char *text, const char *labels)
{
    size_t len = strlen (labels);

    return g_ascii_strncasecmp (text, labels, len) == 0 && (text[len] == '.' || is_end (text[len]));
}

TdEmergencyKind
urn_read (const char *text, char ret[TD_PARTY_TEXT])
{
    size_t prefix = strlen (URN_PREFIX);

    if (g_ascii_strncasecmp (text, URN_PREFIX, prefix) != 0) {
        return TD_EMERGENCY_NONE;
    }
    const char *service = text + prefix;
    bool is_test = begins_with (service, "test.sos");
    if ((!is_test && !begins_with (service, "sos")) || label_length (service) > MAX_TOP_LEVEL) {
        return TD_EMERGENCY_NONE;
    }
    size_t len = service_length (service, TD_PARTY_TEXT - prefix);
    memcpy (ret, URN_PREFIX, prefix);
    for (size_t i = 0; i < len; i++) { /* RFC 5031 3: compared without regard to case */
        ret[prefix + i] = g_ascii_tolower (service[i]);
    }
    ret[prefix + len] = '\0';
    return is_test ? TD_EMERGENCY_TEST : TD_EMERGENCY_CALL;
}

bool
urn_from_config (const char *text, char ret[TD_PARTY_TEXT])
{
    bool is_whole = g_ascii_strncasecmp (text, URN_PREFIX, strlen (URN_PREFIX)) == 0;
    bool has_sos = begins_with (text, "sos");
    g_autofree char *urn =
        g_strconcat (is_whole ? "" : URN_PREFIX, is_whole || has_sos ? "" : "sos.", text, NULL);

    return urn_read (urn, ret) == TD_EMERGENCY_CALL && strlen (urn) == strlen (ret);
}

bool
urn_is_below (const char *service, const char *parent)
{
    size_t len = strlen (parent);

    return strncmp (service, parent, len) == 0 && (service[len] == '\0' || service[len] == '.');
}
