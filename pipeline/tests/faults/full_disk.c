/* Preloaded into a database server: while the file named by OPSC_TEST_FULL is there, no file of
 * a table (they lie in `base/`) can grow, as on a full disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int no_room(int fd, off_t end)
{
    const char *flag = getenv("OPSC_TEST_FULL");
    char link[64], path[4096];
    struct stat file;
    ssize_t length;

    if (flag == NULL || access(flag, F_OK) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    return strstr(path, "/base/") != NULL && fstat(fd, &file) == 0 && end > file.st_size;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    if (no_room(fd, at + (off_t)size)) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at)
{
    return pwrite(fd, data, size, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    off_t end = at;
    for (int i = 0; i < count; i++)
        end += (off_t)parts[i].iov_len;
    if (no_room(fd, end)) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(pwritev)(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at)
{
    return pwritev(fd, parts, count, at);
}

int posix_fallocate(int fd, off_t at, off_t size)
{
    if (no_room(fd, at + size))
        return ENOSPC;
    return REAL(posix_fallocate)(fd, at, size);
}

int posix_fallocate64(int fd, off_t at, off_t size)
{
    return posix_fallocate(fd, at, size);
}
