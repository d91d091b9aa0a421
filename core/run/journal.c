/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process that is killed leaves of the facts it had not stored: files beside the store.
 *
 * A file is a head, then facts: each its length, its envelope and its fields with their types, in this
 * machine's byte order. A build with other fields reads those it knows, as fields are only appended.
 */

#include "run/journal.h"

#include "run/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_PLACES =
        16, /* journals of one name: of builds that run beside each other, and of the dead */
    MAGIC = 0x4a4e4454,
    VERSION = 1,
};

typedef struct {
    uint32_t magic, version;
    uint64_t turn;      /* the higher one was filled later */
    uint32_t n_drained; /* of the facts, from the first */
    uint32_t zero;
} Head;

typedef struct {
    char *path;
    int fd;
    Head head;
    off_t end;
} File;

struct TdJournal {
    File files[2];
    unsigned filling; /* index */
    GString *text;    /* scratch of td_journal_add() */
};

/* --- Writing a fact ---------------------------------------------------------------------- */

static void
put (GString *text, const void *bytes, size_t size)
{
    g_string_append_len (text, bytes, (gssize) size);
}

static void
put_text (GString *text, const char *value, size_t max_text)
{
    put (text, value, strnlen (value, max_text));
    g_string_append_c (text, '\0');
}

static size_t
size_of_type (TdFieldType type)
{
    return type == TD_FIELD_BOOL   ? sizeof (bool)
           : type == TD_FIELD_UINT ? sizeof (uint32_t)
                                   : sizeof (int64_t);
}

static void
put_field (GString *text, const void *body, const TdField *field, size_t max_text)
{
    const char *value = (const char *) body + field->offset;
    uint8_t type = (uint8_t) field->type;

    put (text, &type, sizeof type);
    if (field->type != TD_FIELD_TEXT) {
        put (text, value, size_of_type (field->type));
        return;
    }
    const char *string = *(const char *const *) value;
    uint8_t is_there = string != NULL;
    put (text, &is_there, sizeof is_there);
    if (string != NULL) {
        put_text (text, string, max_text);
    }
}

void
td_journal_put (GString *text, const TdFact *fact, size_t max_text)
{
    uint32_t n_fields, size = 0;
    const TdField *fields = td_topic_fields (fact->topic, &n_fields);

    n_fields = fact->body != NULL ? n_fields : 0;
    g_string_truncate (text, 0);
    put (text, &size, sizeof size);
    put_text (text, td_topic_name (fact->topic), SIZE_MAX);
    put_text (text, fact->node, max_text);
    put (text, &fact->boot, sizeof fact->boot);
    put (text, &fact->sequence, sizeof fact->sequence);
    put (text, &fact->call, sizeof fact->call);
    put (text, &fact->wall_us, sizeof fact->wall_us);
    put (text, &fact->monotonic_us, sizeof fact->monotonic_us);
    put (text, &fact->priority_class, sizeof fact->priority_class);
    put (text, &n_fields, sizeof n_fields);
    for (uint32_t i = 0; i < n_fields; i++) {
        put_field (text, fact->body, &fields[i], max_text);
    }
    size = (uint32_t) text->len;
    memcpy (text->str, &size, sizeof size);
}

/* --- Reading it again -------------------------------------------------------------------- */

typedef struct {
    const char *at, *end;
} Reader;

static bool
get (Reader *reader, void *bytes, size_t size)
{
    if ((size_t) (reader->end - reader->at) < size) {
        return false;
    }
    memcpy (bytes, reader->at, size);
    reader->at += size;
    return true;
}

static const char *
get_text (Reader *reader)
{
    const char *text = reader->at;
    const char *end = memchr (text, '\0', (size_t) (reader->end - text));

    if (end == NULL) {
        return NULL;
    }
    reader->at = end + 1;
    return text;
}

/* Texts stay where they are read: the block lives as long as the fact. */
static bool
get_field (Reader *reader, void *body, const TdField *field)
{
    char unknown[sizeof (int64_t)];
    uint8_t type, is_there;

    if (!get (reader, &type, sizeof type) || type > TD_FIELD_DURATION
        || (field != NULL && type != (uint8_t) field->type)) {
        return false;
    }
    char *value = field != NULL ? (char *) body + field->offset : unknown;
    if (type != TD_FIELD_TEXT) {
        return get (reader, value, size_of_type ((TdFieldType) type));
    }
    const char *text = NULL;
    if (!get (reader, &is_there, sizeof is_there)
        || (is_there && (text = get_text (reader)) == NULL)) {
        return false;
    }
    memcpy (value, &text, sizeof text);
    return true;
}

