/*
 * The journal: one line an event, "<CLOCK_MONOTONIC ns> <pid> <event> [detail]", each by a single O_APPEND write, so that
 * thousands of vassals may share one file. It is opened for every line: a descriptor kept open would show up in what the
 * vassal reports about the descriptors that the emperor gave it.
 */
#include "vassal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char journal_path[PATH_BYTES];

struct line {
    char text[PATH_BYTES];
    size_t length;
};

static void add_text(struct line *line, const char *text)
{
    /* The last byte is kept for the line's end. */
    while (*text != '\0' && line->length < sizeof line->text - 1)
        line->text[line->length++] = *text++;
}

static void add_number(struct line *line, int64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        digits[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (number < 0)
        digits[--at] = '-';
    add_text(line, digits + at);
}

static void begin(struct line *line, int64_t at, pid_t pid, const char *event)
{
    line->length = 0;
    add_number(line, at);
    add_text(line, " ");
    add_number(line, pid);
    add_text(line, " ");
    add_text(line, event);
}

static void finish(struct line *line)
{
    line->text[line->length++] = '\n';
    int fd = open(journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return; /* A journal that cannot be written must not change how the vassal behaves. */
    ssize_t written = write(fd, line->text, line->length);
    (void)written;
    close(fd);
}

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void journal_to(const char *path)
{
    if (strlen(path) >= sizeof journal_path)
        fail(EXIT_SCRIPT, "journal: the path is longer than %d bytes", PATH_BYTES - 1);
    strcpy(journal_path, path);
}

void journal_start(int64_t at)
{
    if (journal_path[0] == '\0')
        return;
    struct line line;
    /* After a re-exec the process is not a new one: tests count starts. */
    begin(&line, at, getpid(), getenv("UWSGI_RELOADS") != NULL ? "restart" : "start");
    if (vassal.config != NULL) {
        add_text(&line, " ");
        add_text(&line, vassal.config);
    }
    finish(&line);
}

void journal(const char *event, long detail)
{
    journal_for(getpid(), event, detail);
}

void journal_for(pid_t pid, const char *event, long detail)
{
    if (journal_path[0] == '\0')
        return;
    int saved = errno;
    struct line line;
    begin(&line, now_ns(), pid, event);
    if (detail != -1) {
        add_text(&line, " ");
        add_number(&line, detail);
    }
    finish(&line);
    errno = saved;
}
