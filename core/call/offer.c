/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Media descriptions: making, copying, counting, and what static payload types stand for. */

#include "call/offer.h"
#include "base/text.h"

#include <string.h>

enum {
    FIRST_FORMATS = 4, /* room of the first allocation */
    STATIC_TYPES = 35,
    QUOTED_BYTES = 60,
};

/* RFC 3551 6, tables 4 and 5. A name is the text behind a 0 byte: not to be freed. */
#define STATIC(type, text, rate, n)                                                                \
    [type] = { .payload_type = (type),                                                             \
               .channels = (n),                                                                    \
               .clock_rate_hz = (rate),                                                            \
               .name = (char *) "\0" text + 1 }
static const TdFormat static_formats[STATIC_TYPES] = {
    STATIC (0, "PCMU", 8000, 1),   STATIC (3, "GSM", 8000, 1),    STATIC (4, "G723", 8000, 1),
    STATIC (5, "DVI4", 8000, 1),   STATIC (6, "DVI4", 16000, 1),  STATIC (7, "LPC", 8000, 1),
    STATIC (8, "PCMA", 8000, 1),   STATIC (9, "G722", 8000, 1),   STATIC (10, "L16", 44100, 2),
    STATIC (11, "L16", 44100, 1),  STATIC (12, "QCELP", 8000, 1), STATIC (13, "CN", 8000, 1),
    STATIC (14, "MPA", 90000, 1),  STATIC (15, "G728", 8000, 1),  STATIC (16, "DVI4", 11025, 1),
    STATIC (17, "DVI4", 22050, 1), STATIC (18, "G729", 8000, 1),  STATIC (25, "CelB", 90000, 1),
    STATIC (26, "JPEG", 90000, 1), STATIC (28, "nv", 90000, 1),   STATIC (31, "H261", 90000, 1),
    STATIC (32, "MPV", 90000, 1),  STATIC (33, "MP2T", 90000, 1), STATIC (34, "H263", 90000, 1),
};

const TdFormat *
td_format_static (unsigned payload_type)
{
    if (payload_type >= STATIC_TYPES || static_formats[payload_type].name == NULL) {
        return NULL;
    }
    return &static_formats[payload_type];
}

/* A text with an allocation of its own. */
static char *
new_text (const char *value)
{
    size_t n_bytes = strlen (value) + 1;
    char *allocation = g_malloc (n_bytes + 1);

    allocation[0] = TD_TEXT_OWNED;
    memcpy (allocation + 1, value, n_bytes);
    return allocation + 1;
}

static void
free_text (char *text)
{
    if (text != NULL && text[-1] == TD_TEXT_OWNED) {
        g_free (text - 1);
    }
}

void
td_description_set_text (char **text, const char *value)
{
    char *old = *text;

    *text = value != NULL ? new_text (value) : NULL;
    free_text (old);
}

TdDescription *
td_description_new_block (size_t n_bytes, char **ret_texts)
{
    TdDescription *description = g_malloc (sizeof *description + 1 + n_bytes);

    *description = (TdDescription){ .n_refs = 1 };
    char *texts = (char *) (description + 1);
    *texts = '\0';
    *ret_texts = texts + 1;
    return description;
}

TdDescription *
td_description_new (void)
{
    char *texts;

    return td_description_new_block (0, &texts);
}

TdDescription *
td_description_ref (TdDescription *description)
{
    g_atomic_int_inc (&description->n_refs);
    return description;
}

static void
free_lines (char **lines)
{
    for (char **line = lines; line != NULL && *line != NULL; line++) {
        free_text (*line);
    }
    g_free (lines);
}

static void
clear_stream (TdStream *stream)
{
    free_text (stream->kind_text);
    free_text (stream->transport);
    free_text (stream->address);
    free_text (stream->other_formats);
    td_stream_clear_formats (stream);
    free_lines (stream->lines);
}

