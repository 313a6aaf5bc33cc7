#include "services/umbra/demo/ledger.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>

#define T "\"time\":\"2026-11-22T18:20:00.000000Z\""

static const char lines[] =
        "{" T ",\"event\":\"account\",\"balance\":\"10000.00\",\"comment\":\"x\"}\n"
        "{" T ",\"event\":\"request\",\"cl_ord_id\":\"AAAAAAAAAAAAAAAA\",\"attempt\":1,"
        "\"action\":\"open\",\"volume\":\"0.02\"}\n"
        "{" T ",\"event\":\"deal\",\"cl_ord_id\":\"AAAAAAAAAAAAAAAA\",\"symbol\":\"GOLD\","
        "\"side\":\"buy\",\"entry\":\"in\",\"volume\":\"0.02\",\"position\":7,\"balance\":\"10000.00\","
        "\"reason\":\"expert\"}\n"
        "{" T ",\"event\":\"request\",\"cl_ord_id\":\"AAAAAAAAAAAAAAAA\",\"attempt\":1,"
        "\"action\":\"open\",\"volume\":\"0.02\"}\n"
        "{" T ",\"event\":\"deal\",\"cl_ord_id\":\"\",\"symbol\":\"GOLD\",\"side\":\"sell\","
        "\"entry\":\"out\",\"volume\":\"0.02\",\"position\":7,\"balance\":\"9998.50\","
        "\"reason\":\"stop\"}\n";

struct rig {
        char path[64];
        struct demo_ledger ledger;
};

static void rig_init(struct rig *rig)
{
        int fd;

        snprintf(rig->path, sizeof(rig->path), "/tmp/umbra-test-ledger-XXXXXX");
        fd = mkstemp(rig->path);
        cr_assert_geq(fd, 0);
        close(fd);
        demo_ledger_init(&rig->ledger, rig->path);
}

static void append(struct rig *rig, const char *text, size_t size)
{
        BUS_AUTOCLOSE int fd = open(rig->path, O_WRONLY | O_APPEND | O_CLOEXEC);

        cr_assert_eq(bus_write_all(fd, bus_bytes(text, size)), 0);
}

static void rig_done(struct rig *rig)
{
        demo_ledger_done(&rig->ledger);
        unlink(rig->path);
}

Test(ledger, follows_a_file_that_grows_by_pieces_of_lines)
{
        struct rig rig;

        rig_init(&rig);
        cr_expect_eq(demo_ledger_read(&rig.ledger), 0);
        for (size_t i = 0; i < sizeof(lines) - 1; i += 50) {
                size_t left = sizeof(lines) - 1 - i;

                append(&rig, lines + i, left < 50 ? left : 50);
                cr_assert_eq(demo_ledger_read(&rig.ledger), 1);
        }
        cr_expect_eq(rig.ledger.bad_lines, 0);
        cr_expect_eq(rig.ledger.order_count, 1);
        cr_expect_eq(rig.ledger.orders[0].requests, 2);
        cr_expect_eq(rig.ledger.orders[0].deals, 1);
        cr_expect_eq(demo_ledger_executed(&rig.ledger), 1);
        cr_expect_eq(demo_ledger_open(&rig.ledger), 0);
        cr_expect_eq(rig.ledger.positions[0].end, LEDGER_CLOSED_BY_STOP);
        cr_expect_eq(rig.ledger.balance_cents, 999850);
        rig_done(&rig);
}

Test(ledger, counts_lines_it_cannot_read)
{
        struct rig rig;

        rig_init(&rig);
        append(&rig, "not json\n[1]\n", 13);
        cr_expect_eq(demo_ledger_read(&rig.ledger), 1);
        cr_expect_eq(rig.ledger.bad_lines, 2);
        rig_done(&rig);
}

Test(ledger, sees_an_order_that_opened_two_positions)
{
        static const char again[] =
                "{" T ",\"event\":\"deal\",\"cl_ord_id\":\"AAAAAAAAAAAAAAAA\",\"symbol\":\"GOLD\","
                "\"side\":\"buy\",\"entry\":\"in\",\"volume\":\"0.02\",\"position\":8,"
                "\"balance\":\"10000.00\",\"reason\":\"expert\"}\n";
        struct rig rig;

        rig_init(&rig);
        append(&rig, lines, sizeof(lines) - 1);
        append(&rig, again, sizeof(again) - 1);
        cr_expect_eq(demo_ledger_read(&rig.ledger), 1);
        cr_expect_eq(rig.ledger.orders[0].positions, 2);
        rig_done(&rig);
}
