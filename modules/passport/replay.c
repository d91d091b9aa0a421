/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of replays: a table of slots, in sets of N_WAYS; a token's hash says which set is its own.
 *
 *     set 0                  set 1
 *     | slot | slot | ...    | slot | slot | ...
 *       hash, until when, the first caller, the second
 *
 * What has expired is free, and so is what claims to live longer than any token may: a file that is torn or
 * not ours gives nothing and costs nothing. It is read and written, not mapped: a disk that fails is an error
 * then, and not the end of all calls. The lock of the file is for another build of the module beside this one.
 */

#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <tandem/log.h>
#include <unistd.h>

enum {
    MAX_CALLERS = 2,
    CALLER_BYTES = 12,
    N_WAYS = 32,
    MEAN_USED =
        N_WAYS / 2, /* of the tokens that there is room for: then hardly any set is ever full */
};

/* A token lives for twice the freshness, of which an hour is the most. */
#define MAX_LIFE_US (7201 * (int64_t) G_USEC_PER_SEC)

/* In this machine's byte order. */
typedef struct {
    VerdictHash hash;
    int64_t until_us;
    uint8_t callers[MAX_CALLERS][CALLER_BYTES]; /* the first one first; zero: nobody yet */
} Slot;

G_STATIC_ASSERT (sizeof (Slot) == 64);

typedef Slot Set[N_WAYS];

struct Replays {
    TdModule *module;
    pthread_mutex_t lock;
    int fd;
    uint32_t n_sets;
};

/* --- Sets -------------------------------------------------------------------------------- */

/* The hash is a SHA-256: any part of it is as good as another. */
static off_t
set_of (const Replays *replays, const VerdictHash *hash)
{
    uint64_t part;

    memcpy (&part, hash->bytes, sizeof part);
    return (off_t) (part % replays->n_sets) * (off_t) sizeof (Set);
}

static bool
set_read (int fd, off_t at, Slot *ret_slots)
{
    ssize_t n_bytes = pread (fd, ret_slots, sizeof (Set), at);

    if (n_bytes >= 0 && n_bytes < (ssize_t) sizeof (Set)) {
        errno = ENODATA;
    }
    return n_bytes == (ssize_t) sizeof (Set);
}

static bool
slot_write (int fd, off_t at, const Slot *slot)
{
    ssize_t n_bytes = pwrite (fd, slot, sizeof *slot, at);

    if (n_bytes >= 0 && n_bytes < (ssize_t) sizeof *slot) {
        errno = ENOSPC;
    }
    return n_bytes == (ssize_t) sizeof *slot;
}

static bool
is_alive (const Slot *slot, int64_t now_us)
{
    return slot->until_us > now_us && slot->until_us <= now_us + MAX_LIFE_US;
}

/* The slot of HASH in SLOTS, or else the one that it may have: a free one, or that which expires first. */
static Slot *
choose (Slot *slots, const VerdictHash *hash, int64_t now_us)
{
    Slot *chosen = &slots[0];

    for (Slot *slot = slots; slot < slots + N_WAYS; slot++) {
        if (is_alive (slot, now_us) && verdict_hash_equal (&slot->hash, hash)) {
            return slot;
        }
        if (is_alive (chosen, now_us)
            && (!is_alive (slot, now_us) || slot->until_us < chosen->until_us)) {
            chosen = slot;
        }
    }
    *chosen = (Slot){ .hash = *hash };
    return chosen;
}

/* --- Files ------------------------------------------------------------------------------- */

static off_t
len_of (const Replays *replays)
{
    return (off_t) replays->n_sets * (off_t) sizeof (Set);
}

/* Room that is there when a call needs it: a full disk is found now. */
static bool
reserve (const Replays *replays, int fd)
{
    errno = posix_fallocate (fd, 0, len_of (replays));
    return errno == 0;
}

static int
make_memory (const Replays *replays)
{
    int fd = memfd_create ("tandem-replays", MFD_CLOEXEC);

    if (fd < 0 || ftruncate (fd, len_of (replays)) != 0) {
        g_error ("no memory for replays: %s", g_strerror (errno));
    }
    return fd;
}

Replays *
replays_new (TdModule *module, unsigned n_tokens)
{
    Replays *replays = g_new0 (Replays, 1);

    replays->module = module;
    replays->n_sets = (n_tokens + MEAN_USED - 1) / MEAN_USED;
    replays->fd = make_memory (replays);
    pthread_mutex_init (&replays->lock, NULL);
    return replays;
}

void
replays_free (Replays *replays)
{
    if (replays == NULL) {
        return;
    }
    close (replays->fd);
    pthread_mutex_destroy (&replays->lock);
    g_free (replays);
}

