#pragma once
/*
 * The symbol table as the configuration has it: the defaults, changed by [symbol.NAME] and, for
 * ingest, by [alias.ingest]. Every service that judges lots or prices reads the same sections.
 */
#include "libbus/config/config.h"
#include "services/common/symbols.h"

/* Rows for a service's option table. */
#define SYMBOLS_CONFIG_OPTION                                                                   \
        {                                                                                       \
                "symbol.*", "*", CONFIG_STRING, "", 0, 64, NULL,                                \
                        "digits, pip, usd_per_pip, min_lot, lot_step, max_lot, min_stop_pips, " \
                        "fallback_sl_pips"                                                      \
        }
#define SYMBOLS_CONFIG_ALIAS_OPTION                                                  \
        {                                                                            \
                "alias.ingest", "*", CONFIG_STRING, "", 0, V3_SYMBOL_SIZE - 1, NULL, \
                        "what alerts may say = our name for it"                      \
        }

/*
 * Makes SYMBOLS from CONFIG, whose tables hold the first row above, and the second where
 * WITH_ALIASES. 0, the caller calls symbols_done; -EINVAL with one line in ERROR that names the
 * culprit and where it stands, SYMBOLS is then done already.
 */
BUS_MUST int symbols_config(struct symbols *symbols, const struct config *config, bool with_aliases,
        char error[static CONFIG_ERROR_SIZE]);
