#pragma once
/* The page's files, compiled into the program (embed.sh makes the table from page/). */
#include <stddef.h>

struct page_file {
        const char *path; /* "/app.css"; NULL ends the table */
        const char *content_type;
        const unsigned char *data;
        size_t size;
        const char *etag; /* with its quotes; another one whenever the file is */
};

extern const struct page_file page_files[];
