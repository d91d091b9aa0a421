/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Topics from the inside: for the bus, which knows who hears each. */

#ifndef CORE_RUN_TOPIC_H
#define CORE_RUN_TOPIC_H

#include <stdatomic.h>
#include <tandem/bus.h>

typedef struct TdHearers TdHearers;

struct TdTopic {
    TdTopicDecl decl; /* all of it our own copy */
    char *owner;
    _Atomic (TdHearers *) hearers; /* the bus's: made with g_malloc(), freed with the topic */
    atomic_uint sequence;
};

/* DECLARED is told of each topic before td_topic_declare() returns it. */
void td_topics_open (void (*declared) (TdTopic *topic));
void td_topics_close (void);

/* Calls VISIT with each topic in every version, while none can be declared. Thread: any. */
void td_topics_each_version (void (*visit) (TdTopic *topic));

#endif
