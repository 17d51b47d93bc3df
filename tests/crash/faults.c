/* LD_PRELOAD: counts the calls with which a process changes files under one folder, and lets one of them go wrong.
 * build: gcc -shared -fPIC -O2 -o faults.so faults.c -ldl
 * Nothing happens until the process itself calls faults_arm(folder, how, k, count, error); a forked child arms itself.
 * Calls that count: write, pwrite, ftruncate, fsync, fdatasync, rename, unlink, open that creates a file.
 * how: 'c' count only; 'b' SIGKILL before call k; 'a' SIGKILL after it; 't' half of the write is done, then SIGKILL;
 *      'e' calls k .. k+count-1 fail with `error` and do nothing (count 0: for ever); 'l' they are done and fail all the same;
 *      's' half of the write is done and reported as such; 'i' a sync does nothing and reports success.
 * For 't' and 's' only writes count, for 'i' and 'E' only syncs; 'E' is 'e'. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REAL(f) ((__typeof__(&f))dlsym(RTLD_NEXT, #f))
#define DIE() kill(getpid(), SIGKILL)

static char prefix[4096];
static char how;
static long k, count, seen;
static int error;

void faults_arm(const char *folder, char mode, long at, long times, int number) {
  snprintf(prefix, sizeof prefix, "%s", folder);
  how = mode; k = at; count = times; error = number; seen = 0;
}
long faults_seen(void) { return seen; }
void faults_disarm(void) { how = 0; }

enum kind { NAME, WRITE, SYNC };
static int ours(const char *path) { return path && !strncmp(path, prefix, strlen(prefix)); }
static int ours_fd(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return ours(path);
}
/* Whether this call is to go wrong. */
static int hit(enum kind kind) {
  if ((how == 't' || how == 's') && kind != WRITE) return 0;
  if ((how == 'i' || how == 'E') && kind != SYNC) return 0;
  long this = seen++;
  return how != 'c' && this >= k && (count == 0 || this < k + count);
}
static int before(void) {      /* 1: the call is not to be done, errno says why */
  if (how == 'b') DIE();
  if (how == 'e' || how == 'E') { errno = error; return 1; }
  return 0;
}
static int after(int done) {
  if (how == 'a') DIE();
  if (how == 'l' && done >= 0) { errno = error; return -1; }
  return done;
}
static ssize_t half(int fd, const void *data, size_t n, off64_t at) {
  ssize_t done = at < 0 ? REAL(write)(fd, data, n / 2) : REAL(pwrite64)(fd, data, n / 2, at);
  if (how == 't') DIE();
  return done;
}
static int splits(size_t n) { return (how == 's' && n > 1) || how == 't'; }
ssize_t write(int fd, const void *data, size_t n) {
  if (!how || !ours_fd(fd) || !hit(WRITE)) return REAL(write)(fd, data, n);
  if (splits(n)) return half(fd, data, n, -1);
  return before() ? -1 : after(REAL(write)(fd, data, n));
}
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
  if (!how || !ours_fd(fd) || !hit(WRITE)) return REAL(pwrite64)(fd, data, n, at);
  if (splits(n)) return half(fd, data, n, at);
  return before() ? -1 : after(REAL(pwrite64)(fd, data, n, at));
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { return pwrite64(fd, data, n, at); }
static int sync_of(int fd, int (*real)(int)) {
  if (!how || !ours_fd(fd) || !hit(SYNC)) return real(fd);
  if (how == 'i') return 0;
  return before() ? -1 : after(real(fd));
}
int fsync(int fd) { return sync_of(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_of(fd, REAL(fdatasync)); }
int ftruncate64(int fd, off64_t n) {
  if (!how || !ours_fd(fd) || !hit(NAME)) return REAL(ftruncate64)(fd, n);
  return before() ? -1 : after(REAL(ftruncate64)(fd, n));
}
int ftruncate(int fd, off_t n) { return ftruncate64(fd, n); }
int rename(const char *a, const char *b) {
  if (!how || !ours(b) || !hit(NAME)) return REAL(rename)(a, b);
  return before() ? -1 : after(REAL(rename)(a, b));
}
int unlink(const char *a) {
  if (!how || !ours(a) || !hit(NAME)) return REAL(unlink)(a);
  return before() ? -1 : after(REAL(unlink)(a));
}
typedef int (*open_call)(const char *, int, ...);
static int open_of(const char *path, int flags, mode_t mode, open_call real) {
  if (!how || !(flags & O_CREAT) || !ours(path) || !access(path, F_OK) || !hit(NAME)) return real(path, flags, mode);
  if (before()) return -1;
  int fd = real(path, flags, mode);
  if (after(fd) >= 0 || fd < 0) return fd;
  close(fd);
  errno = error;
  return -1;
}
int open(const char *path, int flags, ...) {
  va_list v; va_start(v, flags); mode_t mode = va_arg(v, mode_t); va_end(v);
  return open_of(path, flags, mode, (open_call)dlsym(RTLD_NEXT, "open"));
}
int open64(const char *path, int flags, ...) {
  va_list v; va_start(v, flags); mode_t mode = va_arg(v, mode_t); va_end(v);
  return open_of(path, flags, mode, (open_call)dlsym(RTLD_NEXT, "open64"));
}
