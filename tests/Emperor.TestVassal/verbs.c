/* The verbs of the script, each a few lines. A verb that is a setting is applied anew when the file is read again. */
#include "vassal.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arguments {
    char text[PATH_BYTES];
    long numbers[2];
};

enum shape { NOTHING, NUMBER, TWO_NUMBERS, MAYBE_NUMBER, TEXT, VERB };

struct verb {
    const char *name;
    enum shape shape;
    bool setting;
    void (*act)(struct arguments *arguments);
};

static void do_spawned(struct arguments *a) { (void)a, send_byte(BYTE_SPAWNED); }
static void do_accept(struct arguments *a) { (void)a, send_byte(BYTE_ACCEPTING); }
static void do_loyal(struct arguments *a) { (void)a, send_byte(BYTE_LOYAL); }
static void do_byte(struct arguments *a) { send_byte((int)a->numbers[0]); }
static void do_sleep(struct arguments *a) { wait_ms(a->numbers[0]); }
static void do_journal(struct arguments *a) { journal_to(a->text); }
static void do_report(struct arguments *a) { report(a->text); }
static void do_never_read(struct arguments *a) { (void)a, vassal.never_read = true; }
static void do_ignore_stop(struct arguments *a) { (void)a, ignore_stop(true); }
static void do_ignore_reload(struct arguments *a) { (void)a, vassal.ignore_reload = true; }
static void do_reload_delay(struct arguments *a) { vassal.reload_delay_ms = a->numbers[0]; }
static void do_stop_delay(struct arguments *a) { vassal.stop_delay_ms = a->numbers[0]; }
static void do_fork(struct arguments *a) { start_children(a->numbers[0]); }
static void do_daemon(struct arguments *a) { start_daemons(a->numbers[0], DAEMON_PLAIN); }
static void do_daemon_clearenv(struct arguments *a) { start_daemons(a->numbers[0], DAEMON_CLEAR_ENVIRONMENT); }
static void do_child_keeps_fd(struct arguments *a) { leave_descriptor_to_child((int)a->numbers[0]); }

static void do_write(struct arguments *a) { write_escaped(STDOUT_FILENO, a->text); }
static void do_write_err(struct arguments *a) { write_escaped(STDERR_FILENO, a->text); }
static void do_write_many(struct arguments *a) { write_many(a->numbers[0]); }
static void do_stamp(struct arguments *a) { (void)a, print_stamp(); }
static void do_stamp_every(struct arguments *a) { stamp_every(a->numbers[0]); }
static void do_flood(struct arguments *a) { flood(a->numbers[0]); }
static void do_daemon_talks(struct arguments *a) { start_talking_daemon(a->text); }

static void do_last_words(struct arguments *a) { strcpy(vassal.last_words, a->text); }

static void do_bytes(struct arguments *a)
{
    unsigned char chunk[4096];
    memset(chunk, (int)a->numbers[0], sizeof chunk);
    for (long left = a->numbers[1]; left > 0 && vassal.emperor >= 0;) {
        size_t part = left < (long)sizeof chunk ? (size_t)left : sizeof chunk;
        send_bytes(chunk, part);
        left -= (long)part;
    }
}

/* Bytes that mean nothing in the protocol, the same ones every time. */
static void do_garbage(struct arguments *a)
{
    static const unsigned char meaningful[] = { 1, 2, 5, 17, 22, 26, 30 };
    unsigned char chunk[512];
    uint32_t state = 2463534242u;
    for (long left = a->numbers[0]; left > 0 && vassal.emperor >= 0;) {
        size_t filled = 0;
        while (filled < sizeof chunk && (long)filled < left) {
            state ^= state << 13, state ^= state >> 17, state ^= state << 5;
            unsigned char byte = (unsigned char)state;
            if (memchr(meaningful, byte, sizeof meaningful) == NULL)
                chunk[filled++] = byte;
        }
        send_bytes(chunk, filled);
        left -= (long)filled;
    }
}

static void do_heartbeat(struct arguments *a)
{
    vassal.heartbeat_ns = (int64_t)a->numbers[0] * 1000000;
    vassal.next_heartbeat = now_ns();
}

static void do_exit(struct arguments *a)
{
    journal("exit", a->numbers[0]);
    fflush(stdout);
    _exit((int)a->numbers[0]);
}

static void do_signal(struct arguments *a)
{
    int number = (int)a->numbers[0];
    journal("raise", number);
    signal(number, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), number);
}

static void do_close(struct arguments *a)
{
    (void)a;
    if (vassal.emperor >= 0)
        close(vassal.emperor);
    vassal.emperor = -1;
    journal("closed", -1);
}

static void do_print(struct arguments *a)
{
    puts(a->text);
    fflush(stdout);
}

/* As uwsgi reloads: the same process, the same program and descriptors, from the start. */
static void do_reexec(struct arguments *a)
{
    (void)a;
    setenv("UWSGI_RELOADS", "1", 1);
    stop_signals_default();
    execv("/proc/self/exe", vassal.argv);
    fail(EXIT_TROUBLE, "reexec: %s", strerror(errno));
}

static void do_on_reload(struct arguments *a)
{
    (void)a; /* collected by run_one, which has the text that stays */
}

