/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands: an operator's verbs, declared once. The command line, HTTP and the documentation come
 * from the declaration.
 *
 * A command answers with a GVariant: a dictionary (a{sv}), or an array of dictionaries (aa{sv}),
 * which becomes JSON or an aligned table. It may answer at once, later, or bit by bit.
 *
 * An answer that is a file (a picture, a capture) is a dictionary with the member "file": a
 * dictionary of "name", "type" (a media type) and the content, as "text" or as "base64".
 */

#ifndef TANDEM_COMMAND_H
#define TANDEM_COMMAND_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct TdRequest TdRequest;

/* What an asker may beside looking at what is nobody's secret. */
typedef enum {
    TD_MAY_CHANGE = 1 << 0,       /* run commands that change something */
    TD_MAY_SEE_PRIORITY = 1 << 1, /* see calls with a priority, and what is known of them */
} TdMay;

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
    /* Answers REQUEST now, or keeps it (td_request_ref ()) and answers later. A command that does
     * neither is reported as its module's defect. */
    void (*run) (TdRequest *request, void *data); /* Thread: control */
    bool is_priority; /* it tells of calls with a priority: needs TD_MAY_SEE_PRIORITY */
} TdCommand;

/* Declares a command; DECL is copied but for its texts. The name is leased: a newer generation of
 * the module takes it over. Thread: control. */
TD_API bool td_command_add (TdModule *module, const TdCommand *decl, GError **error);

/* The value of an argument ("NUMBER", "--at"), "" for an option without one, NULL when it was not
 * given (transfer none). Thread: control. */
TD_API const char *td_request_argument (const TdRequest *request, const char *name);

/* Who asks ("uid 1000"), as the log has it: for what is kept with who did it (transfer none).
 * Thread: control. */
TD_API const char *td_request_asker (const TdRequest *request);

/* Whether who asks may see a call of PRIORITY_CLASS: an ordinary one, or a public call for help, everybody
 * may. What he may not see he is told nothing of. Thread: any. */
TD_API bool td_request_may_see (const TdRequest *request, unsigned priority_class);

/* Ends REQUEST with RESULT (transfer floating; NULL: there is nothing, or nothing more, to say).
 * Thread: control. */
TD_API void td_request_reply (TdRequest *request, GVariant *result);

/* A piece (transfer floating) of a streamed answer. Returns false when the asker has gone.
 * Thread: control. */
TD_API bool td_request_push (TdRequest *request, GVariant *piece);

/* For a long streamed answer to a REQUEST that is kept: calls READY once, when the asker can take
 * another piece, or has gone: at once when that is so already. Not called when REQUEST has ended
 * otherwise. Thread: control. */
TD_API void td_request_when_ready (TdRequest *request,
                                   void (*ready) (TdRequest *request, void *data), void *data);

/* Ends REQUEST with an error: what happened, and what to do next. Thread: control. */
TD_API void td_request_fail (TdRequest *request, const char *format, ...) TD_PRINTF (2, 3);

/* Calls GONE when the asker has left before the answer was complete. Thread: control. */
TD_API void td_request_on_gone (TdRequest *request, void (*gone) (TdRequest *request, void *data),
                                void *data);

TD_API TdRequest *td_request_ref (TdRequest *request);
TD_API void td_request_unref (TdRequest *request);

/* For a module that is a way in (cli, http): runs the command line given as WORDS (NULL-terminated)
 * for ASKER ("uid 1000", for the log) with RIGHTS (of TdMay, 0: to look). REPLY is called on the
 * control lane, maybe before this returns: once for each piece, and once with IS_LAST, then with the
 * result, with no piece at all, or with an ERROR_TEXT. Returns (transfer full) the request: to be
 * given to td_request_unref () after the last reply, to td_request_abandon () when the asker goes
 * before. Thread: control. */
TD_API TdRequest *td_command_run (TdModule *module, const char *const *words, const char *asker,
                                  unsigned rights,
                                  void (*reply) (TdRequest *request, GVariant *piece, bool is_last,
                                                 const char *error_text, void *data),
                                  void *data);

/* Tells the command that the asker cannot take more pieces at present, or can again; one that does not
 * ask goes on all the same. Thread: control. */
TD_API void td_request_pause (TdRequest *request, bool is_paused);

/* Ends REQUEST (transfer full): REPLY is not called any more, the command is told. Thread: control. */
TD_API void td_request_abandon (TdRequest *request);

/* Whether REQUEST failed because its words were wrong: an unknown command or argument.
 * Thread: control. */
TD_API bool td_request_is_misuse (const TdRequest *request);

/* RESULT (transfer none) as JSON without line ends (RFC 8259), and as text for a terminal: tables
 * and "name: value" lines, nothing of it able to steer the terminal (transfer full). Thread: any. */
TD_API char *td_result_to_json (GVariant *result);
TD_API char *td_result_to_text (GVariant *result);

/* Reads what td_result_to_json () writes: objects become a{sv}; arrays aa{sv}, as or av; numbers x,
 * t or d; null an empty mv. Returns (transfer full). Errors: at which byte what was wrong; also
 * nesting over 32, a NUL in a text, what is not UTF-8. Thread: any. */
TD_API GVariant *td_result_from_json (const char *json, size_t len_bytes, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdRequest, td_request_unref)

G_END_DECLS

#endif
