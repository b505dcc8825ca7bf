/*
 * One scripted vassal, a verb per behaviour: what end-to-end tests and benchmarks start in place of an app server.
 * In C because a start must cost next to nothing when thousands are started, and because it has to misbehave in ways
 * that a runtime would forbid.
 */
#include "vassal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct vassal vassal = { .emperor = -1 };

static const int stop_signals[] = { SIGTERM, SIGINT, SIGQUIT };
enum { STOP_SIGNALS = sizeof stop_signals / sizeof *stop_signals };

void fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "vassal %s: ", vassal.config != NULL ? vassal.config : "(no file)");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    journal("failed", code);
    _exit(code);
}

/* ---- towards the emperor ---- */

static void emperor_is_gone(void)
{
    close(vassal.emperor);
    vassal.emperor = -1;
}

void send_bytes(const unsigned char *bytes, size_t count)
{
    while (count > 0 && vassal.emperor >= 0) {
        ssize_t sent = send(vassal.emperor, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == ENOTSOCK)
            sent = write(vassal.emperor, bytes, count); /* a test may hand a pipe */
        if (sent >= 0) {
            bytes += sent;
            count -= (size_t)sent;
        } else if (errno == EAGAIN) {
            struct pollfd room = { .fd = vassal.emperor, .events = POLLOUT };
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            journal("unsent", errno);
            /* What the emperor still said is read before its end is noticed. */
            return;
        }
    }
}

void send_byte(int byte)
{
    unsigned char one = (unsigned char)byte;
    send_bytes(&one, 1);
}

void announce(void)
{
    static const unsigned char both[] = { BYTE_SPAWNED, BYTE_ACCEPTING };
    send_bytes(both, sizeof both);
}

/* ---- time ---- */

static void beat_if_due(void)
{
    if (vassal.heartbeat_ns == 0 || now_ns() < vassal.next_heartbeat)
        return;
    send_byte(BYTE_HEARTBEAT);
    vassal.next_heartbeat = now_ns() + vassal.heartbeat_ns;
}

/* Milliseconds to the earlier of the next heartbeat and deadline (0: none), rounded up; -1 for ever. */
static int poll_timeout(int64_t deadline)
{
    int64_t at = deadline;
    if (vassal.heartbeat_ns != 0 && (at == 0 || vassal.next_heartbeat < at))
        at = vassal.next_heartbeat;
    if (at == 0)
        return -1;
    int64_t left = at - now_ns();
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

/* Waits without obeying, as a process does that is busy; heartbeats go on. */
void wait_ms(long ms)
{
    int64_t deadline = now_ns() + (int64_t)ms * 1000000;
    while (now_ns() < deadline) {
        poll(NULL, 0, poll_timeout(deadline));
        beat_if_due();
    }
}

/* ---- signals ---- */

static void on_stop_signal(int number)
{
    journal("signal", number);
    journal("stop", -1);
    _exit(0);
}

static void set_stop_signals(void)
{
    for (int i = 0; i < STOP_SIGNALS; i++) {
        struct sigaction before, after = { .sa_handler = on_stop_signal, .sa_flags = SA_RESTART };
        sigfillset(&after.sa_mask);
        sigaction(stop_signals[i], &after, &before);
        if (before.sa_handler == SIG_IGN)
            vassal.ignored_at_start |= 1ull << (stop_signals[i] - 1);
    }
}

void stop_signals_default(void)
{
    for (int i = 0; i < STOP_SIGNALS; i++)
        signal(stop_signals[i], SIG_DFL);
}

void ignore_stop(bool ignore)
{
    vassal.ignore_stop = ignore;
    for (int i = 0; i < STOP_SIGNALS; i++)
        signal(stop_signals[i], ignore ? SIG_IGN : on_stop_signal);
}

/* ---- obeying ---- */

static void reload(void)
{
    wait_ms(vassal.reload_delay_ms);
    journal("reload", -1);
    struct script *fresh = script_load(vassal.config);
    if (fresh == NULL) {
        journal("unreadable", errno);
        fresh = vassal.script; /* lives on with what it has */
    }
    verbs_check(fresh);
    struct script *old = vassal.script;
    vassal.script = fresh;
    vassal.on_reload_count = 0;
    vassal.ignore_reload = vassal.never_read = false;
    vassal.reload_delay_ms = vassal.stop_delay_ms = 0;
    vassal.heartbeat_ns = 0;
    vassal.last_words[0] = '\0';
    if (vassal.ignore_stop)
        ignore_stop(false);
    verbs_apply_settings(fresh);
    if (old != fresh)
        free(old);
    if (vassal.on_reload_count > 0)
        verbs_run(vassal.on_reload, vassal.on_reload_count);
    else
        announce();
}

static void obey(unsigned char byte)
{
    journal("byte", byte);
    if (byte == 1 && !vassal.ignore_reload)
        reload();
    else if ((byte == 0 || byte == 2) && !vassal.ignore_stop) {
        wait_ms(vassal.stop_delay_ms);
        journal("stop", -1);
        write_escaped(STDOUT_FILENO, vassal.last_words);
        _exit(0);
    }
}

static void hear(void)
{
    unsigned char byte;
    ssize_t got = read(vassal.emperor, &byte, 1);
    if (got == 1)
        obey(byte);
    else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
        journal("eof", -1);
        emperor_is_gone();
        if (!vassal.ignore_stop)
            _exit(0);
    }
}

void live(void)
{
    for (;;) {
        struct pollfd ear = { .fd = vassal.never_read ? -1 : vassal.emperor, .events = POLLIN };
        int ready = poll(&ear, 1, poll_timeout(0));
        beat_if_due();
        if (ready > 0)
            hear();
    }
}

/* ---- start ---- */

static const char *find_config(int argc, char **argv)
{
    static const char *const options[] = { "--ini", "--config", "--xml", "--yaml", "--json" };
    for (int i = 1; i + 1 < argc; i++)
        for (size_t j = 0; j < sizeof options / sizeof *options; j++)
            if (strcmp(argv[i], options[j]) == 0)
                return argv[i + 1];
    return NULL;
}

static int find_emperor(void)
{
    const char *text = getenv("UWSGI_EMPEROR_FD");
    if (text == NULL || *text == '\0')
        return -1;
    char *end;
    long number = strtol(text, &end, 10);
    if (*end != '\0' || number < 0 || number > 1000000)
        fail(EXIT_USAGE, "UWSGI_EMPEROR_FD is \"%s\", not a descriptor", text);
    return (int)number;
}

int main(int argc, char **argv)
{
    int64_t started = now_ns();
    vassal.argv = argv;
    vassal.config = find_config(argc, argv);
    const char *path = getenv("VASSAL_JOURNAL");
    if (path != NULL)
        journal_to(path);
    journal_start(started);
    set_stop_signals();
    vassal.emperor = find_emperor();

    vassal.script = script_load(vassal.config);
    if (vassal.script == NULL)
        fail(EXIT_TROUBLE, "cannot read it: %s", strerror(errno));
    verbs_check(vassal.script);
    if (vassal.script->count == 0)
        announce();
    else
        verbs_run(vassal.script->verbs, vassal.script->count);
    live();
}
