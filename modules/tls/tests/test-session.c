/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions that talk to each other in memory: who is let in, who is refused and in which words. */

#include "tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* --- Certificates ------------------------------------------------------------------------- */

typedef struct {
    X509 *certificate;
    EVP_PKEY *key;
} Person;

static void
person_clear (Person *person)
{
    X509_free (person->certificate);
    EVP_PKEY_free (person->key);
}

static void
add_extension (X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, NULL, nid, value);

    g_assert_nonnull (extension);
    g_assert_cmpint (X509_add_ext (certificate, extension, -1), ==, 1);
    X509_EXTENSION_free (extension);
}

static unsigned rsa_bits; /* of the keys of further people; 0: they have P-256 */

/* A certificate of NAME with ALTERNATIVES (nullable, "DNS:a,URI:sip:b"), good for DAYS from yesterday on,
 * signed by ISSUER, or by itself. */
static Person
make_person (const char *name, const char *alternatives, int days, const Person *issuer)
{
    static int serial = 0;
    Person person = { X509_new (), rsa_bits > 0 ? EVP_RSA_gen (rsa_bits) : EVP_EC_gen ("P-256") };
    X509 *certificate = person.certificate;
    X509_NAME *subject = X509_get_subject_name (certificate);

    X509_set_version (certificate, 2);
    ASN1_INTEGER_set (X509_get_serialNumber (certificate), ++serial);
    X509_gmtime_adj (X509_getm_notBefore (certificate), -86400);
    X509_gmtime_adj (X509_getm_notAfter (certificate), (days - 1) * 86400L);
    X509_set_pubkey (certificate, person.key);
    X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_ASC, (const uint8_t *) name, -1, -1, 0);
    X509_set_issuer_name (certificate,
                          issuer != NULL ? X509_get_subject_name (issuer->certificate) : subject);
    if (issuer == NULL) {
        add_extension (certificate, NID_basic_constraints, "critical,CA:TRUE");
    }
    if (alternatives != NULL) {
        add_extension (certificate, NID_subject_alt_name, alternatives);
    }
    g_assert_cmpint (
        X509_sign (certificate, issuer != NULL ? issuer->key : person.key, EVP_sha256 ()), >, 0);
    return person;
}

static char *
names_of (const char *alternatives)
{
    Person person = make_person ("cn.example", alternatives, 2, NULL);
    g_auto (GStrv) names = names_of_certificate (person.certificate);
    char *text = g_strjoinv (" ", names);

    person_clear (&person);
    return text;
}

static void
test_names (void)
{
    static const struct {
        const char *alternatives, *names;
    } cases[] = {
        { "URI:sip:example.com", "example.com" },
        { "URI:SIP:Example.COM", "Example.COM" },
        { "URI:sip:example.com:5061;transport=tls", "example.com" },
        { "DNS:a.example.com,DNS:b.example.com", "a.example.com b.example.com" },
        /* RFC 5922 7.1: names of hosts only without a SIP URI, none of a user, none of "sips". */
        { "DNS:host.example.com,URI:sip:example.com", "example.com" },
        { "URI:sip:alice@example.com", "" },
        { "URI:sip:alice@example.com,DNS:example.com", "example.com" },
        { "URI:sips:example.com", "" },
        { "URI:https://example.com", "" },
        /* RFC 5922 7.2: what stands for many stands for none. */
        { "DNS:*.example.com", "" },
        { "DNS:.example.com,DNS:example.com", "example.com" },
        { "URI:sip:*", "" },
        { "IP:127.0.0.1", "" },
        { "email:a@example.com", "" },
        /* Without any the common name does not count. */
        { NULL, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *names = names_of (cases[i].alternatives);
        g_assert_cmpstr (names, ==, cases[i].names);
    }
}

/* "example.com" and more behind a NUL is neither. */
static void
test_name_with_a_nul_is_none (void)
{
    Person person = make_person ("x", NULL, 2, NULL);
    GENERAL_NAMES *all = sk_GENERAL_NAME_new_null ();
    static const int types[] = { GEN_DNS, GEN_URI };
    static const char *const texts[] = { "example.com\0.evil.example", "sip:example.com\0.evil" };

    for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
        GENERAL_NAME *name = GENERAL_NAME_new ();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new ();
        ASN1_STRING_set (text, texts[i], i == 0 ? 25 : 21);
        GENERAL_NAME_set0_value (name, types[i], text);
        sk_GENERAL_NAME_push (all, name);
    }
    X509_add1_ext_i2d (person.certificate, NID_subject_alt_name, all, 0, 0);
    sk_GENERAL_NAME_pop_free (all, GENERAL_NAME_free);
    g_auto (GStrv) names = names_of_certificate (person.certificate);
    g_assert_cmpuint (g_strv_length (names), ==, 0);
    person_clear (&person);
}

