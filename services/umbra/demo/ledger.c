#include "services/umbra/demo/ledger.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>

#define READ_STEP_BYTES ((size_t)65536)

void demo_ledger_init(struct demo_ledger *ledger, const char *path)
{
        *ledger = (struct demo_ledger){ .path = bus_xstrdup(path) };
}

void demo_ledger_done(struct demo_ledger *ledger)
{
        free(ledger->path);
        bus_buf_done(&ledger->rest);
        free(ledger->orders);
        free(ledger->positions);
        *ledger = (struct demo_ledger){ 0 };
}

void demo_ledger_forget(struct demo_ledger *ledger)
{
        ledger->order_count = 0;
        ledger->position_count = 0;
}

/* ---- one line ---- */

static const char *text(const json_t *line, const char *key)
{
        const char *value = json_string_value(json_object_get(line, key));

        return value ? value : "";
}

static int64_t lots(const json_t *line, const char *key)
{
        const char *value = text(line, key);
        int64_t e8 = 0;

        return e8_parse(value, strlen(value), &e8) < 0 ? 0 : e8;
}

static uint64_t number(const json_t *line, const char *key)
{
        return (uint64_t)json_integer_value(json_object_get(line, key));
}

static struct ledger_order *order_of(struct demo_ledger *ledger, const char *cl_ord_id)
{
        struct ledger_order *order;

        for (size_t i = 0; i < ledger->order_count; i++)
                if (!strcmp(ledger->orders[i].cl_ord_id, cl_ord_id))
                        return &ledger->orders[i];
        if (ledger->order_count == ledger->order_capacity) {
                ledger->order_capacity = ledger->order_capacity ? 2 * ledger->order_capacity : 256;
                ledger->orders = bus_xrealloc(
                        ledger->orders, ledger->order_capacity * sizeof(*ledger->orders));
        }
        order = &ledger->orders[ledger->order_count++];
        *order = (struct ledger_order){ 0 };
        snprintf(order->cl_ord_id, sizeof(order->cl_ord_id), "%s", cl_ord_id);
        return order;
}

static struct ledger_position *position_of(struct demo_ledger *ledger, uint64_t ticket)
{
        for (size_t i = 0; i < ledger->position_count; i++)
                if (ledger->positions[i].ticket == ticket)
                        return &ledger->positions[i];
        return NULL;
}

static void take_request(struct demo_ledger *ledger, const json_t *line)
{
        struct ledger_order *order = order_of(ledger, text(line, "cl_ord_id"));

        order->requests++;
        order->asked_e8 = lots(line, "volume");
        order->closes = !strcmp(text(line, "action"), "close");
}

static void open_position(
        struct demo_ledger *ledger, const json_t *line, struct ledger_order *order, int64_t at_us)
{
        struct ledger_position *position = position_of(ledger, number(line, "position"));

        if (position) { /* the rest of a partial fill */
                position->left_e8 += lots(line, "volume");
                return;
        }
        if (ledger->position_count == ledger->position_capacity) {
                ledger->position_capacity =
                        ledger->position_capacity ? 2 * ledger->position_capacity : 256;
                ledger->positions = bus_xrealloc(
                        ledger->positions, ledger->position_capacity * sizeof(*ledger->positions));
        }
        position = &ledger->positions[ledger->position_count++];
        *position = (struct ledger_position){
                .ticket = number(line, "position"),
                .is_buy = !strcmp(text(line, "side"), "buy"),
                .opened_us = at_us,
                .left_e8 = lots(line, "volume"),
        };
        snprintf(position->symbol, sizeof(position->symbol), "%s", text(line, "symbol"));
        if (order) {
                order->positions++;
                strcpy(position->opened_by, order->cl_ord_id);
        }
}

static enum ledger_end end_of(const char *reason)
{
        if (!strcmp(reason, "expert"))
                return LEDGER_CLOSED_BY_ORDER;
        if (!strcmp(reason, "stop"))
                return LEDGER_CLOSED_BY_STOP;
        return strcmp(reason, "target") ? LEDGER_CLOSED_OTHERWISE : LEDGER_CLOSED_BY_TARGET;
}

