/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The INI reader: text into sections, keys and values that know their place. */

#include "config/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const char *start, *end; /* without the line's end */
    unsigned number;
    const char *good_end; /* END, where all is UTF-8 without control characters but the tab */
} Line;

typedef struct {
    TdIni *ini;
    GPtrArray *problems;
    const char *file;
    unsigned rank;
    const char *next, *end;
    unsigned n_lines;
    TdIniSection *section; /* NULL: none yet */
} Reader;

static void
free_section (gpointer data)
{
    TdIniSection *section = data;

    g_free (section->entries);
    g_free (section);
}

static bool
is_blank (char c)
{
    return c == ' ' || c == '\t';
}

static const char *
skip_blanks (const char *at, const char *end)
{
    while (at < end && is_blank (*at)) {
        at++;
    }
    return at;
}

/* Whether a comment begins AT: a mark at the line's start or after white space. */
static bool
is_comment (const Line *line, const char *at)
{
    return (*at == '#' || *at == ';') && (at == line->start || is_blank (at[-1]));
}

static TdPlace
place_at (const Reader *reader, const Line *line, const char *at)
{
    return (TdPlace){ .file = reader->file,
                      .rank = reader->rank,
                      .line = line->number,
                      .column = (unsigned) g_utf8_pointer_to_offset (line->start, at) + 1 };
}

#define report(reader, line, at, ...)                                                              \
    do {                                                                                           \
        TdPlace report_place = place_at ((reader), (line), (at));                                  \
        td_problem_add ((reader)->problems, &report_place, __VA_ARGS__);                           \
    } while (0)

/* Whether AT, in good UTF-8, is a control character that no value holds as it is (U+0080 to U+009F are
 * some, too). */
static bool
is_control (const char *at)
{
    return (g_ascii_iscntrl (*at) && *at != '\t')
           || ((uint8_t) *at == 0xc2 && (uint8_t) at[1] < 0xa0);
}

/* Reports the first character of LINE that no configuration holds, and returns it, or the end. */
static const char *
check_characters (Reader *reader, const Line *line)
{
    const char *broken;
    size_t len = (size_t) (line->end - line->start);

    /* A NUL counts as broken here, so the text before it is good. */
    bool is_utf8 = g_utf8_validate_len (line->start, len, &broken);
    for (const char *at = line->start; at < broken; at = g_utf8_next_char (at)) {
        if (is_control (at)) {
            report (reader, line, at,
                    "control character 0x%02x: take it out, or quote it as an escape if it is \\n, "
                    "\\r or \\t",
                    g_utf8_get_char (at));
            return at;
        }
    }
    if (!is_utf8 && *broken == '\0') {
        report (reader, line, broken, "NUL byte: the file is damaged or no text");
    } else if (!is_utf8) {
        report (reader, line, broken, "byte 0x%02x is not UTF-8: save the file as UTF-8",
                (unsigned char) *broken);
    }
    return broken;
}

static bool
is_good (const Line *line)
{
    return line->good_end == line->end;
}

/* Takes the next line; false at the end of the file. */
static bool
next_line (Reader *reader, Line *ret_line)
{
    if (reader->next == reader->end) {
        return false;
    }
    const char *start = reader->next;
    const char *end = memchr (start, '\n', (size_t) (reader->end - start));
    reader->next = end != NULL ? end + 1 : reader->end;
    if (end == NULL) {
        end = reader->end;
    } else if (end > start && end[-1] == '\r') {
        end--;
    }
    *ret_line =
        (Line){ .start = start, .end = end, .good_end = start, .number = ++reader->n_lines };
    if (end - start > TD_INI_LINE_MAX) {
        report (reader, ret_line, start, "the line is longer than %d KiB", TD_INI_LINE_MAX / 1024);
    } else {
        ret_line->good_end = check_characters (reader, ret_line);
    }
    return true;
}

/* Begins a section at AT; NAME may be NULL. */
static TdIniSection *
open_section (Reader *reader, const Line *line, const char *at, const char *name)
{
    TdIniSection *section = g_new0 (TdIniSection, 1);

    section->place = place_at (reader, line, at);
    section->name = name;
    g_ptr_array_add (reader->ini->sections, section);
    reader->section = section;
    return section;
}

/* Adds ENTRY, making room for twice as many each time there is none. */
static void
add_entry (TdIniSection *section, const TdIniEntry *entry)
{
    unsigned n = section->n_entries;

    if (n == 0 || (n >= 2 && (n & (n - 1)) == 0)) {
        section->entries = g_renew (TdIniEntry, section->entries, n == 0 ? 2 : 2 * (gsize) n);
    }
    section->entries[section->n_entries++] = *entry;
}

