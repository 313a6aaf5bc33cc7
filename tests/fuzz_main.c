/*
 * Runs a fuzz target over its corpus as a plain test: the same LLVMFuzzerTestOneInput, but the
 * inputs are the files named on the command line, or in the folders named there, in their order
 * by name. A finding aborts, as it does under libFuzzer.
 */
#include "libbus/base/attr.h"
#include "libbus/base/bytes.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define INPUT_MAX_BYTES (4u << 20) /* far above what any parser here accepts */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool run_file(const char *path)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        uint8_t *exact;
        int r;

        r = bus_file_read(path, INPUT_MAX_BYTES, &buf);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
                return false;
        }
        /* a block of exactly its size, so that the sanitizer sees a read behind the end */
        exact = bus_xmemdup(buf.data, buf.size);
        LLVMFuzzerTestOneInput(exact, buf.size);
        free(exact);
        return true;
}

static int visible(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

static bool run_folder(const char *path, unsigned int *count)
{
        struct dirent **entries;
        bool ok = true;
        int n = scandir(path, &entries, visible, alphasort);

        if (n < 0) {
                perror(path);
                return false;
        }
        for (int i = 0; i < n; i++) {
                BUS_AUTOFREE char *file = bus_xasprintf("%s/%s", path, entries[i]->d_name);

                ok = run_file(file) && ok;
                free(entries[i]);
        }
        free(entries);
        *count += (unsigned int)n;
        return ok;
}

int main(int argc, char **argv)
{
        unsigned int count = 0;
        bool ok = true;

        LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
        for (int i = 1; i < argc; i++) {
                struct stat status;

                if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode)) {
                        ok = run_folder(argv[i], &count) && ok;
                } else {
                        ok = run_file(argv[i]) && ok;
                        count++;
                }
        }
        printf("%u inputs\n", count);
        return ok && count ? 0 : 1;
}
