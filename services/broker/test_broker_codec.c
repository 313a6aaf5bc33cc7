#include "services/broker/broker_codec.h"

#include <criterion/criterion.h>
#include <errno.h>

/* Protobuf-c wants its texts writable; nothing here writes to them. */
#define TEXT(literal) ((char *)(literal))

static uint8_t nonce[BROKER_NONCE_BYTES], proof[BUS_SHA256_SIZE];

/* One valid body of each kind, made afresh for each test; a test spoils one thing. */
static Pb__BrokerAccount account;
static Pb__BrokerSymbol symbol;
static Pb__BrokerSymbol *symbols[BROKER_SYMBOLS_MAX + 1];
static Pb__Hello hello;
static Pb__Welcome welcome;
static Pb__Submit submit;
static Pb__Report report;
static Pb__Deal deal;
static Pb__Deal *deals[BROKER_DEALS_MAX + 1];
static Pb__QueryAnswer answer;
static Pb__BrokerPosition position;
static Pb__BrokerPosition *positions[1] = { &position };
static Pb__Snapshot snapshot;
static Pb__BrokerTick tick;
static Pb__BrokerTick *ticks[1] = { &tick };

static void fill_account(void)
{
        account = (Pb__BrokerAccount)PB__BROKER_ACCOUNT__INIT;
        account.currency = TEXT("USD");
        account.mode = PB__ACCOUNT_MODE__ACCOUNT_MODE_HEDGING;
        account.balance_cents = -1;
        symbol = (Pb__BrokerSymbol)PB__BROKER_SYMBOL__INIT;
        symbol.name = TEXT("GOLD");
        symbol.digits = 2;
        symbol.lot_min_e8 = symbol.lot_step_e8 = symbol.tick_size_e8 = 1000000;
        symbol.lot_max_e8 = 200000000;
        for (size_t i = 0; i < BUS_COUNT(symbols); i++)
                symbols[i] = &symbol;
}

static void fill_greeting(void)
{
        hello = (Pb__Hello)PB__HELLO__INIT;
        hello.terminal_id = TEXT("t1");
        hello.nonce.data = nonce;
        hello.nonce.len = sizeof(nonce);
        hello.account = &account;
        hello.symbols = symbols;
        hello.n_symbols = 2;
        welcome = (Pb__Welcome)PB__WELCOME__INIT;
        welcome.accepted = true;
        welcome.nonce = hello.nonce;
        welcome.proof.data = proof;
        welcome.proof.len = sizeof(proof);
}

static void fill_order(void)
{
        submit = (Pb__Submit)PB__SUBMIT__INIT;
        submit.cl_ord_id = submit.comment = TEXT("ABCDEFGHJKMNPQRS");
        submit.attempt = 1;
        submit.action = PB__ACTION__ACTION_OPEN;
        submit.symbol = TEXT("GOLD");
        submit.side = PB__SIDE__SIDE_SELL;
        submit.volume_e8 = 1000000;
        report = (Pb__Report)PB__REPORT__INIT;
        report.cl_ord_id = TEXT("ABCDEFGHJKMNPQRS");
        report.attempt = 1;
        report.retcode = 10009;
        answer = (Pb__QueryAnswer)PB__QUERY_ANSWER__INIT;
        answer.cl_ord_id = TEXT("ABCDEFGHJKMNPQRS");
        answer.attempt = 1;
        answer.verdict = PB__QUERY_VERDICT__QUERY_VERDICT_FINAL;
        answer.report = &report;
        deal = (Pb__Deal)PB__DEAL__INIT;
        deal.deal = deal.position = 5;
        deal.symbol = TEXT("GOLD");
        deal.side = PB__SIDE__SIDE_BUY;
        deal.entry = PB__DEAL_ENTRY__DEAL_ENTRY_OUT;
        deal.reason = PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_STOP;
        deal.volume_e8 = 1;
        deal.profit_cents = -12345;
        for (size_t i = 0; i < BUS_COUNT(deals); i++)
                deals[i] = &deal;
}

static void fill_rest(void)
{
        position = (Pb__BrokerPosition)PB__BROKER_POSITION__INIT;
        position.ticket = 5;
        position.symbol = TEXT("GOLD");
        position.side = PB__SIDE__SIDE_BUY;
        position.volume_e8 = 1;
        snapshot = (Pb__Snapshot)PB__SNAPSHOT__INIT;
        snapshot.quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        snapshot.account = &account;
        snapshot.positions = positions;
        snapshot.n_positions = 1;
        snapshot.deals = deals;
        snapshot.n_deals = 2;
        tick = (Pb__BrokerTick)PB__BROKER_TICK__INIT;
        tick.symbol = TEXT("EURUSD.a");
        tick.bid_e8 = 108000000;
        tick.ask_e8 = 108010000;
}

