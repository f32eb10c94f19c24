// What is said to systemd, over a real socket.
#include "../base/test.h"

#include "serve/notify_systemd.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

struct fixture {
    struct test_folder *folder;
    int fd; // that systemd would read
    struct sl_systemd systemd;
};

static void clear_variables(void)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(unsetenv(names[i]), 0);
}

static void set_variable(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

// Listens as systemd does: at a path of the working folder, or an abstract name.
static void listen_at(struct fixture *fixture, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[108];
    socklen_t length;

    (void)snprintf(path, sizeof path, "%s%s%s", *name == '@' ? "" : fixture->folder->path,
                   *name == '@' ? "" : "/", name);
    set_variable("NOTIFY_SOCKET", path);
    memcpy(address.sun_path, path, strlen(path));
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (*name != '@'));
    if (*name == '@')
        address.sun_path[0] = '\0';
    fixture->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fixture->fd >= 0);
    assert_int_equal(bind(fixture->fd, (const struct sockaddr *)&address, length), 0);
}

static void open_here(struct fixture *fixture)
{
    struct sl_err err = {0};

    if (sl_systemd_open(&fixture->systemd, &fixture->folder->arena, &err) != SL_OK)
        fail_msg("%s", err.message);
}

// The next message, which comes within a few seconds.
static const char *heard(struct fixture *fixture)
{
    static char text[1024];
    struct pollfd poll_fd = {.fd = fixture->fd, .events = POLLIN};

    assert_int_equal(poll(&poll_fd, 1, 10000), 1);
    ssize_t length = recv(fixture->fd, text, sizeof text - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    return text;
}

static void says_each_state(struct fixture *fixture)
{
    struct sl_systemd *systemd = &fixture->systemd;
    struct sl_err err = {0};
    const char *text;
    long long at_us;

    assert_int_equal(sl_systemd_ready(systemd, "3 pipelines", &err), SL_OK);
    assert_string_equal(heard(fixture), "READY=1\nSTATUS=3 pipelines\n");
    assert_int_equal(sl_systemd_reloading(systemd, &err), SL_OK);
    text = heard(fixture);
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%lld\n", &at_us), 1);
    assert_true(at_us > 0);
    assert_int_equal(sl_systemd_ready(systemd, NULL, &err), SL_OK);
    assert_string_equal(heard(fixture), "READY=1\n");
    sl_systemd_status(systemd, "2 runs\nSTOPPING=1");
    assert_string_equal(heard(fixture), "STATUS=2 runs STOPPING=1\n");
    assert_int_equal(sl_systemd_stopping(systemd, "2 steps end", &err), SL_OK);
    assert_string_equal(heard(fixture), "STOPPING=1\nSTATUS=2 steps end\n");
}

static void what_it_says_arrives(void **state)
{
    struct fixture *fixture = *state;

    listen_at(fixture, "notify");
    open_here(fixture);
    assert_null(getenv("NOTIFY_SOCKET")); // what it starts must not speak for it
    says_each_state(fixture);
}

static void an_abstract_socket_is_one(void **state)
{
    struct fixture *fixture = *state;
    char name[64];

    (void)snprintf(name, sizeof name, "@sluice-test-%d", (int)getpid());
    listen_at(fixture, name);
    open_here(fixture);
    says_each_state(fixture);
}

static void without_systemd_nothing_is_said(void **state)
{
    struct fixture *fixture = *state;
    struct sl_err err = {0};
    uv_loop_t loop;

    open_here(fixture);
    assert_int_equal(sl_systemd_ready(&fixture->systemd, "x", &err), SL_OK);
    assert_int_equal(sl_systemd_reloading(&fixture->systemd, &err), SL_OK);
    assert_int_equal(sl_systemd_stopping(&fixture->systemd, NULL, &err), SL_OK);
    sl_systemd_status(&fixture->systemd, "x");
    sl_systemd_alive(&fixture->systemd);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(sl_systemd_start_watchdog(&fixture->systemd, &loop, &err), SL_OK);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(fixture->systemd.socket_count, 0);
}

static void count_down(uv_timer_t *timer)
{
    (void)timer;
}

// With a span of 20 ms there is a sign of life every 10 ms, as long as the loop goes round.
static void the_watchdog_hears_that_the_loop_goes_round(void **state)
{
    struct fixture *fixture = *state;
    struct sl_err err = {0};
    uv_loop_t loop;
    uv_timer_t other;

    listen_at(fixture, "notify");
    set_variable("WATCHDOG_USEC", "20000");
    open_here(fixture);
    sl_systemd_alive(&fixture->systemd); // where no loop goes round
    assert_string_equal(heard(fixture), "WATCHDOG=1\n");
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_timer_init(&loop, &other), 0);
    assert_int_equal(uv_timer_start(&other, count_down, 5000, 0), 0);
    assert_int_equal(sl_systemd_start_watchdog(&fixture->systemd, &loop, &err), SL_OK);
    for (int i = 0; i < 3; i++) {
        struct pollfd poll_fd = {.fd = fixture->fd, .events = POLLIN};
        while (poll(&poll_fd, 1, 0) == 0)
            assert_int_not_equal(uv_run(&loop, UV_RUN_ONCE), 0);
        assert_string_equal(heard(fixture), "WATCHDOG=1\n");
    }
    uv_close((uv_handle_t *)&other, NULL);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    // By itself it keeps no loop going.
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    sl_systemd_close(&fixture->systemd);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_watchdog_of_another_process_is_none(void **state)
{
    struct fixture *fixture = *state;

    set_variable("WATCHDOG_USEC", "20000");
    set_variable("WATCHDOG_PID", "1");
    open_here(fixture);
    assert_int_equal(fixture->systemd.watchdog_us, 0);
}

static void a_systemd_that_is_gone_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct sl_err err = {0};

    listen_at(fixture, "notify");
    open_here(fixture);
    assert_int_equal(close(fixture->fd), 0);
    fixture->fd = -1;
    assert_int_equal(sl_systemd_ready(&fixture->systemd, NULL, &err), SL_E_SYSTEMD);
    sl_systemd_status(&fixture->systemd, "nobody hears it");
}

