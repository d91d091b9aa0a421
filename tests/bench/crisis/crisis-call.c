/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places calls at a rate, whatever becomes of them: an open loop, as a public is.
 *
 *     n-th INVITE at n / rate -->            each call: INVITE again after 0.5, 1.5 and 3.5 s without
 *     ACK, after --hold BYE   -->  switch    a response (RFC 3261 17.1.1.2), then the caller gives up
 *                             <--
 *
 * INVITEs, and ACKs of refusals, are copies of one text with the number of the call written over. One that is sent over
 * 5 ms after its time is counted as late, one that the kernel refuses as dropped: then the figures are
 * those of this program, not of the switch. At the end one line of JSON says how it went. */

#include "wire.h"

#include <stdio.h>
#include <string.h>

#define LATE_US   5000
#define T1_US     500000
#define MAX_BYES  10
#define TICK_US   500
#define LINGER_US (5 * G_USEC_PER_SEC) /* at most, after the last INVITE, for what is under way */
#define DIGITS    8
#define N_MARKS   3 /* places in the INVITE where the number of the call stands */
#define N_REPEATS 3

typedef enum {
    SILENT,
    HEARD, /* a provisional response came */
    ANSWERED,
    REFUSED,
    ENDED,
} State;

/* A call that is up and will be ended, or ended again as long as nobody says that it is. */
typedef struct {
    uint32_t number;
    int64_t due_us;
    unsigned n_tries;
    char to[160], target[160];
} Up;

/* A message but for the number of its call. */
typedef struct {
    char bytes[WIRE_BYTES];
    size_t len_bytes, marks[N_MARKS];
} Text;

typedef struct {
    struct sockaddr_in own, peer;
    Text invite, refused; /* the ACK of a refusal, up to the value of its To */
    char *tokens;         /* nullable: n_tokens lines */
    size_t token_bytes, token_at;
    uint32_t n_tokens;
    Intake *in;
    Wire *out;
    Burst *acks; /* of refusals: as many as of INVITEs, and all of one length */
    uint8_t *states;
    int64_t begun_us, end_us;
    uint32_t n_calls, n_sent;
    uint32_t n_repeated[N_REPEATS]; /* up to which call each repetition was looked at */
    GQueue up, ending;              /* each in the order of what is due */
    uint64_t n_late, n_retransmitted, n_answered, n_refused, n_ended;
    int64_t worst_us;
} Load;

static const char *own_text, *peer_text, *number = "8001", *mark = "", *prefix = "g",
                                         *caller = "public", *tokens_path;
static double rate = 100, seconds = 5;
static int hold_ms = 100, first;
static gboolean is_once;

static const GOptionEntry options[] = {
    { "own", 0, 0, G_OPTION_ARG_STRING, &own_text, "Where calls come from", "ADDRESS:PORT" },
    { "peer", 0, 0, G_OPTION_ARG_STRING, &peer_text, "The switch", "ADDRESS:PORT" },
    { "number", 0, 0, G_OPTION_ARG_STRING, &number, "What is called (8001)", "NUMBER" },
    { "rate", 0, 0, G_OPTION_ARG_DOUBLE, &rate, "Calls a second (100)", "HZ" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "For how long (5)", "S" },
    { "hold", 0, 0, G_OPTION_ARG_INT, &hold_ms, "How long a call is up (100)", "MS" },
    { "caller", 0, 0, G_OPTION_ARG_STRING, &caller, "Who calls (public)", "NUMBER" },
    { "mark", 0, 0, G_OPTION_ARG_STRING, &mark, "Header lines of each INVITE", "LINES" },
    { "tokens", 0, 0, G_OPTION_ARG_FILENAME, &tokens_path,
      "Tokens of one length, one a line: the first one stands in --mark, each call has the next",
      "FILE" },
    { "prefix", 0, 0, G_OPTION_ARG_STRING, &prefix, "A letter that Call-IDs begin with (g)", "G" },
    { "first", 0, 0, G_OPTION_ARG_INT, &first, "The number of the first call (0)", "N" },
    { "once", 0, 0, G_OPTION_ARG_NONE, &is_once, "Send no INVITE again", NULL },
    G_OPTION_ENTRY_NULL,
};

static const char sdp[] =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

