/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads JSON (RFC 8259): what comes in from a socket, so nothing in it is trusted. */

#include "operate/command.h"

#include <errno.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

typedef struct {
    const char *start, *at, *end;
    unsigned depth;
    GError **error;
} Reader;

static GVariant *read_value (Reader *reader);

/* Notes what was wrong at the byte the reader stands at. Returns NULL. */
static void *
fail (Reader *reader, const char *what)
{
    g_set_error (reader->error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_JSON, "JSON, byte %zu: %s",
                 (size_t) (reader->at - reader->start), what);
    return NULL;
}

static void
skip_blanks (Reader *reader)
{
    while (reader->at < reader->end && memchr (" \t\r\n", *reader->at, 4) != NULL) {
        reader->at++;
    }
}

/* Whether the next character that is no blank is C, which is then read. */
static bool
take (Reader *reader, char c)
{
    skip_blanks (reader);
    if (reader->at < reader->end && *reader->at == c) {
        reader->at++;
        return true;
    }
    return false;
}

/* The four hexadecimal digits behind \u, or -1. */
static int
read_hex (Reader *reader)
{
    int value = 0;

    for (unsigned i = 0; i < 4; i++) {
        int digit = reader->at < reader->end ? g_ascii_xdigit_value (*reader->at) : -1;
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
        reader->at++;
    }
    return value;
}

/* Reads what follows \u: one character, maybe written as two halves. */
static bool
read_unicode (Reader *reader, GString *text)
{
    int high = read_hex (reader);

    if (high >= 0xd800 && high < 0xdc00 && reader->end - reader->at >= 6 && reader->at[0] == '\\'
        && reader->at[1] == 'u') {
        reader->at += 2;
        int low = read_hex (reader);
        if (low < 0xdc00 || low > 0xdfff) {
            return fail (reader, "\\u and half a character without its other half") != NULL;
        }
        g_string_append_unichar (text, 0x10000 + ((gunichar) (high - 0xd800) << 10)
                                           + (gunichar) (low - 0xdc00));
        return true;
    }
    if (high <= 0 || (high >= 0xd800 && high < 0xe000)) {
        return fail (reader, high == 0  ? "a NUL inside a text"
                             : high < 0 ? "\\u without four hexadecimal digits"
                                        : "\\u and half a character without its other half")
               != NULL;
    }
    g_string_append_unichar (text, (gunichar) high);
    return true;
}

static bool
read_escape (Reader *reader, GString *text)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";

    if (reader->at == reader->end) {
        return fail (reader, "a text without its end") != NULL;
    }
    char letter = *reader->at++;
    if (letter == 'u') {
        return read_unicode (reader, text);
    }
    const char *found = letter != '\0' ? strchr (letters, letter) : NULL;
    if (found == NULL) {
        return fail (reader, "an escape that JSON does not know") != NULL;
    }
    g_string_append_c (text, meanings[found - letters]);
    return true;
}

/* The text whose opening quote is read already (transfer full), or NULL. */
static char *
read_text (Reader *reader)
{
    g_autoptr (GString) text = g_string_new (NULL);

    while (reader->at < reader->end && *reader->at != '"') {
        unsigned char c = (unsigned char) *reader->at++;
        if (c < ' ') {
            return fail (reader, "a control character inside a text");
        }
        if (c != '\\') {
            g_string_append_c (text, (char) c);
        } else if (!read_escape (reader, text)) {
            return NULL;
        }
    }
    if (reader->at == reader->end) {
        return fail (reader, "a text without its end");
    }
    reader->at++;
    if (!g_utf8_validate_len (text->str, text->len, NULL)) {
        return fail (reader, "a text that is not UTF-8");
    }
    return g_string_free (g_steal_pointer (&text), FALSE);
}

static GVariant *
read_string (Reader *reader)
{
    char *text = read_text (reader);

    return text != NULL ? g_variant_new_take_string (text) : NULL;
}

/* Steps over one digit or more. */
static bool
skip_digits (Reader *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && g_ascii_isdigit (*reader->at)) {
        reader->at++;
    }
    return reader->at > start;
}

static bool
skip_one_of (Reader *reader, const char *characters)
{
    if (reader->at < reader->end && *reader->at != '\0'
        && strchr (characters, *reader->at) != NULL) {
        reader->at++;
        return true;
    }
    return false;
}

/* Steps over a number as RFC 8259 6 writes it; says whether it is a whole one. */
static bool
skip_number (Reader *reader, bool *ret_is_whole)
{
    bool is_whole = true;

    skip_one_of (reader, "-");
    if (!skip_one_of (reader, "0") && !skip_digits (reader)) {
        return false;
    }
    if (skip_one_of (reader, ".")) {
        is_whole = false;
        if (!skip_digits (reader)) {
            return false;
        }
    }
    if (skip_one_of (reader, "eE")) {
        is_whole = false;
        skip_one_of (reader, "+-");
        if (!skip_digits (reader)) {
            return false;
        }
    }
    *ret_is_whole = is_whole;
    return true;
}

