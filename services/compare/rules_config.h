#pragma once
/*
 * How two decisions are compared, as the configuration has it: [telegram-analytics] and a section
 * [ignore.NAME] for each rule. The comparator and `umbra replay` read the same.
 */
#include "libbus/config/config.h"
#include "services/compare/pair.h"

/* Rows for the option tables of whoever compares. */
#define COMPARE_OPTIONS                                                                          \
        { "telegram-analytics", "deadline", CONFIG_DURATION, "5s", 100 * 1000,                   \
                INT64_C(600) * 1000 * 1000, NULL,                                                \
                "a decision that comes so much behind the other side's is late" },               \
                { "telegram-analytics", "lot_tolerance", CONFIG_INT, "0", 0, 1000, NULL,         \
                        "volumes may differ by so many lot steps" },                             \
                { "telegram-analytics", "price_tolerance", CONFIG_INT, "0", 0, 100000, NULL,     \
                        "stops and targets may differ by so many of the symbol's last digits" }, \
                { "ignore.*", "class", CONFIG_ENUM, NULL, 0, 0,                                  \
                        "late|reason|stops|size|side|one_sided|error",                           \
                        "the class of the pairs that do not count against a plugin" },           \
                { "ignore.*", "plugin", CONFIG_STRING, "", 0, 32, NULL,                          \
                        "only of this plugin of the shadow" },                                   \
                { "ignore.*", "against", CONFIG_STRING, "", 0, 32, NULL,                         \
                        "only against this live plugin" },                                       \
                { "ignore.*", "symbol", CONFIG_STRING, "", 0, 32, NULL, "only of this symbol" }, \
                { "ignore.*", "kind", CONFIG_ENUM, "", 0, 0, "entry|exit|squeeze|pulse",         \
                        "only of such alerts" },                                                 \
                { "ignore.*", "owner", CONFIG_STRING, NULL, 1, 32, NULL, "who answers for it" }, \
                { "ignore.*", "reason", CONFIG_STRING, NULL, 1, 160, NULL,                       \
                        "why these differences are no fault" },                                  \
        {                                                                                        \
                "ignore.*", "expires", CONFIG_STRING, NULL, 10, 40, NULL,                        \
                        "alerts from then on are not covered: 2026-12-31T00:00:00Z, or a day"    \
        }

/*
 * Fills SETTINGS from CONFIG; SYMBOLS is borrowed as long as it. -EINVAL with one line in ERROR that
 * names the culprit.
 */
BUS_MUST int compare_config(struct compare_settings *settings, const struct config *config,
        const struct symbols *symbols, char error[static CONFIG_ERROR_SIZE]);