static const char unnumbered[] = "00000000";

G_STATIC_ASSERT (sizeof unnumbered == DIGITS + 1);

/* Notes where the number of the call will stand. */
static void
find_marks (Text *text, int len_bytes)
{
    const char *at = text->bytes;

    text->len_bytes = (size_t) len_bytes;
    for (unsigned i = 0; i < N_MARKS; i++) {
        at = strstr (at, unnumbered);
        text->marks[i] = (size_t) (at - text->bytes);
        at += DIGITS;
    }
}

static void
write_texts (Load *load)
{
    g_autofree char *line = *mark != '\0' ? g_strconcat (mark, "\r\n", NULL) : g_strdup ("");
    g_autofree char *head = g_strdup_printf (
        "sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s%s\r\nCall-ID: %s%s@crisis\r\n",
        number, peer_text, own_text, prefix, unnumbered, caller, own_text, prefix, unnumbered,
        prefix, unnumbered);

    find_marks (&load->invite,
                g_snprintf (load->invite.bytes, WIRE_BYTES,
                            "INVITE %sTo: <sip:%s@%s>\r\nCSeq: 1 INVITE\r\n"
                            "Contact: <sip:public@%s>\r\n%sContent-Type: application/sdp\r\n"
                            "Content-Length: %u\r\n\r\n%s",
                            head, number, peer_text, own_text, line, (unsigned) strlen (sdp), sdp));
    find_marks (&load->refused,
                g_snprintf (load->refused.bytes, WIRE_BYTES,
                            "ACK %sCSeq: 1 ACK\r\nContent-Length: 0\r\nTo: ", head));
}

/* Whether each line of TEXT is as long as the first, which stands in the INVITE. */
static bool
take_tokens (Load *load, const char *text, size_t len_bytes)
{
    size_t token_bytes = strcspn (text, "\n"), line_bytes = token_bytes + 1;
    g_autofree char *token = g_strndup (text, token_bytes);
    const char *at = token_bytes > 0 ? strstr (load->invite.bytes, token) : NULL;

    load->n_tokens = (uint32_t) (len_bytes / line_bytes);
    if (at == NULL || load->n_tokens == 0) {
        g_printerr ("crisis-call: the first token of %s does not stand in --mark\n", tokens_path);
        return false;
    }
    for (size_t i = 1; i < load->n_tokens; i++) {
        if (strcspn (text + i * line_bytes, "\n") != token_bytes) {
            g_printerr ("crisis-call: %s: token %" G_GSIZE_FORMAT " is not as long as the first\n",
                        tokens_path, i + 1);
            return false;
        }
    }
    load->token_at = (size_t) (at - load->invite.bytes);
    load->token_bytes = token_bytes;
    return true;
}

/* Signing takes too long to be done on the way. */
static bool
read_tokens (Load *load)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *text = NULL;
    size_t len_bytes;

    if (tokens_path == NULL) {
        return true;
    }
    if (!g_file_get_contents (tokens_path, &text, &len_bytes, &error)) {
        g_printerr ("crisis-call: %s\n", error->message);
        return false;
    }
    if (!take_tokens (load, text, len_bytes)) {
        return false;
    }
    load->tokens = g_steal_pointer (&text);
    return true;
}

static void
write_number (char *at, uint32_t call)
{
    for (unsigned i = DIGITS; i > 0; i--, call /= 10) {
        at[i - 1] = (char) ('0' + call % 10);
    }
}

/* Returns where TEXT ends. */
static char *
write_text (char *room, const Text *text, uint32_t call)
{
    memcpy (room, text->bytes, text->len_bytes);
    for (unsigned i = 0; i < N_MARKS; i++) {
        write_number (room + text->marks[i], (uint32_t) first + call);
    }
    return room + text->len_bytes;
}

static void
send_invite (Load *load, uint32_t call)
{
    char *room = wire_room (load->out, &load->peer);

    write_text (room, &load->invite, call);
    if (load->tokens != NULL) {
        memcpy (room + load->token_at,
                load->tokens + call % load->n_tokens * (load->token_bytes + 1), load->token_bytes);
    }
    wire_add (load->out, load->invite.len_bytes);
}