/* What lives of FROM, of any length, is put where it belongs in TO. */
static bool
carry_over (const Replays *replays, int from, int to, int64_t now_us)
{
    Set old, new;

    for (off_t at = 0; set_read (from, at, old); at += (off_t) sizeof old) {
        for (unsigned i = 0; i < N_WAYS; i++) {
            off_t set = set_of (replays, &old[i].hash);

            if (!is_alive (&old[i], now_us)) {
                continue;
            }
            if (!set_read (to, set, new)) {
                return false;
            }
            Slot *slot = choose (new, &old[i].hash, now_us);
            *slot = old[i];
            if (!slot_write (to, set + (off_t) ((char *) slot - (char *) new), slot)) {
                return false;
            }
        }
    }
    return true;
}

/* A file of the right size in place of the one at PATH, which is OLD; or -1. */
static int
make_anew (const Replays *replays, const char *path, int old, int64_t now_us)
{
    g_autofree char *next = g_strconcat (path, ".new", NULL);
    int fd = open (next, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0 && reserve (replays, fd) && carry_over (replays, old, fd, now_us)
        && rename (next, path) == 0) {
        return fd;
    }
    int reason = errno;
    if (fd >= 0) {
        unlink (next);
        close (fd);
    }
    errno = reason;
    return -1;
}

static int
open_file (const Replays *replays, const char *path, int64_t now_us)
{
    struct stat status;
    int old = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (old < 0) {
        return -1;
    }
    if (fstat (old, &status) == 0 && status.st_size == len_of (replays)) {
        return old;
    }
    int fd = make_anew (replays, path, old, now_us);
    int reason = errno;
    close (old);
    errno = reason;
    return fd;
}

bool
replays_keep (Replays *replays, const char *path, int64_t now_us, GError **error)
{
    int fd = open_file (replays, path, now_us);

    if (fd < 0) {
        int reason = errno;
        g_set_error (error, G_FILE_ERROR, (gint) g_file_error_from_errno (reason), "%s: %s", path,
                     g_strerror (reason));
        return false;
    }
    close (replays->fd);
    replays->fd = fd;
    return true;
}

/* --- Calls ------------------------------------------------------------------------------- */

/* The file cannot be used: from now on in memory, with what of it can still be read. */
static void
give_up (Replays *replays, int64_t now_us)
{
    int reason = errno, memory = make_memory (replays);

    td_log_error (replays->module, "replays",
                  "the file cannot be used: %s; until the module is started again tokens are "
                  "remembered in memory, and a restart forgets them",
                  g_strerror (reason));
    carry_over (replays, replays->fd, memory, now_us);
    close (replays->fd);
    replays->fd = memory;
}

static void
name_caller (uint8_t *ret_caller, const char *call_id, const char *trunk)
{
    g_autofree char *text = g_strjoin ("\n", call_id, trunk, NULL);
    VerdictHash hash;

    verdict_hash_text (&hash, text);
    memcpy (ret_caller, hash.bytes, CALLER_BYTES);
}

/* Whether CALLER is one of SLOT's, or becomes the last of N_MAX. */
static bool
join (Slot *slot, const uint8_t *caller, unsigned n_max, bool *ret_is_new)
{
    static const uint8_t nobody[CALLER_BYTES];

    for (unsigned i = 0; i < MAX_CALLERS; i++) {
        if (memcmp (slot->callers[i], caller, CALLER_BYTES) == 0) {
            return true;
        }
        if (memcmp (slot->callers[i], nobody, CALLER_BYTES) == 0) {
            *ret_is_new = i < n_max;
            if (*ret_is_new) {
                memcpy (slot->callers[i], caller, CALLER_BYTES);
            }
            return *ret_is_new;
        }
    }
    return false;
}

typedef struct {
    const VerdictHash *hash;
    uint8_t caller[CALLER_BYTES];
    unsigned max_callers;
    int64_t now_us, until_us;
} Attempt;

static bool
try_admit (const Replays *replays, const Attempt *attempt, bool *ret_is_admitted)
{
    off_t at = set_of (replays, attempt->hash);
    bool is_new = false;
    Set slots;

    if (!set_read (replays->fd, at, slots)) {
        return false;
    }
    Slot *slot = choose (slots, attempt->hash, attempt->now_us);
    *ret_is_admitted = join (slot, attempt->caller, attempt->max_callers, &is_new);
    slot->until_us = MAX (slot->until_us, attempt->until_us);
    return !is_new || slot_write (replays->fd, at + (off_t) ((char *) slot - (char *) slots), slot);
}

bool
replays_admit (Replays *replays, const VerdictHash *hash, const char *call_id, const char *trunk,
               bool allows_once, int64_t now_us, int64_t until_us)
{
    Attempt attempt = { .hash = hash,
                        .max_callers = allows_once ? MAX_CALLERS : 1,
                        .now_us = now_us,
                        .until_us = until_us };
    bool is_admitted = false;

    name_caller (attempt.caller, call_id, trunk);
    pthread_mutex_lock (&replays->lock);
    while (flock (replays->fd, LOCK_EX) != 0 && errno == EINTR) {
    }
    if (!try_admit (replays, &attempt, &is_admitted)) {
        give_up (replays, now_us);
        try_admit (replays, &attempt, &is_admitted);
    }
    flock (replays->fd, LOCK_UN);
    pthread_mutex_unlock (&replays->lock);
    return is_admitted;
}
