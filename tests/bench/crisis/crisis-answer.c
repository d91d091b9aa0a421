/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers every call at once: 180 and 200 in one go, the 200 again until there is an ACK, 200 to BYE. A
 * called side that is never what limits the switch between it and the callers. Ends with SIGTERM and
 * then says in one line of JSON how many calls there were. */

#include "wire.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TICK_US   500
#define REPEAT_US 500000 /* T1; RFC 3261 13.3.1.4 */
#define N_REPEATS 8

static const char sdp[] =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40002 RTP/AVP 0\r\n";

/* A 200 that waits for its ACK. */
typedef struct {
    char *id; /* Call-ID */
    char *bytes;
    size_t len_bytes;
    struct sockaddr_in peer;
    int64_t due_us;
    unsigned n_repeats;
} Answer;

typedef struct {
    char *own;
    Intake *in;
    Wire *out;
    GHashTable *answers; /* Call-ID -> Answer */
    GQueue due;          /* Call-IDs, by when their 200 is to be sent again */
    uint64_t n_calls, n_ended, n_repeated;
} Called;

typedef struct {
    char *id;
    int64_t at_us;
} Due;

static volatile sig_atomic_t is_over;

static void
end (int signal_number)
{
    is_over = signal_number;
}

static void
free_answer (void *data)
{
    Answer *answer = data;

    g_free (answer->id);
    g_free (answer->bytes);
    g_free (answer);
}

/* The lines of MESSAGE that begin with NAME ("Via: "), as they are. */
static size_t
copy_lines (char *to, size_t room_bytes, const char *message, const char *name)
{
    size_t len_bytes = 0;
    const char *line = strstr (message, "\r\n");

    while (line != NULL && line[2] != '\r') {
        line += 2;
        const char *next = strstr (line, "\r\n");
        size_t line_bytes = next != NULL ? (size_t) (next - line) + 2 : 0;
        if (g_str_has_prefix (line, name) && len_bytes + line_bytes < room_bytes) {
            memcpy (to + len_bytes, line, line_bytes);
            len_bytes += line_bytes;
        }
        line = next;
    }
    to[len_bytes] = '\0';
    return len_bytes;
}

/* Writes a response to REQUEST. LINES: whole header lines, and the empty one, and a body. */
static size_t
respond (Called *called, const char *request, const struct sockaddr_in *peer, const char *status,
         const char *lines)
{
    static const char *const copied[] = { "Via: ", "From: ", "Call-ID: ", "CSeq: ",
                                          "Record-Route: " };
    Piece to = { "", 0 }, id = { "", 0 };
    char *room = wire_room (called->out, peer);
    size_t n = (size_t) g_snprintf (room, WIRE_BYTES, "SIP/2.0 %s\r\n", status);

    for (size_t i = 0; i < G_N_ELEMENTS (copied); i++) {
        n += copy_lines (room + n, WIRE_BYTES - n, request, copied[i]);
    }
    wire_field (request, "\r\nTo: ", &to);
    wire_field (request, "\r\nCall-ID: ", &id);
    bool has_tag = g_strstr_len (to.text, (gssize) to.len_bytes, ";tag=") != NULL;
    n += (size_t) g_snprintf (room + n, WIRE_BYTES - n, "To: %.*s", (int) to.len_bytes, to.text);
    if (!has_tag) {
        n += (size_t) g_snprintf (room + n, WIRE_BYTES - n, ";tag=a%.*s",
                                  (int) strcspn (id.text, "@\r"), id.text);
    }
    n += (size_t) g_snprintf (room + n, WIRE_BYTES - n, "\r\n%s", lines);
    n = MIN (n, WIRE_BYTES - 1);
    wire_add (called->out, n);
    return n;
}

static void
wait_for_ack (Called *called, const char *id, int64_t now_us)
{
    Due *due = g_new (Due, 1);

    *due = (Due){ g_strdup (id), now_us + REPEAT_US };
    g_queue_push_tail (&called->due, due);
}