/* --- Two sides ---------------------------------------------------------------------------- */

typedef struct {
    Identity identity;
    Sessions sessions;
    void *session;
    GByteArray *plain, *wire; /* what it got; what it has for the other one */
    TdFilterState state;
} Side;

typedef struct {
    Person authority, other_authority;
    Side client, server;
} Fixture;

static void
side_open (Side *side, const Person *person, const Person *authority, bool is_verifying)
{
    SSL_CTX *context = SSL_CTX_new (TLS_method ());

    g_assert_true (sessions_open (&side->sessions));
    if (person != NULL) {
        g_assert_cmpint (SSL_CTX_use_certificate (context, person->certificate), ==, 1);
        g_assert_cmpint (SSL_CTX_use_PrivateKey (context, person->key), ==, 1);
    }
    X509_STORE_add_cert (SSL_CTX_get_cert_store (context), authority->certificate);
    identity_set_manners (context);
    side->identity = (Identity){ .context = context, .is_verifying = is_verifying };
    side->plain = g_byte_array_new ();
    side->wire = g_byte_array_new ();
    side->state = TD_FILTER_SHAKING;
}

static void
side_begin (Side *side, bool is_client, const char *peer_name)
{
    TdFilterFlow flow = { .size = sizeof flow, .is_client = is_client, .peer_name = peer_name };
    const char *why = NULL;

    side->session = session_begin (&side->sessions, &side->identity, &flow, side->wire, &why);
    g_assert_nonnull (side->session);
}

static void
side_close (Side *side)
{
    if (side->session != NULL) {
        session_end (side->session);
    }
    SSL_CTX_free (side->identity.context);
    sessions_close (&side->sessions);
    g_byte_array_unref (side->plain);
    g_byte_array_unref (side->wire);
}

/* What FROM has for TO arrives, in pieces of at most PIECE bytes. */
static void
carry (Side *from, Side *to, size_t piece)
{
    GByteArray *bytes = g_steal_pointer (&from->wire);

    from->wire = g_byte_array_new ();
    for (size_t i = 0; i < bytes->len; i += piece) {
        g_autoptr (GByteArray) plain = g_byte_array_new ();
        if (to->state == TD_FILTER_FAILED || to->state == TD_FILTER_CLOSED) {
            break;
        }
        to->state = session_receive (to->session, bytes->data + i, MIN (piece, bytes->len - i),
                                     plain, to->wire);
        g_byte_array_append (to->plain, plain->data, plain->len);
    }
    g_byte_array_unref (bytes);
}

static void
talk (Fixture *fixture, size_t piece)
{
    while (fixture->client.wire->len > 0 || fixture->server.wire->len > 0) {
        carry (&fixture->client, &fixture->server, piece);
        carry (&fixture->server, &fixture->client, piece);
    }
}

static void
say (Side *side, const char *text)
{
    g_assert_cmpint (session_send (side->session, text, strlen (text), side->wire), ==,
                     TD_FILTER_OPEN);
}

static void
assert_got (const Side *side, const char *text)
{
    g_assert_cmpmem (side->plain->data, side->plain->len, text, strlen (text));
}

static void
fixture_open (Fixture *fixture)
{
    *fixture = (Fixture){ .authority = make_person ("authority", NULL, 10, NULL),
                          .other_authority = make_person ("other authority", NULL, 10, NULL) };
}

/* The client is CLIENT (nullable), the server SERVER; both believe in the authority. */
static void
begin (Fixture *fixture, const Person *client, const Person *server, bool is_verifying,
       const char *peer_name)
{
    side_open (&fixture->client, client, &fixture->authority, is_verifying);
    side_open (&fixture->server, server, &fixture->authority, is_verifying);
    side_begin (&fixture->client, true, peer_name);
    side_begin (&fixture->server, false, NULL);
}

