/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event bus: facts, told after they happened. It can veto nothing; hooks do that.
 *
 *     call machine --- td_bus_publish () ---> inline subscribers, in this turn, 100 us each
 *                                      |----> queued subscribers: a copy, a ring, their lane
 *                                      \----> spools: a copy, kept until a worker has stored it
 *
 * A topic is a name and a schema: the fields of a C struct, each with type and help. From it come
 * the documentation, the JSON and the command line's view, so a fact is declared once. A fact is
 * immutable and, as a struct, lives only as long as the publishing turn; td_fact_copy() keeps it.
 */

#ifndef TANDEM_BUS_H
#define TANDEM_BUS_H

#include <tandem/id.h>
#include <tandem/lane.h>

G_BEGIN_DECLS

typedef enum {
    TD_FIELD_BOOL,     /* bool */
    TD_FIELD_INT,      /* int64_t */
    TD_FIELD_UINT,     /* uint32_t */
    TD_FIELD_TEXT,     /* const char *, nullable */
    TD_FIELD_ID,       /* TdId */
    TD_FIELD_TIME,     /* int64_t, wall microseconds */
    TD_FIELD_DURATION, /* int64_t, microseconds */
} TdFieldType;

typedef struct {
    const char *name; /* lower case, words joined by an underscore */
    TdFieldType type;
    uint32_t offset; /* in the fact's struct */
    const char *help;
} TdField;

