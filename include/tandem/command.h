/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands: an operator's verbs, declared once. The command line, HTTP and the documentation come
 * from the declaration.
 *
 * A command answers with a GVariant: a dictionary (a{sv}), or an array of dictionaries (aa{sv}),
 * which becomes JSON or an aligned table. It may answer at once, later, or bit by bit.
 */

#ifndef TANDEM_COMMAND_H
#define TANDEM_COMMAND_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct TdRequest TdRequest;

typedef struct {
    const char *name; /* "NUMBER" positional, "--at" with a value, "--force" without */
    const char *help;
    bool is_required;
    bool takes_value;     /* of an option */
    const char *complete; /* the command whose first column completes it, or NULL */
} TdArgument;

typedef struct {
    uint32_t size;          /* sizeof (TdCommand) */
    uint32_t argument_size; /* sizeof (TdArgument) */
    const char *name;       /* "call list": noun, verb */
    const char *help;       /* one sentence */
    const TdArgument *arguments;
    uint32_t n_arguments;
    bool is_change; /* it changes something: needs the operator's role, is logged */
    bool is_stream; /* it answers bit by bit until it ends or the asker goes */
    void *data;
    /* Answers REQUEST now, or keeps it (td_request_ref ()) and answers later. */
    void (*run) (TdRequest *request, void *data); /* Thread: control */
} TdCommand;

/* Declares a command; DECL is copied but for its texts. The name is leased: a newer generation of
 * the module takes it over. Thread: control. */
TD_API bool td_command_add (TdModule *module, const TdCommand *decl, GError **error);

/* The value of an argument ("NUMBER", "--at"), "" for an option without one, NULL when it was not
 * given (transfer none). Thread: control. */
TD_API const char *td_request_argument (const TdRequest *request, const char *name);

/* Ends REQUEST with RESULT (transfer floating). Thread: control. */
TD_API void td_request_reply (TdRequest *request, GVariant *result);

/* A piece of a streamed answer. Returns false when the asker has gone. Thread: control. */
TD_API bool td_request_push (TdRequest *request, GVariant *piece);

/* Ends REQUEST with an error: what happened, and what to do next. Thread: control. */
TD_API void td_request_fail (TdRequest *request, const char *format, ...) TD_PRINTF (2, 3);

/* Calls GONE when the asker of a streamed answer has left. Thread: control. */
TD_API void td_request_on_gone (TdRequest *request, void (*gone) (TdRequest *request, void *data),
                                void *data);

TD_API TdRequest *td_request_ref (TdRequest *request);
TD_API void td_request_unref (TdRequest *request);

/* For a module that is a way in (cli, http): runs the command LINE given as words. REPLY is called
 * on the control lane, once for each piece and once with IS_LAST; ERROR_TEXT is NULL unless it
 * failed. Returns (transfer full) the request: td_request_abandon() when the asker goes.
 * Thread: control. */
TD_API TdRequest *td_command_run (TdModule *module, const char *const *words, bool may_change,
                                  void (*reply) (TdRequest *request, GVariant *piece, bool is_last,
                                                 const char *error_text, void *data),
                                  void *data);
TD_API void td_request_abandon (TdRequest *request);

/* RESULT as JSON, and as text for a terminal (transfer full). Thread: any. */
TD_API char *td_result_to_json (GVariant *result);
TD_API char *td_result_to_text (GVariant *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdRequest, td_request_unref)

G_END_DECLS

#endif