static void close_position(struct demo_ledger *ledger, const json_t *line,
        const struct ledger_order *order, int64_t at_us)
{
        struct ledger_position *position = position_of(ledger, number(line, "position"));

        if (!position) {
                ledger->bad_lines++;
                return;
        }
        position->left_e8 -= lots(line, "volume");
        if (order)
                strcpy(position->closed_by, order->cl_ord_id);
        if (position->left_e8 <= 0) {
                position->closed_us = at_us;
                position->end = end_of(text(line, "reason"));
        }
}

static void take_balance(struct demo_ledger *ledger, const json_t *line)
{
        const char *balance = text(line, "balance");

        if (cents_parse(balance, strlen(balance), &ledger->balance_cents) < 0)
                ledger->bad_lines++;
}

static void take_deal(struct demo_ledger *ledger, const json_t *line)
{
        const char *cl_ord_id = text(line, "cl_ord_id");
        bool ours = !strcmp(text(line, "reason"), "expert") && *cl_ord_id;
        struct ledger_order *order = ours ? order_of(ledger, cl_ord_id) : NULL;
        int64_t at_us = 0;

        if (bus_time_parse(text(line, "time"), &at_us) < 0)
                ledger->bad_lines++;
        if (order) {
                order->deals++;
                order->done_e8 += lots(line, "volume");
        }
        if (!strcmp(text(line, "entry"), "in"))
                open_position(ledger, line, order, at_us);
        else
                close_position(ledger, line, order, at_us);
        take_balance(ledger, line);
}

static void take_hello(struct demo_ledger *ledger, const json_t *line)
{
        if (bus_time_parse(text(line, "time"), &ledger->hello_us) < 0)
                ledger->bad_lines++;
}

static void take_line(struct demo_ledger *ledger, struct bus_bytes bytes)
{
        json_t *line =
                json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, NULL);
        const char *event = text(line, "event");

        if (!json_is_object(line))
                ledger->bad_lines++;
        else if (!strcmp(event, "request"))
                take_request(ledger, line);
        else if (!strcmp(event, "result"))
                order_of(ledger, text(line, "cl_ord_id"))->retcode =
                        (uint32_t)number(line, "retcode");
        else if (!strcmp(event, "deal"))
                take_deal(ledger, line);
        else if (!strcmp(event, "account"))
                take_balance(ledger, line);
        else if (!strcmp(event, "hello"))
                take_hello(ledger, line);
        json_decref(line);
}

/* ---- the file ---- */

static void take_whole_lines(struct demo_ledger *ledger)
{
        const uint8_t *start = ledger->rest.data, *end;
        size_t left = ledger->rest.size;

        while (left && (end = memchr(start, '\n', left))) {
                take_line(ledger, bus_bytes(start, (size_t)(end - start)));
                left -= (size_t)(end - start) + 1;
                start = end + 1;
        }
        if (left && start != ledger->rest.data)
                memmove(ledger->rest.data, start, left);
        ledger->rest.size = left;
}

int demo_ledger_read(struct demo_ledger *ledger)
{
        BUS_AUTOCLOSE int fd = open(ledger->path, O_RDONLY | O_CLOEXEC);
        int64_t before = ledger->offset;
        ssize_t n;

        if (fd < 0)
                return -errno;
        while ((n = pread(fd, bus_buf_reserve(&ledger->rest, READ_STEP_BYTES), READ_STEP_BYTES,
                        ledger->offset)) > 0) {
                ledger->rest.size += (size_t)n;
                ledger->offset += n;
                take_whole_lines(ledger);
        }
        return n < 0 ? -errno : ledger->offset > before;
}

/* ---- asking ---- */

const struct ledger_order *demo_ledger_order(
        const struct demo_ledger *ledger, const char *cl_ord_id)
{
        for (size_t i = 0; i < ledger->order_count; i++)
                if (!strcmp(ledger->orders[i].cl_ord_id, cl_ord_id))
                        return &ledger->orders[i];
        return NULL;
}

size_t demo_ledger_executed(const struct demo_ledger *ledger)
{
        size_t n = 0;

        for (size_t i = 0; i < ledger->order_count; i++)
                n += ledger->orders[i].deals > 0;
        return n;
}

size_t demo_ledger_open(const struct demo_ledger *ledger)
{
        size_t n = 0;

        for (size_t i = 0; i < ledger->position_count; i++)
                n += ledger->positions[i].end == LEDGER_OPEN;
        return n;
}
