/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event bus's life, for the engine, and its topics, for documentation. */

#ifndef CORE_RUN_BUS_H
#define CORE_RUN_BUS_H

#include <tandem/bus.h>

/* NODE and BOOT go into every fact. */
void td_bus_open (const char *node, unsigned boot);

/* Which life of the process this is. */
uint32_t td_bus_boot (void);

/* Frees topics and subscriptions. The lanes have ended. */
void td_bus_close (void);

/* Whether anybody listens: ask before an expensive fact is put together. Thread: any. */
bool td_topic_is_heard (const TdTopic *topic);

/* Calls VISIT with each topic, by name. Thread: control. */
void td_topics_each (void (*visit) (const TdTopic *topic, void *data), void *data);

/* Whether PATTERN, as of a subscription ("call.*"), means TOPIC. */
bool td_topic_matches (const TdTopic *topic, const char *pattern);

/* Who declared TOPIC first: a module's name, or the core's (transfer none). */
const char *td_topic_owner (const TdTopic *topic);

/* Calls VISIT with each subscription: whose, to what, how many facts it dropped and how often it
 * took more than its budget. Thread: control. */
void td_subscriptions_each (void (*visit) (const char *owner, const char *topics,
                                           uint64_t n_dropped, uint64_t n_overruns, void *data),
                            void *data);

/* How many bytes td_fact_copy() takes for FACT. Thread: any. */
size_t td_fact_size_bytes (const TdFact *fact);

#endif