void
td_description_unref (TdDescription *description)
{
    if (description == NULL || !g_atomic_int_dec_and_test (&description->n_refs)) {
        return;
    }
    free_text (description->origin_user);
    free_text (description->origin_address);
    free_text (description->session_name);
    free_lines (description->lines);
    for (unsigned i = 0; i < description->n_streams; i++) {
        clear_stream (&description->streams[i]);
    }
    g_free (description->streams);
    g_free (description);
}

/* An array that began with FIRST places is full at FIRST and at each doubling of it. */
static bool
is_full (unsigned n, unsigned first)
{
    return n == 0 || (n >= first && (n & (n - 1)) == 0);
}

TdStream *
td_description_add_stream (TdDescription *description)
{
    unsigned n = description->n_streams;

    if (n >= TD_MAX_STREAMS) {
        return NULL;
    }
    if (is_full (n, 1)) {
        description->streams = g_renew (TdStream, description->streams, n == 0 ? 1 : n * 2);
    }
    TdStream *stream = &description->streams[description->n_streams++];
    *stream = (TdStream){ .direction = TD_DIRECTION_SENDRECV };
    return stream;
}

TdFormat *
td_stream_append_format (TdStream *stream)
{
    unsigned n = stream->n_formats;

    if (n >= TD_MAX_FORMATS) {
        return NULL;
    }
    if (is_full (n, FIRST_FORMATS)) {
        stream->formats = g_renew (TdFormat, stream->formats, n == 0 ? FIRST_FORMATS : n * 2);
    }
    TdFormat *format = &stream->formats[stream->n_formats++];
    *format = (TdFormat){ .channels = 1 };
    return format;
}

TdFormat *
td_stream_add_format (TdStream *stream, unsigned payload_type, const char *name,
                      uint32_t clock_rate_hz, unsigned channels, const char *fmtp)
{
    g_return_val_if_fail (name != NULL, NULL);
    g_return_val_if_fail (payload_type <= 127 && channels <= UINT8_MAX, NULL);

    TdFormat *format = td_stream_append_format (stream);
    if (format == NULL) {
        return NULL;
    }
    format->payload_type = (uint8_t) payload_type;
    format->clock_rate_hz = clock_rate_hz;
    format->channels = channels == 0 ? 1 : (uint8_t) channels;
    td_description_set_text (&format->name, name);
    td_description_set_text (&format->fmtp, fmtp);
    return format;
}

void
td_stream_clear_formats (TdStream *stream)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        free_text (stream->formats[i].name);
        free_text (stream->formats[i].fmtp);
    }
    stream->n_formats = 0;
    g_clear_pointer (&stream->formats, g_free);
}

void
td_lines_append (char ***lines, unsigned n_lines, char *line)
{
    /* One place more than lines: the NULL at the end. */
    if (is_full (n_lines + 1, 2) || n_lines == 0) {
        *lines = g_renew (char *, *lines, n_lines == 0 ? 2 : (n_lines + 1) * 2);
    }
    (*lines)[n_lines] = line;
    (*lines)[n_lines + 1] = NULL;
}

static unsigned
count_lines (char *const *lines)
{
    unsigned n_lines = 0;

    while (lines != NULL && lines[n_lines] != NULL) {
        n_lines++;
    }
    return n_lines;
}

void
td_description_add_line (char ***lines, const char *line)
{
    g_return_if_fail (line[0] != '\0' && line[1] == '=');

    td_lines_append (lines, count_lines (*lines), new_text (line));
}

static bool
has_line_with (char *const *lines, const char *prefix, size_t len_bytes)
{
    for (char *const *line = lines; line != NULL && *line != NULL; line++) {
        if (strncmp (*line, prefix, len_bytes) == 0) {
            return true;
        }
    }
    return false;
}

void
td_description_drop_lines (char ***lines, const char *prefix)
{
    size_t len_bytes = strlen (prefix);
    unsigned n_kept = 0;

    if (!has_line_with (*lines, prefix, len_bytes)) {
        return;
    }
    /* The array's room is known from its length alone, so it is made anew. */
    char **kept = NULL;
    for (char **line = *lines; line != NULL && *line != NULL; line++) {
        if (strncmp (*line, prefix, len_bytes) == 0) {
            free_text (*line);
        } else {
            td_lines_append (&kept, n_kept++, *line);
        }
    }
    g_free (*lines);
    *lines = kept;
}

