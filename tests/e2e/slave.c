/* A Modbus slave of libmodbus, which shares no code with this project.
 * build: gcc -O1 -Wall -Wextra -Werror -o slave slave.c -lmodbus
 * use:   slave tcp UNIT | slave rtu UNIT DEVICE
 *
 * First it reads its four tables from stdin, one line each, in this order: coils, discrete inputs, holding registers,
 * input registers: "<first address> <count> <value> <value> ...", decimal. Everything outside is exception 2.
 * Values are raw registers: libmodbus' own setters of floats have word orders of their own.
 * Then it says "ready <tcp port, or 0>", and serves one master after another until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus/modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef struct {
  unsigned first, count;
  unsigned value[1000];
} table;

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, modbus_strerror(errno));
  exit(1);
}

static table take(void) {
  table t;
  if (scanf("%u %u", &t.first, &t.count) != 2 || t.count > 1000) die("table");
  for (unsigned i = 0; i < t.count; i++)
    if (scanf("%u", &t.value[i]) != 1) die("value");
  return t;
}

static void bits(uint8_t *to, const table *t) {
  for (unsigned i = 0; i < t->count; i++) to[i] = t->value[i];
}

static void registers(uint16_t *to, const table *t) {
  for (unsigned i = 0; i < t->count; i++) to[i] = t->value[i];
}

static modbus_mapping_t *mapping(void) {
  static table coils, inputs, holding, input;
  coils = take(), inputs = take(), holding = take(), input = take();
  modbus_mapping_t *map = modbus_mapping_new_start_address(coils.first, coils.count, inputs.first, inputs.count,
                                                           holding.first, holding.count, input.first, input.count);
  if (!map) die("mapping");
  bits(map->tab_bits, &coils), bits(map->tab_input_bits, &inputs);
  registers(map->tab_registers, &holding), registers(map->tab_input_registers, &input);
  return map;
}

static void serve(modbus_t *slave, modbus_mapping_t *map) {
  uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
  int length;
  while ((length = modbus_receive(slave, query)) != -1 || errno == EMBBADCRC)
    if (length > 0) modbus_reply(slave, query, length, map);
}

static void ready(int port) {
  printf("ready %d\n", port);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int unit = atoi(argv[2]), listening;
  modbus_mapping_t *map = mapping();
  if (!strcmp(argv[1], "rtu")) {
    modbus_t *slave = modbus_new_rtu(argv[3], 9600, 'N', 8, 1);
    if (!slave || modbus_set_slave(slave, unit) || modbus_connect(slave)) die("rtu");
    ready(0);
    for (;;) serve(slave, map);
  }
  modbus_t *slave = modbus_new_tcp("127.0.0.1", 0);
  if (!slave || (listening = modbus_tcp_listen(slave, 1)) == -1) die("tcp");
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  if (getsockname(listening, (struct sockaddr *)&at, &size)) die("port");
  ready(ntohs(at.sin_port));
  for (;;) {
    if (modbus_tcp_accept(slave, &listening) == -1) die("accept");
    serve(slave, map);
    modbus_close(slave);
  }
}
