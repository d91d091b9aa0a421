/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes over the wire between two nodes, version 1: a question, its answer, and how a node does.
 *
 *     {"version": 1, "node": "exchange-1", "called": {"number": "+4930123456"}, "calling": ...,
 *      "trunk": "carrier-a", "time": 1764000000.5, "class": 4, "attributes": {"party.category": "10"}}
 *
 *     {"version": 1, "node": "policy-1", "congestion": 0, "verdict": "route", "route": "germany",
 *      "decided_by": "route.route", "targets": [{"group": 0, "trunk": "carrier-b"}], ...}
 */

#ifndef POLICY_WIRE_H
#define POLICY_WIRE_H

#include <tandem/attribute.h>
#include <tandem/call.h>

#define WIRE_ROUTE_PATH  "/policy/v1/route"
#define WIRE_STATUS_PATH "/policy/v1/status"
#define WIRE_TYPE        "application/json"

enum { WIRE_VERSION = 1, WIRE_MAX_STEPS = 200, WIRE_MAX_LEVEL = 3 };

/* What a node is asked. */
typedef struct {
    char *node; /* who asks */
    char *trunk;
    TdParty calling, called;
    int64_t time_us; /* 0: now */
    TdPriority priority;
    TdAttributes *attributes;
    GVariant *told; /* a{sv}: the attributes as they came */
    bool is_explained;
} WireQuestion;

/* One step of the way to the answer. */
typedef struct {
    char *step, *text;
} WireStep;

/* What it says. */
typedef struct {
    char *node, *decided_by;
    unsigned level; /* of its congestion, 0 to 3 */
    TdHookVerdict verdict;
    unsigned cause;       /* with TD_HOOK_REFUSE */
    char *reason;         /* nullable */
    TdRouteList *routes;  /* with TD_HOOK_DONE */
    GVariant *attributes; /* a{sv}, nullable: what the hooks have set */
    GArray *steps;        /* WireStep, nullable */
} WireAnswer;

typedef struct {
    const char *node;
    unsigned level;
} WireNode;

/* The question about CALL, for a server (transfer full). Attributes go with it that are texts or numbers
 * and no secrets. Thread: the lane of CALL. */
char *wire_print_question (TdCall *call, const char *node);

/* Errors, of all that read: what is wrong with which member. RET is untouched then, and otherwise to be
 * cleared. Thread: any. */
bool wire_read_question (const char *json, size_t len_bytes, WireQuestion *ret, GError **error);
void wire_question_clear (WireQuestion *question);

/* What HOOK_NAME has answered (transfer full). STEPS (WireStep) is nullable. ATTRIBUTES: those of the
 * call that was not made, of which those go back that differ from what came with QUESTION. */
char *wire_print_answer (const WireNode *node, const WireQuestion *question,
                         const TdHookAnswer *answer, const char *hook_name,
                         const TdRouteList *routes, const GArray *steps);

/* IS_TRUNK says whether a trunk group is known here. Errors: TD_ERROR_NOT_FOUND when the answer is well
 * made but names a trunk group that is not, TD_ERROR_INVALID otherwise. */
bool wire_read_answer (const char *json, size_t len_bytes,
                       bool (*is_trunk) (const char *name, const void *data), const void *data,
                       WireAnswer *ret, GError **error);
void wire_answer_clear (WireAnswer *answer);

/* Sets the attributes of ANSWER on a call. */
void wire_set_attributes (const WireAnswer *answer, TdAttributes *attributes);

/* How a node does, both ways. */
char *wire_print_status (const WireNode *node);
bool wire_read_status (const char *json, size_t len_bytes, unsigned *ret_level, GError **error);

/* {"error": TEXT} */
char *wire_print_error (const char *text);

GArray *wire_steps_new (void);
void wire_steps_add (GArray *steps, const char *step, const char *text);

/* The attribute that marks a call as asked for by another node: such a call is not asked about again. */
#define WIRE_MARK "policy.asked-for"

#endif
