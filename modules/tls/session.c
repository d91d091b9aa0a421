/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions: one connection's TLS, between the bytes of the wire and those that are meant.
 *
 *     receive (bytes) -> input -> SSL -> plain
 *                                  |
 *     send (bytes) --------------> SSL -> wire
 *
 * OpenSSL reads and writes through a BIO of our own that points at what the caller has in hand: nothing is
 * kept between two calls but what OpenSSL itself keeps of a record that is not whole, 16 KiB at most. */

#include "tls.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <tandem/lane.h>

enum {
    RECORD_BYTES = 16384, /* RFC 8446 5.1 */
    WHY_BYTES = 400,
    /* Messages of the handshake's kind that may come when it is over: so many, and one more for each
     * piece of this size. Keys are made anew after millions of records, not in every one. */
    FREE_MESSAGES = 16,
    PIECE_BYTES = 65536,
};

typedef struct {
    Sessions *sessions;
    SSL *ssl;
    const char *input; /* what is left of the bytes in hand */
    size_t n_input;
    GByteArray *wire;
    char *identity;  /* by which name it was found; nullable */
    char *peer_name; /* nullable */
    bool is_verifying, refuses_stale, is_server;
    uint64_t generation; /* of the identities whose word is known */
    int64_t until_s;     /* wall time: until then the peer's certificate is good */
    bool is_open;
    bool is_broken;      /* SSL must not be asked any more */
    bool is_tired;       /* of the peer */
    unsigned n_messages; /* of the handshake's kind since it was over */
    uint64_t n_bytes;
    char *suspect; /* whose certificate was refused */
    char why[WHY_BYTES];
} Session;

/* --- The wire, as OpenSSL sees it --------------------------------------------------------- */

static int
wire_read (BIO *bio, char *bytes, int size)
{
    Session *session = BIO_get_data (bio);
    size_t n = MIN ((size_t) MAX (size, 0), session->n_input);

    BIO_clear_retry_flags (bio);
    if (session->is_tired) {
        return -1;
    }
    if (n == 0) {
        BIO_set_retry_read (bio);
        return -1;
    }
    memcpy (bytes, session->input, n);
    session->input += n;
    session->n_input -= n;
    return (int) n;
}

static int
wire_write (BIO *bio, const char *bytes, int size)
{
    Session *session = BIO_get_data (bio);

    BIO_clear_retry_flags (bio);
    if (session->wire == NULL || size <= 0) {
        return -1;
    }
    g_byte_array_append (session->wire, (const guint8 *) bytes, (guint) size);
    return size;
}

