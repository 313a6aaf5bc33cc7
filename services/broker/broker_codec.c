#include "services/broker/broker_codec.h"

#include "libbus/base/require.h"
#include "services/broker/wire_check.h"

#include <errno.h>

/* A check says why not, or NULL. */
typedef const char *(*check_fn)(const void *body);

static bool in_range(int64_t value, int64_t maximum)
{
        return value >= 0 && value <= maximum;
}

static bool is_money(int64_t cents)
{
        return cents >= -BROKER_MONEY_MAX_CENTS && cents <= BROKER_MONEY_MAX_CENTS;
}

static bool is_name(const char *text, size_t max)
{
        size_t size = strlen(text);

        return size > 0 && size <= max && !strchr(text, ' ');
}

static bool is_text(const char *text, size_t max)
{
        return strlen(text) <= max;
}

static bool is_id(const char *text)
{
        return is_name(text, BROKER_ID_MAX_BYTES);
}

static bool is_symbol(const char *text)
{
        size_t size = strlen(text);

        return size > 0 && size <= BROKER_SYMBOL_MAX_BYTES; /* some brokers have blanks in them */
}

static const char *check_account(const Pb__BrokerAccount *account)
{
        if (!account)
                return "account is missing";
        if (!is_text(account->server, BROKER_TEXT_MAX_BYTES))
                return "account server is too long";
        if (!is_name(account->currency, BROKER_SYMBOL_MAX_BYTES))
                return "account currency is not a name";
        if (!account->mode)
                return "account mode is not specified";
        if (!is_money(account->balance_cents) || !is_money(account->equity_cents) ||
                !is_money(account->margin_free_cents))
                return "account amount out of range";
        return NULL;
}

static const char *check_symbol(const Pb__BrokerSymbol *symbol)
{
        if (!is_symbol(symbol->name))
                return "symbol name is empty or too long";
        if (symbol->digits > BROKER_DIGITS_MAX)
                return "symbol digits out of range";
        if (symbol->lot_min_e8 <= 0 || symbol->lot_step_e8 <= 0 ||
                symbol->lot_max_e8 < symbol->lot_min_e8 ||
                symbol->lot_max_e8 > BROKER_VOLUME_MAX_E8)
                return "symbol lots out of range";
        if (!in_range(symbol->stops_level_e8, BROKER_PRICE_MAX_E8))
                return "symbol stops level out of range";
        if (symbol->tick_size_e8 <= 0 || symbol->tick_size_e8 > BROKER_PRICE_MAX_E8 ||
                !in_range(symbol->tick_value_cents, BROKER_MONEY_MAX_CENTS) ||
                !in_range(symbol->margin_per_lot_cents, BROKER_MONEY_MAX_CENTS))
                return "symbol tick or margin out of range";
        return NULL;
}

static const char *check_hello(const void *body)
{
        const Pb__Hello *hello = body;
        const char *why = check_account(hello->account);

        if (!is_name(hello->terminal_id, BROKER_TEXT_MAX_BYTES))
                return "terminal id is empty or too long";
        if (hello->nonce.len != BROKER_NONCE_BYTES)
                return "nonce has not its size";
        if (hello->n_symbols > BROKER_SYMBOLS_MAX)
                return "too many symbols";
        for (size_t i = 0; !why && i < hello->n_symbols; i++)
                why = check_symbol(hello->symbols[i]);
        return why;
}

static const char *check_welcome(const void *body)
{
        const Pb__Welcome *welcome = body;

        if (!is_text(welcome->refusal, BROKER_TEXT_MAX_BYTES))
                return "refusal is too long";
        if (!welcome->accepted)
                return NULL; /* a refusal may say no more than that */
        if (welcome->nonce.len != BROKER_NONCE_BYTES || welcome->proof.len != BUS_SHA256_SIZE)
                return "nonce or proof has not its size";
        return NULL;
}

static const char *check_proof(const void *body)
{
        const Pb__Proof *proof = body;

        return proof->proof.len == BUS_SHA256_SIZE ? NULL : "proof has not its size";
}

