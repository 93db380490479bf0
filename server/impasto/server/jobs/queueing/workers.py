"""The threads of the devices: one a device runs jobs, a second the interactive ones while the first gives way."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from impasto.server.jobs.queueing.schedule import Schedule

Run = Callable[[str, str, threading.Event], None]
"""Runs a job (its id) on a device until it ends or the event is set."""


class Workers:
    """Takes jobs from the schedule and runs them, one at a time a device.

    Args:
        changed: guards the schedule; notified when it changes.
        schedule: the jobs that are ready.
        run: runs one; never raises.
    """

    def __init__(self, changed: threading.Condition, schedule: Schedule, run: Run) -> None:
        self._changed, self._schedule, self._run = changed, schedule, run
        self._threads: dict[str, list[threading.Thread]] = {}
        self._running: dict[str, threading.Event] = {}
        self._busy: Counter[tuple[str, bool]] = Counter()
        self._giving_way: Counter[str] = Counter()
        self._stopping = threading.Event()

    def open(self, device: str) -> None:
        """See to it that a device has its threads."""
        if device in self._threads:
            return
        self._threads[device] = [
            threading.Thread(target=self._work, args=(device, kind), name=f"impasto-{device}", daemon=True)
            for kind in (False, True)
        ]
        for thread in self._threads[device]:
            thread.start()

    @property
    def stopping(self) -> bool:
        """Whether jobs are to stop at their next step."""
        return self._stopping.is_set()

    def running(self) -> dict[str, threading.Event]:
        """Jobs that run, with the event that cancels each."""
        with self._changed:
            return dict(self._running)

    def by_device(self) -> dict[str, int]:
        """How many jobs run on each device."""
        with self._changed:
            return {device: self._busy[device, False] + self._busy[device, True] for device in self._threads}

    def give_way(self, device: str, cancel: threading.Event) -> None:
        """Called by a running job at every step: returns when no interactive job wants its device.

        Args:
            device: it runs on.
            cancel: ends the waiting.
        """
        with self._changed:
            if not self._wanted(device):
                return
            self._giving_way[device] += 1
            self._changed.notify_all()
            try:
                while self._wanted(device) and not cancel.is_set() and not self.stopping:
                    self._changed.wait(0.2)
            finally:
                self._giving_way[device] -= 1

    def wanted_by_others(self, device: str) -> bool:
        """Whether a job that is ready waits for this device."""
        with self._changed:
            return self._schedule.waits(device, interactive=False) or self._wanted(device)

    def stop(self, grace: float) -> bool:
        """Let running jobs stop at their next step.

        Args:
            grace: seconds to wait for them.

        Returns:
            Whether all stopped in time.
        """
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        threads = [thread for pair in self._threads.values() for thread in pair]
        for thread in threads:
            thread.join(grace)
        return not any(thread.is_alive() for thread in threads)

    def _wanted(self, device: str) -> bool:
        return self._busy[device, True] > 0 or self._schedule.waits(device, interactive=True)

    def _take(self, device: str, interactive: bool) -> str | None:
        if interactive and self._busy[device, False] and not self._giving_way[device]:
            return None
        if not interactive and self._wanted(device):
            return None
        return self._schedule.take(device, interactive)

    def _work(self, device: str, interactive: bool) -> None:
        while True:
            with self._changed:
                job = None
                while not self.stopping and (job := self._take(device, interactive)) is None:
                    self._changed.wait()
                if job is None or self.stopping:
                    return
                cancel = self._running[job] = threading.Event()
                self._busy[device, interactive] += 1
            try:
                self._run(job, device, cancel)
            finally:
                with self._changed:
                    del self._running[job]
                    self._busy[device, interactive] -= 1
                    self._changed.notify_all()
