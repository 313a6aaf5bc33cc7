/*
 * The handshake and the executor's token: who may be the broker, and which executor may trade.
 */
#include "libbus/base/clock.h"
#include "tests/executor/fake.h"

#include <criterion/criterion.h>
#include <signal.h>

#define KIND(name) PB__BROKER_KIND__BROKER_KIND_##name
#define HEDGING    PB__ACCOUNT_MODE__ACCOUNT_MODE_HEDGING
#define NETTING    PB__ACCOUNT_MODE__ACCOUNT_MODE_NETTING

enum {
        STAY_DOWN = 3, /* the exit status that nobody starts again */
};

static struct rig *rig;
static struct fake *fake;

static void setup(void)
{
        rig = rig_new(NULL);
        rig_start_executor(rig);
        fake = fake_new(rig, "one");
}

static void teardown(void)
{
        fake_free(fake);
        rig_free(rig);
}

TestSuite(token, .init = setup, .fini = teardown, .timeout = 120);

static const Pb__Welcome *welcome(struct fake *to, uint64_t highest)
{
        fake_hello(to, highest, HEDGING);
        return fake_wait(to, KIND(WELCOME))->welcome;
}

/* A session is up when the executor asks for the account. */
static void shake_hands(struct fake *to, uint64_t highest)
{
        rig_require(welcome(to, highest)->accepted, "welcome");
        fake_proof(to);
        fake_wait(to, KIND(SNAPSHOT_REQUEST));
}

static void again(void)
{
        fake_free(fake);
        fake = fake_new(rig, "one");
}

Test(token, the_executor_proves_itself_and_begins_at_one)
{
        const Pb__Welcome *answer = welcome(fake, 0);

        cr_assert(answer->accepted);
        cr_expect_eq(answer->executor_token, 1);
        cr_expect(broker_proof_holds(bus_bytes(answer->proof.data, answer->proof.len),
                BROKER_ROLE_EXECUTOR, bus_bytes_str(fake->secret), fake->nonce, answer->nonce.data,
                "one"));
}

Test(token, counts_the_starts)
{
        shake_hands(fake, 0);
        rig_kill(rig, &rig->executor, SIGKILL);
        rig_start_executor(rig);
        again();
        cr_expect_eq(welcome(fake, 1)->executor_token, 2);
}

Test(token, is_raised_over_what_the_terminal_has_seen_at_the_start_only)
{
        cr_expect_eq(welcome(fake, 41)->executor_token, 42);
        fake_proof(fake);
        fake_wait(fake, KIND(SNAPSHOT_REQUEST));
        again();
        cr_expect_eq(welcome(fake, 90)->executor_token, 42, "not raised any more");
        rig_kill(rig, &rig->executor, SIGKILL);
        rig_start_executor(rig);
        again();
        cr_expect_eq(welcome(fake, 42)->executor_token, 43, "and it was durable");
}

Test(token, one_that_is_refused_stops_and_does_not_come_back_by_itself)
{
        shake_hands(fake, 0);
        again();
        welcome(fake, 9);
        fake_token_refused(fake, 1, 9, true);
        cr_expect_eq(rig_wait_exit(rig, &rig->executor), STAY_DOWN);
        rig_start_executor(rig);
        cr_expect_eq(rig_wait_exit(rig, &rig->executor), STAY_DOWN, "whoever starts it again");
        rig->sets[0] = "order-executor.takeover=yes";
        rig_start_executor(rig);
        again();
        cr_expect_eq(welcome(fake, 9)->executor_token, 10);
}

Test(token, a_refusal_by_a_stranger_stops_nobody)
{
        shake_hands(fake, 0);
        again();
        welcome(fake, 9);
        fake_token_refused(fake, 1, 9, false);
        again();
        cr_expect_eq(welcome(fake, 1)->executor_token, 1);
}

Test(token, without_the_secret_nobody_is_the_broker)
{
        fake->secret = "something else entirely";
        welcome(fake, 0);
        fake_proof(fake);
        cr_expect(!fake_hears(fake, KIND(SNAPSHOT_REQUEST), BUS_US_PER_SEC));
        again();
        shake_hands(fake, 0);
}

Test(token, nothing_is_taken_from_who_has_not_proved_itself)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__LinkHeartbeat heartbeat = PB__LINK_HEARTBEAT__INIT;
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;

        heartbeat.at_us = 1;
        message.kind = KIND(HEARTBEAT);
        message.heartbeat = &heartbeat;
        broker_pack(&message, &frame);
        fake_bytes(fake, frame.data, frame.size);
        fake_bytes(fake, "", 0);
        fake_bytes(fake, "nonsense", 8);
        fake_proof(fake);
        cr_expect(!fake_hears(fake, KIND(SNAPSHOT_REQUEST), BUS_US_PER_SEC / 2));
        shake_hands(fake, 0);
}

/* Who knows the secret and has not the terminal's key does not get as far as to show it. */
Test(token, nobody_but_the_terminals_key_reaches_the_link)
{
        struct fake *other = fake_new_with_key(rig, "other", "strategy-v3-shadow");

        fake_hello(other, 0, HEDGING);
        cr_expect(!fake_hears(other, KIND(WELCOME), BUS_US_PER_SEC / 2));
        shake_hands(fake, 0);
        fake_free(other);
}

Test(token, one_terminal_at_a_time_and_the_same_one_may_dial_again)
{
        struct fake *other = fake_new(rig, "other"), *same;

        shake_hands(fake, 0);
        cr_expect(!welcome(other, 1)->accepted);
        cr_expect_str_eq(other->last->welcome->refusal, "another terminal is connected");
        same = fake_new(rig, "one");
        shake_hands(same, 1);
        fake_free(other);
        fake_free(same);
}

Test(token, a_netting_account_is_refused_with_a_clear_word)
{
        fake_hello(fake, 0, NETTING);
        fake_wait(fake, KIND(WELCOME));
        cr_expect(!fake->last->welcome->accepted);
        cr_expect_not_null(strstr(fake->last->welcome->refusal, "allow_netting"));
}

Test(token, a_terminal_that_falls_silent_is_lost_after_five_seconds)
{
        shake_hands(fake, 0);
        cr_expect(fake_hears(fake, KIND(HEARTBEAT), 3 * BUS_US_PER_SEC));
        cr_expect(fake_hears(fake, KIND(HEARTBEAT), 3 * BUS_US_PER_SEC));
        while (fake_hears(fake, KIND(HEARTBEAT), 2 * BUS_US_PER_SEC))
                ; /* it stops when we are dead to it */
        cr_expect(welcome(fake, 1)->accepted);
}
