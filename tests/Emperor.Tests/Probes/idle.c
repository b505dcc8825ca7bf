/*
 * A server for the tests of idleness. argv: the number of threads. Descriptor 3 listens. Each thread waits in accept(2), reads a line, and answers it; now and
 * then it takes its time. Signals have their default action, so it ends in the middle of what it does.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void *serve(void *seed)
{
    unsigned state = (unsigned)(long)seed + (unsigned)getpid();
    for (;;) {
        char line[256];
        size_t length = 0;
        int fd = accept(3, NULL, NULL);
        if (fd < 0)
            continue;
        while (length == 0 || line[length - 1] != '\n') {
            ssize_t count = read(fd, line + length, sizeof line - length);
            if (count <= 0)
                break;
            length += (size_t)count;
        }
        struct timespec pause = { 0, rand_r(&state) % 4 == 0 ? rand_r(&state) % 3000000 : 0 };
        nanosleep(&pause, NULL);
        if (length > 0)
            (void)!write(fd, line, length);
        close(fd);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    for (long i = 1; i < threads; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, serve, (void *)i);
    }
    serve(NULL);
    return 0;
}
