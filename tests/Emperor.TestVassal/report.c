/* What the vassal sees of itself, as one JSON document, moved into place when it is whole. */
#include "vassal.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { GROUPS = 65536 };

/* Length of the UTF-8 sequence at text, 0 when it is none. Overlong forms are let through: nobody here writes them. */
static size_t sequence(const unsigned char *text)
{
    size_t length = *text < 0x80 ? 1 : *text >= 0xf0 && *text < 0xf5 ? 4 : *text >= 0xe0 && *text < 0xf0 ? 3 : *text >= 0xc2 && *text < 0xe0 ? 2 : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

static void put_string(FILE *out, const char *value)
{
    const unsigned char *text = (const unsigned char *)value;
    putc('"', out);
    while (*text != '\0') {
        size_t length = sequence(text);
        if (length == 0)
            fputs("\\ufffd", out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if (*text < 0x20 || *text == 0x7f)
            fprintf(out, "\\u%04x", *text);
        else
            fwrite(text, 1, length, out);
        text += length == 0 ? 1 : length;
    }
    putc('"', out);
}

static void put_strings(FILE *out, const char *key, char *const *values)
{
    fprintf(out, "  \"%s\": [", key);
    for (size_t i = 0; values[i] != NULL; i++) {
        fputs(i == 0 ? "" : ", ", out);
        put_string(out, values[i]);
    }
    fputs("],\n", out);
}

static void put_number(FILE *out, const char *key, int64_t value)
{
    fprintf(out, "  \"%s\": %" PRId64 ",\n", key, value);
}

static void put_cwd(FILE *out)
{
    char cwd[PATH_BYTES];
    fputs("  \"cwd\": ", out);
    if (getcwd(cwd, sizeof cwd) != NULL)
        put_string(out, cwd);
    else
        fputs("null", out);
    fputs(",\n", out);
}

static void put_descriptors(FILE *out)
{
    fputs("  \"descriptors\": {", out);
    DIR *folder = opendir("/proc/self/fd");
    const char *between = "";
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (*end != '\0' || end == entry->d_name || fd == dirfd(folder) || fd == fileno(out))
            continue; /* its own two are no news */
        char target[PATH_BYTES];
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        fprintf(out, "%s\"%ld\": ", between, fd);
        put_string(out, target);
        between = ", ";
    }
    if (folder != NULL)
        closedir(folder);
    fputs("},\n", out);
}

static void put_groups(FILE *out)
{
    static gid_t groups[GROUPS];
    int count = getgroups(GROUPS, groups);
    fputs("  \"groups\": [", out);
    for (int i = 0; i < count; i++)
        fprintf(out, "%s%u", i == 0 ? "" : ", ", (unsigned)groups[i]);
    fputs("],\n", out);
}

/* Masks from /proc/self/status as lists of signal numbers. What the vassal itself changed is put back as it was. */
static void put_mask(FILE *out, const char *key, uint64_t mask)
{
    const char *between = "";
    fprintf(out, "  \"%s\": [", key);
    for (int number = 1; number <= 64; number++)
        if (mask >> (number - 1) & 1) {
            fprintf(out, "%s%d", between, number);
            between = ", ";
        }
    fputs("],\n", out);
}

static void put_signals(FILE *out)
{
    const uint64_t ours = 1ull << (SIGTERM - 1) | 1ull << (SIGINT - 1) | 1ull << (SIGQUIT - 1);
    uint64_t blocked = 0, ignored = 0;
    FILE *status = fopen("/proc/self/status", "re");
    char line[PATH_BYTES];
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "SigBlk:", 7) == 0)
            blocked = strtoull(line + 7, NULL, 16);
        else if (strncmp(line, "SigIgn:", 7) == 0)
            ignored = strtoull(line + 7, NULL, 16);
    }
    if (status != NULL)
        fclose(status);
    put_mask(out, "signals_blocked", blocked);
    put_mask(out, "signals_ignored", (ignored & ~ours) | vassal.ignored_at_start);
}

static void put_limits(FILE *out)
{
    struct rlimit files = { 0 };
    getrlimit(RLIMIT_NOFILE, &files);
    /* RLIM_INFINITY is -1 here, which no reader mistakes for a number of files. */
    put_number(out, "nofile_soft", (int64_t)files.rlim_cur);
    put_number(out, "nofile_hard", (int64_t)files.rlim_max);
    int adjustment = 0;
    FILE *file = fopen("/proc/self/oom_score_adj", "re");
    if (file != NULL) {
        if (fscanf(file, "%d", &adjustment) != 1)
            adjustment = 0;
        fclose(file);
    }
    int death = 0;
    prctl(PR_GET_PDEATHSIG, &death);
    put_number(out, "parent_death_signal", death);
    put_number(out, "no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    mode_t mask = umask(0);
    umask(mask);
    put_number(out, "umask", mask);
    fprintf(out, "  \"oom_score_adj\": %d\n", adjustment);
}

void report(const char *path)
{
    char unfinished[PATH_BYTES];
    int length = snprintf(unfinished, sizeof unfinished, "%s.%d", path, (int)getpid());
    FILE *out = length < (int)sizeof unfinished ? fopen(unfinished, "we") : NULL;
    if (out == NULL)
        fail(EXIT_TROUBLE, "report %s: %s", path, strerror(errno));
    fputs("{\n", out);
    put_strings(out, "argv", vassal.argv);
    /* A list rather than an object: an environment may hold one name twice, or a word without '='. */
    put_strings(out, "environment", environ);
    put_cwd(out);
    put_descriptors(out);
    put_number(out, "uid", getuid());
    put_number(out, "euid", geteuid());
    put_number(out, "gid", getgid());
    put_number(out, "egid", getegid());
    put_groups(out);
    put_number(out, "pid", getpid());
    put_number(out, "ppid", getppid());
    put_number(out, "sid", getsid(0));
    put_number(out, "pgid", getpgid(0));
    put_signals(out);
    put_limits(out);
    fputs("}\n", out);
    if (fclose(out) != 0 || rename(unfinished, path) != 0)
        fail(EXIT_TROUBLE, "report %s: %s", path, strerror(errno));
    journal("reported", -1);
}
