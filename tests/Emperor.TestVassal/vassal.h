/*
 * The scripted vassal: what its parts share.
 *
 * One process, one thread, no memory that grows. Settings are plain globals because the program is the process: there is
 * never a second vassal in it. See README.md beside this file for the script language and the journal.
 */
#ifndef VASSAL_H
#define VASSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes of the vassal's own troubles; every other code was asked for by the script. */
enum { EXIT_USAGE = 96, EXIT_SCRIPT = 97, EXIT_TROUBLE = 98 };

/* Bounds: a script beyond them is refused, never cut. */
enum { SCRIPT_BYTES = 64 * 1024, SCRIPT_VERBS = 512, PATH_BYTES = 4096 };

/* Bytes of the emperor protocol that the vassal says by name. */
enum { BYTE_SPAWNED = 1, BYTE_ACCEPTING = 5, BYTE_LOYAL = 17, BYTE_HEARTBEAT = 26 };

/* A child or daemon that outlives its test by this long ends by itself, so that a failed test cannot litter a machine. */
enum { CHILD_LIFETIME_SECONDS = 3600 };

struct script {
    char text[SCRIPT_BYTES + 1];
    char *verbs[SCRIPT_VERBS];
    size_t count;
};

struct vassal {
    char **argv;
    const char *config; /* the argument after --ini and the like; NULL when there is none */
    int emperor;        /* UWSGI_EMPEROR_FD, -1 without one or once it is closed or at its end */
    struct script *script;
    bool ignore_stop;
    bool ignore_reload;
    long reload_delay_ms;
    long stop_delay_ms;
    char *on_reload[SCRIPT_VERBS]; /* into script->text */
    size_t on_reload_count;
    bool never_read;
    char last_words[PATH_BYTES]; /* printed before it ends as it was told */
    int64_t heartbeat_ns; /* 0: none */
    int64_t next_heartbeat;
    uint64_t ignored_at_start; /* signals that were ignored when the vassal got them, bit N-1 for signal N */
};

extern struct vassal vassal;

/* vassal.c */
void announce(void);
void send_byte(int byte);
void send_bytes(const unsigned char *bytes, size_t count);
void wait_ms(long ms);
void stop_signals_default(void);
void ignore_stop(bool ignore);
_Noreturn void live(void);

/* script.c */
struct script *script_load(const char *path);

/* verbs.c */
void verbs_check(const struct script *script);
void verbs_run(char *const *verbs, size_t count);
void verbs_apply_settings(const struct script *script);

/* children.c */
enum daemon_kind { DAEMON_PLAIN, DAEMON_CLEAR_ENVIRONMENT };
void start_talking_daemon(const char *path);
void start_children(long count);
void start_daemons(long count, enum daemon_kind kind);
_Noreturn void leave_descriptor_to_child(int code);

/* journal.c: everything here is safe in a signal handler. A detail of -1 is left out. */
int64_t now_ns(void);
void journal_to(const char *path);
void journal_start(int64_t at);
void journal(const char *event, long detail);
void journal_for(pid_t pid, const char *event, long detail);

/* output.c */
void write_escaped(int fd, const char *text);
void write_many(long count);
void print_stamp(void);
void stamp_every(long ms);
void flood(long rate);
_Noreturn void talk_when(const char *path);

/* report.c */
void report(const char *path);

_Noreturn void fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