static const char *check_submit(const void *body)
{
        const Pb__Submit *submit = body;

        if (!is_id(submit->cl_ord_id))
                return "cl_ord_id is empty or too long";
        if (!submit->attempt)
                return "attempt is 0";
        if (!submit->action)
                return "action is not specified";
        if (!is_symbol(submit->symbol))
                return "symbol is empty or too long";
        if (!submit->side && submit->action != PB__ACTION__ACTION_MODIFY)
                return "side is not specified";
        if (!in_range(submit->volume_e8, BROKER_VOLUME_MAX_E8))
                return "volume out of range";
        if (!in_range(submit->sl_e8, BROKER_PRICE_MAX_E8) ||
                !in_range(submit->tp_e8, BROKER_PRICE_MAX_E8) ||
                !in_range(submit->price_e8, BROKER_PRICE_MAX_E8) ||
                !in_range(submit->deviation_e8, BROKER_PRICE_MAX_E8))
                return "price out of range";
        if (!in_range(submit->deadline_us, BROKER_TIME_MAX_US))
                return "deadline out of range";
        return is_text(submit->comment, BROKER_TEXT_MAX_BYTES) ? NULL : "comment is too long";
}

static const char *check_report(const void *body)
{
        const Pb__Report *report = body;

        if (!is_id(report->cl_ord_id) || !report->attempt)
                return "report names no attempt";
        if (!report->retcode)
                return "report without retcode";
        if (!in_range(report->volume_e8, BROKER_VOLUME_MAX_E8) ||
                !in_range(report->price_e8, BROKER_PRICE_MAX_E8) ||
                !in_range(report->at_us, BROKER_TIME_MAX_US))
                return "report figure out of range";
        return is_text(report->comment, BROKER_TEXT_MAX_BYTES) ? NULL : "comment is too long";
}

static const char *check_deal(const void *body)
{
        const Pb__Deal *deal = body;

        if (!deal->deal || !deal->position)
                return "deal without ticket or position";
        if (!is_symbol(deal->symbol) || !deal->side || !deal->entry || !deal->reason)
                return "deal without symbol, side, entry or reason";
        if (deal->volume_e8 <= 0 || deal->volume_e8 > BROKER_VOLUME_MAX_E8 ||
                !in_range(deal->price_e8, BROKER_PRICE_MAX_E8))
                return "deal volume or price out of range";
        if (!is_money(deal->profit_cents) || !is_money(deal->commission_cents) ||
                !is_money(deal->swap_cents))
                return "deal amount out of range";
        if (!in_range(deal->at_us, BROKER_TIME_MAX_US))
                return "deal time out of range";
        return is_text(deal->comment, BROKER_TEXT_MAX_BYTES) ? NULL : "comment is too long";
}

static const char *check_query(const void *body)
{
        const Pb__Query *query = body;

        return is_id(query->cl_ord_id) && query->attempt ? NULL : "query names no attempt";
}

static const char *check_query_answer(const void *body)
{
        const Pb__QueryAnswer *answer = body;

        if (!is_id(answer->cl_ord_id) || !answer->attempt)
                return "answer names no attempt";
        if (!answer->verdict)
                return "answer without verdict";
        if ((answer->verdict == PB__QUERY_VERDICT__QUERY_VERDICT_FINAL) != !!answer->report)
                return "answer's verdict and report disagree";
        if (!answer->report)
                return NULL;
        if (strcmp(answer->report->cl_ord_id, answer->cl_ord_id) ||
                answer->report->attempt != answer->attempt)
                return "answer's report is of another attempt";
        return check_report(answer->report);
}

static const char *check_snapshot_request(const void *body)
{
        const Pb__SnapshotRequest *request = body;

        return in_range(request->deals_since_us, BROKER_TIME_MAX_US) ? NULL : "time out of range";
}

static const char *check_position(const Pb__BrokerPosition *position)
{
        if (!position->ticket || !is_symbol(position->symbol) || !position->side)
                return "position without ticket, symbol or side";
        if (position->volume_e8 <= 0 || position->volume_e8 > BROKER_VOLUME_MAX_E8)
                return "position volume out of range";
        if (!in_range(position->open_price_e8, BROKER_PRICE_MAX_E8) ||
                !in_range(position->sl_e8, BROKER_PRICE_MAX_E8) ||
                !in_range(position->tp_e8, BROKER_PRICE_MAX_E8))
                return "position price out of range";
        if (!is_money(position->profit_cents) || !in_range(position->opened_us, BROKER_TIME_MAX_US))
                return "position profit or time out of range";
        return is_text(position->comment, BROKER_TEXT_MAX_BYTES) ? NULL : "comment is too long";
}