static void variables_that_make_no_sense_are_told(void **state)
{
    struct fixture *fixture = *state;
    static const char *const cases[][2] = {
        {"NOTIFY_SOCKET", "relative/path"},
        {"NOTIFY_SOCKET", "@"},
        {"WATCHDOG_USEC", "often"},
        {"WATCHDOG_USEC", "0"},
        {"LISTEN_FDS", "many"},
        {"LISTEN_FDS", "100000"},
        {"LISTEN_FDS", "-1"},
    };
    char pid[32], text[400];

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_err err = {0};
        (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
        set_variable("LISTEN_PID", pid);
        set_variable(cases[i][0], cases[i][1]);
        assert_int_equal(sl_systemd_open(&fixture->systemd, &fixture->folder->arena, &err),
                         SL_E_SYSTEMD);
        (void)snprintf(text, sizeof text, "%s is '%s'", cases[i][0], cases[i][1]);
        assert_non_null(strstr(err.message, text));
        assert_null(getenv(cases[i][0]));
    }
}

static int listen_on(int family)
{
    struct sockaddr_in ip = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "listen"};
    const struct sockaddr *address =
        family == AF_UNIX ? (const struct sockaddr *)&local : (const struct sockaddr *)&ip;
    int fd = socket(family, SOCK_STREAM, 0);

    return fd >= 0 && bind(fd, address, family == AF_UNIX ? sizeof local : sizeof ip) == 0 &&
                   listen(fd, 1) == 0
               ? fcntl(fd, F_DUPFD, 20)
               : -1;
}