static bool
get_envelope (Reader *reader, TdFact *fact, uint32_t *ret_n_fields)
{
    const char *topic = get_text (reader);

    fact->node = topic != NULL ? get_text (reader) : NULL;
    fact->topic = fact->node != NULL ? td_topic_find (topic) : NULL;
    return fact->topic != NULL && get (reader, &fact->boot, sizeof fact->boot)
           && get (reader, &fact->sequence, sizeof fact->sequence)
           && get (reader, &fact->call, sizeof fact->call)
           && get (reader, &fact->wall_us, sizeof fact->wall_us)
           && get (reader, &fact->monotonic_us, sizeof fact->monotonic_us)
           && get (reader, &fact->priority_class, sizeof fact->priority_class)
           && get (reader, ret_n_fields, sizeof *ret_n_fields);
}

enum { HEAD_SIZE = (sizeof (TdFact) + 15) & ~(size_t) 15 };

/* One allocation, as of td_fact_copy(). */
TdFact *
td_journal_get (const char *bytes, size_t size)
{
    TdFact envelope = { 0 };
    Reader reader = { bytes, bytes + size };
    uint32_t n_fields, n_known;

    if (!get_envelope (&reader, &envelope, &n_fields)) {
        return NULL;
    }
    size_t body_size = (td_topic_body_size (envelope.topic) + 15) & ~(size_t) 15;
    char *block = g_malloc0 (HEAD_SIZE + body_size + size);
    char *body = block + HEAD_SIZE, *copy = body + body_size;
    const TdField *fields = td_topic_fields (envelope.topic, &n_known);

    memcpy (copy, bytes, size);
    reader = (Reader){ copy, copy + size };
    get_envelope (&reader, &envelope, &n_fields);
    for (uint32_t i = 0; i < n_fields; i++) {
        if (!get_field (&reader, body, i < n_known ? &fields[i] : NULL)) {
            g_free (block);
            return NULL;
        }
    }
    envelope.body = n_fields > 0 ? body : NULL;
    memcpy (block, &envelope, sizeof envelope);
    return (TdFact *) (void *) block;
}

/* --- A file ------------------------------------------------------------------------------ */

static bool
write_at (int fd, const void *bytes, size_t size, off_t at)
{
    while (size > 0) {
        ssize_t n = pwrite (fd, bytes, size, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return false;
        }
        bytes = (const char *) bytes + n;
        size -= (size_t) n;
        at += n;
    }
    return true;
}

static void
empty (File *file)
{
    /* The head last: a kill in between leaves facts that are all drained. */
    if (ftruncate (file->fd, sizeof (Head)) == 0) {
        file->head.n_drained = 0;
        file->end = sizeof (Head);
    }
    write_at (file->fd, &file->head, sizeof (Head), 0);
}

/* Adds what is in FILE to FACTS. The last fact may be cut: its writer was killed over it. */
static void
read_file (File *file, GPtrArray *facts, unsigned *ret_n_skipped)
{
    g_autofree char *bytes = NULL;
    gsize length = 0;
    uint32_t n = 0;

    if (!g_file_get_contents (file->path, &bytes, &length, NULL) || length < sizeof (Head)) {
        return;
    }
    Head head;
    memcpy (&head, bytes, sizeof head);
    if (head.magic != MAGIC || head.version != VERSION) {
        *ret_n_skipped += 1;
        return;
    }
    file->head = head;
    for (gsize at = sizeof (Head); at + sizeof (uint32_t) <= length; n++) {
        uint32_t size;
        memcpy (&size, bytes + at, sizeof size);
        if (size < sizeof size || size > length - at) {
            break;
        }
        if (n >= file->head.n_drained) {
            TdFact *fact = td_journal_get (bytes + at + sizeof size, size - sizeof size);
            *ret_n_skipped += fact == NULL;
            if (fact != NULL) {
                g_ptr_array_add (facts, fact);
            }
        }
        at += size;
        file->end = (off_t) at;
    }
}