/* The word that begins at *AT (transfer full), or NULL; *AT moves behind it. */
static char *
take_word (const Line *line, const char **at)
{
    const char *start = skip_blanks (*at, line->end);
    const char *end = start;

    while (end < line->end && !is_blank (*end) && *end != ']' && *end != '['
           && !is_comment (line, end)) {
        end++;
    }
    *at = end;
    return end > start ? g_strndup (start, (size_t) (end - start)) : NULL;
}

/* "[name]" or "[name instance]". A head with a mistake still opens its section, so that what
 * follows is neither taken for another section's nor reported for nothing. */
static void
read_section (Reader *reader, const Line *line, const char *at)
{
    const char *bracket = at++;
    GStringChunk *texts = reader->ini->texts;
    g_autofree char *name = take_word (line, &at);
    g_autofree char *instance = name != NULL ? take_word (line, &at) : NULL;
    TdIniSection *section = open_section (
        reader, line, bracket, name != NULL ? g_string_chunk_insert_const (texts, name) : NULL);

    section->instance = instance != NULL ? g_string_chunk_insert (texts, instance) : NULL;
    at = skip_blanks (at, line->end);
    if (at == line->end || is_comment (line, at)) {
        report (reader, line, at, "the section's bracket is not closed: \"]\" is missing");
    } else if (*at != ']') {
        report (reader, line, at,
                "a section has one or two words: [section] or [section instance]");
    } else if (section->name == NULL) {
        report (reader, line, bracket, "the section has no name: write [section]");
    } else {
        at = skip_blanks (at + 1, line->end);
        if (at < line->end && !is_comment (line, at)) {
            report (reader, line, at, "text after the section's \"]\": put it on its own line");
        }
    }
}

/* The line on which a value goes on, behind its leading blanks; NULL when there is none. */
static const char *
continue_value (Reader *reader, Line *line, const char *backslash)
{
    Line first = *line;

    if (!next_line (reader, line)) {
        report (reader, &first, backslash, "the value goes on in the next line, but the file ends");
        return NULL;
    }
    return is_good (line) ? skip_blanks (line->start, line->end) : NULL;
}

/* Whether nothing but blanks and a comment follows AT. */
static bool
is_rest_empty (const Line *line, const char *at)
{
    at = skip_blanks (at, line->end);
    return at == line->end || is_comment (line, at);
}

/* The value in quotes that begins AT. False: it was reported. */
static bool
read_quoted (Reader *reader, Line *line, const char *at, GString *value)
{
    static const char escapes[] = "\\\"nrt", meanings[] = "\\\"\n\r\t";
    Line first = *line;
    const char *quote = at++;

    while (value->len <= TD_INI_LINE_MAX) {
        if (at == line->end) {
            report (reader, &first, quote, "the quote that opens here is not closed");
            return false;
        }
        if (*at == '"') {
            if (!is_rest_empty (line, at + 1)) {
                report (reader, line, at + 1,
                        "text after the closing quote: a quote inside a "
                        "quoted value is written \\\"");
                return false;
            }
            return true;
        }
        if (*at != '\\') {
            g_string_append_c (value, *at++);
        } else if (at + 1 == line->end) {
            at = continue_value (reader, line, at);
            if (at == NULL) {
                return false;
            }
        } else {
            const char *escape = strchr (escapes, at[1]);
            if (escape == NULL) {
                report (reader, line, at, "this escape is not known: \\\\ \\\" \\n \\r \\t are");
                return false;
            }
            g_string_append_c (value, meanings[escape - escapes]);
            at += 2;
        }
    }
    return true;
}

/* Where the value on this line ends: before its comment and the blanks that precede that. */
static const char *
find_value_end (const Line *line, const char *at)
{
    const char *end = at;

    for (; at < line->end && !is_comment (line, at); at++) {
        if (!is_blank (*at)) {
            end = at + 1;
        }
    }
    return end;
}

/* The value without quotes that begins AT. False: it was reported. */
static bool
read_plain (Reader *reader, Line *line, const char *at, GString *value)
{
    while (value->len <= TD_INI_LINE_MAX) {
        const char *end = find_value_end (line, at);
        if (end == at || end[-1] != '\\') {
            g_string_append_len (value, at, end - at);
            break;
        }
        if (end != line->end) {
            report (reader, line, end - 1,
                    "the backslash is not the line's last character: drop "
                    "what follows it, or put the value in quotes");
            return false;
        }
        g_string_append_len (value, at, end - 1 - at);
        at = continue_value (reader, line, end - 1);
        if (at == NULL) {
            return false;
        }
    }
    while (value->len > 0 && is_blank (value->str[value->len - 1])) {
        g_string_truncate (value, value->len - 1);
    }
    return true;
}

