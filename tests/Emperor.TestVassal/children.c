/* Processes that a vassal leaves about: workers, daemons, and a child that holds the emperor's descriptor. */
#include "vassal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static _Noreturn void sleep_for_ever(void)
{
    stop_signals_default();
    alarm(CHILD_LIFETIME_SECONDS);
    for (;;)
        pause();
}

/*
 * A new process is written down by the one that forked it, under the new one's pid: whatever the script does next, a test
 * that has seen that finds the child in the journal.
 */
static pid_t fork_or_fail(void)
{
    pid_t pid = fork();
    if (pid < 0)
        fail(EXIT_TROUBLE, "fork: %s", strerror(errno));
    return pid;
}

/* Only child-keeps-fd is about the descriptor: every other child must not hide its parent's death from the emperor. */
static void drop_emperor(void)
{
    if (vassal.emperor >= 0)
        close(vassal.emperor);
    vassal.emperor = -1;
}

void start_children(long count)
{
    pid_t parent = getpid();
    for (long i = 0; i < count; i++) {
        pid_t child = fork_or_fail();
        if (child != 0) {
            journal_for(child, "child", parent);
            continue;
        }
        drop_emperor();
        sleep_for_ever();
    }
}

/* Wipes the strings themselves, as programs do that overwrite their title: /proc/PID/environ then shows nothing but NULs. */
static void wipe_environment(void)
{
    for (char **variable = environ; *variable != NULL; variable++)
        memset(*variable, 0, strlen(*variable));
    environ[0] = NULL;
}

/* One that talks (talk: when) keeps its output. */
static void become_daemon(pid_t origin, enum daemon_kind kind, const char *talk)
{
    drop_emperor();
    setsid();
    if (kind == DAEMON_CLEAR_ENVIRONMENT)
        wipe_environment();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < (talk != NULL ? 1 : 3); fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    pid_t daemon = fork_or_fail();
    if (daemon != 0) {
        journal_for(daemon, "daemon", origin);
        _exit(0);
    }
    if (talk == NULL)
        sleep_for_ever();
    stop_signals_default();
    talk_when(talk);
}

static void start_daemon(enum daemon_kind kind, const char *talk)
{
    pid_t origin = getpid();
    pid_t between = fork_or_fail();
    if (between == 0)
        become_daemon(origin, kind, talk);
    /* The one between ends only after the daemon exists: when this returns, everything is in place. */
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void start_daemons(long count, enum daemon_kind kind)
{
    for (long i = 0; i < count; i++)
        start_daemon(kind, NULL);
}

void start_talking_daemon(const char *path)
{
    start_daemon(DAEMON_CLEAR_ENVIRONMENT, path);
}

void leave_descriptor_to_child(int code)
{
    pid_t child = fork_or_fail();
    if (child == 0)
        sleep_for_ever();
    journal_for(child, "child", getpid());
    journal("exit", code);
    _exit(code);
}
