/*
 * Accounts, commands, results, alarms, heartbeats, comparisons and quotes.
 */
#include "proto/validate/check.h"
#include "proto/validate/refused.h"

#include <math.h>

Test(account, names_the_field_that_is_wrong)
{
        REFUSED(account, "as_of_us", m.as_of_us = -1);
        REFUSED(account, "balance_cents", m.balance_cents = INT64_MAX);
        REFUSED(account, "daily_loss_cents", m.daily_loss_cents = -1);
        REFUSED(account, "lifetime_loss_cents", m.lifetime_loss_cents = -1);
        REFUSED(account, "open_risk_cents", m.open_risk_cents = -1);
        REFUSED(account, "positions", m.n_positions = 4097);
        REFUSED(account, "unknown_orders", m.unknown_orders = UINT32_MAX);
        PASSES(account, (m.as_of_us = 0, m.n_positions = 0));
        PASSES(account, m.equity_cents = -12345);
}

Test(account, looks_at_every_position)
{
        REFUSED(account, "positions.ticket", m.positions[0]->ticket = 0);
        REFUSED(account, "positions.symbol", m.positions[0]->symbol = (char *)"");
        REFUSED(account, "positions.side", m.positions[0]->side = (Pb__Side)0);
        REFUSED(account, "positions.volume_e8", m.positions[0]->volume_e8 = 0);
        REFUSED(account, "positions.open_price_e8", m.positions[0]->open_price_e8 = 0);
        REFUSED(account, "positions.sl_e8", m.positions[0]->sl_e8 = -1);
        REFUSED(account, "positions.cl_ord_id", m.positions[0]->cl_ord_id = (char *)"by hand");
        PASSES(account, m.positions[0]->cl_ord_id = (char *)"");
        PASSES(account, m.positions[0]->symbol = (char *)"US30+ (cash)");
}

Test(control, names_the_field_that_is_wrong)
{
        REFUSED(control, "command", m.command = (Pb__Command)0);
        REFUSED(control, "command", m.command = (Pb__Command)17);
        REFUSED(control, "actor", m.actor = (char *)"");
        REFUSED(control, "plugin", m.plugin = (char *)"combined v3");
        REFUSED(control, "expected_epoch", m.expected_epoch = UINT64_MAX);
        REFUSED(control, "deadline_us", m.deadline_us = -1);
        REFUSED(control, "cl_ord_id", m.cl_ord_id = (char *)"1");
        REFUSED(control, "settle_as", m.settle_as = (Pb__SettleAs)3);
        REFUSED(control, "symbol", m.symbol = (char *)"a b");
}

Test(control, has_what_its_command_needs)
{
        REFUSED(control, "plugin", m.plugin = (char *)"");
        REFUSED(control, "cl_ord_id", m.command = PB__COMMAND__COMMAND_SETTLE);
        REFUSED(control, "settle_as",
                (m.command = PB__COMMAND__COMMAND_SETTLE,
                        m.cl_ord_id = (char *)"0123456789ABCDEF"));
        REFUSED(control, "ticket", m.command = PB__COMMAND__COMMAND_CLOSE);
        REFUSED(control, "symbol", m.command = PB__COMMAND__COMMAND_OPEN_SYMBOL);
        REFUSED(control, "risk", m.command = PB__COMMAND__COMMAND_SET_RISK);
        REFUSED(control, "backup_name", m.command = PB__COMMAND__COMMAND_BACKUP);
        REFUSED(control, "telegram", m.command = PB__COMMAND__COMMAND_TELEGRAM);
        PASSES(control, (m.command = PB__COMMAND__COMMAND_ROLLBACK, m.plugin = (char *)""));
        PASSES(control, (m.command = PB__COMMAND__COMMAND_PAUSE, m.plugin = (char *)""));
}

Test(control, keeps_a_backup_in_its_folder)
{
        PASSES(control, m.backup_name = (char *)"before-cutover_2026.11");
        REFUSED(control, "backup_name", m.backup_name = (char *)"..");
        REFUSED(control, "backup_name", m.backup_name = (char *)".hidden");
        REFUSED(control, "backup_name", m.backup_name = (char *)"a/b");
        REFUSED(control, "backup_name", m.backup_name = (char *)"a b");
}

