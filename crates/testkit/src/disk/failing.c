/* A disk that fails when it is told to: loaded before the C library (LD_PRELOAD) of a program under
 * test. See mod.rs for what it is told, by variables of the environment.
 *
 * Calls on files below one folder are counted by kind. One of them fails, or it and all that follow,
 * or it is the moment of a power cut.
 *
 * Beside each file it can keep what the disk would have after a power cut: pages become durable
 * when a sync succeeds. Those written before a sync that failed are lost, even when a later one
 * succeeds, since the system takes them for written: programs cannot know, and must not rely on a
 * second try. Names, sizes and removals are durable at once. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { WRITE, SYNC, TRUNCATE, READ, OPEN, UNLINK, MAP, LOCK, STAT, KINDS };
static const char *const names[KINDS] = {"write",  "sync", "truncate", "read", "open",
                                         "unlink", "map",  "lock",     "stat"};

enum outcome { PASS, FAIL, SHORT };

#define PAGE 4096
#define PAGES 32768
#define FILES 16

/* A file and which of its pages a power cut would take. */
struct file {
  char path[PATH_MAX];
  unsigned char dirty[PAGES];
};

static struct {
  char folder[PATH_MAX], counts[PATH_MAX], ready[PATH_MAX], durable[PATH_MAX];
  enum kind kind;
  long nth;
  int error;
  int lasting, is_short, cut;
  uint64_t chance;
} plan;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long counted[KINDS];
static struct file files[FILES];
/* Calls that this file makes itself go through. */
static __thread int inside;

#define REAL(type, name, ...)                                                                      \
  static type (*real)(__VA_ARGS__);                                                                \
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

static void copy_variable(char *into, const char *name) {
  const char *value = getenv(name);
  if (value) snprintf(into, PATH_MAX, "%s", value);
}

__attribute__((constructor)) static void begin(void) {
  inside++;
  copy_variable(plan.folder, "PANDAN_DISK_FOLDER");
  copy_variable(plan.counts, "PANDAN_DISK_COUNTS");
  copy_variable(plan.ready, "PANDAN_DISK_SWITCH");
  copy_variable(plan.durable, "PANDAN_DISK_DURABLE");
  char kind[32] = "", error[32] = "", how[32] = "";
  const char *fault = getenv("PANDAN_DISK_FAULT");
  if (fault && sscanf(fault, "%31s %ld %31s %31s", kind, &plan.nth, error, how) == 4) {
    while (plan.kind < KINDS && strcmp(kind, names[plan.kind])) plan.kind++;
    plan.error = !strcmp(error, "full") ? ENOSPC : EIO;
    plan.is_short = !strcmp(error, "short");
    plan.cut = !strcmp(error, "cut");
    plan.lasting = !strcmp(how, "lasting");
  }
  const char *chance = getenv("PANDAN_DISK_CHANCE");
  plan.chance = chance ? strtoull(chance, 0, 10) : 0;
  inside--;
}

/* The path behind a descriptor; whether it is one of those that can fail. */
static int watched(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  size_t folder = strlen(plan.folder);
  return folder && !strncmp(path, plan.folder, folder);
}

static int is_below(const char *path) {
  size_t folder = strlen(plan.folder);
  return folder && path && !strncmp(path, plan.folder, folder);
}

/* The shared memory beside a log is made anew after a power cut. */
static struct file *file_of(const char *path) {
  size_t length = strlen(path);
  if (!*plan.durable || (length > 4 && !strcmp(path + length - 4, "-shm"))) return 0;
  for (int i = 0; i < FILES; i++) {
    if (!*files[i].path) snprintf(files[i].path, PATH_MAX, "%s", path);
    if (!strcmp(files[i].path, path)) return &files[i];
  }
  abort();
}

static int open_durable(const char *path) {
  char name[2 * PATH_MAX];
  snprintf(name, sizeof name, "%s%s", plan.durable, strrchr(path, '/'));
  return open(name, O_RDWR | O_CREAT, 0600);
}