/* Copies of texts, one after the other in a block. */
typedef struct {
    char *next; /* where the next one goes */
} Packer;

static size_t
text_size (const char *text)
{
    return text != NULL ? strlen (text) + 1 : 0;
}

static char *
pack (Packer *packer, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    size_t n_bytes = strlen (text) + 1;
    char *copy = packer->next;
    memcpy (copy, text, n_bytes);
    packer->next += n_bytes;
    return copy;
}

static size_t
lines_size (char *const *lines)
{
    size_t n_bytes = 0;

    for (char *const *line = lines; line != NULL && *line != NULL; line++) {
        n_bytes += text_size (*line);
    }
    return n_bytes;
}

static char **
pack_lines (Packer *packer, char *const *lines)
{
    char **copy = NULL;
    unsigned n_lines = 0;

    for (char *const *line = lines; line != NULL && *line != NULL; line++) {
        td_lines_append (&copy, n_lines++, pack (packer, *line));
    }
    return copy;
}

static size_t
texts_size (const TdDescription *description)
{
    size_t n_bytes = text_size (description->origin_user) + text_size (description->origin_address)
                     + text_size (description->session_name) + lines_size (description->lines);

    for (unsigned i = 0; i < description->n_streams; i++) {
        const TdStream *stream = &description->streams[i];
        n_bytes += text_size (stream->kind_text) + text_size (stream->transport)
                   + text_size (stream->address) + text_size (stream->other_formats)
                   + lines_size (stream->lines);
        for (unsigned j = 0; j < stream->n_formats; j++) {
            n_bytes += text_size (stream->formats[j].name) + text_size (stream->formats[j].fmtp);
        }
    }
    return n_bytes;
}

static void
copy_stream (TdStream *copy, const TdStream *stream, Packer *packer)
{
    *copy = *stream;
    copy->kind_text = pack (packer, stream->kind_text);
    copy->transport = pack (packer, stream->transport);
    copy->address = pack (packer, stream->address);
    copy->other_formats = pack (packer, stream->other_formats);
    copy->formats = NULL;
    copy->n_formats = 0;
    for (unsigned i = 0; i < stream->n_formats; i++) {
        TdFormat *format = td_stream_append_format (copy);
        *format = stream->formats[i];
        format->name = pack (packer, format->name);
        format->fmtp = pack (packer, format->fmtp);
    }
    copy->lines = pack_lines (packer, stream->lines);
}

TdDescription *
td_description_copy (const TdDescription *description)
{
    Packer packer;
    TdDescription *copy = td_description_new_block (texts_size (description), &packer.next);

    copy->origin_user = pack (&packer, description->origin_user);
    copy->session_id = description->session_id;
    copy->session_version = description->session_version;
    copy->origin_address = pack (&packer, description->origin_address);
    copy->session_name = pack (&packer, description->session_name);
    copy->lines = pack_lines (&packer, description->lines);
    for (unsigned i = 0; i < description->n_streams; i++) {
        copy_stream (td_description_add_stream (copy), &description->streams[i], &packer);
    }
    return copy;
}

bool
td_stream_is_rtp (const TdStream *stream)
{
    return stream->transport != NULL && strstr (stream->transport, "RTP/") != NULL;
}

TdDirection
td_direction_reverse (TdDirection direction)
{
    switch (direction) {
    case TD_DIRECTION_SENDONLY:
        return TD_DIRECTION_RECVONLY;
    case TD_DIRECTION_RECVONLY:
        return TD_DIRECTION_SENDONLY;
    default:
        return direction;
    }
}

char *
td_quote (const char *bytes, size_t n_bytes)
{
    size_t n = MIN (n_bytes, QUOTED_BYTES);
    GString *text = g_string_new (NULL);

    td_text_append_visible (text, bytes, (ssize_t) n);
    if (n < n_bytes) {
        g_string_append (text, "...");
    }
    return g_string_free (text, FALSE);
}