static long
wire_ctrl (BIO *bio, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

bool
sessions_open (Sessions *sessions)
{
    *sessions = (Sessions){ .wire = BIO_meth_new (BIO_get_new_index () | BIO_TYPE_SOURCE_SINK,
                                                  "tandem flow") };
    return sessions->wire != NULL && BIO_meth_set_read (sessions->wire, wire_read) == 1
           && BIO_meth_set_write (sessions->wire, wire_write) == 1
           && BIO_meth_set_ctrl (sessions->wire, wire_ctrl) == 1;
}

void
sessions_close (Sessions *sessions)
{
    BIO_meth_free (sessions->wire);
    sessions->wire = NULL;
}

static void
hold (Session *session, const void *bytes, size_t len_bytes, GByteArray *wire)
{
    session->input = bytes;
    session->n_input = len_bytes;
    session->wire = wire;
    ERR_clear_error (); /* of whoever used this thread before */
}

/* --- What a peer may not do --------------------------------------------------------------- */

/* Sees each record's kind: in TLS 1.3 within what was encrypted, before on the outside. A peer that asks
 * for new keys again and again, or to begin anew, costs more than it pays. */
static void
count_message (int is_sent, int version, int content_type, const void *bytes, size_t len_bytes,
               SSL *ssl, void *data)
{
    Session *session = data;
    bool says_kind = content_type == SSL3_RT_INNER_CONTENT_TYPE || content_type == SSL3_RT_HEADER;

    if (is_sent != 0 || !session->is_open || !says_kind || len_bytes == 0
        || *(const uint8_t *) bytes != SSL3_RT_HANDSHAKE) {
        return;
    }
    session->n_messages++;
    session->is_tired = session->n_messages > FREE_MESSAGES + session->n_bytes / PIECE_BYTES;
}

/* Remembers whose certificate it was that is not believed: OpenSSL forgets it. A list of revoked certificates that
 * has ended still counts: whom it names is refused. */
static int
note_suspect (int is_good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data (store, SSL_get_ex_data_X509_STORE_CTX_idx ());
    Session *session = SSL_get_app_data (ssl);
    const X509 *shown = X509_STORE_CTX_get0_cert (store);

    if (is_good == 0 && !session->refuses_stale
        && X509_STORE_CTX_get_error (store) == X509_V_ERR_CRL_HAS_EXPIRED) {
        X509_STORE_CTX_set_error (store, X509_V_OK);
        return 1;
    }
    if (is_good == 0 && session->suspect == NULL && shown != NULL) {
        session->suspect = subject_of_certificate (shown);
    }
    return is_good;
}

/* --- Why it ended ------------------------------------------------------------------------- */

static void
explain (Session *session)
{
    unsigned long code = ERR_peek_error ();
    long verdict = SSL_get_verify_result (session->ssl);
    const char *reason = code != 0 ? ERR_reason_error_string (code) : NULL;

    if (session->why[0] != '\0') {
        return;
    }
    if (session->is_tired) {
        g_strlcpy (session->why, "the peer asks for new keys again and again", sizeof session->why);
    } else if (session->is_verifying && verdict != X509_V_OK) {
        g_snprintf (session->why, sizeof session->why,
                    "the peer's certificate is refused: %s; it is that of %s",
                    X509_verify_cert_error_string (verdict),
                    session->suspect != NULL ? session->suspect : "nobody");
    } else if (ERR_GET_LIB (code) == ERR_LIB_SSL
               && ERR_GET_REASON (code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        g_strlcpy (session->why, "the peer has shown no certificate", sizeof session->why);
    } else {
        g_strlcpy (session->why, reason != NULL ? reason : "the peer broke off",
                   sizeof session->why);
    }
}

static TdFilterState
fail (Session *session)
{
    explain (session);
    ERR_clear_error ();
    if (!session->is_open && !session->is_broken && session->sessions->failures != NULL) {
        td_metric_add (session->sessions->failures, 1);
    }
    session->is_broken = true;
    return TD_FILTER_FAILED;
}

/* --- Its way ------------------------------------------------------------------------------ */

void
session_end (void *data)
{
    Session *session = data;

    SSL_free (session->ssl);
    g_free (session->identity);
    g_free (session->peer_name);
    g_free (session->suspect);
    g_free (session);
}

/* RFC 6066 3: a server is asked for by a name, never by an address. */
static void
ask_for (Session *session)
{
    TdAddress address;

    if (session->peer_name != NULL && !td_address_parse (session->peer_name, 0, &address)) {
        SSL_set_tlsext_host_name (session->ssl, session->peer_name);
    }
}

static bool
connect_wire (Session *session)
{
    BIO *bio = session->ssl != NULL ? BIO_new (session->sessions->wire) : NULL;

    if (bio == NULL) {
        return false;
    }
    BIO_set_data (bio, session);
    BIO_set_init (bio, 1);
    SSL_set_bio (session->ssl, bio, bio); /* takes the one reference */
    SSL_set_app_data (session->ssl, session);
    SSL_set_msg_callback (session->ssl, count_message);
    SSL_set_msg_callback_arg (session->ssl, session);
    return true;
}

void *
session_begin (Sessions *sessions, const Identity *identity, const TdFilterFlow *flow,
               GByteArray *wire, const char **ret_why)
{
    Session *session = g_new0 (Session, 1);
    int mode = SSL_VERIFY_PEER | (flow->is_client ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT);

    session->sessions = sessions;
    session->identity = g_strdup (flow->identity);
    session->is_server = !flow->is_client;
    session->generation = identity->generation;
    session->until_s = INT64_MAX;
    session->is_verifying = identity->is_verifying;
    session->refuses_stale = identity->refuses_stale;
    session->peer_name = flow->is_client ? g_strdup (flow->peer_name) : NULL;
    session->ssl = SSL_new (identity->context);
    if (!connect_wire (session)) {
        *ret_why = "OpenSSL has no memory for a session";
        session_end (session);
        return NULL;
    }
    SSL_set_verify (session->ssl, session->is_verifying ? mode : SSL_VERIFY_NONE, note_suspect);
    if (flow->is_client) {
        SSL_set_connect_state (session->ssl);
        ask_for (session);
        hold (session, NULL, 0, wire);
        SSL_do_handshake (session->ssl); /* says hello; what goes wrong shows later */
        hold (session, NULL, 0, NULL);
    } else {
        SSL_set_accept_state (session->ssl);
    }
    return session;
}

static TdPeer *
make_peer (const Session *session)
{
    X509 *certificate = SSL_get0_peer_certificate (session->ssl);
    bool is_verified = certificate != NULL && session->is_verifying
                       && SSL_get_verify_result (session->ssl) == X509_V_OK;

    if (certificate == NULL) {
        return td_peer_new (false, NULL, NULL);
    }
    g_auto (GStrv) names = is_verified ? names_of_certificate (certificate) : NULL;
    g_autofree char *subject = subject_of_certificate (certificate);
    return td_peer_new (is_verified, subject, (const char *const *) names);
}

TdPeer *
session_peer (void *data)
{
    return make_peer (data);
}

/* RFC 5922 7.3: whoever we connect to must be the domain that we want to reach. */
static bool
is_whom_we_want (Session *session)
{
    if (!session->is_verifying || session->peer_name == NULL) {
        return true;
    }
    TdPeer *peer = make_peer (session);
    bool is_right = td_peer_is (peer, session->peer_name);
    if (!is_right) {
        g_autofree char *names = g_strjoinv (", ", (char **) peer->names);
        g_snprintf (session->why, sizeof session->why,
                    "the peer's certificate, that of %s, stands for %s and not for %s",
                    peer->subject, *names != '\0' ? names : "no SIP domain", session->peer_name);
    }
    td_peer_unref (peer);
    return is_right;
}

/* --- Whether it is still believed --------------------------------------------------------- */

/* When the first of the certificates ends that the peer is believed by. */
static int64_t
end_of_chain (const Session *session)
{
    STACK_OF (X509) *chain = SSL_get0_verified_chain (session->ssl);
    int64_t until_s = INT64_MAX;

    for (int i = 0; session->is_verifying && i < sk_X509_num (chain); i++) {
        until_s = MIN (until_s, end_of_certificate (sk_X509_value (chain, i)));
    }
    return until_s;
}

/* As the handshake does it, with what is believed by IDENTITY now. */
static bool
is_believed_by (Session *session, const Identity *identity)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new ();
    X509 *certificate = SSL_get0_peer_certificate (session->ssl);
    bool is_believed = false;

    if (context != NULL
        && X509_STORE_CTX_init (context, SSL_CTX_get_cert_store (identity->context), certificate,
                                SSL_get_peer_cert_chain (session->ssl))
               == 1) {
        X509_STORE_CTX_set_default (context, session->is_server ? "ssl_client" : "ssl_server");
        X509_VERIFY_PARAM_set1 (X509_STORE_CTX_get0_param (context),
                                SSL_CTX_get0_param (identity->context));
        X509_STORE_CTX_set_ex_data (context, SSL_get_ex_data_X509_STORE_CTX_idx (), session->ssl);
        X509_STORE_CTX_set_verify_cb (context, note_suspect);
        session->refuses_stale = identity->refuses_stale;
        is_believed = X509_verify_cert (context) == 1;
        SSL_set_verify_result (session->ssl, X509_STORE_CTX_get_error (context));
    }
    X509_STORE_CTX_free (context);
    return is_believed;
}

/* Identities have been read anew: an authority may be gone, a certificate be revoked. */
static bool
is_believed_anew (Session *session, const Identities *identities)
{
    const Identity *identity = identities_find (identities, session->identity);

    session->generation = identities->generation;
    if (identity == NULL) {
        g_strlcpy (session->why, "the [tls] section that says who is believed is gone",
                   sizeof session->why);
        return false;
    }
    return !identity->is_verifying || is_believed_by (session, identity);
}

/* Connections last for days: whose certificate would not be believed any more at a handshake is not believed
 * on the one that stands either. A certificate that has ended is on no list of revoked ones (RFC 5280 3.3). */
static bool
is_still_believed (Session *session)
{
    const TdSnapshot *snapshot = session->sessions->identities;
    const Identities *identities =
        snapshot != NULL ? (const Identities *) td_snapshot_peek (snapshot) : NULL;

    if (!session->is_verifying) {
        return true;
    }
    if (td_clock_wall_us () / G_USEC_PER_SEC > session->until_s) {
        g_autofree char *subject =
            subject_of_certificate (SSL_get0_peer_certificate (session->ssl));
        g_snprintf (session->why, sizeof session->why,
                    "the peer's certificate, or one above it, has ended; it is that of %s",
                    subject);
        return false;
    }
    return identities == NULL || identities->generation == session->generation
           || is_believed_anew (session, identities);
}

/* Makes a step of the handshake. */
static TdFilterState
shake (Session *session)
{
    int result = SSL_do_handshake (session->ssl);

    if (result != 1) {
        return SSL_get_error (session->ssl, result) == SSL_ERROR_WANT_READ ? TD_FILTER_SHAKING
                                                                           : fail (session);
    }
    if (!is_whom_we_want (session)) {
        return fail (session);
    }
    session->is_open = true;
    session->until_s = end_of_chain (session);
    if (session->sessions->handshakes != NULL) {
        td_metric_add (session->sessions->handshakes, 1);
    }
    return TD_FILTER_OPEN;
}

static TdFilterState
read_all (Session *session, GByteArray *plain)
{
    uint8_t bytes[RECORD_BYTES];

    for (;;) {
        int n = SSL_read (session->ssl, bytes, sizeof bytes);
        if (n > 0) {
            session->n_bytes += (unsigned) n;
            g_byte_array_append (plain, bytes, (guint) n);
            continue;
        }
        switch (SSL_get_error (session->ssl, n)) {
        case SSL_ERROR_WANT_READ:
            return TD_FILTER_OPEN;
        case SSL_ERROR_ZERO_RETURN:
            return TD_FILTER_CLOSED;
        default:
            return fail (session);
        }
    }
}

/* From a peer who is not believed any more; he hears so. */
static TdFilterState
part (Session *session)
{
    SSL_shutdown (session->ssl);
    return fail (session);
}

TdFilterState
session_receive (void *data, const void *bytes, size_t len_bytes, GByteArray *plain,
                 GByteArray *wire)
{
    Session *session = data;
    TdFilterState state = TD_FILTER_OPEN;

    if (session->is_broken) {
        return TD_FILTER_FAILED;
    }
    hold (session, bytes, len_bytes, wire);
    if (!session->is_open) {
        state = shake (session);
    } else if (!is_still_believed (session)) {
        state = part (session);
    }
    if (state == TD_FILTER_OPEN) {
        state = read_all (session, plain);
    }
    hold (session, NULL, 0, NULL);
    return state;
}

TdFilterState
session_send (void *data, const void *bytes, size_t len_bytes, GByteArray *wire)
{
    Session *session = data;
    TdFilterState state = TD_FILTER_OPEN;

    if (session->is_broken) {
        return TD_FILTER_FAILED;
    }
    hold (session, NULL, 0, wire);
    if (!is_still_believed (session)) {
        state = part (session);
    } else if (len_bytes > 0
               && SSL_write (session->ssl, bytes, (int) len_bytes) != (int) len_bytes) {
        state = fail (session);
    }
    hold (session, NULL, 0, NULL);
    return state;
}

const char *
session_why (void *data)
{
    return ((const Session *) data)->why;
}

/* Before the handshake is over there is nobody to part from; after an error OpenSSL forbids it. */
void
session_close (void *data, GByteArray *wire)
{
    Session *session = data;

    if (session->is_open && !session->is_broken) {
        hold (session, NULL, 0, wire);
        SSL_shutdown (session->ssl);
        ERR_clear_error ();
        hold (session, NULL, 0, NULL);
    }
}
