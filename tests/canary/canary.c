/*
 * Faults on purpose, one a name: if a sanitizer build lets one of these end well, its gate is open
 * and a green run of the other tests means nothing.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The compiler must not see through it, or it warns, or removes the fault. */
static volatile size_t past_the_end = 16;
static void *volatile kept;

static void leak(void)
{
        kept = malloc(past_the_end);
        kept = NULL;
}

static void overflow(void)
{
        char *block = malloc(past_the_end);

        if (block)
                block[past_the_end] = 1;
        free(block);
}

static void use_after_free(void)
{
        char *block = calloc(1, past_the_end);

        kept = block;
        free(block);
        printf("%d\n", ((volatile char *)kept)[0]);
}

static void stack_overflow(void)
{
        char block[8] = "";

        memset(block, 'x', past_the_end);
        printf("%.1s\n", block);
}

static void shift(void)
{
        volatile int by = 40;

        printf("%d\n", 1 << by);
}

static void signed_overflow(void)
{
        volatile int big = INT_MAX;

        printf("%d\n", big + 1);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*commit)(void);
        } faults[] = {
                { "leak", leak },
                { "overflow", overflow },
                { "use-after-free", use_after_free },
                { "stack-overflow", stack_overflow },
                { "shift", shift },
                { "signed-overflow", signed_overflow },
        };

        for (size_t i = 0; argc == 2 && i < sizeof(faults) / sizeof(faults[0]); i++)
                if (!strcmp(faults[i].name, argv[1])) {
                        faults[i].commit();
                        return 0;
                }
        fprintf(stderr, "no such fault\n");
        return 2;
}
