"""The shipped unit, users, folders and device rules, judged by systemd's own tools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SHIPPED = Path(__file__).resolve().parents[2] / "systemd"
EXPOSURE_MAX = 2.0  # systemd's own scale: 0 is shut, 10 is open; chrony's unit stands at 3.7


def _tool(name: str) -> str:
    """A program of systemd. Without it nothing here can be judged, so its absence is a failure."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin:/sbin")
    assert found, f"{name} is missing: ./run test installs it"
    return found


def _call(*command: str | Path) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, f"{command[0]} ended with {run.returncode}:\n{run.stdout}{run.stderr}"
    return run.stdout + run.stderr


def _settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as shipped but for the program, which systemd wants to exist."""
    program = tmp_path / "sitebox"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = (SHIPPED / "sitebox.service").read_text()
    assert text.count("/opt/sitebox/bin/sitebox run") == 1
    copy = tmp_path / "sitebox.service"
    copy.write_text(text.replace("/opt/sitebox/bin/sitebox", str(program)))
    return copy


def test_unit_is_clean(unit: Path) -> None:
    assert _call(_tool("systemd-analyze"), "verify", "--man=no", unit) == ""


def test_a_mistake_in_the_unit_would_be_seen(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSytem="))
    assert "ProtectSytem" in _call(_tool("systemd-analyze"), "verify", "--man=no", unit)


def test_exposure_is_small(unit: Path) -> None:
    said = _call(_tool("systemd-analyze"), "security", "--offline=true", "--no-pager", unit)
    figure = re.search(r"Overall exposure level for sitebox\.service: ([\d.]+)", said)
    assert figure, said
    assert 0 < float(figure[1]) <= EXPOSURE_MAX


def test_unit_keeps_the_promises_that_no_tool_checks() -> None:
    said = _settings((SHIPPED / "sitebox.service").read_text())
    one = {key: values[0] for key, values in said.items() if len(values) == 1}
    wanted = {
        "Type": "notify",
        "User": "sitebox",
        "WatchdogSec": "60",
        "Restart": "always",
        "RestartPreventExitStatus": "78",
        "StartLimitIntervalSec": "0",
        "StateDirectoryMode": "0750",
        "ExecReload": '/bin/sh -c "kill -HUP $MAINPID"',
        "CapabilityBoundingSet": "",
    }
    assert {key: one.get(key) for key in wanted} == wanted
    assert "PYTHONSAFEPATH=1" in one["Environment"].split()
    assert {d.split()[0] for d in said["DeviceAllow"]} == {
        f"char-tty{kind}" for kind in ("USB", "ACM", "S", "AMA")
    }
    assert said["SystemCallFilter"][-1] == "adjtimex clock_adjtime"  # after what takes @clock away
    # ProtectClock denies adjtimex even for reading; addresses are the plant's business; keys are born here;
    # a private user table or /proc would blind the control socket and the boot id; no waiting for a network.
    traps = {
        "ProtectClock",
        "IPAddressAllow",
        "IPAddressDeny",
        "LoadCredential",
        "PrivateUsers",
        "ProcSubset",
    }
    assert traps & set(said) == set()
    assert "network" not in " ".join(said["After"] + said["Wants"])


def _table(path: Path) -> dict[str, list[str]]:
    rows = [line.split(":") for line in path.read_text().splitlines()]
    return {row[0]: row for row in rows}


def test_users_and_folders(tmp_path: Path) -> None:
    """Made for real in an empty root where we may (as root); another user can only try the first half."""
    (tmp_path / "etc").mkdir()
    root = f"--root={tmp_path}"
    if os.geteuid() != 0:
        said = _call(_tool("systemd-sysusers"), root, "--dry-run", SHIPPED / "sitebox.sysusers")
        assert "sitebox-op" in said
        return
    _call(_tool("systemd-sysusers"), root, SHIPPED / "sitebox.sysusers")
    users = {
        line.split(":")[0]: line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()
    }
    groups = {
        line.split(":")[0]: line.split(":") for line in (tmp_path / "etc/group").read_text().splitlines()
    }
    assert set(users) == {"sitebox"}
    assert users["sitebox"][5:] == ["/var/lib/sitebox", "/usr/sbin/nologin"]
    assert set(groups) == {"sitebox", "sitebox-op", "dialout"}
    assert groups["dialout"][3] == "sitebox"

    _call(_tool("systemd-tmpfiles"), "--create", root, SHIPPED / "sitebox.tmpfiles")
    owner = int(users["sitebox"][2])
    made = {
        p: (tmp_path / p).stat() for p in ("etc/sitebox/conf.d", "var/lib/sitebox", "var/lib/sitebox/keys")
    }
    assert {p: (f"{s.st_mode & 0o7777:04o}", s.st_uid) for p, s in made.items()} == {
        "etc/sitebox/conf.d": ("0755", 0),
        "var/lib/sitebox": ("0750", owner),
        "var/lib/sitebox/keys": ("0700", owner),
    }


def _rules() -> str:
    """The udev rules with the commented examples in force as well."""
    text = (SHIPPED / "60-sitebox.rules").read_text()
    return re.sub(r"^#(?=SUBSYSTEM)", "", text, flags=re.MULTILINE)


def test_device_rules_read_like_rules() -> None:
    term = r'(?:[A-Z]+(?:\{\w+\})?)(?:==|!=|\+=|=)"[^"]*"'
    rules = [line for line in _rules().splitlines() if line and not line.startswith("#")]
    assert len(rules) == 5
    assert [r for r in rules if not re.fullmatch(rf"{term}(?:, {term})*", r)] == []
    assert sum('SYMLINK+="sitebox-bus1"' in r for r in rules) == 2


def test_device_rules_pass_udev(tmp_path: Path) -> None:
    udevadm = _tool("udevadm")
    if "verify" not in _call(udevadm, "--help"):
        pytest.skip("udevadm verify came with systemd 254; the test above reads the rules by itself")
    copy = tmp_path / "60-sitebox.rules"
    copy.write_text(_rules())
    assert re.search(r"Fail: +0$", _call(udevadm, "verify", copy), re.MULTILINE)


# What docs/notify.md tells an installer to allow

NOTIFY = (SHIPPED.parent / "docs" / "notify.md").read_text(encoding="utf-8")
DROP_INS = re.findall(r"^```ini\n(.*?)^```", NOTIFY, re.MULTILINE | re.DOTALL)


def _opened(unit: Path) -> Path:
    """The unit with every drop-in of the page in force."""
    text = unit.read_text()
    unit.write_text(text.replace("[Install]", "\n".join([*DROP_INS, "[Install]"])))
    return unit


def test_the_pages_drop_ins_are_clean_and_keep_the_exposure_small(unit: Path) -> None:
    opened = _opened(unit)
    said = _settings(opened.read_text())
    assert said["ReadWritePaths"] == ["-/sys/devices/platform/leds/leds/red:alarm"]
    assert {"/dev/hidraw0 rw", "/dev/gpiochip0 rw"} <= set(said["DeviceAllow"])
    assert said["SupplementaryGroups"] == ["dialout", "gpio"]
    lines = _call(_tool("systemd-analyze"), "verify", "--man=no", opened)
    assert lines == ""
    figure = re.search(
        r"Overall exposure level for sitebox\.service: ([\d.]+)",
        _call(_tool("systemd-analyze"), "security", "--offline=true", "--no-pager", opened),
    )
    assert figure is not None
    assert 0 < float(figure[1]) <= EXPOSURE_MAX


def test_the_page_says_what_the_unit_does() -> None:
    said = {key: values[-1] for key, values in _settings((SHIPPED / "sitebox.service").read_text()).items()}
    assert said["ProtectKernelTunables"] == "yes", "/sys is read-only, so a LED needs its drop-in"
    assert (said["ProtectHome"], said["PrivateTmp"], said["NoNewPrivileges"]) == ("yes", "yes", "yes")
    assert (said["TasksMax"], said["MemoryMax"]) == ("64", "256M")
    assert said["RestrictAddressFamilies"] == "AF_UNIX AF_INET AF_INET6"
    assert not {"NoExecPaths", "ExecPaths", "InaccessiblePaths"} & set(said), "programs in /usr/local/bin run"
    for words in ("64 tasks, 256 MiB", "Unix, IPv4, IPv6", "`/home`, `/root` and `/tmp`"):
        assert words in NOTIFY


def _calls(*names: str) -> set[str]:
    """System calls of systemd's groups."""
    found: set[str] = set()
    for line in _call(_tool("systemd-analyze"), "syscall-filter", *names).splitlines():
        word = line.strip()
        if line.startswith(" ") and word and not word.startswith("#"):
            found |= _calls(word) if word.startswith("@") else {word}
    return found


def test_the_filter_lets_a_program_be_started_and_ended() -> None:
    """A call that the filter denies gives EPERM in the thread of the notice, and would end the daemon."""
    allowed = _calls("@system-service") - _calls("@privileged") - _calls("@resources")
    needed = {"vfork", "clone3", "execve", "setsid", "chdir", "pidfd_open", "poll", "kill", "wait4", "ioctl"}
    assert needed - allowed == set()
    assert "chown" not in allowed, "the groups were really taken apart"


def test_the_pages_device_rule_reads_like_one() -> None:
    (rule,) = re.findall(r'^SUBSYSTEM=="leds".*$', NOTIFY, re.MULTILINE)
    term = r'(?:[A-Z]+(?:\{\w+\})?)(?:==|!=|\+=|=)"[^"]*"'
    assert re.fullmatch(rf"{term}(?:, {term})*", rule)
    for name in ("trigger", "brightness", "delay_on", "delay_off"):
        assert rule.count(f"/sys%p/{name}") == 2, "its group, and its mode"
    assert "max_brightness" not in rule, "it is only read"
