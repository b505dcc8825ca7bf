/* Reads the x-do lines of the [uwsgi] section of an ini file. */
#include "vassal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL)
        text[--length] = '\0';
    return text;
}

static void add_verb(struct script *script, const char *path, char *verb)
{
    if (script->count == SCRIPT_VERBS)
        fail(EXIT_SCRIPT, "%s: more than %d x-do lines", path, SCRIPT_VERBS);
    script->verbs[script->count++] = verb;
}

static void parse(struct script *script, const char *path, const char *section)
{
    bool ours = false;
    char *rest = script->text;
    for (char *raw; (raw = strsep(&rest, "\n")) != NULL;) {
        char *line = trim(raw);
        if (*line == '\0' || *line == '#' || *line == ';')
            continue;
        if (*line == '[') {
            size_t length = strlen(section);
            ours = strncmp(line + 1, section, length) == 0 && strcmp(line + 1 + length, "]") == 0;
            continue;
        }
        char *value = strchr(line, '=');
        if (!ours || value == NULL)
            continue;
        *value++ = '\0';
        if (strcmp(trim(line), "x-do") == 0)
            add_verb(script, path, trim(value));
    }
}

/* Returns a script to free(), or NULL with errno set when the file cannot be read. A file beyond the bounds ends the vassal. */
struct script *script_load(const char *path)
{
    struct script *script = malloc(sizeof *script);
    if (script == NULL)
        return NULL;
    script->count = 0;
    script->text[0] = '\0';
    if (path == NULL || strncmp(path, "emperor://", 10) == 0)
        return script;

    /* As in uwsgi, "FILE:SECTION" names a section; but a file may have that name. */
    char file[PATH_MAX];
    const char *section = strrchr(path, ':');
    if (section != NULL && access(path, F_OK) != 0 && (size_t)(section - path) < sizeof file) {
        memcpy(file, path, (size_t)(section - path));
        file[section - path] = '\0';
        path = file;
        section++;
    } else
        section = "uwsgi";

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got = fd < 0 ? -1 : 0;
    while (fd >= 0 && length <= SCRIPT_BYTES) {
        got = read(fd, script->text + length, sizeof script->text - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0) {
        free(script);
        errno = saved;
        return NULL;
    }
    if (length > SCRIPT_BYTES)
        fail(EXIT_SCRIPT, "%s: larger than %d bytes", path, SCRIPT_BYTES);
    script->text[length] = '\0';
    parse(script, path, section);
    return script;
}
