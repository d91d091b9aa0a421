/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The name servers of one dip. */

#include "resolver.h"

#include "naptr.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unbound.h>

enum {
    TYPE_NAPTR = 35, /* RFC 3403 4.1 */
    CLASS_IN = 1,
    RCODE_NO_ERROR = 0,
    RCODE_NAME_ERROR = 3, /* RFC 1035 4.1.1: the name does not exist */
    NAME_SIZE = 256,      /* RFC 1035 2.3.4 */
    MAX_DIGITS = 31,
};

struct Resolver {
    TdPost post; /* to its end */
    atomic_int n_refs;
    TdModule *module;
    char *name;
    EnumSettings settings;
    struct ub_ctx *context;
    TdWatch *watch;
};

/* A question on its way. The answer is written on the control lane, before the post. */
typedef struct {
    TdPost post; /* first */
    Resolver *resolver;
    TdDipQuestion *question; /* the lane's; NULL: cancelled */
    TdLane *lane;
    int id; /* libunbound's */
    TdDipKind kind;
    char number[MAX_DIGITS + 2];
    TdDipAnswer answer;
    NaptrNumber found;
    char error[128];
} Asked;

/* --- Life -------------------------------------------------------------------------------- */

void
enum_settings_clear (EnumSettings *settings)
{
    g_free (settings->suffix);
    g_strfreev (settings->servers);
    *settings = (EnumSettings){ NULL };
}

Resolver *
resolver_ref (Resolver *resolver)
{
    atomic_fetch_add (&resolver->n_refs, 1);
    return resolver;
}

/* Nobody asks any more; libunbound's thread has nothing under way that somebody waits for. */
static void
run_end (TdPost *post)
{
    Resolver *resolver = (Resolver *) post;
    TdModule *module = resolver->module;

    if (resolver->watch != NULL) {
        td_watch_close (resolver->watch);
    }
    ub_ctx_delete (resolver->context);
    enum_settings_clear (&resolver->settings);
    g_free (resolver->name);
    g_free (resolver);
    td_module_unuse (module);
}

void
resolver_unref (Resolver *resolver)
{
    if (atomic_fetch_sub (&resolver->n_refs, 1) == 1) {
        resolver->post = (TdPost){ .owner = resolver->module, .run = run_end, .drop = run_end };
        td_lane_post (td_lane_control (), &resolver->post);
    }
}

static bool
set (Resolver *resolver, const char *option, const char *value, GError **error)
{
    int code = ub_ctx_set_option (resolver->context, option, value);

    if (code != 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "[dip %s]: libunbound: %s %s: %s",
                     resolver->name, option, value, ub_strerror (code));
    }
    return code == 0;
}

static void
ignore (void *data, int code, struct ub_result *result)
{
    ub_resolve_free (result);
}

/* With the first question libunbound makes its thread, which takes longer than a lane has; signals are not
 * for it. */
static int
warm_up (Resolver *resolver)
{
    sigset_t all, old;
    int id, code;

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &old);
    code = ub_resolve_async (resolver->context, resolver->settings.suffix, TYPE_NAPTR, CLASS_IN,
                             NULL, ignore, &id);
    pthread_sigmask (SIG_SETMASK, &old, NULL);
    if (code == 0) {
        ub_cancel (resolver->context, id);
    }
    return code;
}

/* The servers are an operator's own: they may be on this machine, they sign nothing that is checked here, and
 * one that has come back is asked again soon. */
static bool
configure (Resolver *resolver, GError **error)
{
    static const char *const options[][2] = {
        { "module-config:", "iterator" },    { "do-not-query-localhost:", "no" },
        { "infra-host-ttl:", "5" },          { "infra-keep-probing:", "yes" },
        { "cache-max-negative-ttl:", "60" },
    };
    int code = 0;

    ub_ctx_debugout (resolver->context, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (options); i++) {
        if (!set (resolver, options[i][0], options[i][1], error)) {
            return false;
        }
    }
    for (unsigned i = 0; code == 0 && resolver->settings.servers[i] != NULL; i++) {
        code = ub_ctx_set_fwd (resolver->context, resolver->settings.servers[i]);
    }
    if (code == 0 && resolver->settings.servers[0] == NULL) {
        code = ub_ctx_resolvconf (resolver->context, NULL);
    }
    if (code == 0) {
        code = ub_ctx_async (resolver->context, 1);
    }
    if (code == 0) { /* else names that end in .test are known to be nowhere (RFC 6761 6.2) */
        code = ub_ctx_zone_add (resolver->context, resolver->settings.suffix, "transparent");
    }
    if (code == 0) {
        code = warm_up (resolver);
    }
    if (code != 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "[dip %s]: libunbound: %s", resolver->name,
                     ub_strerror (code));
    }
    return code == 0;
}

static void
hear (TdWatch *watch, unsigned conditions, void *data)
{
    const Resolver *resolver = data;

    ub_process (resolver->context);
}

Resolver *
resolver_new (TdModule *module, const char *name, EnumSettings *settings, GError **error)
{
    Resolver *resolver = g_new0 (Resolver, 1);

    td_module_use (module); /* until its end */
    atomic_init (&resolver->n_refs, 1);
    resolver->module = module;
    resolver->name = g_strdup (name);
    resolver->settings = *settings;
    *settings = (EnumSettings){ NULL };
    resolver->context = ub_ctx_create ();
    if (resolver->context == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "[dip %s]: libunbound has no memory", name);
        resolver_unref (resolver);
        return NULL;
    }
    if (!configure (resolver, error)) {
        resolver_unref (resolver);
        return NULL;
    }
    resolver->watch =
        td_watch_open (module, ub_fd (resolver->context), TD_WATCH_READ, hear, resolver);
    return resolver;
}

