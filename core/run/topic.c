/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Topics: what facts are about, and which fields theirs have. */

#include "run/topic.h"

#include "base/owner.h"
#include "run/bus.h"

#include <pthread.h>
#include <string.h>

static struct {
    pthread_mutex_t lock; /* guards the list */
    GPtrArray *list;      /* in the order they were declared */
    void (*declared) (TdTopic *topic);
} topics = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
copy_fields (TdTopicDecl *decl)
{
    TdField *fields = g_memdup2 (decl->fields, decl->n_fields * sizeof (TdField));

    for (uint32_t i = 0; i < decl->n_fields; i++) {
        fields[i].name = g_strdup (fields[i].name);
        fields[i].help = g_strdup (fields[i].help);
    }
    decl->fields = fields;
}

static TdTopic *
topic_new (const char *owner, const TdTopicDecl *decl)
{
    TdTopic *topic = g_new0 (TdTopic, 1);

    topic->owner = g_strdup (owner);
    memcpy (&topic->decl, decl, sizeof (TdTopicDecl));
    topic->decl.size = sizeof (TdTopicDecl);
    topic->decl.name = g_strdup (decl->name);
    topic->decl.help = g_strdup (decl->help);
    copy_fields (&topic->decl);
    return topic;
}

static void
topic_free (void *data)
{
    TdTopic *topic = data;

    for (uint32_t i = 0; i < topic->decl.n_fields; i++) {
        g_free ((char *) topic->decl.fields[i].name);
        g_free ((char *) topic->decl.fields[i].help);
    }
    g_free ((TdField *) topic->decl.fields);
    g_free ((char *) topic->decl.name);
    g_free ((char *) topic->decl.help);
    g_free (topic->owner);
    g_free (atomic_load (&topic->hearers));
    g_free (topic);
}

/* The latest declaration of NAME, in VERSION or, when that is 0, in any. Needs the lock. */
static TdTopic *
find (const char *name, uint32_t version)
{
    for (unsigned i = topics.list->len; i > 0; i--) {
        TdTopic *topic = topics.list->pdata[i - 1];
        if (strcmp (topic->decl.name, name) == 0
            && (version == 0 || topic->decl.version == version)) {
            return topic;
        }
    }
    return NULL;
}

TdTopic *
td_topic_declare (TdModule *module, const TdTopicDecl *decl)
{
    g_return_val_if_fail (decl->size >= sizeof (TdTopicDecl) && decl->version > 0, NULL);

    pthread_mutex_lock (&topics.lock);
    TdTopic *topic = find (decl->name, decl->version);
    bool is_new = topic == NULL;
    if (is_new) {
        topic = topic_new (td_owner_of (module)->name, decl);
        g_ptr_array_add (topics.list, topic);
    }
    pthread_mutex_unlock (&topics.lock);
    if (is_new) {
        topics.declared (topic);
    }
    return topic;
}

TdTopic *
td_topic_find (const char *name)
{
    pthread_mutex_lock (&topics.lock);
    TdTopic *topic = find (name, 0);
    pthread_mutex_unlock (&topics.lock);
    return topic;
}

const char *
td_topic_name (const TdTopic *topic)
{
    return topic->decl.name;
}

const char *
td_topic_help (const TdTopic *topic)
{
    return topic->decl.help;
}

uint32_t
td_topic_version (const TdTopic *topic)
{
    return topic->decl.version;
}

uint32_t
td_topic_body_size (const TdTopic *topic)
{
    return topic->decl.body_size;
}

const TdField *
td_topic_fields (const TdTopic *topic, uint32_t *ret_n_fields)
{
    *ret_n_fields = topic->decl.n_fields;
    return topic->decl.fields;
}

const char *
td_topic_owner (const TdTopic *topic)
{
    return topic->owner;
}

void
td_topics_each_version (void (*visit) (TdTopic *topic))
{
    pthread_mutex_lock (&topics.lock);
    for (unsigned i = 0; i < topics.list->len; i++) {
        visit (topics.list->pdata[i]);
    }
    pthread_mutex_unlock (&topics.lock);
}

static int
compare_names (const void *a, const void *b)
{
    return strcmp ((*(TdTopic *const *) a)->decl.name, (*(TdTopic *const *) b)->decl.name);
}

void
td_topics_each (void (*visit) (const TdTopic *topic, void *data), void *data)
{
    g_autoptr (GPtrArray) latest = g_ptr_array_new ();

    pthread_mutex_lock (&topics.lock);
    for (unsigned i = 0; i < topics.list->len; i++) {
        TdTopic *topic = topics.list->pdata[i];
        if (find (topic->decl.name, 0) == topic) {
            g_ptr_array_add (latest, topic);
        }
    }
    pthread_mutex_unlock (&topics.lock);
    g_ptr_array_sort (latest, compare_names);
    for (unsigned i = 0; i < latest->len; i++) {
        visit (latest->pdata[i], data);
    }
}

/* --- Life -------------------------------------------------------------------------------- */

void
td_topics_open (void (*declared) (TdTopic *topic))
{
    topics.declared = declared;
    topics.list = g_ptr_array_new_with_free_func (topic_free);
}

void
td_topics_close (void)
{
    g_clear_pointer (&topics.list, g_ptr_array_unref);
}
