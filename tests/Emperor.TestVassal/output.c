/* What a vassal prints, in every way that makes it hard for whoever reads it. */
#include "vassal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t done = write(fd, bytes, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            fail(EXIT_TROUBLE, "write: %s", strerror(errno));
        bytes += done;
        count -= (size_t)done;
    }
}

/* Writes text as it is, but for \n, \\ and \xNN, in one write and without a newline of its own. */
void write_escaped(int fd, const char *text)
{
    char bytes[PATH_BYTES];
    size_t count = 0;
    for (; *text != '\0'; text++) {
        char byte = *text;
        if (byte == '\\' && text[1] == 'n')
            byte = '\n', text++;
        else if (byte == '\\' && text[1] == '\\')
            text++;
        else if (byte == '\\' && text[1] == 'x' && text[2] != '\0' && text[3] != '\0') {
            char digits[] = { text[2], text[3], '\0' };
            byte = (char)strtol(digits, NULL, 16);
            text += 3;
        }
        bytes[count++] = byte;
    }
    write_all(fd, bytes, count);
}

/* COUNT bytes of one line that does not end. */
void write_many(long count)
{
    char chunk[4096];
    memset(chunk, 'm', sizeof chunk);
    for (; count > 0; count -= (long)sizeof chunk)
        write_all(STDOUT_FILENO, chunk, count < (long)sizeof chunk ? (size_t)count : sizeof chunk);
}

void print_stamp(void)
{
    char line[64];
    int length = snprintf(line, sizeof line, "stamp %lld\n", (long long)now_ns());
    write_all(STDOUT_FILENO, line, (size_t)length);
}

static bool in_child(void)
{
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        fail(EXIT_TROUBLE, "fork: %s", strerror(errno));
    if (child > 0) {
        journal_for(child, "child", parent);
        return false;
    }
    stop_signals_default();
    alarm(CHILD_LIFETIME_SECONDS);
    return true;
}

void stamp_every(long ms)
{
    if (!in_child())
        return;
    for (;; usleep((useconds_t)ms * 1000))
        print_stamp();
}

/*
 * RATE lines a second of 80 bytes, each with its number, some every millisecond as a busy program prints them; for ever. In a child,
 * so that the vassal itself goes on to obey.
 */
void flood(long rate)
{
    enum { LINE = 80, MOST = 400 };
    if (!in_child())
        return;
    char lines[LINE * MOST + 1];
    int64_t began = now_ns();
    for (long long number = 0;;) {
        long long due = rate == 0 ? number + MOST : (now_ns() - began) / 1000 * rate / 1000000;
        for (; number < due;) {
            size_t count = 0;
            for (; number < due && count < MOST; count++, number++)
                snprintf(lines + count * LINE, LINE + 1, "flood %-73lld\n", number);
            write_all(STDOUT_FILENO, lines, count * LINE);
        }
        if (rate != 0)
            usleep(1000);
    }
}

/* What a daemon does that came of the vassal and kept its output: when PATH appears, it prints a line, and waits on. */
_Noreturn void talk_when(const char *path)
{
    alarm(CHILD_LIFETIME_SECONDS);
    while (access(path, F_OK) != 0)
        usleep(5000);
    write_all(STDOUT_FILENO, "the daemon speaks\n", 18);
    for (;;)
        pause();
}