/* The value that begins AT, or NULL: it was reported. */
static const char *
read_value (Reader *reader, Line *line, const char *at)
{
    g_autoptr (GString) value = g_string_new (NULL);
    Line first = *line;
    const char *start = at;
    bool is_read = at < line->end && *at == '"' ? read_quoted (reader, line, at, value)
                                                : read_plain (reader, line, at, value);

    if (is_read && value->len > TD_INI_LINE_MAX) {
        report (reader, &first, start, "the value is longer than %d KiB", TD_INI_LINE_MAX / 1024);
        is_read = false;
    }
    return is_read ? g_string_chunk_insert_len (reader->ini->texts, value->str, (gssize) value->len)
                   : NULL;
}

/* The sign that ends the key which begins AT, or NULL. */
static const char *
find_equals (const Line *line, const char *at)
{
    while (at < line->good_end && *at != '=' && !is_comment (line, at)) {
        at++;
    }
    return at < line->good_end && *at == '=' ? at : NULL;
}

/* What is wrong with a KEY at its place, or NULL. */
static const char *
check_key (const Reader *reader, const char *key)
{
    if (*key == '\0') {
        return "the key before \"=\" is missing";
    }
    if (strpbrk (key, " \t") != NULL) {
        return "a key is one word: join its parts by hyphens";
    }
    return reader->section == NULL ? "a key before any section: put [section] above" : NULL;
}

/* "key = value". No message shows the line itself: it may hold a secret. */
static void
read_entry (Reader *reader, Line *line, const char *at)
{
    const char *equals = find_equals (line, at);

    if (equals == NULL) {
        if (is_good (line)) {
            report (reader, line, at, "\"=\" is missing: write key = value");
        }
        return;
    }
    const char *value = skip_blanks (equals + 1, line->good_end);
    g_autofree char *key = g_strchomp (g_strndup (at, (size_t) (equals - at)));
    TdIniEntry entry = { .key_place = place_at (reader, line, at),
                         .value_place = place_at (reader, line, value) };
    const char *wrong = check_key (reader, key);

    /* The value moves LINE to its last one. A key whose value cannot be read stays known, so that it
     * is not missed as well. */
    entry.value = is_good (line) ? read_value (reader, line, value) : NULL;
    if (wrong != NULL) {
        td_problem_add (reader->problems, &entry.key_place, "%s", wrong);
        return;
    }
    entry.key = g_string_chunk_insert_const (reader->ini->texts, key);
    add_entry (reader->section, &entry);
}

static void
read_lines (Reader *reader)
{
    Line line;

    while (next_line (reader, &line)) {
        const char *at = skip_blanks (line.start, line.end);
        if (at == line.end || is_comment (&line, at)) {
            continue;
        }
        if (*at == '[') {
            if (is_good (&line)) {
                read_section (reader, &line, at);
            } else {
                open_section (reader, &line, line.start, NULL);
            }
        } else if (line.good_end > at) {
            read_entry (reader, &line, at);
        }
    }
}

static bool
is_nothing (const char *at, const char *end)
{
    while (at < end && g_ascii_isspace (*at)) {
        at++;
    }
    return at == end;
}

/* Reads the text of the file that was added last. */
static void
read_text (TdIni *ini, const char *bytes, size_t len_bytes, GPtrArray *problems)
{
    unsigned rank = ini->files->len - 1;
    Reader reader = { .ini = ini,
                      .problems = problems,
                      .file = g_ptr_array_index (ini->files, rank),
                      .rank = rank,
                      .next = bytes,
                      /* Nothing may well be at NULL, to which C adds nothing, not even zero. */
                      .end = len_bytes > 0 ? bytes + len_bytes : bytes };
    TdPlace top = { .file = reader.file, .rank = rank, .line = 1, .column = 1 };

    if (len_bytes >= 2
        && (memcmp (bytes, "\xff\xfe", 2) == 0 || memcmp (bytes, "\xfe\xff", 2) == 0)) {
        td_problem_add (problems, &top, "the file is UTF-16: save it as UTF-8");
        return;
    }
    if (len_bytes >= 3 && memcmp (bytes, "\xef\xbb\xbf", 3) == 0) {
        reader.next += 3;
    }
    if (is_nothing (reader.next, reader.end)) {
        g_ptr_array_add (ini->empty_files, (char *) reader.file);
    }
    read_lines (&reader);
}

static TdIni *
new_ini (const char *file)
{
    TdIni *ini = g_new0 (TdIni, 1);
    g_autofree char *folder = g_path_get_dirname (file);

    atomic_init (&ini->n_refs, 1);
    ini->folder = g_canonicalize_filename (folder, NULL);
    ini->files = g_ptr_array_new_with_free_func (g_free);
    ini->empty_files = g_ptr_array_new ();
    ini->sections = g_ptr_array_new_with_free_func (free_section);
    ini->texts = g_string_chunk_new (4096);
    return ini;
}

