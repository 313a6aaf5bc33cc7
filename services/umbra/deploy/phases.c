#include "services/umbra/deploy/phases.h"

#include "services/umbra/restart.h"

#include <stdio.h>
#include <string.h>

static const char *const bots[] = { "telegram-analytics", "telegram-notify", "telegram-controller",
        NULL };
static const char *const executor[] = { "order-executor", NULL };
static const char *const strategies[] = { "strategy-v3-shadow", "strategy-v3", NULL };

#define READY                                \
        {                                    \
                STEP_READY, NULL, NULL, NULL \
        }
#define BACKUP                                \
        {                                     \
                STEP_BACKUP, NULL, NULL, NULL \
        }
#define TOKENS                                \
        {                                     \
                STEP_TOKENS, NULL, NULL, NULL \
        }
#define PROVE                                \
        {                                    \
                STEP_PROVE, NULL, NULL, NULL \
        }
#define REHEARSE                                \
        {                                       \
                STEP_REHEARSE, NULL, NULL, NULL \
        }
#define EXPECT(what)                          \
        {                                     \
                STEP_EXPECT, what, NULL, NULL \
        }
#define SET(key, value)                    \
        {                                  \
                STEP_SET, key, value, NULL \
        }
#define UNDO(key, value)                       \
        {                                      \
                STEP_RESTORE, key, value, NULL \
        }
#define RESTART(services)                          \
        {                                          \
                STEP_RESTART, NULL, NULL, services \
        }
#define SWITCH(command)                          \
        {                                        \
                STEP_SWITCH, command, NULL, NULL \
        }

static const struct step plugin_system[] = { READY, EXPECT("legacy_decides"), BACKUP,
        SET("plugin_system.enabled", "no"), RESTART(restart_order), EXPECT("legacy_alone"),
        EXPECT("legacy_decides"), PROVE, REHEARSE };
static const struct step plugin_system_back[] = { UNDO("plugin_system.enabled", "no"),
        RESTART(restart_order), EXPECT("legacy_decides"), PROVE };

static const struct step multi_telegram[] = { READY, TOKENS, BACKUP,
        SET("multi_telegram.enabled", "yes"), RESTART(bots), EXPECT("three_bots"), PROVE,
        REHEARSE };
static const struct step multi_telegram_back[] = { UNDO("multi_telegram.enabled", "no"),
        RESTART(bots), PROVE };

static const struct step service_api[] = { READY, BACKUP, RESTART(executor),
        SWITCH("enable_service_api"), EXPECT("service_api_on"), PROVE, REHEARSE };
static const struct step service_api_back[] = { SWITCH("disable_service_api"),
        EXPECT("service_api_off"), PROVE };

static const struct step shadow[] = { READY, EXPECT("legacy_decides"), BACKUP,
        SET("plugin_system.enabled", "yes"), RESTART(strategies), EXPECT("shadow_judges"),
        EXPECT("legacy_decides"), PROVE, REHEARSE };
static const struct step shadow_back[] = { UNDO("plugin_system.enabled", "no"), RESTART(strategies),
        EXPECT("legacy_decides"), PROVE };

static const struct step cutover[] = { READY, EXPECT("shadow_judges"), BACKUP, SWITCH("cutover"),
        EXPECT("combined_decides"), SWITCH("disable_legacy_v3"), EXPECT("combined_decides"), PROVE,
        REHEARSE };
static const struct step cutover_back[] = { SWITCH("rollback"), EXPECT("legacy_decides"), PROVE };

#define STEPS(there, back)                        \
        { there, back },                          \
        {                                         \
                BUS_COUNT(there), BUS_COUNT(back) \
        }

const struct phase phases[PHASES] = {
        { "plugin-system", "plugin_system", "the plugin system, silent: only legacy_v3 is loaded",
                STEPS(plugin_system, plugin_system_back) },
        { "multi-telegram", "multi_telegram", "three bots in parallel",
                STEPS(multi_telegram, multi_telegram_back) },
        { "service-api", "service_api", "the service layer before each order",
                STEPS(service_api, service_api_back) },
        { "shadow", "shadow", "combined_v3 judges every alert and trades none",
                STEPS(shadow, shadow_back) },
        { "cutover", "cutover", "combined_v3 decides", STEPS(cutover, cutover_back) },
};

const struct phase *phase_find(const char *name)
{
        for (size_t i = 0; i < PHASES; i++)
                if (!strcmp(name, phases[i].name) || (name[0] == (char)('1' + i) && !name[1]))
                        return &phases[i];
        return NULL;
}

bool step_changes(const struct step *step)
{
        return step->kind == STEP_SET || step->kind == STEP_RESTORE || step->kind == STEP_RESTART ||
               step->kind == STEP_SWITCH;
}

static void restart_text(const struct step *step, char text[static STEP_TEXT_SIZE])
{
        int used = snprintf(text, STEP_TEXT_SIZE, "restart");

        for (size_t i = 0; step->services[i] && used < STEP_TEXT_SIZE; i++)
                used += snprintf(text + used, STEP_TEXT_SIZE - (size_t)used, "%s %s", i ? "," : "",
                        step->services[i]);
}

static void expect_text(const struct step *step, char text[static STEP_TEXT_SIZE])
{
        snprintf(text, STEP_TEXT_SIZE, "see that %s", step->a);
        for (char *p = text; *p; p++)
                if (*p == '_')
                        *p = ' ';
}

const char *step_text(const struct step *step, char text[static STEP_TEXT_SIZE])
{
        switch (step->kind) {
        case STEP_READY: strcpy(text, "all services are ready"); break;
        case STEP_EXPECT: expect_text(step, text); break;
        case STEP_BACKUP: strcpy(text, "backup of all stores and umbra.ini, checked"); break;
        case STEP_TOKENS: strcpy(text, "each bot has a token"); break;
        case STEP_SET: snprintf(text, STEP_TEXT_SIZE, "set %s = %s", step->a, step->b); break;
        case STEP_RESTORE: snprintf(text, STEP_TEXT_SIZE, "%s as it was before", step->a); break;
        case STEP_RESTART: restart_text(step, text); break;
        case STEP_SWITCH: snprintf(text, STEP_TEXT_SIZE, "switch: %s", step->a); break;
        case STEP_PROVE: strcpy(text, "a test alert goes all the way"); break;
        case STEP_REHEARSE: strcpy(text, "rehearsal with simulated alerts"); break;
        }
        return text;
}