Test(control, looks_at_every_risk_setting)
{
        Pb__RiskSetting setting = PB__RISK_SETTING__INIT;
        Pb__RiskSetting *settings[] = { &setting };

        REFUSED(control, "risk", (m.risk = settings, m.n_risk = 1));
        setting.key = (char *)"daily_cap";
        setting.value = (char *)"200";
        PASSES(control,
                (m.risk = settings, m.n_risk = 1, m.command = PB__COMMAND__COMMAND_SET_RISK));
        setting.value = (char *)"1\n2";
        REFUSED(control, "risk", (m.risk = settings, m.n_risk = 1));
        REFUSED(control, "risk", m.n_risk = 33);
}

Test(control_result, names_the_field_that_is_wrong)
{
        REFUSED(control_result, "command_id", m.command_id = (char *)"");
        REFUSED(control_result, "command", m.command = (Pb__Command)99);
        REFUSED(control_result, "service", m.service = (char *)"");
        REFUSED(control_result, "status", m.status = (Pb__ResultStatus)0);
        REFUSED(control_result, "code", m.status = PB__RESULT_STATUS__RESULT_STATUS_REFUSED);
        REFUSED(control_result, "text", m.text = NULL);
        REFUSED(control_result, "facts", m.facts[0]->key = (char *)"");
        REFUSED(control_result, "facts", m.n_facts = 65);
}

Test(alarm, names_the_field_that_is_wrong)
{
        REFUSED(alarm, "code", m.code = (char *)"");
        REFUSED(alarm, "code", m.code = (char *)"Order Unknown");
        REFUSED(alarm, "subject", m.subject = (char *)"a\tb");
        REFUSED(alarm, "severity", m.severity = (Pb__Severity)4);
        REFUSED(alarm, "severity", m.severity = (Pb__Severity)0);
        REFUSED(alarm, "text", m.text = (char *)"\xf5\x80\x80\x80");
        PASSES(alarm, (m.severity = (Pb__Severity)0, m.raised = false));
        PASSES(alarm, m.text = (char *)"Gr\xc3\xbc\xc3\x9f"
                                       "e,\nzwei Zeilen \xf0\x9f\x98\x80");
}

Test(heartbeat, names_the_field_that_is_wrong)
{
        REFUSED(heartbeat, "service", m.service = (char *)"Health");
        REFUSED(heartbeat, "pid", m.pid = 0);
        REFUSED(heartbeat, "started_us", m.started_us = 0);
        REFUSED(heartbeat, "state", m.state = (Pb__ServiceState)5);
        REFUSED(heartbeat, "memory_bytes", m.memory_bytes = UINT64_MAX);
        REFUSED(heartbeat, "lags", m.lags[0]->stream = (char *)"signal");
        REFUSED(heartbeat, "lags", m.n_lags = 65);
        REFUSED(heartbeat, "facts", m.facts[0] = (char *)"=x");
        REFUSED(heartbeat, "facts", m.facts[0] = (char *)"active");
        REFUSED(heartbeat, "facts", m.n_facts = 65);
}

Test(heartbeat, carries_only_metrics_that_can_be_printed)
{
        REFUSED(heartbeat, "metrics", m.metrics[0]->name = (char *)"1st");
        REFUSED(heartbeat, "metrics", m.metrics[0]->name = (char *)"a b");
        REFUSED(heartbeat, "metrics", m.metrics[0]->labels = (char *)"a=\"1\"}\nforged 1");
        REFUSED(heartbeat, "metrics", m.metrics[0]->kind = (Pb__MetricKind)0);
        REFUSED(heartbeat, "metrics", m.metrics[0]->value = NAN);
        REFUSED(heartbeat, "metrics", m.metrics[0]->value = INFINITY);
        REFUSED(heartbeat, "metrics", m.metrics[0]->n_buckets = 0);
        REFUSED(heartbeat, "metrics", m.metrics[0]->buckets[0] = 2);
        REFUSED(heartbeat, "metrics", m.metrics[0]->kind = PB__METRIC_KIND__METRIC_KIND_COUNTER);
        REFUSED(heartbeat, "metrics", m.n_metrics = 1025);
}

