#!/usr/bin/python3
"""play.py UNITS STATE: runs the installed units, as far as a program can that is not systemd.

Opens the sockets (at ports that the system picks), prepares the state folder as umbra-state.service
says, prints "ready PORT-OF-WEBHOOK PORT-OF-HEALTH", and then starts each service of umbra.target, and
mt5-demo, in the order of After=: its ExecStart, under its User=, with its UMask=, its limits, without
new privileges, without a network where PrivateNetwork= says so, with its socket as LISTEN_FDS. What ends is
started again as Restart= and RestartPreventExitStatus= say. SIGTERM stops all, the last first; the
exit status says whether each ended well.
"""
import ctypes
import os
import pwd
import resource
import signal
import socket
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
PR_SET_NO_NEW_PRIVS = 38
FIRST_SOCKET = 3
libc = ctypes.CDLL(None, use_errno=True)


def read_unit(path):
    unit = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            key, equals, value = line.strip().partition("=")
            if equals and not line.startswith("#"):
                unit[key] = f"{unit[key]} {value}" if key in unit and value else value
    return unit


class Service:
    def __init__(self, name, unit, player):
        self.name, self.unit, self.player, self.process = name, unit, player, None
        self.stays_down = False

    def become(self, listener):
        unit = self.unit
        if unit.get("PrivateNetwork") == "yes" and libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        limit = int(unit["LimitCORE"])
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
        limit = int(unit.get("LimitRTPRIO", 0))
        try:
            resource.setrlimit(resource.RLIMIT_RTPRIO, (limit, limit))
        except (ValueError, PermissionError):
            pass  # systemd, too, goes as far as it is let: not every root may raise a limit
        os.umask(int(unit["UMask"], 8))
        uid = pwd.getpwnam(unit["User"]).pw_uid
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        if unit["NoNewPrivileges"] == "yes":
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if listener is not None:
            os.dup2(listener, FIRST_SOCKET)
            os.set_inheritable(FIRST_SOCKET, True)
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))

    def start(self):
        listener = self.player.listeners.get(self.name)
        command = self.player.placed(self.unit["ExecStart"]).split()
        pid = os.fork()
        if pid == 0:
            try:
                self.become(None if listener is None else listener.fileno())
                os.execv(command[0], command)
            finally:
                os._exit(127)
        self.process = pid

    def ended(self, status):
        self.process = None
        code = os.waitstatus_to_exitcode(status)
        self.stays_down = str(code) in self.unit["RestartPreventExitStatus"].split()
        print(f"{self.name} ended with {code}", flush=True)
        return code


class Player:
    def __init__(self, units, state):
        self.state = state
        self.units = {name: read_unit(f"{units}/{name}") for name in os.listdir(units)}
        self.listeners, self.stopping, self.well = {}, False, True

    def placed(self, command):
        return command.replace("/var/lib/umbra", self.state)

    def listen(self):
        for name, unit in self.units.items():
            if name.endswith(".socket"):
                service = name.removeprefix("umbra-").removesuffix(".socket")
                host = unit["ListenStream"].rpartition(":")[0]
                self.listeners[service] = socket.create_server((host, 0), backlog=int(unit["Backlog"]))

    def port(self, service):
        return self.listeners[service].getsockname()[1]

    def prepare(self):
        sets = [f"--set={service}.listen=127.0.0.1:{self.port(service)}" for service in self.listeners]
        unit = self.units["umbra-state.service"]
        prepare = self.placed(unit["ExecStartPre"])
        subprocess.run(prepare.split() + sets, check=True, umask=int(unit["UMask"], 8))

    def in_order(self):
        wanted = [name for name in self.units["umbra.target"]["Wants"].split() if name.endswith(".service")]
        wanted.append("umbra-mt5-demo.service")
        order = []

        def add(name):
            if name in order or name not in wanted:
                return
            for before in self.units[name]["After"].split():
                add(before)
            order.append(name)

        for name in wanted:
            add(name)
        return [Service(n.removeprefix("umbra-").removesuffix(".service"), self.units[n], self) for n in order]

    def reap(self, services, block):
        try:
            pid, status = os.waitpid(-1, 0 if block else os.WNOHANG)
        except ChildProcessError:
            return False
        for service in services:
            if pid and service.process == pid:
                code = service.ended(status)
                if self.stopping and code:
                    self.well = False
                elif not self.stopping and not service.stays_down and service.unit["Restart"] == "always":
                    time.sleep(0.25)
                    service.start()
        return bool(pid)

    def play(self):
        services = self.in_order()
        for service in services:
            service.start()
        while not self.stopping:
            if not self.reap(services, False):
                time.sleep(0.05)
        for service in reversed(services):
            print(f"stopping {service.name}", flush=True)
            if service.process:
                os.kill(service.process, signal.SIGTERM)
            deadline = time.monotonic() + int(service.unit["TimeoutStopSec"])
            while service.process:
                if not self.reap(services, False):
                    time.sleep(0.02)
                if time.monotonic() > deadline:
                    self.well = False
                    os.kill(service.process, signal.SIGKILL)
        return self.well


def main():
    player = Player(*sys.argv[1:])
    player.listen()
    player.prepare()
    signal.signal(signal.SIGTERM, lambda *_: setattr(player, "stopping", True))
    print(f"ready {player.port('alert-ingest')} {player.port('health')}", flush=True)
    sys.exit(0 if player.play() else 1)


main()
