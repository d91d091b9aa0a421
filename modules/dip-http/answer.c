/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server says of a number. */

#include "answer.h"

#include <string.h>
#include <tandem/command.h>

enum { OK = 200, NO_CONTENT = 204, NOT_FOUND = 404 }; /* RFC 9110 15.3.1, 15.3.5, 15.5.5 */

void
http_fail (HttpSaid *ret_said, const char *why)
{
    g_strlcpy (ret_said->error, why, sizeof ret_said->error);
    ret_said->answer = (TdDipAnswer){ .size = sizeof (TdDipAnswer),
                                      .result = TD_DIP_FAILED,
                                      .error = ret_said->error };
}

/* A number may be written as one. False: the member NAME is neither, or too long. */
static bool
read_text (GVariant *object, const char *name, char into[HTTP_TEXT_SIZE])
{
    g_autoptr (GVariant) value = g_variant_lookup_value (object, name, NULL);

    into[0] = '\0';
    if (value == NULL || g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE)) {
        return true;
    }
    if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64)) {
        g_snprintf (into, HTTP_TEXT_SIZE, "%" G_GINT64_FORMAT, g_variant_get_int64 (value));
        return true;
    }
    return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
           && g_strlcpy (into, g_variant_get_string (value, NULL), HTTP_TEXT_SIZE) < HTTP_TEXT_SIZE;
}

static void
read_ttl (GVariant *object, const char *name, TdDipAnswer *answer)
{
    g_autoptr (GVariant) value = g_variant_lookup_value (object, name, G_VARIANT_TYPE_INT64);
    int64_t ttl_s = value != NULL ? g_variant_get_int64 (value) : -1;

    answer->has_ttl = ttl_s >= 0;
    answer->ttl_s = (uint32_t) CLAMP (ttl_s, 0, UINT32_MAX);
}

static void
read_object (HttpSaid *said, GVariant *object, const HttpMembers *members)
{
    if (!read_text (object, members->number, said->number)
        || !read_text (object, members->carrier, said->carrier)) {
        http_fail (said, "the server's answer has something else than a text for a number");
        return;
    }
    read_ttl (object, members->ttl, &said->answer);
    if (said->number[0] == '\0' && said->carrier[0] == '\0') {
        said->answer.result = TD_DIP_NOT_FOUND;
        return;
    }
    said->answer.result = TD_DIP_FOUND;
    said->answer.number = said->number[0] != '\0' ? said->number : NULL;
    said->answer.carrier = said->carrier[0] != '\0' ? said->carrier : NULL;
}

void
http_read_answer (HttpSaid *ret_said, unsigned status, const char *body, size_t len_bytes,
                  const HttpMembers *members)
{
    ret_said->answer = (TdDipAnswer){ .size = sizeof (TdDipAnswer) };
    if (status == NOT_FOUND || status == NO_CONTENT) {
        ret_said->answer.result = TD_DIP_NOT_FOUND;
        return;
    }
    if (status != OK) {
        char why[HTTP_ERROR_SIZE];
        g_snprintf (why, sizeof why, "the server answers with status %u", status);
        http_fail (ret_said, why);
        return;
    }
    g_autoptr (GVariant) value = td_result_from_json (body, len_bytes, NULL);
    if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
        http_fail (ret_said, "the server's answer is no JSON object");
        return;
    }
    read_object (ret_said, value, members);
}

char *
http_make_url (const char *url_template, TdDipKind kind, const char *number)
{
    GString *url = g_string_new (url_template);
    g_autofree char *escaped = g_uri_escape_string (number, NULL, FALSE); /* a "+" is a blank */

    g_string_replace (url, "{number}", escaped, 0);
    g_string_replace (url, "{kind}", kind == TD_DIP_TOLL_FREE ? "toll-free" : "portability", 0);
    return g_string_free (url, FALSE);
}