static void
fixture_close (Fixture *fixture)
{
    side_close (&fixture->client);
    side_close (&fixture->server);
    person_clear (&fixture->authority);
    person_clear (&fixture->other_authority);
}

static void
talk_mutually (size_t piece, int newest)
{
    Fixture fixture;

    fixture_open (&fixture);
    Person ann = make_person ("ann", "URI:sip:ann.example", 10, &fixture.authority);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture.authority);
    side_open (&fixture.client, &ann, &fixture.authority, true);
    side_open (&fixture.server, &bob, &fixture.authority, true);
    SSL_CTX_set_max_proto_version (fixture.client.identity.context, newest);
    side_begin (&fixture.client, true, "bob.example");
    side_begin (&fixture.server, false, NULL);
    talk (&fixture, piece);
    g_assert_cmpint (fixture.client.state, ==, TD_FILTER_OPEN);
    g_assert_cmpint (fixture.server.state, ==, TD_FILTER_OPEN);
    TdPeer *client = session_peer (fixture.server.session);
    TdPeer *server = session_peer (fixture.client.session);
    g_assert_true (td_peer_is (client, "ANN.example"));
    g_assert_true (td_peer_is (server, "bob.example"));
    g_assert_cmpstr (client->subject, ==, "CN=ann");
    td_peer_unref (client);
    td_peer_unref (server);
    say (&fixture.client, "hello");
    say (&fixture.server, "you, too");
    talk (&fixture, piece);
    assert_got (&fixture.client, "you, too");
    assert_got (&fixture.server, "hello");
    person_clear (&ann);
    person_clear (&bob);
    fixture_close (&fixture);
}

static void
test_both_know_each_other (void)
{
    talk_mutually (100000, 0);
}

static void
test_both_know_each_other_byte_by_byte (void)
{
    talk_mutually (1, 0);
}

static void
test_both_know_each_other_by_tls_1_2 (void)
{
    talk_mutually (7, TLS1_2_VERSION);
}

/* Both sides' last words when one was refused. */
static void
expect_failure (Fixture *fixture, const char *server_says, const char *client_says)
{
    talk (fixture, 100000);
    if (server_says != NULL) {
        g_assert_cmpint (fixture->server.state, ==, TD_FILTER_FAILED);
        g_assert_cmpstr (session_why (fixture->server.session), ==, server_says);
    }
    if (client_says != NULL) {
        g_assert_cmpint (fixture->client.state, ==, TD_FILTER_FAILED);
        g_assert_cmpstr (session_why (fixture->client.session), ==, client_says);
    }
}

static void
test_client_without_a_certificate_is_refused (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture.authority);
    begin (&fixture, NULL, &bob, true, "bob.example");
    expect_failure (&fixture, "the peer has shown no certificate",
                    "tlsv13 alert certificate required");
    person_clear (&bob);
    fixture_close (&fixture);
}

static void
test_client_of_another_authority_is_refused (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    Person ann = make_person ("ann", "DNS:ann.example", 10, &fixture.other_authority);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture.authority);
    begin (&fixture, &ann, &bob, true, "bob.example");
    expect_failure (&fixture,
                    "the peer's certificate is refused: unable to get local issuer certificate; "
                    "it is that of CN=ann",
                    "tlsv1 alert unknown ca");
    person_clear (&ann);
    person_clear (&bob);
    fixture_close (&fixture);
}

static void
test_client_that_signed_itself_is_refused (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    Person ann = make_person ("ann", "DNS:ann.example", 10, NULL);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture.authority);
    begin (&fixture, &ann, &bob, true, "bob.example");
    expect_failure (&fixture,
                    "the peer's certificate is refused: self-signed certificate; it is that of "
                    "CN=ann",
                    NULL);
    person_clear (&ann);
    person_clear (&bob);
    fixture_close (&fixture);
}

static void
test_client_whose_time_is_over_is_refused (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    Person ann = make_person ("ann", "DNS:ann.example", 0, &fixture.authority);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture.authority);
    begin (&fixture, &ann, &bob, true, "bob.example");
    expect_failure (&fixture,
                    "the peer's certificate is refused: certificate has expired; it is that of "
                    "CN=ann",
                    NULL);
    person_clear (&ann);
    person_clear (&bob);
    fixture_close (&fixture);
}

