#include "libbus/base/bytes.h"
#include "libbus/base/hash.h"
#include "libbus/base/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

Test(hash, sha256_known_answer)
{
        uint8_t hash[BUS_SHA256_SIZE], back[BUS_SHA256_SIZE];
        char hex[BUS_SHA256_HEX_SIZE];

        bus_sha256(bus_bytes_str("abc"), hash);
        bus_hex(bus_bytes(hash, sizeof(hash)), hex);
        cr_expect_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        cr_expect_eq(bus_unhex(hex, back, sizeof(back)), 0);
        cr_expect(bus_equal_consttime(hash, back, sizeof(hash)));
        cr_expect_eq(bus_unhex("zz", back, 1), -EINVAL);
        cr_expect_eq(bus_unhex("abc", back, 1), -EINVAL);
}

Test(buf, grows_and_keeps_its_text)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        for (int i = 0; i < 1000; i++)
                bus_buf_printf(&buf, "%d,", i);
        cr_expect_eq(strncmp(bus_buf_str(&buf), "0,1,2,", 6), 0);
        cr_expect_eq(strlen(bus_buf_str(&buf)), buf.size);
}

Test(io, replaces_and_reads_back)
{
        char folder[] = "/tmp/umbra-io-XXXXXX", path[64];
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        char *secret = NULL;

        cr_assert(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/file", folder);
        cr_expect_eq(bus_file_replace(path, 0600, bus_bytes_str("secret\n")), 0);
        cr_expect_eq(bus_file_read(path, 100, &buf), 0);
        cr_expect_str_eq(bus_buf_str(&buf), "secret\n");
        cr_expect_eq(bus_file_read_secret(path, &secret), 0);
        cr_expect_str_eq(secret, "secret");
        free(secret);
        cr_expect_eq(bus_file_read(path, 3, &buf), -EFBIG);
        unlink(path);
        rmdir(folder);
}

/* --json /dev/null, by root, must not leave the machine without it. */
Test(io, what_is_no_file_is_written_to_and_stays)
{
        char folder[] = "/tmp/umbra-io-XXXXXX", pipe[64], link[64], text[16] = "";
        struct stat st;
        int fd;

        cr_assert(mkdtemp(folder));
        snprintf(pipe, sizeof(pipe), "%s/pipe", folder);
        snprintf(link, sizeof(link), "%s/link", folder);
        cr_assert_eq(mkfifo(pipe, 0600), 0);
        cr_assert_eq(symlink("pipe", link), 0);
        fd = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        cr_expect_eq(bus_file_replace(pipe, 0600, bus_bytes_str("one ")), 0);
        cr_expect_eq(bus_file_replace(link, 0600, bus_bytes_str("two")), 0);
        cr_expect_eq(read(fd, text, sizeof(text) - 1), 7);
        cr_expect_str_eq(text, "one two");
        cr_expect(lstat(pipe, &st) == 0 && S_ISFIFO(st.st_mode));
        cr_expect(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
        close(fd);
        unlink(link);
        unlink(pipe);
        rmdir(folder);
}