// Of a process of its own, whose descriptors 3 and 4 may be anything. Returns the number of the
// line that is wrong.
static int take_sockets(struct fixture *fixture)
{
    struct sl_systemd systemd = {0};
    struct sl_err err = {0};
    const int ip = listen_on(AF_INET), local = listen_on(AF_UNIX);
    char pid[32];

    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (dup2(ip, 3) != 3 || dup2(local, 4) != 4 || dup2(open("/dev/null", O_RDONLY), 5) != 5 ||
        setenv("LISTEN_PID", pid, 1) != 0 || setenv("LISTEN_FDS", "2", 1) != 0 ||
        setenv("LISTEN_FDNAMES", "http:local", 1) != 0)
        return __LINE__;
    if (sl_systemd_open(&systemd, &fixture->folder->arena, &err) != SL_OK)
        return __LINE__;
    if (systemd.socket_count != 2 || systemd.sockets[0].fd != 3 || systemd.sockets[1].fd != 4)
        return __LINE__;
    if (strcmp(systemd.sockets[0].name, "http") != 0 ||
        strcmp(systemd.sockets[1].name, "local") != 0)
        return __LINE__;
    if (systemd.sockets[0].is_local || !systemd.sockets[1].is_local)
        return __LINE__;
    if (!(fcntl(3, F_GETFD) & FD_CLOEXEC) || getenv("LISTEN_FDS"))
        return __LINE__;
    // A descriptor that does not listen.
    if (setenv("LISTEN_PID", pid, 1) != 0 || setenv("LISTEN_FDS", "3", 1) != 0 ||
        sl_systemd_open(&systemd, &fixture->folder->arena, &err) != SL_E_SYSTEMD)
        return __LINE__;
    if (!strstr(err.message, "descriptor 5, 'unknown'"))
        return __LINE__;
    return 0;
}

static void sockets_that_it_was_given_are_found(void **state)
{
    struct fixture *fixture = *state;
    int status, pipe_fds[2], line = -1;

    assert_int_equal(pipe(pipe_fds), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const int out = fcntl(pipe_fds[1], F_DUPFD, 30);
        line = take_sockets(fixture);
        _exit(write(out, &line, sizeof line) != sizeof line);
    }
    assert_int_equal(read(pipe_fds[0], &line, sizeof line), sizeof line);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(line, 0);
    assert_int_equal(close(pipe_fds[0]), 0);
    assert_int_equal(close(pipe_fds[1]), 0);
}

static void sockets_of_another_process_are_none(void **state)
{
    struct fixture *fixture = *state;

    set_variable("LISTEN_PID", "1");
    set_variable("LISTEN_FDS", "1");
    open_here(fixture);
    assert_int_equal(fixture->systemd.socket_count, 0);
    assert_null(getenv("LISTEN_FDS"));
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    assert_int_equal(enter_folder(state), 0);
    fixture->folder = *state;
    fixture->fd = -1;
    clear_variables();
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    void *folder = fixture->folder;

    sl_systemd_close(&fixture->systemd);
    if (fixture->fd >= 0)
        assert_int_equal(close(fixture->fd), 0);
    assert_int_equal(leave_folder(&folder), 0);
    free(fixture);
    return 0;
}

#define WITH_SYSTEMD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SYSTEMD(what_it_says_arrives),
        WITH_SYSTEMD(an_abstract_socket_is_one),
        WITH_SYSTEMD(without_systemd_nothing_is_said),
        WITH_SYSTEMD(the_watchdog_hears_that_the_loop_goes_round),
        WITH_SYSTEMD(a_watchdog_of_another_process_is_none),
        WITH_SYSTEMD(a_systemd_that_is_gone_is_told),
        WITH_SYSTEMD(variables_that_make_no_sense_are_told),
        WITH_SYSTEMD(sockets_that_it_was_given_are_found),
        WITH_SYSTEMD(sockets_of_another_process_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