static void
test_server_of_another_name_is_refused (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    Person ann = make_person ("ann", "DNS:ann.example", 10, &fixture.authority);
    Person bob = make_person ("bob", "DNS:bob.example,DNS:*.example", 10, &fixture.authority);
    begin (&fixture, &ann, &bob, true, "carol.example");
    expect_failure (&fixture, NULL,
                    "the peer's certificate, that of CN=bob, stands for bob.example and not for "
                    "carol.example");
    person_clear (&ann);
    person_clear (&bob);
    fixture_close (&fixture);
}

static void
test_without_verification_nobody_is_verified (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    Person ann = make_person ("ann", "DNS:ann.example", 10, &fixture.authority);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture.authority);
    begin (&fixture, &ann, &bob, false, "carol.example");
    talk (&fixture, 100000);
    g_assert_cmpint (fixture.client.state, ==, TD_FILTER_OPEN);
    TdPeer *client = session_peer (fixture.server.session);
    TdPeer *server = session_peer (fixture.client.session);
    g_assert_false (client->is_verified);
    g_assert_false (server->is_verified);
    g_assert_false (td_peer_is (server, "bob.example"));
    td_peer_unref (client);
    td_peer_unref (server);
    person_clear (&ann);
    person_clear (&bob);
    fixture_close (&fixture);
}

/* --- What comes over the wire ------------------------------------------------------------- */

/* Two sides that are open. */
static void
open_both (Fixture *fixture)
{
    fixture_open (fixture);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture->authority);
    begin (fixture, &bob, &bob, true, "bob.example");
    talk (fixture, 100000);
    g_assert_cmpint (fixture->client.state, ==, TD_FILTER_OPEN);
    g_assert_cmpint (fixture->server.state, ==, TD_FILTER_OPEN);
    person_clear (&bob);
}

static void
test_garbage_is_refused (void)
{
    static const struct {
        const char *bytes;
        unsigned len_bytes;
    } garbage[] = {
        { "OPTIONS sip:a SIP/2.0\r\n\r\n", 25 }, { "GET / HTTP/1.0\r\n\r\n", 18 },
        { "\x16\x03\x01\xff\xff", 5 },           { "\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", 10 },
        { "\x15\x03\x03\x00\x02\x02\x28", 7 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (garbage); i++) {
        Fixture fixture;
        fixture_open (&fixture);
        Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture.authority);
        begin (&fixture, &bob, &bob, true, "bob.example");
        g_byte_array_set_size (fixture.client.wire, 0);
        g_byte_array_append (fixture.client.wire, (const uint8_t *) garbage[i].bytes,
                             garbage[i].len_bytes);
        carry (&fixture.client, &fixture.server, 1);
        g_assert_cmpint (fixture.server.state, ==, TD_FILTER_FAILED);
        g_assert_cmpstr (session_why (fixture.server.session), !=, "");
        person_clear (&bob);
        fixture_close (&fixture);
    }
}

static void
test_changed_byte_is_noticed (void)
{
    Fixture fixture;

    open_both (&fixture);
    say (&fixture.client, "hello");
    fixture.client.wire->data[fixture.client.wire->len - 1] ^= 1;
    carry (&fixture.client, &fixture.server, 100000);
    g_assert_cmpint (fixture.server.state, ==, TD_FILTER_FAILED);
    g_assert_cmpuint (fixture.server.plain->len, ==, 0);
    g_assert_cmpint (session_send (fixture.server.session, "x", 1, fixture.server.wire), ==,
                     TD_FILTER_FAILED);
    fixture_close (&fixture);
}

static void
test_many_bytes_in_any_pieces (void)
{
    Fixture fixture;
    g_autoptr (GString) text = g_string_new (NULL);

    open_both (&fixture);
    for (unsigned i = 0; text->len < 300000; i++) {
        g_string_append_printf (text, "%u;", i * 977);
    }
    say (&fixture.client, text->str);
    talk (&fixture, 1461);
    assert_got (&fixture.server, text->str);
    fixture_close (&fixture);
}