static void fill(void)
{
        cr_assert_eq(bus_hash_init(), 0);
        fill_account();
        fill_greeting();
        fill_order();
        fill_rest();
}

TestSuite(broker_codec, .init = fill);

/* Packs MESSAGE and reads it back; the reason of a refusal, or NULL. */
static const char *refusal(const Pb__BrokerMessage *message)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        BROKER_AUTOFREE Pb__BrokerMessage *read = NULL;
        const char *why = NULL;

        broker_pack(message, &buf);
        if (broker_unpack(bus_buf_bytes(&buf), BROKER_FRAME_MAX_BYTES, &read, &why) < 0)
                return why;
        cr_assert_eq(read->kind, message->kind);
        return NULL;
}

#define OF(upper, field, body)                                                                   \
        (&(Pb__BrokerMessage){ .base = PROTOBUF_C_MESSAGE_INIT(&pb__broker_message__descriptor), \
                .kind = PB__BROKER_KIND__BROKER_KIND_##upper,                                    \
                .field = (body) })

#define SPOILT(upper, field, body, change)                                          \
        do {                                                                        \
                fill();                                                             \
                cr_expect_null(refusal(OF(upper, field, body)));                    \
                change;                                                             \
                cr_expect_not_null(refusal(OF(upper, field, body)), "%s", #change); \
        } while (0)

Test(broker_codec, refuses_greetings_that_are_not_whole)
{
        Pb__Proof bare = PB__PROOF__INIT;

        SPOILT(HELLO, hello, &hello, hello.terminal_id = TEXT(""));
        SPOILT(HELLO, hello, &hello, hello.terminal_id = TEXT("a b"));
        SPOILT(HELLO, hello, &hello, hello.nonce.len = 31);
        SPOILT(HELLO, hello, &hello, hello.account = NULL);
        SPOILT(HELLO, hello, &hello, account.mode = 0);
        SPOILT(HELLO, hello, &hello, hello.n_symbols = BROKER_SYMBOLS_MAX + 1);
        SPOILT(HELLO, hello, &hello, symbol.name = TEXT(""));
        SPOILT(HELLO, hello, &hello, symbol.digits = 9);
        SPOILT(HELLO, hello, &hello, symbol.lot_step_e8 = 0);
        SPOILT(HELLO, hello, &hello, symbol.lot_max_e8 = 1);
        SPOILT(HELLO, hello, &hello, symbol.tick_size_e8 = -1);
        SPOILT(WELCOME, welcome, &welcome, welcome.proof.len = 0);
        SPOILT(WELCOME, welcome, &welcome, welcome.nonce.len = 0);
        cr_expect_not_null(refusal(OF(PROOF, proof, &bare)));
}

Test(broker_codec, lets_a_refusal_be_bare)
{
        Pb__Welcome refused = PB__WELCOME__INIT;

        refused.refusal = TEXT("netting account");
        cr_expect_null(refusal(OF(WELCOME, welcome, &refused)));
}

Test(broker_codec, refuses_orders_out_of_range)
{
        SPOILT(SUBMIT, submit, &submit, submit.cl_ord_id = TEXT(""));
        SPOILT(SUBMIT, submit, &submit,
                submit.cl_ord_id = TEXT("01234567890123456789012345678901"));
        SPOILT(SUBMIT, submit, &submit, submit.attempt = 0);
        SPOILT(SUBMIT, submit, &submit, submit.action = 0);
        SPOILT(SUBMIT, submit, &submit, submit.side = 0);
        SPOILT(SUBMIT, submit, &submit, submit.symbol = TEXT(""));
        SPOILT(SUBMIT, submit, &submit, submit.volume_e8 = -1);
        SPOILT(SUBMIT, submit, &submit, submit.volume_e8 = INT64_MAX);
        SPOILT(SUBMIT, submit, &submit, submit.sl_e8 = -1);
        SPOILT(SUBMIT, submit, &submit, submit.tp_e8 = INT64_MIN);
        SPOILT(SUBMIT, submit, &submit, submit.deadline_us = -1);
        SPOILT(REPORT, report, &report, report.retcode = 0);
        SPOILT(REPORT, report, &report, report.price_e8 = -1);
        SPOILT(DEAL, deal, &deal, deal.position = 0);
        SPOILT(DEAL, deal, &deal, deal.entry = 0);
        SPOILT(DEAL, deal, &deal, deal.volume_e8 = 0);
}

Test(broker_codec, refuses_answers_that_contradict_themselves)
{
        Pb__TokenRefused refused = PB__TOKEN_REFUSED__INIT;

        SPOILT(QUERY_ANSWER, query_answer, &answer, answer.report = NULL);
        SPOILT(QUERY_ANSWER, query_answer, &answer, answer.verdict = 0);
        SPOILT(QUERY_ANSWER, query_answer, &answer,
                answer.verdict = PB__QUERY_VERDICT__QUERY_VERDICT_IN_DOUBT);
        SPOILT(QUERY_ANSWER, query_answer, &answer, report.attempt = 2);
        SPOILT(QUERY_ANSWER, query_answer, &answer, report.cl_ord_id = TEXT("other"));
        cr_expect_not_null(refusal(OF(TOKEN_REFUSED, token_refused, &refused)));
}

Test(broker_codec, refuses_snapshots_that_cannot_be)
{
        SPOILT(SNAPSHOT, snapshot, &snapshot, snapshot.quality = 0);
        SPOILT(SNAPSHOT, snapshot, &snapshot, snapshot.account = NULL);
        SPOILT(SNAPSHOT, snapshot, &snapshot, position.ticket = 0);
        SPOILT(SNAPSHOT, snapshot, &snapshot, position.volume_e8 = 0);
        SPOILT(SNAPSHOT, snapshot, &snapshot, deal.symbol = TEXT(""));
        SPOILT(SNAPSHOT, snapshot, &snapshot, snapshot.n_deals = BROKER_DEALS_MAX + 1);
}

static const char *ticks_refusal(void)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        message.kind = PB__BROKER_KIND__BROKER_KIND_TICKS;
        message.n_ticks = 1;
        message.ticks = ticks;
        return refusal(&message);
}