/* TO: with the tag of the refusal. */
static void
acknowledge_refusal (Load *load, uint32_t call, Piece to)
{
    char room[WIRE_BYTES], *at = write_text (room, &load->refused, call);
    size_t len_bytes = load->refused.len_bytes + to.len_bytes + 4;

    if (len_bytes <= WIRE_BYTES) {
        memcpy (at, to.text, to.len_bytes);
        memcpy (at + to.len_bytes, "\r\n\r\n", 4);
        wire_burst_add (load->acks, room, len_bytes);
    }
}

static int64_t
due_us (const Load *load, uint32_t call)
{
    return load->begun_us + (int64_t) (call * (double) G_USEC_PER_SEC / rate);
}

static void
send_due (Load *load)
{
    static const int64_t after_us[N_REPEATS] = { 500000, 1500000, 3500000 };
    int64_t now_us = wire_now_us ();

    while (load->n_sent < load->n_calls && due_us (load, load->n_sent) <= now_us) {
        int64_t late_us = now_us - due_us (load, load->n_sent);
        load->n_late += late_us > LATE_US;
        load->worst_us = MAX (load->worst_us, late_us);
        send_invite (load, load->n_sent++);
        if (load->n_sent % WIRE_BATCH == 0) {
            now_us = wire_now_us ();
        }
    }
    for (unsigned i = 0; i < N_REPEATS && !is_once; i++) {
        uint32_t *call = &load->n_repeated[i];
        for (; *call < load->n_sent && due_us (load, *call) + after_us[i] <= now_us; ++*call) {
            if (load->states[*call] == SILENT) {
                load->n_retransmitted++;
                send_invite (load, *call);
            }
        }
    }
    wire_flush (load->out);
}

/* METHOD, ACK or BYE, within a call, whose branch ends in TAIL. */
static void
send_inside (Load *load, const char *method, uint32_t call, const char *tail, Piece target,
             Piece to)
{
    char *room = wire_room (load->out, &load->peer);
    uint32_t number_of = (uint32_t) first + call;
    int len = g_snprintf (
        room, WIRE_BYTES,
        "%s %.*s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%08u%s\r\nMax-Forwards: 70\r\n"
        "From: <sip:%s@%s>;tag=%s%08u\r\nTo: %.*s\r\nCall-ID: %s%08u@crisis\r\n"
        "CSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
        method, (int) target.len_bytes, target.text, own_text, prefix, number_of, tail, caller,
        own_text, prefix, number_of, (int) to.len_bytes, to.text, prefix, number_of,
        *method == 'B' ? 2u : 1u, method);

    wire_add (load->out, (size_t) MIN (len, WIRE_BYTES - 1));
}

static void
keep_up (Load *load, uint32_t call, Piece target, Piece to)
{
    Up *up = g_new0 (Up, 1);

    up->number = call;
    up->due_us = wire_now_us () + hold_ms * INT64_C (1000);
    g_snprintf (up->to, sizeof up->to, "%.*s", (int) to.len_bytes, to.text);
    g_snprintf (up->target, sizeof up->target, "%.*s", (int) target.len_bytes, target.text);
    g_queue_push_tail (&load->up, up);
}

/* Ends what is due of QUEUE, and looks at it again after T1. */
static void
end_due (Load *load, GQueue *queue)
{
    int64_t now_us = wire_now_us ();
    Up *up;

    while ((up = g_queue_peek_head (queue)) != NULL && up->due_us <= now_us) {
        g_queue_pop_head (queue);
        if (load->states[up->number] == ENDED || up->n_tries++ == MAX_BYES) {
            g_free (up);
            continue;
        }
        send_inside (load, "BYE", up->number, "b", (Piece){ up->target, strlen (up->target) },
                     (Piece){ up->to, strlen (up->to) });
        up->due_us = now_us + T1_US;
        g_queue_push_tail (&load->ending, up);
    }
    wire_flush (load->out);
}

static void
take_answer (Load *load, uint32_t call, const char *message, Piece to)
{
    Piece contact;

    if (!wire_field (message, "\r\nContact: <", &contact)) {
        return;
    }
    const char *end = memchr (contact.text, '>', contact.len_bytes);
    Piece target = { contact.text, end != NULL ? (size_t) (end - contact.text) : 0 };
    send_inside (load, "ACK", call, "a", target, to);
    if (load->states[call] < ANSWERED) {
        load->states[call] = ANSWERED;
        load->n_answered++;
        keep_up (load, call, target, to);
    }
}

