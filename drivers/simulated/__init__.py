"""The simulated plant: meters that speak DL/T 645-2007, Modbus RTU and Modbus TCP, in real line time.

For ``sitebox demo``, end-to-end tests and benchmarks. Its codecs and register tables are its own: nothing
here may import ``drivers.dlt645`` or ``drivers.modbus``, so that no mistake can cancel itself out.

Start it as a process, or as a library (``Plant`` in ``drivers.simulated.plant``)::

    python -m drivers.simulated --plant plant.toml [--control SOCKET] [--truth truth.jsonl]
    {"ready": true, "buses": {"b1": "/tmp/x/b1", "t1": "127.0.0.1:36145"}, "meters": ["kiln-main"],
     "started_ms": 1795000000000}                          (one line)

Plant file
==========
::

    [plant]                      # all keys optional
    seed = 1
    period_s = 86400             # real seconds of one pattern day; 60 for a demo
    anchor = "clock"             # pattern day begins at local midnight; "start": when the simulator starts
    utc_offset_s = 28800         # local time of the meters' clocks
    check_baud = true            # a request at another rate than the meter's is noise to it
    strict_silence = true        # Modbus meters ignore a request within 3.5 characters of a reply's end

    [[bus]]
    id = "b1"
    kind = "serial"              # a pty (default) | "tcp" = Modbus TCP on 127.0.0.1 | "rtu-over-tcp" =
                                 # serial server on 127.0.0.1, at the rate of its first meter
    link = "b1"                  # pty: symbolic link to make, relative to the plant file
    port = 0                     # TCP kinds: 0 = any free port, named in the ready line

    [[load]]
    id = "kiln"
    kw = 400                     # rated power, primary
    role = "production"          # "treatment" (see the switch treatment-off) | "other"
    pattern = "furnace"          # "constant" | "shifts" | "furnace" (heats within its hours) | "follow"
    hours = ["06:00-22:00"]      # of the pattern day; may pass midnight
    of = "kiln"                  # pattern follow: on while that load runs,
    lead_s = 0                   #   from so long before (real seconds)
    lag_s = 0                    #   to so long after
    ramp_s = 0                   # real seconds from 0 to rated power
    idle_kw = 0
    noise = 0.02                 # share of the power
    pf = 0.9

    [[meter]]
    id = "kiln-main"
    bus = "b1"
    protocol = "dlt645-2007"     # | "modbus-rtu" | "modbus-tcp"
    address = "000000000012"     # or unit "1".."247"
    model = "dlt645-2007"        # Modbus: "acrel-adl400" | "chint-dtsu666" | "eastron-sdm630"
    line = "2400 8E1"            # default "9600 8N1"
    loads = ["kiln"]             # what it measures: their sum
    ct = "200/5"                 # the meter shows secondary values (sdm630: primary); default "1"
    pt = "1"
    nominal_v = 230              # phase voltage at its terminals
    phases = 3                   # or 1
    delay_ms = 30                # from the end of the request to its reply (Modbus: after the 3.5 characters)
    clock_offset_s = 0
    energy_kwh = 1000.0          # forward register at the anchor, as shown; default from the seed
    preamble = 4                 # DL/T 645 only, from here on: FE bytes before a reply
    blocks = true                # false: FF blocks are refused (D1 02)
    most_data = 200              # longer replies go out as follow-up frames (B1, 92)
    echo_wildcard = false        # replies to AA with the AA address
    absent = "ff"                # phases B, C of a single-phase meter: "ff" fill or "zero"
    long_status = false          # 040005FF with 18 bytes instead of 14
    load_step_min = 15           # load records (06); 0: none
    freezes = "sets"             # hourly and daily freezes (05): also "parts" (no 0504FFnn) or "none"
    number = "000000000012"      # meter number (04000402); default: the address
    lacks = ["10000001"]         # data identifiers it refuses; default none
    refusal = "no-data"          # how it says that it has no such data: D1 02, "other" (D1 01) or "silence"

Control
=======
One JSON object a line each way on the Unix socket; replies ``{"ok":true,"t":<plant UTC ms>,...}`` or
``{"ok":false,"error":"..."}``. ``on`` is true when left out::

    {"set":"unplug","meter":M,"on":true}                 silent
    {"set":"wrong-phase","meter":M}                      each channel has the current of the next phase
    {"set":"phase-order","meter":M}                      B and C exchanged, voltages and currents
    {"set":"reversed-ct","meter":M,"phase":"c"}
    {"set":"phase-loss","meter":M,"phase":"a"}
    {"set":"load","load":L,"factor":0.5}                 0 = off, 1 = as in the plant file
    {"set":"treatment-off"}                              all loads of role treatment; "load":L for one
    {"set":"power-cut","scope":"loads"}                  nothing runs; "meters": nor does any meter
    {"set":"late","meter":M,"ms":2500,"count":1}         next replies late; no count = all, ms 0 = none
    {"set":"flip","meter":M,"permille":200}              also noise, drop, cut, double
    {"set":"clock","meter":M,"offset_s":-3600}
    {"set":"event","meter":M,"what":"cover-open"}        also power-down, programming, terminal-cover,
                                                         meter-clear, demand-clear, event-clear, time-set,
                                                         voltage-loss, phase-break-a, reverse-flow-a:
                                                         one more in its counter, and its record
    {"set":"number","meter":M,"number":"000000000099"}   another meter number, as after a swap
    {"set":"echo","bus":B}                               the reader hears itself
    {"set":"bus-gone","bus":B}                           hang up, remove the link; false: another pty
    {"get":"plant"}                                      ready line and line counters
    {"get":"served","last":20,"meter":M}                 counts and the newest lines of the truth log
    {"get":"meter","meter":M}                            its values as shown, exact, and its faults

Truth log
=========
One line a reply, written before its last byte goes out: ``t`` (plant UTC ms), ``mono_ms`` (CLOCK_BOOTTIME),
``bus``, ``meter``, ``protocol``, ``ask`` ("0201FF00", "03 0x2006+6"), ``kind`` good | error (D1, exception),
``faults`` (what was done to it on the line), ``shown`` and ``primary``: quantity -> plain decimal text in the
units of the vocabulary, on the meter's side and times CT and PT. A phase that is not there reads "missing";
items without a quantity are named by their DI and given in hex. At 512 MiB it ends with ``{"full":true}``.
"""
