/* LD_PRELOAD: notes every change that a process makes to files under REC_PATH, in order, into the file REC_LOG.
 * build: gcc -shared -fPIC -O2 -o recorder.so recorder.c -ldl
 * A process may also call recorder_start(path, log) itself, for example in a forked child.
 * A note: one line "<op> <inode> <offset> <length> <path>[\t<second path>]\n", then <length> bytes of data for "write".
 * Ops: create write truncate sync syncdir rename unlink. Changes through mmap are not seen (SQLite's -shm only). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *prefix;
static int log_fd = -1;
#define REAL(f) ((__typeof__(&f))dlsym(RTLD_NEXT, #f))

__attribute__((constructor)) static void init(void) {
  prefix = getenv("REC_PATH");
  if (prefix && getenv("REC_LOG"))
    log_fd = syscall(SYS_openat, AT_FDCWD, getenv("REC_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}
void recorder_start(const char *path, const char *log) {
  prefix = strdup(path);
  log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
}
static int ours(const char *path) { return log_fd >= 0 && path && !strncmp(path, prefix, strlen(prefix)); }
static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, 4095);
  if (n < 0) return 0;
  path[n] = 0;
  return ours(path);
}
static void put(const void *data, size_t n) { if (syscall(SYS_write, log_fd, data, n) != (long)n) abort(); }
static void note(const char *op, unsigned long ino, long offset, long length, const char *path, const char *second) {
  char line[9000];
  put(line, snprintf(line, sizeof line, "%s %lu %ld %ld %s%s%s\n", op, ino, offset, length, path, second ? "\t" : "", second ? second : ""));
}
static unsigned long inode(int fd) { struct stat s; return fstat(fd, &s) ? 0 : s.st_ino; }

static void wrote(int fd, const void *data, ssize_t done, off64_t offset) {
  char path[4096];
  if (done > 0 && path_of(fd, path)) { note("write", inode(fd), offset, done, path, NULL); put(data, done); }
}
ssize_t write(int fd, const void *data, size_t n) {
  off64_t at = lseek64(fd, 0, SEEK_CUR);
  ssize_t done = REAL(write)(fd, data, n);
  wrote(fd, data, done, at);
  return done;
}
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
  ssize_t done = REAL(pwrite64)(fd, data, n, at);
  wrote(fd, data, done, at);
  return done;
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { return pwrite64(fd, data, n, at); }
static int synced(int fd, int done) {
  char path[4096]; struct stat s;
  if (!done && path_of(fd, path) && !fstat(fd, &s)) note(S_ISDIR(s.st_mode) ? "syncdir" : "sync", s.st_ino, 0, 0, path, NULL);
  return done;
}
int fsync(int fd) { return synced(fd, REAL(fsync)(fd)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)(fd)); }
int ftruncate64(int fd, off64_t n) {
  char path[4096];
  int done = REAL(ftruncate64)(fd, n);
  if (!done && path_of(fd, path)) note("truncate", inode(fd), n, 0, path, NULL);
  return done;
}
int ftruncate(int fd, off_t n) { return ftruncate64(fd, n); }
int rename(const char *a, const char *b) {
  struct stat s; int known = !stat(a, &s), done = REAL(rename)(a, b);
  if (!done && known && ours(b)) note("rename", s.st_ino, 0, 0, a, b);
  return done;
}
int unlink(const char *a) {
  struct stat s; int known = !stat(a, &s), done = REAL(unlink)(a);
  if (!done && known && ours(a)) note("unlink", s.st_ino, 0, 0, a, NULL);
  return done;
}
static int opened(const char *path, int fd, int flags, int known) {
  if (fd >= 0 && (flags & O_CREAT) && !known && ours(path)) note("create", inode(fd), 0, 0, path, NULL);
  return fd;
}
int open(const char *path, int flags, ...) {
  va_list v; va_start(v, flags); mode_t mode = va_arg(v, mode_t); va_end(v);
  int known = !access(path, F_OK);
  return opened(path, REAL(open)(path, flags, mode), flags, known);
}
int open64(const char *path, int flags, ...) {
  va_list v; va_start(v, flags); mode_t mode = va_arg(v, mode_t); va_end(v);
  int known = !access(path, F_OK);
  return opened(path, REAL(open64)(path, flags, mode), flags, known);
}