/* The bytes of FILE, at most one more than it may hold (transfer full); NULL: errno tells. */
static char *
read_bytes (const char *file, size_t *ret_len)
{
    int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;

    if (fd < 0) {
        return NULL;
    }
    if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode)) {
        close (fd);
        errno = S_ISDIR (status.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    size_t size = (size_t) MIN (status.st_size, TD_INI_FILE_MAX) + 1, len = 0;
    char *bytes = g_malloc (size);
    ssize_t n_read;
    while (len < size && (n_read = read (fd, bytes + len, size - len)) != 0) {
        if (n_read > 0) {
            len += (size_t) n_read;
        } else if (errno != EINTR) {
            int reason = errno;
            close (fd);
            g_free (bytes);
            errno = reason;
            return NULL;
        }
    }
    close (fd);
    *ret_len = len;
    return bytes;
}

static const char *
advice (int reason)
{
    switch (reason) {
    case ENOENT:
        return ": --config FILE says which one to read";
    case EACCES:
        return ": try as root, or have root add this user to the file's group";
    case EISDIR:
        return ": a file is meant";
    default:
        return "";
    }
}

/* Reads FILE (transfer full). */
static void
load_file (TdIni *ini, char *file, GPtrArray *problems)
{
    TdPlace top = { .file = file, .rank = ini->files->len, .line = 1, .column = 1 };
    size_t len = 0;
    g_autofree char *bytes = read_bytes (file, &len);
    int reason = errno;

    g_ptr_array_add (ini->files, file);
    if (bytes == NULL) {
        td_problem_add (problems, &top, "the file cannot be read: %s%s",
                        reason == EINVAL ? "it is no ordinary file" : g_strerror (reason),
                        advice (reason));
    } else if (len > TD_INI_FILE_MAX) {
        td_problem_add (problems, &top, "the file is larger than %d MiB",
                        TD_INI_FILE_MAX / 1024 / 1024);
    } else {
        read_text (ini, bytes, len, problems);
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The sorted names in FOLDER that are drop-ins (transfer full). */
static GPtrArray *
list_drop_ins (const char *folder, GError **error)
{
    GDir *dir = g_dir_open (folder, 0, error);
    if (dir == NULL) {
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
    const char *name;
    while ((name = g_dir_read_name (dir)) != NULL) {
        if (*name != '.' && g_str_has_suffix (name, ".conf")) {
            g_ptr_array_add (names, g_strdup (name));
        }
    }
    g_dir_close (dir);
    g_ptr_array_sort (names, compare_names);
    return names;
}

static void
load_drop_ins (TdIni *ini, const char *main_file, GPtrArray *problems)
{
    g_autofree char *parent = g_path_get_dirname (main_file);
    g_autofree char *folder = strchr (main_file, '/') != NULL
                                  ? g_build_filename (parent, "conf.d", NULL)
                                  : g_strdup ("conf.d");
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) names = list_drop_ins (folder, &error);

    if (names == NULL) {
        if (!g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            TdPlace place = { .file = folder, .rank = ini->files->len, .line = 1, .column = 1 };
            td_problem_add (problems, &place, "the folder cannot be read: %s", error->message);
        }
        return;
    }
    for (unsigned i = 0; i < names->len; i++) {
        load_file (ini, g_build_filename (folder, g_ptr_array_index (names, i), NULL), problems);
    }
}

TdIni *
td_ini_load (const char *file, GPtrArray *problems)
{
    TdIni *ini = new_ini (file);

    load_file (ini, g_strdup (file), problems);
    load_drop_ins (ini, file, problems);
    return ini;
}

TdIni *
td_ini_parse (const char *file, const char *bytes, size_t len_bytes, GPtrArray *problems)
{
    TdIni *ini = new_ini (file);

    g_ptr_array_add (ini->files, g_strdup (file));
    read_text (ini, bytes, len_bytes, problems);
    return ini;
}

TdIni *
td_ini_new_empty (void)
{
    return new_ini (".");
}

TdIni *
td_ini_ref (TdIni *ini)
{
    atomic_fetch_add_explicit (&ini->n_refs, 1, memory_order_relaxed);
    return ini;
}

void
td_ini_unref (TdIni *ini)
{
    if (ini == NULL || atomic_fetch_sub_explicit (&ini->n_refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    g_ptr_array_unref (ini->sections);
    g_ptr_array_unref (ini->empty_files);
    g_ptr_array_unref (ini->files);
    g_string_chunk_free (ini->texts);
    g_free (ini->folder);
    g_free (ini);
}
