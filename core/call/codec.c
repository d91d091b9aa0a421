/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The codecs by name and rate: who has them, and which sounds best. */

#include "call/codec.h"

#include "base/owner.h"

#include <string.h>

typedef struct {
    TdCodec codec; /* first; the name is our own copy */
    TdOwned owned;
    TdModule *module;
    atomic_int n_refs;
} Codec;

static struct {
    pthread_mutex_t lock;
    GPtrArray *codecs; /* best first, then oldest first */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
codec_unref (Codec *codec)
{
    if (atomic_fetch_sub (&codec->n_refs, 1) == 1) {
        g_free ((char *) codec->codec.name);
        g_free (codec);
    }
}

static void
unlist (Codec *codec)
{
    pthread_mutex_lock (&registry.lock);
    g_ptr_array_remove (registry.codecs, codec);
    pthread_mutex_unlock (&registry.lock);
    codec_unref (codec);
}

static void
revoke_codec (TdOwned *owned)
{
    unlist ((Codec *) ((char *) owned - offsetof (Codec, owned)));
}

static bool
is_same (const Codec *codec, const char *name, uint32_t clock_rate_hz)
{
    return codec->codec.clock_rate_hz == clock_rate_hz
           && g_ascii_strcasecmp (codec->codec.name, name) == 0;
}

static bool
is_usable (const TdCodec *codec)
{
    return codec->name != NULL && codec->encode != NULL && codec->decode != NULL
           && codec->clock_rate_hz > 0 && codec->sample_rate_hz > 0 && codec->frame_us > 0
           && codec->channels > 0;
}

/* Whether another module, not merely another build of the same one, has it. Needs the lock. */
static const Codec *
find_rival (const TdModule *module, const TdCodec *decl)
{
    for (unsigned i = 0; i < registry.codecs->len; i++) {
        const Codec *codec = registry.codecs->pdata[i];
        if (is_same (codec, decl->name, decl->clock_rate_hz)
            && strcmp (td_owner_of (codec->module)->name, td_owner_of (module)->name) != 0) {
            return codec;
        }
    }
    return NULL;
}

/* Needs the lock. A newer build goes before an older one of the same quality. */
static void
insert_sorted (Codec *codec)
{
    unsigned at = 0;

    while (at < registry.codecs->len
           && ((Codec *) registry.codecs->pdata[at])->codec.quality > codec->codec.quality) {
        at++;
    }
    g_ptr_array_insert (registry.codecs, (int) at, codec);
}

bool
td_codec_register (TdModule *module, const TdCodec *decl, GError **error)
{
    Codec *codec = g_new0 (Codec, 1);

    memcpy (&codec->codec, decl, MIN (decl->size, sizeof (TdCodec)));
    if (!is_usable (&codec->codec)) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "codec %s: a codec has a name, rates, a frame, encode and decode",
                     decl->name != NULL ? decl->name : "(without a name)");
        g_free (codec);
        return false;
    }
    codec->module = module;
    codec->codec.name = g_strdup (decl->name);
    codec->owned = (TdOwned){ .kind = "codec",
                              .is_lease = true,
                              .is_door = true,
                              .name = codec->codec.name,
                              .revoke = revoke_codec };
    atomic_init (&codec->n_refs, 1);
    pthread_mutex_lock (&registry.lock);
    const Codec *rival = find_rival (module, decl);
    if (rival == NULL) {
        insert_sorted (codec);
    }
    pthread_mutex_unlock (&registry.lock);
    if (rival != NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_EXISTS,
                     "codec %s/%u: the module %s has registered it", decl->name,
                     decl->clock_rate_hz, td_owner_of (rival->module)->name);
        codec_unref (codec);
        return false;
    }
    td_owner_add (td_owner_of (module), &codec->owned);
    return true;
}

const TdCodec *
td_codec_acquire (const char *name, uint32_t clock_rate_hz)
{
    Codec *found = NULL;

    pthread_mutex_lock (&registry.lock);
    for (unsigned i = 0; found == NULL && i < registry.codecs->len; i++) {
        Codec *codec = registry.codecs->pdata[i];
        if (is_same (codec, name, clock_rate_hz)
            && !atomic_load (&td_owner_of (codec->module)->is_stopping)) {
            atomic_fetch_add (&codec->n_refs, 1);
            td_owner_use (td_owner_of (codec->module));
            found = codec;
        }
    }
    pthread_mutex_unlock (&registry.lock);
    return found != NULL ? &found->codec : NULL;
}

void
td_codec_release (const TdCodec *codec)
{
    if (codec != NULL) {
        Codec *held = (Codec *) codec;
        td_owner_unuse (td_owner_of (held->module));
        codec_unref (held);
    }
}

void
td_codec_each (void (*visit) (const TdCodec *codec, void *data), void *data)
{
    g_autoptr (GPtrArray) copy = g_ptr_array_new_with_free_func ((GDestroyNotify) codec_unref);

    pthread_mutex_lock (&registry.lock);
    for (unsigned i = 0; i < registry.codecs->len; i++) {
        Codec *codec = registry.codecs->pdata[i];
        if (!atomic_load (&td_owner_of (codec->module)->is_stopping)) {
            atomic_fetch_add (&codec->n_refs, 1);
            g_ptr_array_add (copy, codec);
        }
    }
    pthread_mutex_unlock (&registry.lock);
    for (unsigned i = 0; i < copy->len; i++) {
        visit (&((Codec *) copy->pdata[i])->codec, data);
    }
}

void
td_codecs_open (void)
{
    registry.codecs = g_ptr_array_new ();
}

void
td_codecs_close (void)
{
    while (registry.codecs->len > 0) {
        Codec *codec = registry.codecs->pdata[0];
        td_owner_remove (&codec->owned);
        unlist (codec);
    }
    g_clear_pointer (&registry.codecs, g_ptr_array_unref);
}