static const char *check_order(const Pb__WorkingOrder *order)
{
        if (!order->order || !is_symbol(order->symbol) || !order->side)
                return "working order without ticket, symbol or side";
        if (order->volume_e8 <= 0 || order->volume_e8 > BROKER_VOLUME_MAX_E8)
                return "working order volume out of range";
        return is_text(order->comment, BROKER_TEXT_MAX_BYTES) ? NULL : "comment is too long";
}

static const char *check_snapshot(const void *body)
{
        const Pb__Snapshot *snapshot = body;
        const char *why = NULL;

        if (!snapshot->quality)
                return "snapshot quality is not specified";
        if (snapshot->n_positions > BROKER_POSITIONS_MAX ||
                snapshot->n_orders > BROKER_ORDERS_MAX || snapshot->n_deals > BROKER_DEALS_MAX)
                return "snapshot is too long";
        if (!in_range(snapshot->at_us, BROKER_TIME_MAX_US))
                return "snapshot time out of range";
        if (snapshot->account || snapshot->quality == PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK)
                why = check_account(snapshot->account);
        for (size_t i = 0; !why && i < snapshot->n_positions; i++)
                why = check_position(snapshot->positions[i]);
        for (size_t i = 0; !why && i < snapshot->n_orders; i++)
                why = check_order(snapshot->orders[i]);
        for (size_t i = 0; !why && i < snapshot->n_deals; i++)
                why = check_deal(snapshot->deals[i]);
        return why;
}

static const char *check_heartbeat(const void *body)
{
        const Pb__LinkHeartbeat *heartbeat = body;

        return in_range(heartbeat->at_us, BROKER_TIME_MAX_US) ? NULL : "time out of range";
}

static const char *check_token_refused(const void *body)
{
        const Pb__TokenRefused *refused = body;

        if (refused->token >= refused->highest)
                return "token is not lower than the highest";
        /* in a session that is up the peer has proved itself already */
        if (refused->proof.len && refused->proof.len != BUS_SHA256_SIZE)
                return "proof has not its size";
        return NULL;
}

static const char *check_ticks(const Pb__BrokerMessage *message)
{
        if (!message->n_ticks || message->n_ticks > BROKER_TICKS_MAX)
                return "no ticks or too many";
        for (size_t i = 0; i < message->n_ticks; i++) {
                const Pb__BrokerTick *tick = message->ticks[i];

                if (!is_symbol(tick->symbol))
                        return "tick without symbol";
                if (tick->bid_e8 <= 0 || tick->ask_e8 < tick->bid_e8 ||
                        tick->ask_e8 > BROKER_PRICE_MAX_E8)
                        return "tick price out of range";
                if (!in_range(tick->at_us, BROKER_TIME_MAX_US))
                        return "tick time out of range";
        }
        return NULL;
}

struct kind {
        Pb__BrokerKind kind;
        const char *name;
        size_t offset; /* of the pointer to the body in Pb__BrokerMessage */
        check_fn check;
};

#define KIND(upper, field)                                                                        \
        {                                                                                         \
                PB__BROKER_KIND__BROKER_KIND_##upper, #upper, offsetof(Pb__BrokerMessage, field), \
                        check_##field                                                             \
        }

/* All but the ticks, which are not one body. */
static const struct kind kinds[] = {
        KIND(HELLO, hello),
        KIND(WELCOME, welcome),
        KIND(PROOF, proof),
        KIND(SUBMIT, submit),
        KIND(REPORT, report),
        KIND(DEAL, deal),
        KIND(QUERY, query),
        KIND(QUERY_ANSWER, query_answer),
        KIND(SNAPSHOT_REQUEST, snapshot_request),
        KIND(SNAPSHOT, snapshot),
        KIND(HEARTBEAT, heartbeat),
        KIND(TOKEN_REFUSED, token_refused),
};

