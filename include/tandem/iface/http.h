/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.http": questions asked of HTTP servers, and paths served to HTTP clients.
 *
 *     lane -- ask () --> thread of http --> server            client --> thread of http -- handle () --> lane
 *     lane <-- done () -'       keep-alive connections, bounded              `<-- answer () -- any thread
 *
 * What is asked and what is answered has a body of bounded size, held whole in memory: this is for
 * look-ups and for operators, not for files. The table is published with td_feature_provide () and
 * found with td_feature_acquire ().
 */

#ifndef TANDEM_IFACE_HTTP_H
#define TANDEM_IFACE_HTTP_H

#include <stdbool.h>
#include <tandem/lane.h>

G_BEGIN_DECLS

#define TD_FEATURE_HTTP "service.http"

/* What a server said, or what a client is told. Texts are nullable in what a client is told. */
typedef struct {
    uint32_t size;          /* sizeof (TdHttpAnswer) */
    unsigned status;        /* RFC 9110 15; 0: no answer came */
    const char *error;      /* in words where status is 0, "" otherwise */
    const char *type;       /* media type without parameters, "" */
    const char *body;       /* ends with a NUL that is not counted */
    size_t len_bytes;       /* of BODY */
    uint32_t retry_after_s; /* RFC 9110 10.2.3; 0: none said */
} TdHttpAnswer;

typedef struct TdHttpQuestion TdHttpQuestion;
typedef struct TdHttpService TdHttpService;

/* One question of a server. Embed it in what waits for the answer, and keep it until DONE, DROP or
 * cancel (). Redirections are not followed, cookies not kept, proxies not used. Whatever the method, it may
 * reach the server twice: it is asked once more when the connection ends without an answer. */
struct TdHttpQuestion {
    TdModule *owner;      /* in use until then */
    const char *method;   /* "GET", "POST" */
    const char *url;      /* http: or https:, whose certificate is checked */
    const char *type;     /* of the body, nullable without one */
    const char *body;     /* nullable */
    size_t len_bytes;     /* of BODY */
    uint32_t deadline_ms; /* for all of it, 1 .. 60000 */
    const char *token;    /* nullable: sent as bearer token (RFC 6750 2.1) */
    /* Of the call it is for; 0 as an ordinary one. Those above have connections, and a mark on the network,
     * of their own, and no limit on questions keeps them waiting. */
    unsigned priority_class;
    /* The outcome, on the lane that asked, exactly once; also that no answer came in time. ANSWER lives
     * as long as the call. */
    void (*done) (TdHttpQuestion *question, const TdHttpAnswer *answer);
    void (*drop) (TdHttpQuestion *question); /* instead, when the owner has stopped */
    void *asked;                             /* private */
};

/* What a client wants. Texts are never NULL and live until it is answered. */
typedef struct {
    uint32_t size; /* sizeof (TdHttpRequest) */
    const char *method;
    const char *path;
    const char *query;            /* without the "?", "" */
    const char *type;             /* media type of the body without parameters, "" */
    const char *body;             /* ends with a NUL that is not counted */
    size_t len_bytes;             /* of BODY */
    const char *peer;             /* "198.51.100.7:40022" */
    const TdHttpService *service; /* whose answer () takes it */
} TdHttpRequest;

/* A path that is served: this one alone, not what lies below it. Copied. */
typedef struct {
    uint32_t size;      /* sizeof (TdHttpPath) */
    TdModule *owner;    /* takes it back with unserve () when it stops */
    const char *path;   /* "/policy/v1/route" */
    const char *method; /* "POST"; another one is answered 405 */
    void *data;
    /* Takes REQUEST, which is to be given to answer () exactly once. Not called for a module that
     * stops: its clients get 503. Thread: a lane that carries calls, each in its turn. */
    void (*handle) (TdHttpRequest *request, void *data);
} TdHttpPath;

struct TdHttpService {
    uint32_t size; /* sizeof (TdHttpService) */
    void *data;

    /* Asks QUESTION; its texts are copied. Too many under way are answered with status 0 like every
     * other failure: later, never in here. Thread: a lane. Blocks: never. */
    void (*ask) (TdHttpQuestion *question, void *data);

    /* Neither done nor drop will come any more. Thread: the lane that asked. Blocks: never. */
    void (*cancel) (TdHttpQuestion *question, void *data);

    /* Serves PATH; the newest module to do so has it. Errors: another one's, or no path. Thread:
     * control. */
    bool (*serve) (const TdHttpPath *path, void *data, GError **error);

    /* Takes back what OWNER serves; what is in hand is still to be answered. Thread: control. */
    void (*unserve) (TdModule *owner, const char *path, void *data);

    /* Answers REQUEST (transfer full) with ANSWER (transfer none), also when nobody waits for it any
     * more: after "[http] answer-time" the client has been told 503. Thread: any. Blocks: never. */
    void (*answer) (TdHttpRequest *request, const TdHttpAnswer *answer, void *data);

    /* For the next build of the provider alone. */
    uint32_t layout;
    void *shared;
};

/* Whether a forged answer of DNS decides who is asked at URL: http: at a name. With https: the certificate says
 * who is there; an address, or "localhost", is asked of nobody. Thread: any. */
static inline bool
td_http_is_forgeable (const char *url)
{
    GUri *uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
    const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;
    bool is_name = host != NULL && !g_hostname_is_ip_address (host)
                   && g_ascii_strcasecmp (host, "localhost") != 0;
    bool is_forgeable = is_name && g_ascii_strcasecmp (g_uri_get_scheme (uri), "http") == 0;

    if (uri != NULL) {
        g_uri_unref (uri);
    }
    return is_forgeable;
}

G_END_DECLS

#endif
