/*
 * Everything mt5-demo reads as text: the first byte chooses the parser. What is accepted must be
 * sound: a record reads the same when it is written again, a fault says itself as it is read.
 */
#include "libbus/base/require.h"
#include "services/mt5-demo/faults.h"
#include "services/mt5-demo/feed.h"
#include "services/mt5-demo/hours.h"
#include "services/mt5-demo/record.h"
#include "services/mt5-demo/specs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_record(struct bus_bytes line)
{
        BUS_AUTOBUF struct bus_buf once = BUS_BUF_INIT, twice = BUS_BUF_INIT;
        struct record record, again;

        if (record_read(line, &record) < 0)
                return;
        record_write(&record, &once);
        bus_require(record_read(bus_bytes(once.data, once.size - 1), &again) == 0);
        record_write(&again, &twice);
        bus_require(bus_bytes_equal(bus_buf_bytes(&once), bus_buf_bytes(&twice)));
}

static void try_fault(const char *text)
{
        char error[FAULT_TEXT_SIZE], said[FAULT_TEXT_SIZE];
        struct faults faults = { 0 }, again = { 0 };

        if (faults_add(&faults, text, 0, error) < 0)
                return;
        fault_format(&faults.items[0], 0, said);
        bus_require(faults_add(&again, said, 0, error) == 0);
        bus_require(again.items[0].kind == faults.items[0].kind);
        bus_require(again.items[0].value == faults.items[0].value);
}

static void try_csv(struct bus_bytes text)
{
        static const struct specs_options options = {
                .symbols = "EURUSD",
                .suffix = "",
                .prices = "",
                .leverage = 1,
                .filling_modes = FILLING_IOC,
        };
        const struct feed_options walk = { 0 };
        char error[SPECS_ERROR_SIZE];
        struct specs specs = { 0 };
        struct feed *feed;
        size_t line;

        bus_require(specs_make(&options, &specs, error) == 0);
        feed = feed_new(specs.items, specs.count, &walk);
        (void)!feed_load_csv(feed, text, &line);
        feed_step(feed);
        bus_require(feed_quotes(feed)[0].bid_e8 > 0);
        bus_require(feed_quotes(feed)[0].ask_e8 >= feed_quotes(feed)[0].bid_e8);
        feed_free(feed);
        specs_done(&specs);
}

static void try_symbols(const char *text)
{
        struct specs_options options = {
                .symbols = text,
                .suffix = "",
                .prices = text,
                .leverage = 100,
                .filling_modes = FILLING_IOC,
        };
        char error[SPECS_ERROR_SIZE];
        struct specs specs = { 0 };
        unsigned int modes;

        if (specs_make(&options, &specs, error) == 0)
                bus_require(specs.count > 0);
        specs_done(&specs);
        (void)!specs_filling(text, &modes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        struct hours hours;

        if (!size)
                return 0;
        bus_buf_add(&text, data + 1, size - 1);
        switch (data[0]) {
        case 'r': try_record(bus_buf_bytes(&text)); break;
        case 'f': try_fault(bus_buf_str(&text)); break;
        case 'c': try_csv(bus_buf_bytes(&text)); break;
        case 's': try_symbols(bus_buf_str(&text)); break;
        case 'h':
                if (hours_parse(bus_buf_str(&text), &hours) == 0)
                        (void)hours_open(&hours, INT64_C(1795305600000000));
                break;
        }
        return 0;
}