static void
test_good_bye_is_heard_and_said (void)
{
    Fixture fixture;

    open_both (&fixture);
    say (&fixture.client, "last");
    session_close (fixture.client.session, fixture.client.wire);
    carry (&fixture.client, &fixture.server, 100000);
    assert_got (&fixture.server, "last");
    g_assert_cmpint (fixture.server.state, ==, TD_FILTER_CLOSED);
    session_close (fixture.server.session, fixture.server.wire);
    carry (&fixture.server, &fixture.client, 100000);
    g_assert_cmpint (fixture.client.state, ==, TD_FILTER_CLOSED);
    fixture_close (&fixture);
}

/* A client of OpenSSL's own that does what ours never does. */
typedef struct {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
} Odd;

static void
odd_carry (Odd *odd, Side *server)
{
    char bytes[65536];
    int n;

    while ((n = BIO_read (odd->out, bytes, sizeof bytes)) > 0) {
        g_autoptr (GByteArray) plain = g_byte_array_new ();
        server->state = session_receive (server->session, bytes, (size_t) n, plain, server->wire);
        g_byte_array_append (server->plain, plain->data, plain->len);
        BIO_write (odd->in, server->wire->data, (int) server->wire->len);
        g_byte_array_set_size (server->wire, 0);
    }
}

static void
odd_open (Odd *odd, Fixture *fixture, int newest)
{
    fixture_open (fixture);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture->authority);
    begin (fixture, &bob, &bob, true, NULL);
    odd->context = SSL_CTX_new (TLS_client_method ());
    SSL_CTX_set_max_proto_version (odd->context, newest);
    SSL_CTX_use_certificate (odd->context, bob.certificate);
    SSL_CTX_use_PrivateKey (odd->context, bob.key);
    odd->ssl = SSL_new (odd->context);
    odd->in = BIO_new (BIO_s_mem ());
    odd->out = BIO_new (BIO_s_mem ());
    SSL_set_bio (odd->ssl, odd->in, odd->out);
    while (SSL_connect (odd->ssl) != 1) {
        odd_carry (odd, &fixture->server);
    }
    odd_carry (odd, &fixture->server);
    g_assert_cmpint (fixture->server.state, ==, TD_FILTER_OPEN);
    person_clear (&bob);
}

static void
odd_close (Odd *odd, Fixture *fixture)
{
    SSL_free (odd->ssl);
    SSL_CTX_free (odd->context);
    fixture_close (fixture);
}

static void
update_keys (Odd *odd, Fixture *fixture)
{
    g_assert_cmpint (SSL_key_update (odd->ssl, SSL_KEY_UPDATE_REQUESTED), ==, 1);
    g_assert_cmpint (SSL_write (odd->ssl, "x", 1), ==, 1);
    odd_carry (odd, &fixture->server);
}

static void
test_new_keys_are_made (void)
{
    Fixture fixture;
    Odd odd;
    char byte;

    odd_open (&odd, &fixture, TLS1_3_VERSION);
    for (unsigned i = 0; i < 3; i++) {
        update_keys (&odd, &fixture);
    }
    assert_got (&fixture.server, "xxx");
    say (&fixture.server, "y");
    BIO_write (odd.in, fixture.server.wire->data, (int) fixture.server.wire->len);
    g_assert_cmpint (SSL_read (odd.ssl, &byte, 1), ==, 1);
    g_assert_cmpint (byte, ==, 'y');
    odd_close (&odd, &fixture);
}

static void
test_new_keys_again_and_again_are_refused (void)
{
    Fixture fixture;
    Odd odd;
    unsigned n = 0;

    odd_open (&odd, &fixture, TLS1_3_VERSION);
    while (fixture.server.state == TD_FILTER_OPEN && n < 1000) {
        update_keys (&odd, &fixture);
        n++;
    }
    g_assert_cmpint (fixture.server.state, ==, TD_FILTER_FAILED);
    g_assert_cmpuint (n, <, 100);
    g_assert_cmpstr (session_why (fixture.server.session), ==,
                     "the peer asks for new keys again and again");
    odd_close (&odd, &fixture);
}

/* RFC 5746 and its history: nobody becomes somebody else on a connection. */
static void
test_renegotiation_is_refused (void)
{
    Fixture fixture;
    Odd odd;
    unsigned n = 0;

    odd_open (&odd, &fixture, TLS1_2_VERSION);
    while (fixture.server.state == TD_FILTER_OPEN && n < 1000) {
        SSL_renegotiate (odd.ssl);
        if (SSL_do_handshake (odd.ssl) != 1 && BIO_ctrl_pending (odd.out) == 0) {
            break; /* it was told no */
        }
        odd_carry (&odd, &fixture.server);
        n++;
    }
    g_assert_cmpuint (n, <, 100);
    g_assert_cmpuint (fixture.server.plain->len, ==, 0);
    odd_close (&odd, &fixture);
}