static const struct verb verbs[] = {
    { "spawned", NOTHING, false, do_spawned },
    { "accept", NOTHING, false, do_accept },
    { "loyal", NOTHING, false, do_loyal },
    { "byte", NUMBER, false, do_byte },
    { "bytes", TWO_NUMBERS, false, do_bytes },
    { "garbage", NUMBER, false, do_garbage },
    { "heartbeat", NUMBER, true, do_heartbeat },
    { "sleep", NUMBER, false, do_sleep },
    { "exit", NUMBER, false, do_exit },
    { "signal", NUMBER, false, do_signal },
    { "close", NOTHING, false, do_close },
    { "never-read", NOTHING, true, do_never_read },
    { "ignore-stop", NOTHING, true, do_ignore_stop },
    { "ignore-reload", NOTHING, true, do_ignore_reload },
    { "reload-delay", NUMBER, true, do_reload_delay },
    { "stop-delay", NUMBER, true, do_stop_delay },
    { "on-reload", VERB, true, do_on_reload },
    { "fork", NUMBER, false, do_fork },
    { "daemon", NUMBER, false, do_daemon },
    { "daemon-clearenv", NUMBER, false, do_daemon_clearenv },
    { "child-keeps-fd", MAYBE_NUMBER, false, do_child_keeps_fd },
    { "print", TEXT, false, do_print },
    { "write", TEXT, false, do_write },
    { "write-err", TEXT, false, do_write_err },
    { "write-many", NUMBER, false, do_write_many },
    { "stamp", NOTHING, false, do_stamp },
    { "stamp-every", NUMBER, false, do_stamp_every },
    { "flood", NUMBER, false, do_flood },
    { "daemon-talks", TEXT, false, do_daemon_talks },
    { "last-words", TEXT, true, do_last_words },
    { "report", TEXT, false, do_report },
    { "journal", TEXT, true, do_journal },
    { "reexec", NOTHING, false, do_reexec },
};

static long number_of(const char *verb, const char *text, char **end)
{
    errno = 0;
    long number = strtol(text, end, 10);
    if (*end == text || errno != 0 || number < 0 || number > INT_MAX || (**end != '\0' && **end != ' '))
        fail(EXIT_SCRIPT, "%s: a number from 0 to %d is needed, not \"%s\"", verb, INT_MAX, text);
    return number;
}

/* Finds the verb of a line and reads its arguments; every mistake ends the vassal with a message. */
static const struct verb *understand(const char *line, struct arguments *arguments)
{
    size_t length = strcspn(line, " \t");
    const char *rest = line + length + strspn(line + length, " \t");
    const struct verb *verb = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs && verb == NULL; i++)
        if (strlen(verbs[i].name) == length && strncmp(verbs[i].name, line, length) == 0)
            verb = &verbs[i];
    if (verb == NULL)
        fail(EXIT_SCRIPT, "unknown verb \"%.*s\" in \"x-do = %s\"", (int)length, line, line);
    if (strlen(rest) >= sizeof arguments->text)
        fail(EXIT_SCRIPT, "%s: the argument is longer than %d bytes", verb->name, PATH_BYTES - 1);

    strcpy(arguments->text, rest);
    arguments->numbers[0] = arguments->numbers[1] = 0;
    char *end = arguments->text;
    int numbers = verb->shape == TWO_NUMBERS ? 2 : verb->shape == NUMBER || (verb->shape == MAYBE_NUMBER && *rest != '\0');
    for (int i = 0; i < numbers; i++)
        arguments->numbers[i] = number_of(verb->name, end + strspn(end, " \t"), &end);
    bool takes_text = verb->shape == TEXT || verb->shape == VERB;
    if (!takes_text && end[strspn(end, " \t")] != '\0')
        fail(EXIT_SCRIPT, "%s: too many arguments: \"%s\"", verb->name, rest);
    if (takes_text && *rest == '\0')
        fail(EXIT_SCRIPT, "%s: an argument is needed", verb->name);
    if (strncmp(verb->name, "byte", 4) == 0 && arguments->numbers[0] > 255)
        fail(EXIT_SCRIPT, "%s: a byte is from 0 to 255, not %ld", verb->name, arguments->numbers[0]);
    return verb;
}

static void run_one(char *line)
{
    struct arguments arguments;
    const struct verb *verb = understand(line, &arguments);
    if (verb->shape == VERB) {
        size_t length = strlen(verb->name);
        vassal.on_reload[vassal.on_reload_count++] = line + length + strspn(line + length, " \t");
        return;
    }
    bool new_journal = verb->act == do_journal;
    verb->act(&arguments);
    if (new_journal)
        journal_start(now_ns());
}

void verbs_check(const struct script *script)
{
    struct arguments arguments;
    for (size_t i = 0; i < script->count; i++)
        if (understand(script->verbs[i], &arguments)->shape == VERB
            && understand(arguments.text, &(struct arguments){ 0 })->shape == VERB)
            fail(EXIT_SCRIPT, "on-reload within on-reload: \"x-do = %s\"", script->verbs[i]);
}

void verbs_run(char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_one(lines[i]);
}

void verbs_apply_settings(const struct script *script)
{
    for (size_t i = 0; i < script->count; i++) {
        struct arguments arguments;
        const struct verb *verb = understand(script->verbs[i], &arguments);
        /* A journal that goes on needs no second start line. */
        if (verb->act == do_journal)
            verb->act(&arguments);
        else if (verb->setting)
            run_one(script->verbs[i]);
    }
}
