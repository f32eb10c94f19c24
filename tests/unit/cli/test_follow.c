// A log that is followed: when it is asked whether the run is over.
#include "base/clock.h"
#include "base/fs.h"
#include "cli/logs.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define PATIENCE_MS 20000

struct other {
    char path[128];
    atomic_bool is_done;
};

// Another run, whose log is in the same folder. It ends, so that a test that fails does, too.
static void *write_on(void *self)
{
    struct other *other = self;
    const struct timespec pause = {.tv_nsec = 20000000};
    for (int i = 0; i < PATIENCE_MS / 20 && !other->is_done; i++) {
        FILE *file = fopen(other->path, "a");
        if (file) {
            fputs("{}\n", file);
            fclose(file);
        }
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static bool on_line(void *self, const char *text, size_t length)
{
    (void)self;
    (void)text;
    (void)length;
    return true;
}

static bool is_over_when_asked_again(void *self)
{
    int *asked = self;
    return ++*asked > 1;
}

static void test_is_asked_while_others_write(void **unused)
{
    (void)unused;
    char folder[] = "/tmp/sluice-follow-XXXXXX", path[128];
    struct other other = {.is_done = false};
    struct sl_err err = {0};
    pthread_t thread;
    int asked = 0;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/one.jsonl", folder);
    snprintf(other.path, sizeof other.path, "%s/other.jsonl", folder);
    assert_int_equal(pthread_create(&thread, NULL, write_on, &other), 0);
    const struct sl_log_follow how = {
        .path = path, .on_line = on_line, .is_over = is_over_when_asked_again, .self = &asked};
    int64_t begin_us = sl_clock_monotonic_us();
    int code = sl_log_follow(&how, &err);
    int64_t took_us = sl_clock_monotonic_us() - begin_us;
    other.is_done = true;
    pthread_join(thread, NULL);
    (void)remove(other.path);
    (void)remove(folder);
    assert_int_equal(code, SL_OK);
    assert_int_equal(asked, 2);
    assert_true(took_us < (int64_t)PATIENCE_MS * 1000 / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_is_asked_while_others_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
