/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a call goes, from compiled tables. No channel, no database, no clock: who asks gives the call
 * and the time, and gets the same answer each time.
 *
 *     ingress -> translation -> analysis -> emergency? ------------------------------------+
 *                                  |                                                       |
 *                                  +-> screening -> toll-free -> portability ->            |
 *                                                      jurisdiction -> route -> list <-----+
 *
 * Analysis stands in front of screening, so that a list of numbers holds however they are dialled,
 * and nothing denies an emergency call. Tables are made once and never changed: they may be read
 * from any thread. A decision allocates nothing, unless it is explained.
 *
 * What somebody else has to be asked for comes through the request. Where there is no answer yet the
 * decision says so (DECISION_DIP) and is made again when it has come: from the same tables, the same
 * request and the same answers come the same steps, and they are cheap.
 */

#ifndef ROUTE_DECISION_H
#define ROUTE_DECISION_H

#include "dip-answer.h"
#include "explanation.h"
#include "findings.h"
#include "plan.h"
#include "targets.h"
#include "translation.h"

typedef struct Tables Tables;
typedef struct TablesBuilder TablesBuilder;

/* --- Making tables ----------------------------------------------------------------------- */

TablesBuilder *tables_builder_new (void);
void tables_builder_free (TablesBuilder *builder);

/* One row, in the order of its table's columns; tables and rows come in any order. LINE is that in
 * its source, 0: not known. Errors: the column, the value, and what is wrong with it. */
bool tables_builder_add (TablesBuilder *builder, SchemaTableId table, const char *const *cells,
                         unsigned line, GError **error);

/* Whether the configuration has [SECTION NAME]: "trunk" or "dip". */
typedef bool (*TablesIsSection) (const char *section, const char *name, void *data);

/* The tables (transfer full); BUILDER is freed. What is wrong between rows goes to FINDINGS; with
 * errors among them, calls still are decided, but not as their author meant. IS_SECTION (nullable) says
 * what they may name. */
Tables *tables_builder_end (TablesBuilder *builder, Findings *findings, TablesIsSection is_section,
                            void *data);

/* Whether a row names the dip NAME. */
bool tables_have_dip (const Tables *tables, const char *name);

void tables_free (Tables *tables);
size_t tables_size_bytes (const Tables *tables);

/* --- Deciding ---------------------------------------------------------------------------- */

typedef struct {
    const char *trunk; /* incoming trunk group, or NULL */
    const TdParty *called, *calling;
    const char *carrier;        /* signalled (CIC, TNS), or NULL */
    const char *routing_number; /* of a call that was dipped, or NULL */
    /* In which network either holds, where it has no "+" (RFC 4694 4): "+1", a domain, or NULL. */
    const char *carrier_context, *routing_context;
    bool is_dipped; /* npdi */
    /* The call has failed with RELEASE_CAUSE: what is asked only then is asked now. */
    bool is_released;
    unsigned release_cause;
    int line_information; /* ANI II, or ROW_NOT_SAID */
    const char *category, *bearer;
    bool is_unscreened; /* no row of "screening" denies it */
    /* Nullable, as TargetContext has them. */
    const char *(*attribute) (const char *name, void *data);
    bool (*quality) (const char *trunk, TargetQuality *ret_quality, void *data);
    /* Nullable: the answer of the dip NAME to NUMBER; false: it is still to be asked. Once an answer
     * was given, the same is given to each decision of this call. */
    bool (*dip) (TdDipKind kind, const char *name, const char *number, DipAnswer *ret_answer,
                 void *data);
    void *data;
    int64_t time_us;
    uint32_t chance; /* targets_chance () */
} DecisionRequest;

typedef enum {
    DECISION_ROUTE,
    DECISION_MORE_DIGITS,
    DECISION_REFUSE,
    DECISION_DIP, /* ask the dip, then decide again */
} DecisionVerdict;

/* In the order from near to far. */
typedef enum {
    JURISDICTION_UNKNOWN,
    JURISDICTION_LOCAL,
    JURISDICTION_INTRASTATE,
    JURISDICTION_INTERSTATE,
    JURISDICTION_INTERNATIONAL,
    JURISDICTION_MOBILE,
} Jurisdiction;

const char *jurisdiction_name (Jurisdiction jurisdiction);

/* Texts live as long as the tables, or the request. */
typedef struct {
    DecisionVerdict verdict;
    unsigned cause;           /* REFUSE: Q.850 */
    const char *announcement; /* REFUSE: "" for none */
    bool is_exempted;         /* a row of "screening" would have denied it */
    const char *treatment;    /* of the ingress: what a caller hears when the call fails; "" */
    Translated numbers;       /* as ingress and plan left them */
    CallType type;
    const char *carrier; /* "" for none; lies in the decision */
    char carrier_text[CARRIER_SIZE];
    bool is_own_carrier; /* the carrier is the one that the ingress belongs to */
    const char *country; /* of numbers and carriers without a "+"; "": not known */
    const char
        *routing_number; /* that was looked up instead of the called one, or ""; in the decision */
    char routing_text[TD_NUMBER_DIGITS];
    const char *dip; /* DIP: its name */
    TdDipKind dip_kind;
    char dip_number[TD_NUMBER_DIGITS + 4]; /* DIP: "+12125551234" */
    bool is_dipped;
    bool is_queried; /* it was looked up because the call had failed */
    Jurisdiction jurisdiction;
    const char *label; /* ROUTE: of the list */
    unsigned tries, seconds;
    uint32_t causes; /* cause table, for decision_is_try_next () */
    unsigned n_targets;
    ChosenTarget targets[TARGETS_MAX];
} Decision;

void decision_make (const Tables *tables, const DecisionRequest *request, Decision *ret_decision,
                    Explanation *explanation);

/* What is sent for target INDEX of DECISION. */
typedef struct {
    const char *trunk;
    unsigned group, no_answer_s;
    Translated numbers; /* behind the target's own translation */
} DecisionTarget;

void decision_target (const Tables *tables, const Decision *decision, unsigned index,
                      DecisionTarget *ret_target, Explanation *explanation);

/* Whether the next target of DECISION is tried after CAUSE. */
bool decision_is_try_next (const Tables *tables, const Decision *decision, unsigned cause);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Tables, tables_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TablesBuilder, tables_builder_free)

#endif
