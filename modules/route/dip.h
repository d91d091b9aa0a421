/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dips: sources that are asked where a number is served, and all that is between them and a call.
 *
 *     dips_peek () -- kept? ----------------------------------------------> an answer
 *     dips_ask () --- is the same question under way? wait for its answer ->  "
 *              \----- has the source not answered for long? do not wait --->  "
 *               \---- ask the driver, wait till the deadline -------------->  "
 *
 * Every question is answered, with FAILED where nothing else came. Calls wait on their own lanes; a
 * question is the lane's that asked it.
 */

#ifndef ROUTE_DIP_H
#define ROUTE_DIP_H

#include "dip-answer.h"

#include <tandem/config.h>
#include <tandem/lane.h>

typedef struct Dips Dips;
typedef struct DipWaiter DipWaiter;
typedef struct DipInquiry DipInquiry;

/* What waits for an answer. Embed it; fill in ANSWERED. */
struct DipWaiter {
    /* The answer, once, on the lane that asked; also of one that was cancelled too late. */
    void (*answered) (DipWaiter *waiter, const DipAnswer *answer);
    /* Instead, when the module has stopped. */
    void (*dropped) (DipWaiter *waiter);
    bool is_priority; /* its call is not kept out by how many others ask */
    bool is_exempted; /* it would have been: set by asking */
    TdPost post;      /* private, as all from here */
    TdLane *lane;
    struct Dip *dip;
    DipInquiry *inquiry; /* under the lock of DIP; NULL: the answer is on its way */
    DipWaiter *next;
    DipAnswer answer;
    int64_t asked_us;
};

/* None yet: dips_apply () makes those of a configuration. Thread, of these: control. */
Dips *dips_new (TdModule *module);
void dips_apply (Dips *dips, const TdConfig *config);
/* The provider of FEATURE is another one, or none. */
void dips_hear (Dips *dips, const char *feature);
/* Lets the drivers go: what is asked from now on fails. */
void dips_stop (Dips *dips);
void dips_free (Dips *dips); /* nullable */

/* What is known without asking, of the dip NAME: an answer that is kept, or that there is none to be
 * had. False: nothing. Thread: a lane. */
bool dips_peek (Dips *dips, const char *name, TdDipKind kind, const char *number,
                DipAnswer *ret_answer);

/* Asks. True: RET_ANSWER has it; otherwise WAITER will be called. Thread: a lane. */
bool dips_ask (Dips *dips, const char *name, TdDipKind kind, const char *number, DipWaiter *waiter,
               DipAnswer *ret_answer);

/* WAITER does not want to know any more. False: its answer is on its way, and WAITER must stay until it
 * has come. Thread: the lane that asked. */
bool dips_cancel (DipWaiter *waiter);

/* --- dip-command.c: "dip list", "dip forget" --- */

typedef struct {
    const char *name, *driver;
    bool has_driver;     /* its module runs */
    int64_t silent_us;   /* since then nobody waits for it (wall), 0: it answers */
    const char *trouble; /* why the last question failed, "": none has */
    unsigned n_asked, n_kept;
    int64_t n_answers, n_cached, n_failures;
} DipView;

typedef void (*DipVisit) (const DipView *view, void *data);
void dips_each (Dips *dips, DipVisit visit, void *data);
/* Forgets what is kept; false: there is no such dip. */
bool dips_forget (Dips *dips, const char *name);

bool dip_commands_start (Dips *dips, TdModule *module, GError **error);

#endif