/* clang-format off */
#define TD_FIELD(struct_type, member, field_type, help_text) \
    { #member, (field_type), offsetof (struct_type, member), (help_text) }
/* clang-format on */

typedef struct {
    uint32_t size;    /* sizeof (TdTopicDecl) */
    uint32_t version; /* of the schema, from 1; grows when a field is appended */
    const char *name; /* "call.answered" */
    const char *help;
    const TdField *fields;
    uint32_t n_fields;
    uint32_t body_size; /* sizeof the struct that FIELDS describe */
} TdTopicDecl;

typedef struct TdTopic TdTopic;
typedef struct TdSubscription TdSubscription;

/* What every fact carries. */
typedef struct {
    const TdTopic *topic;
    const char *node;  /* the name of this switch */
    uint32_t boot;     /* which life of the process */
    uint32_t sequence; /* 1, 2, 3 ... within the call; within the topic when there is none */
    TdId call;         /* or TD_ID_NONE */
    int64_t wall_us;
    int64_t monotonic_us;
    uint8_t priority_class; /* 0 .. 15 */
    const void *body;
} TdFact;

/* Declares a topic, or finds the one that has the name and the version already: publisher and
 * subscriber may both declare it. A build with another version has another topic of that name, and
 * whoever subscribes to the name hears both. The schema's texts are copied. Returns (transfer none)
 * the topic, which lives as long as the process. Thread: control. */
TD_API TdTopic *td_topic_declare (TdModule *module, const TdTopicDecl *decl);

/* The topic of NAME (transfer none) in the version that was declared last, or NULL. Thread: any. */
TD_API TdTopic *td_topic_find (const char *name);

TD_API const char *td_topic_name (const TdTopic *topic);
TD_API const char *td_topic_help (const TdTopic *topic);
TD_API uint32_t td_topic_version (const TdTopic *topic);
TD_API uint32_t td_topic_body_size (const TdTopic *topic);
TD_API const TdField *td_topic_fields (const TdTopic *topic, uint32_t *ret_n_fields);

/* Publishes a fact about CALL (or TD_ID_NONE) with BODY (transfer none). SEQUENCE (nullable) is the
 * call's counter, which is advanced. Thread: a lane. Blocks: never. */
TD_API void td_bus_publish (TdTopic *topic, TdId call, uint32_t *sequence, uint8_t priority_class,
                            const void *body);

/* Hears every fact of TOPICS (a NULL-terminated list of names, "call.*" for a family, "*" for all;
 * topics declared later count) in the publishing turn, on the publishing lane. HEAR has 100 us: an
 * overrun is counted and named. Returns (transfer none) the subscription, which ends with MODULE or
 * with td_bus_unsubscribe(). Thread: control. */
TD_API TdSubscription *td_bus_subscribe (TdModule *module, const char *const *topics,
                                         void (*hear) (const TdFact *fact, void *data), void *data);

/* As td_bus_subscribe(), but copies wait in a ring of CAPACITY (1 .. 65536) facts, and HEAR runs on
 * LANE. When the ring is full a fact is dropped and counted, and GAP (nullable) tells how many are
 * missing before HEAR goes on. Thread: control. */
TD_API TdSubscription *td_bus_subscribe_queued (TdModule *module, const char *const *topics,
                                                TdLane *lane, unsigned capacity,
                                                void (*hear) (const TdFact *fact, void *data),
                                                void (*gap) (uint64_t n_dropped, void *data),
                                                void *data);

/* Ends SUBSCRIPTION (nullable): no HEAR begins any more when this returns on the lane it runs on;
 * one on another lane may still be in its turn. Thread: control. */
TD_API void td_bus_unsubscribe (TdSubscription *subscription);

/* --- Spools ------------------------------------------------------------------------------ */

/* Facts that must reach a disk, a database or another machine: they wait in memory, and are handed
 * in batches to a worker, again and again until it has taken them. One that comes within 10 ms of a batch
 * waits until they are over, for others to join it. What is failing, for how many
 * facts, and what was lost stands in the log and in the metrics tandem_spool_*. */
typedef struct TdSpool TdSpool;

typedef struct {
    uint32_t size;           /* sizeof (TdSpoolDecl) */
    uint32_t retry_ms;       /* how long to wait after a failure */
    uint64_t capacity_bytes; /* of the facts that wait: beyond it new ones are lost, and counted */
    const char *name;        /* "records": what log lines are about */
    /* Takes all N_FACTS (0 .. 1024) in the order they were heard, or none: false, with what, where
     * and what to do; then the same facts come again. In RET_AGAIN_MS (0 when called) it says when
     * to be called again though no fact comes; 0: never. Thread: a worker, one at a time. Blocks:
     * it may. */
    bool (*take) (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
                  GError **error);
    /* Nullable: nothing is taken any more. Thread: a worker. Blocks: it may. */
    void (*end) (void *data);
    void *data;
    /* With td_spool_configure() only: SETTINGS (transfer full) hold from now on. Thread: the worker,
     * never during take() or end(). Blocks: it may. */
    void (*configure) (void *settings, void *data);
    GDestroyNotify drop_settings; /* frees settings that configure() does not get. Thread: any */
    /* Nullable: a folder, the module's own (td_module_state_dir ()), for a journal of what waits. Then
     * a killed process costs nothing: what it had not stored is taken, before anything else and
     * maybe once more, by the next one that opens a spool of this name. */
    const char *journal;
    /* Nullable, and only with a journal: topics with one body. Of a call BEGINS is kept until ENDS is heard; then any
     * other topic of the spool with that body takes its place. When a process was killed in between, the call
     * gets, at the next start, an ENDS with the next sequence number: FINISH makes of BODY, a copy of BEGUN's,
     * what is known then, UNTIL_US (monotonic, of that process) being the last time it was surely going on. */
    const char *begins, *ends;
    void (*finish) (void *body, const TdFact *begun, int64_t until_us);
} TdSpoolDecl;

/* Hears every fact of TOPICS, as td_bus_subscribe() does, and keeps a copy until DECL's take() has
 * it. Cannot fail: make it the last step of start(). Returns (transfer none) the spool, which ends
 * with td_spool_close(). Thread: control. */
TD_API TdSpool *td_spool_open (TdModule *module, const char *const *topics,
                               const TdSpoolDecl *decl);

/* Hands SETTINGS (transfer full) to DECL's configure(), then has take() called, facts or not: a reload
 * changed where they go. Settings that were not handed over yet are dropped. Thread: control. */
TD_API void td_spool_configure (TdSpool *spool, void *settings);

/* Hears no more, has what waits taken, then calls end(): for stop(). The module is in use until
 * then. When take() still fails 3 s from now, the facts that wait stay in the journal, or are lost,
 * and counted; those of a spool that is not closed at once. SPOOL is nullable. Thread: control. Blocks: never. */
TD_API void td_spool_close (TdSpool *spool);

/* --- Facts as values --------------------------------------------------------------------- */

/* A copy of FACT that lives until td_fact_free(). Thread: any. */
TD_API TdFact *td_fact_copy (const TdFact *fact);
TD_API void td_fact_free (TdFact *fact);

/* The TD_FIELD_TEXT called FIELD of FACT (transfer none), NULL when it is empty or there is none of that
 * name. Thread: any. */
TD_API const char *td_fact_text (const TdFact *fact, const char *field);

/* Appends FACT as one JSON object to TEXT. Thread: any. */
TD_API void td_fact_to_json (const TdFact *fact, GString *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdFact, td_fact_free)

G_END_DECLS

#endif
