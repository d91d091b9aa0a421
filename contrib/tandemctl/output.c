/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where answers go: to standard output, or to a file; and answers that are a file themselves. */

#include "output.h"

#include <tandem/command.h>

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void fail (Output *output, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
fail (Output *output, const char *format, ...)
{
    va_list arguments;

    if (output->failure == NULL) {
        va_start (arguments, format);
        output->failure = g_strdup_vprintf (format, arguments);
        va_end (arguments);
    }
}

static bool
is_standard (const Output *output)
{
    return output->path == NULL || g_str_equal (output->path, "-");
}

/* The stream to write to, or NULL after a failure. */
static FILE *
stream_of (Output *output)
{
    if (output->failure != NULL) {
        return NULL;
    }
    if (output->stream == NULL) {
        output->stream = is_standard (output) ? stdout : fopen (output->path, "wb");
        if (output->stream == NULL) {
            fail (output, "%s cannot be written: %s", output->path, g_strerror (errno));
        }
    }
    return output->stream;
}

static void
write_bytes (Output *output, const void *bytes, size_t len_bytes)
{
    FILE *stream = stream_of (output);

    if (stream != NULL && fwrite (bytes, 1, len_bytes, stream) < len_bytes) {
        fail (output, "%s cannot be written: %s",
              is_standard (output) ? "standard output" : output->path, g_strerror (errno));
    }
}

void
output_text (Output *output, const char *text)
{
    write_bytes (output, text, strlen (text));
}

static bool
is_text_type (const char *type)
{
    return g_str_has_prefix (type, "text/") || g_str_has_suffix (type, "+xml");
}

/* Shows text that anybody may have written to a terminal. */
static void
show (Output *output, const char *bytes, size_t len_bytes)
{
    g_autofree char *valid = g_utf8_make_valid (bytes, (gssize) len_bytes);
    g_auto (GStrv) lines = g_strsplit (valid, "\r\n", -1);
    g_autofree char *joined = g_strjoinv ("\n", lines);
    g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string (joined));
    g_autofree char *shown = td_result_to_text (value);

    output_text (output, shown);
}

bool
output_file (Output *output, GVariant *answer)
{
    const char *name = "", *type = "", *text, *base64;
    g_autofree guchar *decoded = NULL;
    gsize len_bytes;

    if (!g_variant_is_of_type (answer, G_VARIANT_TYPE_VARDICT)) {
        return false;
    }
    g_autoptr (GVariant) file = g_variant_lookup_value (answer, "file", G_VARIANT_TYPE_VARDICT);
    if (file == NULL) {
        return false;
    }
    g_variant_lookup (file, "name", "&s", &name);
    g_variant_lookup (file, "type", "&s", &type);
    if (g_variant_lookup (file, "text", "&s", &text)) {
        len_bytes = strlen (text);
    } else if (g_variant_lookup (file, "base64", "&s", &base64)) {
        decoded = g_base64_decode (base64, &len_bytes);
        text = (const char *) decoded;
    } else {
        return false;
    }
    if (!is_standard (output) || !isatty (STDOUT_FILENO)) {
        write_bytes (output, text, len_bytes);
    } else if (is_text_type (type)) {
        show (output, text, len_bytes);
    } else {
        fail (output,
              "the answer, %s, is no text (%s, %" G_GSIZE_FORMAT " bytes): say where it goes with "
              "--output FILE, or send it through a pipe",
              name, type, len_bytes);
    }
    return true;
}

void
output_flush (Output *output)
{
    if (output->stream != NULL && fflush (output->stream) != 0) {
        fail (output, "%s cannot be written: %s",
              is_standard (output) ? "standard output" : output->path, g_strerror (errno));
    }
}

int
output_close (Output *output)
{
    if (output->stream != NULL && output->stream != stdout && fclose (output->stream) != 0) {
        fail (output, "%s cannot be written: %s", output->path, g_strerror (errno));
    }
    output->stream = NULL;
    return output->failure != NULL ? EX_IOERR : 0;
}