static const void *body_of(const Pb__BrokerMessage *message, const struct kind *kind)
{
        return *(void *const *)((const char *)message + kind->offset);
}

/* Whether exactly what the kind names is set. */
static bool is_of_its_kind(const Pb__BrokerMessage *message)
{
        if ((message->kind == PB__BROKER_KIND__BROKER_KIND_TICKS) != (message->n_ticks > 0))
                return false;
        for (size_t i = 0; i < BUS_COUNT(kinds); i++)
                if ((message->kind == kinds[i].kind) != !!body_of(message, &kinds[i]))
                        return false;
        return message->kind != PB__BROKER_KIND__BROKER_KIND_UNSPECIFIED;
}

static const char *check(const Pb__BrokerMessage *message)
{
        if (!is_of_its_kind(message))
                return "kind and content disagree";
        for (size_t i = 0; i < BUS_COUNT(kinds); i++)
                if (message->kind == kinds[i].kind)
                        return kinds[i].check(body_of(message, &kinds[i]));
        return check_ticks(message);
}

const char *broker_kind_name(Pb__BrokerKind kind)
{
        if (kind == PB__BROKER_KIND__BROKER_KIND_TICKS)
                return "TICKS";
        for (size_t i = 0; i < BUS_COUNT(kinds); i++)
                if (kinds[i].kind == kind)
                        return kinds[i].name;
        return "?";
}

void broker_pack(const Pb__BrokerMessage *message, struct bus_buf *buf)
{
        size_t size;

        bus_require(is_of_its_kind(message));
        size = pb__broker_message__get_packed_size(message);
        pb__broker_message__pack(message, bus_buf_reserve(buf, size));
        buf->size += size;
}

int broker_unpack(struct bus_bytes frame, size_t max_bytes, Pb__BrokerMessage **ret_message,
        const char **ret_why)
{
        BROKER_AUTOFREE Pb__BrokerMessage *message = NULL;
        const char *why;
        int r;

        if (!frame.size || frame.size > max_bytes) {
                *ret_why = frame.size ? "frame is too long" : "frame is empty";
                return -EBADMSG;
        }
        r = wire_check(frame, &pb__broker_message__descriptor, BROKER_FIELDS_MAX, ret_why);
        if (r < 0)
                return r;
        message = pb__broker_message__unpack(NULL, frame.size, frame.data);
        why = message ? check(message) : "not a protobuf message";
        if (why) {
                *ret_why = why;
                return -EBADMSG;
        }
        *ret_message = BUS_STEAL(message);
        return 0;
}

void broker_message_free(Pb__BrokerMessage *message)
{
        if (message)
                pb__broker_message__free_unpacked(message, NULL);
}

void broker_proof(enum broker_role role, struct bus_bytes secret,
        const uint8_t terminal_nonce[static BROKER_NONCE_BYTES],
        const uint8_t executor_nonce[static BROKER_NONCE_BYTES], const char *terminal_id,
        uint8_t ret_proof[static BUS_SHA256_SIZE])
{
        const struct bus_bytes parts[] = {
                bus_bytes_str(role == BROKER_ROLE_EXECUTOR ? "executor" : "terminal"),
                bus_bytes(terminal_nonce, BROKER_NONCE_BYTES),
                bus_bytes(executor_nonce, BROKER_NONCE_BYTES),
                bus_bytes_str(terminal_id),
        };

        bus_hmac_sha256(secret, parts, BUS_COUNT(parts), ret_proof);
}

bool broker_proof_holds(struct bus_bytes proof, enum broker_role role, struct bus_bytes secret,
        const uint8_t terminal_nonce[static BROKER_NONCE_BYTES],
        const uint8_t executor_nonce[static BROKER_NONCE_BYTES], const char *terminal_id)
{
        uint8_t expected[BUS_SHA256_SIZE];

        broker_proof(role, secret, terminal_nonce, executor_nonce, terminal_id, expected);
        return proof.size == sizeof(expected) &&
               bus_equal_consttime(proof.data, expected, sizeof(expected));
}