static void
take (const char *message, const struct sockaddr_in *peer, void *data)
{
    Load *load = data;
    unsigned status = wire_status (message);
    Piece id, to;

    if (status < 100 || !wire_field (message, "\r\nCall-ID: ", &id)
        || !wire_field (message, "\r\nTo: ", &to)) {
        return;
    }
    uint32_t call = (uint32_t) g_ascii_strtoull (id.text + 1, NULL, 10) - (uint32_t) first;
    if (call >= load->n_sent) {
        return;
    }
    if (wire_is_of (message, "BYE")) {
        load->n_ended += load->states[call] == ANSWERED;
        load->states[call] = ENDED;
    } else if (!wire_is_of (message, "INVITE")) {
        return;
    } else if (status < 200) {
        load->states[call] = MAX (load->states[call], HEARD);
    } else if (status < 300) {
        take_answer (load, call, message, to);
    } else {
        acknowledge_refusal (load, call, to);
        load->n_refused += load->states[call] < ANSWERED;
        if (load->states[call] < ANSWERED) {
            load->states[call] = REFUSED;
        }
    }
}

/* A few batches at most: calls are due in between. */
static void
read_some (Load *load)
{
    for (unsigned i = 0, is_more = true; i < 4 && is_more; i++) {
        is_more = wire_read (load->in, take, load);
        wire_flush (load->out);
        wire_burst_flush (load->acks);
    }
}

/* Whether each call was refused, or was up and is over. */
static bool
is_done (const Load *load)
{
    return load->n_sent == load->n_calls && load->n_refused + load->n_ended >= load->n_calls;
}

static void
run (Load *load)
{
    load->begun_us = wire_now_us ();
    load->end_us = load->begun_us + (int64_t) (seconds * G_USEC_PER_SEC) + LINGER_US;
    while ((wire_now_us () < load->end_us && !is_done (load)) || !g_queue_is_empty (&load->up)
           || !g_queue_is_empty (&load->ending)) {
        send_due (load);
        read_some (load);
        end_due (load, &load->up);
        end_due (load, &load->ending);
        wire_rest (TICK_US);
    }
}

int
main (int argc, char *argv[])
{
    g_autoptr (GOptionContext) context = g_option_context_new (NULL);
    g_autoptr (GError) error = NULL;
    g_autofree Load *load = g_new0 (Load, 1);

    g_option_context_add_main_entries (context, options, NULL);
    if (!g_option_context_parse (context, &argc, &argv, &error)) {
        g_printerr ("crisis-call: %s\n", error->message);
        return 2;
    }
    if (!wire_address (own_text, &load->own) || !wire_address (peer_text, &load->peer)) {
        return 2;
    }
    write_texts (load);
    if (!read_tokens (load)) {
        return 1;
    }
    int fd = wire_open (&load->own);
    if (fd < 0) {
        return 1;
    }
    load->in = wire_intake_new (fd);
    load->out = wire_new (fd);
    load->acks = g_new0 (Burst, 1);
    load->acks->fd = fd;
    load->acks->peer = load->peer;
    load->n_calls = (uint32_t) (rate * seconds + 0.5);
    load->states = g_malloc0 (load->n_calls + 1);
    run (load);
    printf ("{\"sent\": %u, \"late\": %" G_GUINT64_FORMAT ", \"worst_late_ms\": %.1f, "
            "\"dropped\": %" G_GUINT64_FORMAT ", \"retransmitted\": %" G_GUINT64_FORMAT
            ", \"answered\": %" G_GUINT64_FORMAT ", \"refused\": %" G_GUINT64_FORMAT
            ", \"ended\": %" G_GUINT64_FORMAT "}\n",
            load->n_sent, load->n_late, (double) load->worst_us / 1000, load->out->n_refused,
            load->n_retransmitted, load->n_answered, load->n_refused, load->n_ended);
    g_free (load->states);
    g_free (load->tokens);
    g_free (load->acks);
    g_free (load->in);
    g_free (load->out);
    return 0;
}