const char *
resolver_name (const Resolver *resolver)
{
    return resolver->name;
}

const EnumSettings *
resolver_settings (const Resolver *resolver)
{
    return &resolver->settings;
}

/* --- The answer -------------------------------------------------------------------------- */

static void
end_asked (Asked *asked)
{
    TdModule *module = asked->resolver->module;

    resolver_unref (asked->resolver);
    g_free (asked);
    td_module_unuse (module);
}

static void
run_answer (TdPost *post)
{
    Asked *asked = (Asked *) post;

    if (asked->question != NULL) {
        asked->question->done (asked->question, &asked->answer);
    }
    end_asked (asked);
}

static void
fail (Asked *asked, const char *why, const char *more)
{
    g_snprintf (asked->error, sizeof asked->error, "%s%s", why, more);
    asked->answer.result = TD_DIP_FAILED;
    asked->answer.error = asked->error;
}

static const char *
said (const char *text)
{
    return *text != '\0' ? text : NULL;
}

/* RFC 4769 3: of a ported number the URI has the routing number; of a freephone one it is the number in
 * its place (RFC 4694 5.2.2). */
static void
take_number (Asked *asked)
{
    const NaptrNumber *found = &asked->found;
    bool is_same = strcmp (found->number, asked->number) == 0;

    asked->answer.result = TD_DIP_FOUND;
    asked->answer.carrier = said (found->carrier);
    if (asked->kind == TD_DIP_PORTABILITY) {
        asked->answer.number = said (found->routing_number);
    } else {
        asked->answer.number = is_same ? NULL : said (found->number);
    }
}

static void
read_records (Asked *asked, const struct ub_result *result)
{
    Naptr naptrs[NAPTR_MAX];
    unsigned n = 0;
    const char *why;

    for (unsigned i = 0; n < NAPTR_MAX && result->data[i] != NULL; i++) {
        n += naptr_read (&naptrs[n], result->data[i], (size_t) result->len[i]);
    }
    if (naptr_choose (naptrs, n, asked->number, &asked->found, &why)) {
        take_number (asked);
    } else if (why != NULL) {
        fail (asked, why, "");
    } else {
        asked->answer.result = TD_DIP_NOT_FOUND;
    }
}

/* On the control lane. */
static void
answered (void *data, int code, struct ub_result *result)
{
    Asked *asked = data;

    asked->answer = (TdDipAnswer){ .size = sizeof asked->answer };
    if (code != 0) {
        fail (asked, "libunbound: ", ub_strerror (code));
    } else if (result->rcode != RCODE_NO_ERROR && result->rcode != RCODE_NAME_ERROR) {
        char text[16];
        g_snprintf (text, sizeof text, "%d", result->rcode);
        fail (asked, "the name servers answer with code (RFC 1035 4.1.1) ", text);
    } else {
        if (result->havedata) {
            read_records (asked, result);
        } else {
            asked->answer.result = TD_DIP_NOT_FOUND;
        }
        asked->answer.has_ttl = true;
        asked->answer.ttl_s = (uint32_t) MAX (result->ttl, 0);
    }
    if (code == 0) {
        ub_resolve_free (result);
    }
    asked->post =
        (TdPost){ .owner = asked->resolver->module, .run = run_answer, .drop = run_answer };
    td_lane_post (asked->lane, &asked->post);
}

/* --- The question ------------------------------------------------------------------------ */

/* RFC 6116 3: the digits from the last to the first, a dot behind each, and the domain. */
static bool
make_name (char name[NAME_SIZE], const char *number, const char *suffix)
{
    size_t n = strlen (number + 1), len = 0;

    for (size_t i = n; i > 0; i--) {
        name[len++] = number[i];
        name[len++] = '.';
    }
    return g_strlcpy (name + len, suffix, NAME_SIZE - len) < NAME_SIZE - len;
}

const char *
resolver_ask (Resolver *resolver, TdDipQuestion *question)
{
    const char *number = question->number;
    char name[NAME_SIZE];

    /* RFC 6116 3: the application unique string is a fully qualified E.164 number. */
    if (number[0] != '+') {
        return "the DNS knows international numbers: give the row of \"ingress\" a country";
    }
    size_t len = strlen (number + 1);
    if (len == 0 || len > MAX_DIGITS || strspn (number + 1, "0123456789") != len
        || !make_name (name, number, resolver->settings.suffix)) {
        return "it is no number that the DNS could know";
    }
    Asked *asked = g_new0 (Asked, 1);
    asked->resolver = resolver_ref (resolver);
    asked->question = question;
    asked->lane = td_lane_current ();
    asked->kind = question->kind;
    g_strlcpy (asked->number, number, sizeof asked->number);
    question->state = asked;
    td_module_use (resolver->module);
    int code = ub_resolve_async (resolver->context, name, TYPE_NAPTR, CLASS_IN, asked, answered,
                                 &asked->id);
    if (code != 0) {
        end_asked (asked);
        return "libunbound takes no question";
    }
    return NULL;
}

/* A question that libunbound knows nothing of any more has been answered, and is on its way. */
void
resolver_cancel (TdDipQuestion *question)
{
    Asked *asked = question->state;

    asked->question = NULL;
    if (ub_cancel (asked->resolver->context, asked->id) == 0) {
        end_asked (asked);
    }
}