Test(broker_codec, refuses_quotes_that_cannot_be)
{
        cr_expect_null(ticks_refusal());
        tick.ask_e8 = tick.bid_e8 - 1;
        cr_expect_not_null(ticks_refusal());
        tick.bid_e8 = tick.ask_e8 = 0;
        cr_expect_not_null(ticks_refusal());
        fill();
        tick.symbol = TEXT("");
        cr_expect_not_null(ticks_refusal());
}

Test(broker_codec, refuses_empty_long_and_kindless_frames)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        Pb__BrokerMessage *read = NULL;
        const char *why = NULL;

        cr_expect_eq(
                broker_unpack(bus_bytes("", 0), BROKER_FRAME_MAX_BYTES, &read, &why), -EBADMSG);
        cr_expect_eq(broker_unpack(bus_bytes("\x08\x00", 2), BROKER_FRAME_MAX_BYTES, &read, &why),
                -EBADMSG);
        cr_expect_eq(broker_unpack(bus_bytes("\x08\x04", 2), BROKER_FRAME_MAX_BYTES, &read, &why),
                -EBADMSG, "a submit without its body");
        broker_pack(OF(HELLO, hello, &hello), &buf);
        cr_expect_eq(broker_unpack(bus_buf_bytes(&buf), buf.size - 1, &read, &why), -EBADMSG);
        bus_buf_add(&buf, "\x6a\x00", 2);
        cr_expect_eq(broker_unpack(bus_buf_bytes(&buf), BROKER_FRAME_MAX_BYTES, &read, &why),
                -EBADMSG, "a hello that is a heartbeat too");
        cr_expect_null(read);
}

Test(broker_codec, names_every_kind)
{
        const ProtobufCEnumDescriptor *kinds = &pb__broker_kind__descriptor;

        for (unsigned int i = 0; i < kinds->n_values; i++)
                if (kinds->values[i].value)
                        cr_expect_str_eq(broker_kind_name((Pb__BrokerKind)kinds->values[i].value),
                                kinds->values[i].name + strlen("BROKER_KIND_"));
        cr_expect_str_eq(broker_kind_name(PB__BROKER_KIND__BROKER_KIND_UNSPECIFIED), "?");
}

Test(broker_codec, proves_knowledge_of_the_secret_by_role)
{
        const struct bus_bytes secret = bus_bytes_str("between us");
        uint8_t other[BROKER_NONCE_BYTES] = { 1 };
        const struct bus_bytes shown = bus_bytes(proof, sizeof(proof));

        broker_proof(BROKER_ROLE_TERMINAL, secret, nonce, other, "t1", proof);
        cr_expect(broker_proof_holds(shown, BROKER_ROLE_TERMINAL, secret, nonce, other, "t1"));
        cr_expect_not(broker_proof_holds(shown, BROKER_ROLE_EXECUTOR, secret, nonce, other, "t1"));
        cr_expect_not(broker_proof_holds(shown, BROKER_ROLE_TERMINAL, secret, other, nonce, "t1"));
        cr_expect_not(broker_proof_holds(shown, BROKER_ROLE_TERMINAL, secret, nonce, other, "t2"));
        cr_expect_not(broker_proof_holds(
                shown, BROKER_ROLE_TERMINAL, bus_bytes_str("guessed"), nonce, other, "t1"));
        cr_expect_not(broker_proof_holds(
                bus_bytes(proof, 16), BROKER_ROLE_TERMINAL, secret, nonce, other, "t1"));
}
