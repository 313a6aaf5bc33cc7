/*
 * The same for Criterion, which runs each test in a process of its own: a leak there must fail the
 * test. It does so only because ASAN_OPTIONS says abort_on_error=1.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

static void *volatile kept;

Test(canary, leaks)
{
        kept = malloc(64);
        kept = NULL;
}