static void
answer_call (Called *called, const char *invite, const struct sockaddr_in *peer)
{
    g_autofree char *ringing =
        g_strdup_printf ("Contact: <sip:%s>\r\nContent-Length: 0\r\n\r\n", called->own);
    g_autofree char *up = g_strdup_printf ("Contact: <sip:%s>\r\nContent-Type: application/sdp\r\n"
                                           "Content-Length: %u\r\n\r\n%s",
                                           called->own, (unsigned) strlen (sdp), sdp);
    Piece id;

    if (!wire_field (invite, "\r\nCall-ID: ", &id)) {
        return;
    }
    g_autofree char *call = g_strndup (id.text, id.len_bytes);
    respond (called, invite, peer, "180 Ringing", ringing);
    size_t len_bytes = respond (called, invite, peer, "200 OK", up);
    if (g_hash_table_contains (called->answers, call)) {
        return; /* the INVITE once more */
    }
    Answer *answer = g_new0 (Answer, 1);
    answer->id = g_strdup (call);
    answer->bytes = g_memdup2 (called->out->bytes[called->out->n - 1], len_bytes);
    answer->len_bytes = len_bytes;
    answer->peer = *peer;
    g_hash_table_insert (called->answers, answer->id, answer);
    called->n_calls++;
    wait_for_ack (called, call, wire_now_us ());
}

static void
take (const char *message, const struct sockaddr_in *peer, void *data)
{
    Called *called = data;
    Piece id;

    if (g_str_has_prefix (message, "INVITE ")) {
        answer_call (called, message, peer);
    } else if (g_str_has_prefix (message, "ACK ")) {
        if (wire_field (message, "\r\nCall-ID: ", &id)) {
            g_autofree char *call = g_strndup (id.text, id.len_bytes);
            g_hash_table_remove (called->answers, call);
        }
    } else if (wire_status (message) == 0 && *message > ' ') {
        called->n_ended += g_str_has_prefix (message, "BYE ");
        respond (called, message, peer, "200 OK", "Content-Length: 0\r\n\r\n");
    }
}

static void
repeat_due (Called *called)
{
    int64_t now_us = wire_now_us ();
    Due *due;

    while ((due = g_queue_peek_head (&called->due)) != NULL && due->at_us <= now_us) {
        Answer *answer = g_hash_table_lookup (called->answers, due->id);
        g_queue_pop_head (&called->due);
        if (answer != NULL && answer->n_repeats++ < N_REPEATS) {
            memcpy (wire_room (called->out, &answer->peer), answer->bytes, answer->len_bytes);
            wire_add (called->out, answer->len_bytes);
            called->n_repeated++;
            wait_for_ack (called, due->id, now_us);
        }
        g_free (due->id);
        g_free (due);
    }
    wire_flush (called->out);
}

int
main (int argc, char *argv[])
{
    struct sockaddr_in own;
    Called called = { .own = argc == 2 ? argv[1] : NULL };

    if (!wire_address (called.own, &own)) {
        g_printerr ("usage: crisis-answer ADDRESS:PORT\n");
        return 2;
    }
    int fd = wire_open (&own);
    if (fd < 0) {
        return 1;
    }
    signal (SIGTERM, end);
    signal (SIGINT, end);
    called.in = wire_intake_new (fd);
    called.out = wire_new (fd);
    called.answers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_answer);
    while (!is_over) {
        bool is_more = wire_read (called.in, take, &called);
        repeat_due (&called);
        if (!is_more) {
            wire_rest (TICK_US);
        }
    }
    printf ("{\"calls\": %" G_GUINT64_FORMAT ", \"ended\": %" G_GUINT64_FORMAT
            ", \"repeated\": %" G_GUINT64_FORMAT ", \"dropped\": %" G_GUINT64_FORMAT "}\n",
            called.n_calls, called.n_ended, called.n_repeated, called.out->n_refused);
    g_hash_table_unref (called.answers);
    return 0;
}