static uint64_t number(void) {
  uint64_t mixed = plan.chance += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

/* Takes pages over to where a power cut does not reach: all, or those that chance picks. */
static void keep(struct file *file, int fd, int is_chance) {
  char page[PAGE];
  struct stat now;
  int to = open_durable(file->path);
  if (to < 0 || fstat(fd, &now)) abort();
  int from = open(file->path, O_RDONLY);
  for (off_t i = 0; i < PAGES; i++) {
    if (!file->dirty[i] || (is_chance && number() % 2)) continue;
    file->dirty[i] = 0;
    ssize_t length = pread(from, page, PAGE, i * PAGE);
    if (length > 0 && pwrite(to, page, (size_t)length, i * PAGE) != length) abort();
  }
  if (!is_chance && ftruncate(to, now.st_size)) abort();
  if (from >= 0) close(from);
  close(to);
}

static void lose_power(void) {
  for (int i = 0; plan.chance && *plan.durable && i < FILES; i++) {
    int fd = *files[i].path ? open(files[i].path, O_RDONLY) : -1;
    if (fd < 0) continue;
    keep(&files[i], fd, 1);
    close(fd);
  }
  _exit(9);
}

/* Counts a call, and tells what is to become of it. */
static enum outcome meet(enum kind kind) {
  if (*plan.ready && access(plan.ready, F_OK)) return PASS;
  long number = ++counted[kind];
  int is_hit = plan.nth && kind == plan.kind &&
               (number == plan.nth || (plan.lasting && number > plan.nth));
  if (!is_hit) return PASS;
  if (plan.cut) lose_power();
  if (plan.is_short && number == plan.nth) return SHORT;
  errno = plan.error;
  return FAIL;
}

static void enter(void) {
  inside++;
  pthread_mutex_lock(&lock);
}

static void leave(void) {
  int error = errno;
  pthread_mutex_unlock(&lock);
  inside--;
  errno = error;
}

static enum outcome meet_fd(enum kind kind, int fd, char *path) {
  if (inside) return PASS;
  enter();
  enum outcome outcome = watched(fd, path) ? meet(kind) : PASS;
  leave();
  return outcome;
}

static enum outcome meet_path(enum kind kind, const char *path) {
  if (inside || !is_below(path)) return PASS;
  enter();
  enum outcome outcome = meet(kind);
  leave();
  return outcome;
}

__attribute__((destructor)) static void end(void) {
  if (!*plan.counts) return;
  inside++;
  FILE *out = fopen(plan.counts, "w");
  for (int kind = 0; out && kind < KINDS; kind++)
    fprintf(out, "%s %ld\n", names[kind], counted[kind]);
  if (out) fclose(out);
  inside--;
}

static void soil(int fd, off_t at, ssize_t length) {
  char path[PATH_MAX];
  if (inside || length <= 0) return;
  enter();
  struct file *file = watched(fd, path) ? file_of(path) : 0;
  if (file) {
    off_t last = (at + length - 1) / PAGE;
    if (last >= PAGES) abort();
    for (off_t page = at / PAGE; page <= last; page++) file->dirty[page] = 1;
  }
  leave();
}

/* Half of what was to be written is. */
static size_t cut_short(enum outcome outcome, size_t length) {
  return outcome == SHORT && length > 1 ? length / 2 : length;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(ssize_t, write, int, const void *, size_t);
  char path[PATH_MAX];
  enum outcome outcome = meet_fd(WRITE, fd, path);
  if (outcome == FAIL) return -1;
  off_t at = inside ? 0 : lseek(fd, 0, SEEK_CUR);
  ssize_t written = real(fd, bytes, cut_short(outcome, length));
  soil(fd, at, written);
  return written;
}

#define PWRITE(name, offset)                                                                       \
  ssize_t name(int fd, const void *bytes, size_t length, offset at) {                              \
    REAL(ssize_t, name, int, const void *, size_t, offset);                                        \
    char path[PATH_MAX];                                                                           \
    enum outcome outcome = meet_fd(WRITE, fd, path);                                               \
    if (outcome == FAIL) return -1;                                                                \
    ssize_t written = real(fd, bytes, cut_short(outcome, length), at);                             \
    soil(fd, at, written);                                                                         \
    return written;                                                                                \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static int sync_with(int (*real)(int), int fd) {
  char path[PATH_MAX];
  if (inside) return real(fd);
  enter();
  int is_watched = watched(fd, path), result = -1, error = 0;
  struct stat now;
  int is_file = is_watched && !fstat(fd, &now) && S_ISREG(now.st_mode);
  struct file *file = is_file ? file_of(path) : 0;
  if (!is_watched) {
    result = real(fd);
  } else if (meet(SYNC) == PASS) {
    // The disk below is not the one that is tested, and waiting for it takes long.
    result = 0;
    error = errno;
    if (file) keep(file, fd, 0);
    errno = error;
  } else {
    errno = plan.error;
    if (file) memset(file->dirty, 0, sizeof file->dirty);
  }
  leave();
  return result;
}

int fsync(int fd) {
  REAL(int, fsync, int);
  return sync_with(real, fd);
}

int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  return sync_with(real, fd);
}

static void shrink(int fd, off_t length) {
  char path[PATH_MAX];
  struct stat durable;
  if (inside) return;
  enter();
  struct file *file = watched(fd, path) ? file_of(path) : 0;
  int to = file ? open_durable(path) : -1;
  if (to >= 0) {
    if (!fstat(to, &durable) && durable.st_size > length && ftruncate(to, length)) abort();
    close(to);
  }
  leave();
}

#define TRUNCATE_WITH(name, offset)                                                                \
  int name(int fd, offset length) {                                                                \
    REAL(int, name, int, offset);                                                                  \
    char path[PATH_MAX];                                                                           \
    if (meet_fd(TRUNCATE, fd, path) != PASS) return -1;                                            \
    int result = real(fd, length);                                                                 \
    if (!result) shrink(fd, length);                                                               \
    return result;                                                                                 \
  }
TRUNCATE_WITH(ftruncate, off_t)
TRUNCATE_WITH(ftruncate64, off64_t)

ssize_t read(int fd, void *bytes, size_t length) {
  REAL(ssize_t, read, int, void *, size_t);
  char path[PATH_MAX];
  enum outcome outcome = meet_fd(READ, fd, path);
  return outcome == FAIL ? -1 : real(fd, bytes, cut_short(outcome, length));
}

#define PREAD(name, offset)                                                                        \
  ssize_t name(int fd, void *bytes, size_t length, offset at) {                                    \
    REAL(ssize_t, name, int, void *, size_t, offset);                                              \
    char path[PATH_MAX];                                                                           \
    enum outcome outcome = meet_fd(READ, fd, path);                                                \
    return outcome == FAIL ? -1 : real(fd, bytes, cut_short(outcome, length), at);                 \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define OPEN_WITH(name)                                                                            \
  int name(const char *path, int flags, ...) {                                                     \
    REAL(int, name, const char *, int, ...);                                                       \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                                      \
    va_end(rest);                                                                                  \
    return meet_path(OPEN, path) == PASS ? real(path, flags, mode) : -1;                           \
  }
OPEN_WITH(open)
OPEN_WITH(open64)

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  if (meet_path(UNLINK, path) != PASS) return -1;
  int result = real(path);
  if (result || inside || !is_below(path)) return result;
  enter();
  struct file *file = file_of(path);
  char name[2 * PATH_MAX];
  snprintf(name, sizeof name, "%s%s", plan.durable, strrchr(path, '/'));
  if (file) {
    memset(file->dirty, 0, sizeof file->dirty);
    real(name);
  }
  leave();
  return result;
}

#define MMAP_WITH(name, offset)                                                                    \
  void *name(void *at, size_t length, int protection, int flags, int fd, offset from) {            \
    REAL(void *, name, void *, size_t, int, int, int, offset);                                     \
    char path[PATH_MAX];                                                                           \
    if (fd >= 0 && meet_fd(MAP, fd, path) != PASS) return MAP_FAILED;                              \
    return real(at, length, protection, flags, fd, from);                                          \
  }
MMAP_WITH(mmap, off_t)
MMAP_WITH(mmap64, off64_t)

#define FCNTL_WITH(name)                                                                           \
  int name(int fd, int command, ...) {                                                             \
    REAL(int, name, int, int, ...);                                                                \
    char path[PATH_MAX];                                                                           \
    va_list rest;                                                                                  \
    va_start(rest, command);                                                                       \
    void *argument = va_arg(rest, void *);                                                         \
    va_end(rest);                                                                                  \
    int is_lock = command == F_SETLK || command == F_SETLKW;                                       \
    if (is_lock && meet_fd(LOCK, fd, path) != PASS) return -1;                                     \
    return real(fd, command, argument);                                                            \
  }
FCNTL_WITH(fcntl)
FCNTL_WITH(fcntl64)

#define STAT_WITH(name, type)                                                                      \
  int name(int fd, type *into) {                                                                   \
    REAL(int, name, int, type *);                                                                  \
    char path[PATH_MAX];                                                                           \
    return meet_fd(STAT, fd, path) == PASS ? real(fd, into) : -1;                                  \
  }
STAT_WITH(fstat, struct stat)
STAT_WITH(fstat64, struct stat64)
