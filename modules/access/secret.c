/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pages for secrets: locked, left out of core images, wiped. */

#include "secret.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <tandem/base.h>

struct Secrets {
    pthread_mutex_t lock;
    char *pages;
    size_t n_bytes;
    unsigned n_free;
    char *free[];
};

/* RLIMIT_MEMLOCK of a service without privileges is small, and somebody else may have used it up. */
static bool
protect (void *pages, size_t n_bytes, GError **error)
{
    if (madvise (pages, n_bytes, MADV_DONTDUMP) == 0 && mlock (pages, n_bytes) == 0) {
        return true;
    }
    g_set_error (
        error, TD_ERROR, TD_ERROR_SYSTEM,
        "no memory for personal numbers that is kept out of swap and core images (%zu bytes): %s: "
        "raise the limit of locked memory (LimitMEMLOCK), or lower [access] capacity",
        n_bytes, g_strerror (errno));
    return false;
}

Secrets *
secrets_new (unsigned n_secrets, GError **error)
{
    size_t n_bytes = (size_t) n_secrets * SECRET_BYTES;
    void *pages = mmap (NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "no memory for personal numbers: %s",
                     g_strerror (errno));
        return NULL;
    }
    if (!protect (pages, n_bytes, error)) {
        munmap (pages, n_bytes);
        return NULL;
    }
    Secrets *secrets = g_malloc0 (sizeof *secrets + n_secrets * sizeof secrets->free[0]);
    pthread_mutex_init (&secrets->lock, NULL);
    secrets->pages = pages;
    secrets->n_bytes = n_bytes;
    for (unsigned i = n_secrets; i > 0; i--) {
        secrets->free[secrets->n_free++] = secrets->pages + (size_t) (i - 1) * SECRET_BYTES;
    }
    return secrets;
}

void
secrets_free (Secrets *secrets)
{
    if (secrets == NULL) {
        return;
    }
    explicit_bzero (secrets->pages, secrets->n_bytes);
    munmap (secrets->pages, secrets->n_bytes);
    pthread_mutex_destroy (&secrets->lock);
    g_free (secrets);
}

char *
secret_take (Secrets *secrets)
{
    pthread_mutex_lock (&secrets->lock);
    char *secret = secrets->n_free > 0 ? secrets->free[--secrets->n_free] : NULL;
    pthread_mutex_unlock (&secrets->lock);
    return secret;
}

void
secret_give (Secrets *secrets, char *secret)
{
    if (secret == NULL) {
        return;
    }
    explicit_bzero (secret, SECRET_BYTES);
    pthread_mutex_lock (&secrets->lock);
    secrets->free[secrets->n_free++] = secret;
    pthread_mutex_unlock (&secrets->lock);
}