/* --- What it costs ------------------------------------------------------------------------ */

static double
cpu_us (void)
{
    struct timespec now;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

/* As carry(), all at once; adds what it took to COST and keeps the longest step. */
static void
carry_timed (Side *from, Side *to, double *cost_us, double *longest_us)
{
    double begun_us = cpu_us ();

    carry (from, to, 100000);
    double took_us = cpu_us () - begun_us;
    *cost_us += took_us;
    *longest_us = MAX (*longest_us, took_us);
}

static void
measure (const char *what, unsigned bits)
{
    enum { N = 200 };
    double server_us = 0, client_us = 0, longest_us = 0, ignored_us = 0;
    Fixture fixture;

    rsa_bits = bits;
    fixture_open (&fixture);
    Person bob = make_person ("bob", "DNS:bob.example", 10, &fixture.authority);
    begin (&fixture, &bob, &bob, true, "bob.example");
    for (unsigned i = 0; i < N; i++) {
        session_end (fixture.client.session);
        session_end (fixture.server.session);
        g_byte_array_set_size (fixture.client.wire, 0);
        double begun_us = cpu_us ();
        side_begin (&fixture.client, true, "bob.example");
        client_us += cpu_us () - begun_us;
        side_begin (&fixture.server, false, NULL);
        while (fixture.client.wire->len > 0 || fixture.server.wire->len > 0) {
            carry_timed (&fixture.client, &fixture.server, &server_us, &longest_us);
            carry_timed (&fixture.server, &fixture.client, &client_us, &ignored_us);
        }
        g_assert_cmpint (fixture.server.state, ==, TD_FILTER_OPEN);
        fixture.server.state = fixture.client.state = TD_FILTER_SHAKING;
    }
    g_test_message (
        "%s: %.0f us of CPU for the server, %.0f us for the client, the longest step of "
        "the server %.0f us",
        what, server_us / N, client_us / N, longest_us);
    person_clear (&bob);
    fixture_close (&fixture);
    rsa_bits = 0;
}

/* With "-m perf": a whole handshake with certificates of both sides. */
static void
test_cost (void)
{
    measure ("P-256", 0);
    measure ("RSA, 2048 bits", 2048);
    measure ("RSA, 4096 bits", 4096);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add_func ("/tls/session/" path, function)
    ADD ("names", test_names);
    ADD ("name-with-a-nul-is-none", test_name_with_a_nul_is_none);
    ADD ("both-know-each-other", test_both_know_each_other);
    ADD ("both-know-each-other-byte-by-byte", test_both_know_each_other_byte_by_byte);
    ADD ("both-know-each-other-by-tls-1-2", test_both_know_each_other_by_tls_1_2);
    ADD ("client-without-a-certificate-is-refused", test_client_without_a_certificate_is_refused);
    ADD ("client-of-another-authority-is-refused", test_client_of_another_authority_is_refused);
    ADD ("client-that-signed-itself-is-refused", test_client_that_signed_itself_is_refused);
    ADD ("client-whose-time-is-over-is-refused", test_client_whose_time_is_over_is_refused);
    ADD ("server-of-another-name-is-refused", test_server_of_another_name_is_refused);
    ADD ("without-verification-nobody-is-verified", test_without_verification_nobody_is_verified);
    ADD ("garbage-is-refused", test_garbage_is_refused);
    ADD ("changed-byte-is-noticed", test_changed_byte_is_noticed);
    ADD ("many-bytes-in-any-pieces", test_many_bytes_in_any_pieces);
    ADD ("good-bye-is-heard-and-said", test_good_bye_is_heard_and_said);
    ADD ("new-keys-are-made", test_new_keys_are_made);
    ADD ("new-keys-again-and-again-are-refused", test_new_keys_again_and_again_are_refused);
    ADD ("renegotiation-is-refused", test_renegotiation_is_refused);
    if (g_test_perf ()) {
        ADD ("cost", test_cost);
    }
#undef ADD
    return g_test_run ();
}
