#pragma once
/* Texts of a fixed size. */
#include <stddef.h>
#include <string.h>

/* What does not fit is cut (a validated name or hash fits); NULL is "". */
static inline void compare_copy(char *to, size_t size, const char *from)
{
        size_t length = from ? strnlen(from, size - 1) : 0;

        if (length)
                memcpy(to, from, length);
        to[length] = 0;
}
