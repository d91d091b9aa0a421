/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has begun and not ended, as a process that is killed leaves it. */

#include "run/begun.h"

#include "run/clock.h"
#include "run/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    MAGIC = 0x424e4454,
    VERSION = 1,
    SLOT_BYTES = 2048,
    UNTIL_AT = SLOT_BYTES - (int) sizeof (int64_t),
    CUT_BYTES = 96, /* of a text of a fact that does not fit: sixteen of them do */
};

typedef struct {
    uint32_t magic, version;
    int64_t alive_us; /* monotonic, of the process that wrote last */
} Head;

struct TdBegun {
    atomic_int n_refs;
    int fd;
    pthread_mutex_t lock; /* guards what follows */
    int64_t alive_us;
    GHashTable *slots; /* call -> slot, from 1: slot 0 is the head's */
    GArray *free_slots;
    uint32_t n_slots;
    GString *text;
};

static bool
write_at (const TdBegun *begun, const void *bytes, size_t size, uint32_t slot, size_t at)
{
    ssize_t n;

    do {
        n = pwrite (begun->fd, bytes, size, (off_t) slot * SLOT_BYTES + (off_t) at);
    } while (n < 0 && errno == EINTR);
    if (n >= 0 && (size_t) n < size) {
        errno = ENOSPC;
    }
    return n == (ssize_t) size;
}

static bool
write_head (const TdBegun *begun)
{
    Head head = { .magic = MAGIC, .version = VERSION, .alive_us = begun->alive_us };

    return write_at (begun, &head, sizeof head, 0, 0);
}

/* --- Adding and ending -------------------------------------------------------------------- */

static uint32_t
take_slot (TdBegun *begun)
{
    if (begun->free_slots->len == 0) {
        return ++begun->n_slots;
    }
    uint32_t slot = g_array_index (begun->free_slots, uint32_t, begun->free_slots->len - 1);
    g_array_set_size (begun->free_slots, begun->free_slots->len - 1);
    return slot;
}

static void
enter (TdBegun *begun, TdId call, uint32_t slot)
{
    g_hash_table_replace (begun->slots, g_memdup2 (&call, sizeof call), GUINT_TO_POINTER (slot));
}

bool
td_begun_add (TdBegun *begun, const TdFact *fact)
{
    pthread_mutex_lock (&begun->lock);
    uint32_t slot = GPOINTER_TO_UINT (g_hash_table_lookup (begun->slots, &fact->call));
    if (slot == 0) {
        slot = take_slot (begun);
    }
    td_journal_put (begun->text, fact, SIZE_MAX);
    if (begun->text->len > UNTIL_AT) {
        td_journal_put (begun->text, fact, CUT_BYTES);
    }
    /* The whole slot: what was in it before had another end. */
    size_t len = MIN (begun->text->len, (size_t) UNTIL_AT);
    g_string_set_size (begun->text, SLOT_BYTES);
    memset (begun->text->str + len, 0, SLOT_BYTES - len);
    bool is_written = write_at (begun, begun->text->str, SLOT_BYTES, slot, 0);
    int number = errno;
    enter (begun, fact->call, slot);
    pthread_mutex_unlock (&begun->lock);
    errno = number;
    return is_written;
}

bool
td_begun_has (TdBegun *begun, TdId call)
{
    pthread_mutex_lock (&begun->lock);
    bool has_begun = g_hash_table_contains (begun->slots, &call);
    pthread_mutex_unlock (&begun->lock);
    return has_begun;
}

void
td_begun_end (TdBegun *begun, TdId call)
{
    static const uint32_t none = 0;

    pthread_mutex_lock (&begun->lock);
    uint32_t slot = GPOINTER_TO_UINT (g_hash_table_lookup (begun->slots, &call));
    if (slot != 0) {
        write_at (begun, &none, sizeof none, slot, 0);
        g_array_append_val (begun->free_slots, slot);
        g_hash_table_remove (begun->slots, &call);
    }
    pthread_mutex_unlock (&begun->lock);
}

void
td_begun_live (TdBegun *begun, int64_t now_us)
{
    pthread_mutex_lock (&begun->lock);
    begun->alive_us = now_us;
    write_head (begun);
    pthread_mutex_unlock (&begun->lock);
}

unsigned
td_begun_count (TdBegun *begun)
{
    pthread_mutex_lock (&begun->lock);
    unsigned n = g_hash_table_size (begun->slots);
    pthread_mutex_unlock (&begun->lock);
    return n;
}

/* --- Opening ----------------------------------------------------------------------------- */