static GVariant *
read_number (Reader *reader)
{
    const char *start = reader->at;
    bool is_whole;

    if (!skip_number (reader, &is_whole)) {
        return fail (reader, "no value that JSON knows");
    }
    g_autofree char *digits = g_strndup (start, (gsize) (reader->at - start));
    errno = 0;
    gint64 number = g_ascii_strtoll (digits, NULL, 10);
    if (is_whole && errno == 0) {
        return g_variant_new_int64 (number);
    }
    errno = 0;
    guint64 large = g_ascii_strtoull (digits, NULL, 10);
    if (is_whole && errno == 0 && *digits != '-') {
        return g_variant_new_uint64 (large);
    }
    return g_variant_new_double (g_ascii_strtod (digits, NULL));
}

/* The members of an object whose brace is read already. */
static bool
read_members (Reader *reader, GVariantBuilder *members)
{
    if (take (reader, '}')) {
        return true;
    }
    do {
        if (!take (reader, '"')) {
            return fail (reader, "a member without its name in quotes") != NULL;
        }
        g_autofree char *name = read_text (reader);
        if (name == NULL) {
            return false;
        }
        if (!take (reader, ':')) {
            return fail (reader, "no colon behind a member's name") != NULL;
        }
        GVariant *value = read_value (reader);
        if (value == NULL) {
            return false;
        }
        g_variant_builder_add (members, "{sv}", name, value);
    } while (take (reader, ','));
    return take (reader, '}') || fail (reader, "an object without its end") != NULL;
}

static GVariant *
read_object (Reader *reader)
{
    GVariantBuilder members;

    g_variant_builder_init (&members, G_VARIANT_TYPE_VARDICT);
    if (!read_members (reader, &members)) {
        g_variant_builder_clear (&members);
        return NULL;
    }
    return g_variant_builder_end (&members);
}

static void
drop_element (void *element)
{
    g_variant_unref (element);
}

static bool
read_elements (Reader *reader, GPtrArray *elements)
{
    if (take (reader, ']')) {
        return true;
    }
    do {
        GVariant *value = read_value (reader);
        if (value == NULL) {
            return false;
        }
        g_ptr_array_add (elements, g_variant_ref_sink (value));
    } while (take (reader, ','));
    return take (reader, ']') || fail (reader, "an array without its end") != NULL;
}

static bool
are_all (const GPtrArray *elements, const GVariantType *type)
{
    for (unsigned i = 0; i < elements->len; i++) {
        if (!g_variant_is_of_type (elements->pdata[i], type)) {
            return false;
        }
    }
    return elements->len > 0;
}

static GVariant *
read_array (Reader *reader)
{
    g_autoptr (GPtrArray) elements = g_ptr_array_new_with_free_func (drop_element);
    GVariantBuilder array;

    if (!read_elements (reader, elements)) {
        return NULL;
    }
    bool is_typed =
        are_all (elements, G_VARIANT_TYPE_VARDICT) || are_all (elements, G_VARIANT_TYPE_STRING);
    g_variant_builder_init (&array, is_typed ? G_VARIANT_TYPE_ARRAY : G_VARIANT_TYPE ("av"));
    for (unsigned i = 0; i < elements->len; i++) {
        GVariant *element = elements->pdata[i];
        g_variant_builder_add_value (&array, is_typed ? element : g_variant_new_variant (element));
    }
    return g_variant_builder_end (&array);
}

static bool
take_word (Reader *reader, const char *word)
{
    size_t len = strlen (word);

    if ((size_t) (reader->end - reader->at) >= len && memcmp (reader->at, word, len) == 0) {
        reader->at += len;
        return true;
    }
    return false;
}

/* One value (transfer floating), or NULL with the error set. */
static GVariant *
read_value (Reader *reader)
{
    GVariant *value;

    if (reader->depth == DEPTH_MAX) {
        return fail (reader, "nested too deeply");
    }
    reader->depth++;
    if (take (reader, '{')) {
        value = read_object (reader);
    } else if (take (reader, '[')) {
        value = read_array (reader);
    } else if (take (reader, '"')) {
        value = read_string (reader);
    } else if (take_word (reader, "true")) {
        value = g_variant_new_boolean (TRUE);
    } else if (take_word (reader, "false")) {
        value = g_variant_new_boolean (FALSE);
    } else if (take_word (reader, "null")) {
        value = g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    } else {
        value = read_number (reader);
    }
    reader->depth--;
    return value;
}

GVariant *
td_result_from_json (const char *json, size_t len_bytes, GError **error)
{
    Reader reader = { .start = json, .at = json, .end = json + len_bytes, .error = error };
    GVariant *floating = read_value (&reader);

    if (floating == NULL) {
        return NULL;
    }
    g_autoptr (GVariant) value = g_variant_ref_sink (floating);
    skip_blanks (&reader);
    if (reader.at != reader.end) {
        return fail (&reader, "more behind the value");
    }
    return g_steal_pointer (&value);
}
