/* Plays the kernel's GPIO character device to one program, by the layouts of the kernel's own header.
 *
 * cc -shared -fPIC -o gpiochip.so gpiochip.c; LD_PRELOAD=./gpiochip.so GPIO_LINES=FOLDER program
 *
 * A file FOLDER/<offset> is a line: its first byte, '0' or '1', is the physical level; 'B' means that another
 * program holds it. What was asked for is appended to FOLDER/asked. Any other request goes to the real ioctl.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __u64 flags_of[1024]; /* by descriptor */

static int get_line(struct gpio_v2_line_request *asked)
{
    const char *folder = getenv("GPIO_LINES");
    char path[4096], level = 0;
    FILE *log;
    int fd;
    unsigned i, rest = 0;

    for (i = 0; i < sizeof asked->config.padding + sizeof asked->config.attrs; i++)
        rest |= ((unsigned char *)asked->config.padding)[i];
    for (i = 0; i < sizeof asked->padding; i++)
        rest |= ((unsigned char *)asked->padding)[i];
    for (i = 1; i < GPIO_V2_LINES_MAX; i++)
        rest |= asked->offsets[i];
    if (rest || asked->num_lines != 1 || asked->config.num_attrs != 0 ||
        asked->config.flags & ~(__u64)(GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW) ||
        !(asked->config.flags & GPIO_V2_LINE_FLAG_INPUT)) {
        errno = EINVAL; /* as the kernel does with padding that is not zero */
        return -1;
    }
    snprintf(path, sizeof path, "%s/asked", folder);
    log = fopen(path, "a");
    fprintf(log, "%u %s %llu %u\n", asked->offsets[0], asked->consumer, (unsigned long long)asked->config.flags,
            asked->event_buffer_size);
    fclose(log);
    snprintf(path, sizeof path, "%s/%u", folder, asked->offsets[0]);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fd >= 1024) {
        errno = EINVAL; /* no such line */
        return -1;
    }
    if (pread(fd, &level, 1, 0) == 1 && level == 'B') {
        close(fd);
        errno = EBUSY;
        return -1;
    }
    flags_of[fd] = asked->config.flags;
    asked->fd = fd;
    return 0;
}

static int get_values(int fd, struct gpio_v2_line_values *values)
{
    char level = 0;

    if (values->mask != 1) {
        errno = EINVAL;
        return -1;
    }
    if (pread(fd, &level, 1, 0) != 1) {
        errno = EIO;
        return -1;
    }
    values->bits = (level == '1') ^ !!(flags_of[fd] & GPIO_V2_LINE_FLAG_ACTIVE_LOW);
    return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, void *);
    va_list rest;
    void *argument;

    va_start(rest, request);
    argument = va_arg(rest, void *);
    va_end(rest);
    if (request == GPIO_V2_GET_LINE_IOCTL)
        return get_line(argument);
    if (request == GPIO_V2_LINE_GET_VALUES_IOCTL)
        return get_values(fd, argument);
    if (!real)
        real = (int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}
