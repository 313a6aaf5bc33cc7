#pragma once
/*
 * Loads strategy plugins, hands them their settings and asks them, trusting none of their answers.
 *
 * One struct plugin is one loaded shared object with one instance. Life: plugin_open, plugin_set
 * any number of times, plugin_start, plugin_decide any number of times, plugin_close. Not for
 * several threads. Every failure, the host's or the plugin's, ends as one line that names the
 * culprit.
 */
#include "services/common/symbols.h"
#include "umbra/plugin.h"

#define PLUGIN_ERROR_SIZE       256
#define PLUGIN_BUILD_SIZE       65 /* hex of the build-id note, up to 32 bytes, and NUL */
#define PLUGIN_CONFIG_HASH_SIZE 17 /* 16 hex characters and NUL */

struct plugin;

/*
 * Loads DIR/NAME.so and checks its stamp, name, capabilities and option table. Reads the disk.
 * -ENOENT: no such file; -ENOEXEC: not loadable, no entry, or built against another ABI;
 * -EINVAL: NAME or what the entry says is wrong. *RET_PLUGIN: the caller closes.
 */
BUS_MUST int plugin_open(const char *dir, const char *name, char error[static PLUGIN_ERROR_SIZE],
        struct plugin **ret_plugin);
struct plugin *plugin_close(struct plugin *plugin); /* takes NULL, returns NULL */
BUS_DEFINE_CLEANUP(plugin_closep, struct plugin *, plugin_close);

/* One setting of [plugin.NAME], before plugin_start. -ENOENT: no such key; -EINVAL: bad value. */
BUS_MUST int plugin_set(struct plugin *plugin, const char *key, const char *value,
        char error[static PLUGIN_ERROR_SIZE]);

/* Makes the instance with the settings and a copy of SYMBOLS (checked). -errno of create(). */
BUS_MUST int plugin_start(
        struct plugin *plugin, const struct symbols *symbols, char error[static PLUGIN_ERROR_SIZE]);

const char *plugin_name(const struct plugin *plugin);
const char *plugin_version(const struct plugin *plugin);
/* The GNU build-id note of the loaded object in hex; "none" where it has no such note. */
const char *plugin_build(const struct plugin *plugin);
/* After plugin_start: a hash over all settings (defaults included) and the symbol table. */
const char *plugin_config_hash(const struct plugin *plugin);
uint32_t plugin_capabilities(const struct plugin *plugin);
/* The option table, for documentation and --print-config. */
const struct umbra_option *plugin_options(const struct plugin *plugin, size_t *ret_count);

struct plugin_verdict {
        struct v3_decision decision;
        int64_t decide_ns;             /* what NOW_NS measured around the call */
        char error[PLUGIN_ERROR_SIZE]; /* with V3_VERDICT_ERROR, else "" */
};

/*
 * Asks the plugin. Never fails: a plugin that returns -errno, or whose decision breaks the rules of
 * a decision (see plugin_decision_sane), is a decision with V3_VERDICT_ERROR and
 * V3_REASON_PLUGIN_ERROR. CONTEXT may be NULL. NOW_NS is a monotonic clock in ns, NULL: not timed.
 */
void plugin_decide(struct plugin *plugin, const struct v3_alert *alert,
        const struct v3_context *context, int64_t (*now_ns)(void),
        struct plugin_verdict *ret_verdict);

/*
 * Is DECISION one that may be acted on? Verdict and reason go together, legs and closes only where
 * CAPABILITIES and the verdict allow, each leg on the alert's side, its volume over 0, on the
 * symbol's step and within its lots, stop and target over 0 and not beyond the price on
 * the wrong side.
 * True, or false with a line in ERROR. Pure. SYMBOL is the alert's.
 */
bool plugin_decision_sane(const struct v3_decision *decision, uint32_t capabilities,
        const struct v3_alert *alert, const struct v3_symbol *symbol,
        char error[static PLUGIN_ERROR_SIZE]);