Test(comparison, names_the_field_that_is_wrong)
{
        REFUSED(comparison, "plugin", m.plugin = (char *)"");
        REFUSED(comparison, "class", m.class_ = (Pb__ComparisonClass)0);
        REFUSED(comparison, "class", m.class_ = (Pb__ComparisonClass)9);
        REFUSED(comparison, "critical", m.critical = false);
        REFUSED(comparison, "critical", m.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_SIZE);
        REFUSED(comparison, "live_ns", m.live_ns = -1);
        REFUSED(comparison, "against", m.against = (char *)"");
        REFUSED(comparison, "kind", m.kind = (Pb__AlertType)0);
        REFUSED(comparison, "source", m.source = (Pb__ComparisonSource)3);
        REFUSED(comparison, "symbol", m.symbol = (char *)"");
        REFUSED(comparison, "signal", m.signal->seq = 0);
        REFUSED(comparison, "received_us", m.received_us = 0);
        REFUSED(comparison, "ignored_by", m.ignored = true);
        REFUSED(comparison, "ignored_by", m.ignored_by = (char *)"known_rounding");
        REFUSED(comparison, "missing", m.shadow_missing = true);
        REFUSED(comparison, "shadow_verdict", m.shadow_verdict = (Pb__Verdict)0);
        REFUSED(comparison, "live_verdict", m.live_reason = (Pb__Reason)0);
        PASSES(comparison, (m.ignored = true, m.ignored_by = (char *)"known_rounding"));
}

/* The pair whose live decision is missing. */
static Pb__Comparison sample_late(void)
{
        Pb__Comparison m = sample_comparison();

        m.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_LATE;
        m.critical = false;
        m.live_missing = true;
        m.against = (char *)"";
        m.live_verdict = (Pb__Verdict)0;
        m.live_reason = (Pb__Reason)0;
        return m;
}

static int validate_late(const Pb__Comparison *m, const char **ret_why)
{
        return validate_comparison(m, ret_why);
}

Test(comparison, misses_one_side_at_most_and_says_which)
{
        PASSES(late, (void)m);
        REFUSED(late, "missing", m.shadow_missing = true);
        REFUSED(late, "missing", m.revises = true);
        REFUSED(late, "against", m.against = (char *)"legacy_v3");
        REFUSED(late, "live_verdict", m.live_verdict = PB__VERDICT__VERDICT_REJECT);
}

Test(tick, names_the_field_that_is_wrong)
{
        REFUSED(tick, "symbol", m.symbol = (char *)"");
        REFUSED(tick, "bid_e8", m.bid_e8 = 0);
        REFUSED(tick, "ask_e8", m.ask_e8 = m.bid_e8 - 1);
        REFUSED(tick, "at_us", m.at_us = 0);
        PASSES(tick, m.ask_e8 = m.bid_e8);
}

Test(turn, names_the_field_that_is_wrong)
{
        REFUSED(turn, "kind", m.kind = PB__TURN_KIND__TURN_KIND_UNSPECIFIED);
        REFUSED(turn, "service", m.service = (char *)"");
        REFUSED(turn, "bot", m.bot = (char *)"");
        REFUSED(turn, "bot", m.bot = (char *)"0123456789abcdef0");
        REFUSED(turn, "number", m.number = 0);
        REFUSED(turn, "chat_id", m.chat_id = 0);
        REFUSED(turn, "priority", m.priority = 16);
        REFUSED(turn, "until_us", m.until_us = 0);
        REFUSED(turn, "retry_after_s", m.retry_after_s = 100000);
        PASSES(turn, (m.kind = PB__TURN_KIND__TURN_KIND_ASK, m.until_us = 0, m.priority = 2));
        PASSES(turn,
                (m.kind = PB__TURN_KIND__TURN_KIND_DONE, m.until_us = 0, m.retry_after_s = 30));
}

Test(notice, names_the_field_that_is_wrong)
{
        REFUSED(notice, "alert_id", m.alert_id = (char *)"");
        REFUSED(notice, "body", m.body.len = 0);
        REFUSED(notice, "body", m.body.len = CHECK_BODY_MAX + 1);
        PASSES(notice, m.body.len = 1);
}