/* Whether the times in a slot are any: a disk may give back what nobody wrote. */
static bool
is_sane (const TdFact *fact, int64_t until_us)
{
    const int64_t max_us = INT64_C (1) << 55;

    return fact != NULL && fact->monotonic_us >= 0 && fact->monotonic_us < max_us
           && fact->wall_us >= 0 && fact->wall_us < max_us
           && (until_us == 0 || (until_us >= fact->monotonic_us && until_us < max_us));
}

/* What is in SLOT: of this process it goes on, of another one it is left. Until when it was surely going
 * on is written beside it: the head is about to say another time, and an end that was told while nobody
 * heard is not known. */
static void
read_slot (TdBegun *begun, uint32_t slot, const char *bytes, uint32_t boot, GArray *left,
           unsigned *ret_n_skipped)
{
    uint32_t size;
    int64_t until_us;

    memcpy (&size, bytes, sizeof size);
    memcpy (&until_us, bytes + UNTIL_AT, sizeof until_us);
    TdFact *fact = size > sizeof size && size <= UNTIL_AT
                       ? td_journal_get (bytes + sizeof size, size - sizeof size)
                       : NULL;
    if (!is_sane (fact, until_us)) {
        td_fact_free (fact);
        *ret_n_skipped += size != 0;
        g_array_append_val (begun->free_slots, slot);
        return;
    }
    enter (begun, fact->call, slot);
    if (until_us == 0) {
        until_us = MAX (begun->alive_us, fact->monotonic_us);
        write_at (begun, &until_us, sizeof until_us, slot, UNTIL_AT);
    }
    if (fact->boot == boot) {
        td_fact_free (fact);
    } else {
        g_array_append_val (left, ((TdBegunLeft){ fact, until_us }));
    }
}

static void
read_slots (TdBegun *begun, uint32_t boot, GArray *left, unsigned *ret_n_skipped)
{
    g_autofree char *bytes = g_malloc (SLOT_BYTES);
    Head head = { 0 };

    if (pread (begun->fd, &head, sizeof head, 0) != sizeof head) {
        return; /* a new one */
    }
    if (head.magic != MAGIC || head.version != VERSION) {
        *ret_n_skipped += 1;
        return;
    }
    begun->alive_us = CLAMP (head.alive_us, 0, INT64_C (1) << 54);
    for (uint32_t slot = 1;
         pread (begun->fd, bytes, SLOT_BYTES, (off_t) slot * SLOT_BYTES) == SLOT_BYTES; slot++) {
        begun->n_slots = slot;
        read_slot (begun, slot, bytes, boot, left, ret_n_skipped);
    }
}

static TdBegun *
begun_new (int fd)
{
    TdBegun *begun = g_new0 (TdBegun, 1);

    atomic_init (&begun->n_refs, 1);
    begun->fd = fd;
    pthread_mutex_init (&begun->lock, NULL);
    begun->slots = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
    begun->free_slots = g_array_new (FALSE, FALSE, sizeof (uint32_t));
    begun->text = g_string_new (NULL);
    return begun;
}

TdBegun *
td_begun_open (const char *folder, const char *name, uint32_t boot, GArray *ret_left,
               unsigned *ret_n_skipped, GError **error)
{
    g_autofree char *path = g_strdup_printf ("%s/%s.begun", folder, name);
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    *ret_n_skipped = 0;
    if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) != 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM,
                     "%s: cannot be opened: %s: see to the state directory", path,
                     errno == EWOULDBLOCK ? "another process has it open" : g_strerror (errno));
        if (fd >= 0) {
            close (fd);
        }
        return NULL;
    }
    TdBegun *begun = begun_new (fd);
    read_slots (begun, boot, ret_left, ret_n_skipped);
    if (g_hash_table_size (begun->slots) == 0 && ftruncate (fd, 0) == 0) {
        begun->n_slots = 0;
        g_array_set_size (begun->free_slots, 0);
    }
    begun->alive_us = td_clock_now_us ();
    write_head (begun);
    return begun;
}

TdBegun *
td_begun_ref (TdBegun *begun)
{
    atomic_fetch_add (&begun->n_refs, 1);
    return begun;
}

void
td_begun_unref (TdBegun *begun)
{
    if (begun == NULL || atomic_fetch_sub (&begun->n_refs, 1) > 1) {
        return;
    }
    close (begun->fd);
    g_hash_table_unref (begun->slots);
    g_array_unref (begun->free_slots);
    g_string_free (begun->text, TRUE);
    pthread_mutex_destroy (&begun->lock);
    g_free (begun);
}
