/*
 * Keeps: no secret is printed; what is printed can be loaded again, but for what is masked.
 */
#include "libbus/config/internal.h"
#include "libbus/config/value.h"

#include <string.h>

#define MASK "****"

static void print_entry(const struct entry *entry, FILE *out)
{
        bool masked = entry->option->type == CONFIG_HEX32 && entry->text[0];

        fprintf(out, "%s = %s%s\n", entry->key, masked ? MASK : entry->text,
                entry->origin == ORIGIN_DEFAULT ? " ; default" : "");
}

static void print_section(const struct config *config, const char *section, FILE *out)
{
        fprintf(out, "[%s]\n", section);
        for (size_t i = 0; i < config->entry_count; i++)
                if (!strcmp(config->entries[i].section, section))
                        print_entry(&config->entries[i], out);
        fputc('\n', out);
}

static bool is_first_of_section(const struct config *config, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!strcmp(config->entries[i].section, config->entries[n].section))
                        return false;
        return true;
}

void config_print(const struct config *config, FILE *out)
{
        for (size_t i = 0; i < config->entry_count; i++)
                if (is_first_of_section(config, i))
                        print_section(config, config->entries[i].section, out);
}

static void describe_option(const struct config_option *option, FILE *out)
{
        char form[CONFIG_FORM_SIZE];

        if (option->help)
                fprintf(out, "; %s\n", option->help);
        fprintf(out, "; %s%s\n", config_form(option, form, sizeof(form)),
                !option->fallback      ? "; must be given"
                : !option->fallback[0] ? "; may be left out"
                                       : "");
        if (option_is_free(option))
                fprintf(out, "; NAME = ...\n");
        else
                fprintf(out, "%s%s = %s\n", option->fallback && option->fallback[0] ? "" : "; ",
                        option->key, option->fallback ? option->fallback : "...");
}

void config_describe(const struct config_option *const *tables, size_t table_count, FILE *out)
{
        struct option_cursor c = { .tables = tables, .table_count = table_count };
        const struct config_option *option;
        const char *section = "";

        while ((option = option_next(&c))) {
                if (strcmp(section, option->section))
                        fprintf(out, "%s[%s]\n", section[0] ? "\n" : "", option->section);
                section = option->section;
                describe_option(option, out);
        }
}