static bool
open_file (File *file, const char *folder, const char *name, unsigned place, char part)
{
    file->path = g_strdup_printf ("%s/%s.%u%c.journal", folder, name, place, part);
    file->fd = open (file->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    file->head = (Head){ .magic = MAGIC, .version = VERSION };
    file->end = sizeof (Head);
    return file->fd >= 0;
}

static void
close_file (File *file)
{
    if (file->fd >= 0) {
        close (file->fd);
    }
    g_free (file->path);
}

/* What could not be read goes, and a new file gets its head. */
static void
start_file (File *file)
{
    if (ftruncate (file->fd, file->end) == 0) {
        write_at (file->fd, &file->head, sizeof (Head), 0);
    }
}

/* --- The journal ------------------------------------------------------------------------- */

/* Opens the journal at PLACE; false with errno, EWOULDBLOCK: somebody has it open. The lock goes with
 * the process. */
static bool
open_place (TdJournal *journal, const char *folder, const char *name, unsigned place)
{
    *journal = (TdJournal){ .files = { { .fd = -1 }, { .fd = -1 } } };
    if (open_file (&journal->files[0], folder, name, place, 'a')
        && flock (journal->files[0].fd, LOCK_EX | LOCK_NB) == 0
        && open_file (&journal->files[1], folder, name, place, 'b')) {
        return true;
    }
    int number = errno;
    close_file (&journal->files[0]);
    close_file (&journal->files[1]);
    errno = number;
    return false;
}

/* Reads both files, the older one first, which is the one to drain. */
static void
read_both (TdJournal *journal, GPtrArray *draining, GPtrArray *filling, unsigned *ret_n_skipped)
{
    GPtrArray *facts[2] = { g_ptr_array_new (), g_ptr_array_new () };

    for (unsigned i = 0; i < 2; i++) {
        read_file (&journal->files[i], facts[i], ret_n_skipped);
    }
    journal->filling = journal->files[1].head.turn > journal->files[0].head.turn;
    g_ptr_array_extend_and_steal (draining, facts[!journal->filling]);
    g_ptr_array_extend_and_steal (filling, facts[journal->filling]);
}

/* What the dead have left in other places comes to ours. */
static void
inherit (TdJournal *journal, const char *folder, const char *name, unsigned place,
         GPtrArray *filling, unsigned *ret_n_skipped)
{
    g_autofree char *path = g_strdup_printf ("%s/%s.%ua.journal", folder, name, place);
    g_autoptr (GPtrArray) facts = g_ptr_array_new ();
    TdJournal other;
    bool is_safe = true;

    if (access (path, F_OK) != 0 || !open_place (&other, folder, name, place)) {
        return;
    }
    read_both (&other, facts, facts, ret_n_skipped);
    for (unsigned i = 0; i < facts->len; i++) {
        is_safe = td_journal_add (journal, facts->pdata[i]) && is_safe;
    }
    g_ptr_array_extend_and_steal (filling, g_steal_pointer (&facts));
    for (unsigned i = 0; i < 2; i++) {
        if (is_safe) {
            empty (&other.files[i]);
        }
        close_file (&other.files[i]);
    }
}

TdJournal *
td_journal_open (const char *folder, const char *name, GPtrArray *ret_draining,
                 GPtrArray *ret_filling, unsigned *ret_n_skipped, GError **error)
{
    g_autofree TdJournal *journal = g_new0 (TdJournal, 1);
    unsigned place = 0;

    *ret_n_skipped = 0;
    while (place < MAX_PLACES && !open_place (journal, folder, name, place)) {
        if (errno != EWOULDBLOCK) {
            g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM,
                         "%s/%s.%ua.journal: cannot be opened: %s: see to the state directory",
                         folder, name, place, g_strerror (errno));
            return NULL;
        }
        place++;
    }
    if (place == MAX_PLACES) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s/%s.*.journal: all %d are in use", folder,
                     name, MAX_PLACES);
        return NULL;
    }
    journal->text = g_string_new (NULL);
    read_both (journal, ret_draining, ret_filling, ret_n_skipped);
    journal->files[journal->filling].head.turn++;
    for (unsigned i = 0; i < 2; i++) {
        start_file (&journal->files[i]);
    }
    for (unsigned i = place + 1; i < MAX_PLACES; i++) {
        inherit (journal, folder, name, i, ret_filling, ret_n_skipped);
    }
    return g_steal_pointer (&journal);
}

bool
td_journal_add (TdJournal *journal, const TdFact *fact)
{
    File *file = &journal->files[journal->filling];

    td_journal_put (journal->text, fact, SIZE_MAX);
    if (!write_at (file->fd, journal->text->str, journal->text->len, file->end)) {
        return false; /* the next one is written over it */
    }
    file->end += (off_t) journal->text->len;
    return true;
}

void
td_journal_turn (TdJournal *journal)
{
    uint64_t turn = journal->files[journal->filling].head.turn + 1;

    journal->filling = !journal->filling;
    File *file = &journal->files[journal->filling];
    file->head.turn = turn;
    write_at (file->fd, &file->head, sizeof (Head), 0);
}

void
td_journal_drained (TdJournal *journal, unsigned n, bool is_all)
{
    File *file = &journal->files[!journal->filling];

    file->head.n_drained += n;
    write_at (file->fd, &file->head, sizeof (Head), 0);
    if (is_all) {
        empty (file);
    }
}

void
td_journal_close (TdJournal *journal)
{
    if (journal != NULL) {
        close_file (&journal->files[1]);
        close_file (&journal->files[0]); /* the lock, last */
        g_string_free (journal->text, TRUE);
        g_free (journal);
    }
}
