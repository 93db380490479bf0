"""Jobs checked and planned: at first by what is asked alone, then by what their files say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from impasto.server.config import ServerConfig
from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.planning.check import refuse_writing_onto_inputs
from impasto.server.jobs.planning.check_files import refuse_wrong_inputs
from impasto.server.jobs.planning.plan import Plan, make_plan
from impasto.server.jobs.planning.plate_header import first_header, picture_limits
from impasto.server.plates import Header
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.plate_pb2 import FileRef


class Planner:
    """Plans the jobs of one server.

    Args:
        config: the server's.
        places: finds the files of jobs.
    """

    def __init__(self, config: ServerConfig, places: Places) -> None:
        self._config, self._places = config, places
        self._good_styles: set[str] = set()

    def plan(self, spec: JobSpec) -> tuple[Plan, list[str]]:
        """Check and plan a job without keeping it.

        Returns:
            The plan, its views open while the plate is not here; and the files that are missing, by SHA-256.

        Raises:
            BadRequest: it cannot be done as asked.
            NotFound: it names something unknown.
        """
        with self._places.plainly():
            return self._plan(spec)

    def _plan(self, spec: JobSpec) -> tuple[Plan, list[str]]:
        plan = make_plan(spec, self._config, None)
        missing = self._places.missing(spec)
        if missing:
            self._refuse_wrong_inputs(spec, None)
        else:
            plan = self.whole(spec)
        refuse_writing_onto_inputs(spec, plan.frames, plan.file_views)
        return plan, missing

    def whole(self, spec: JobSpec, replanned: int = 0) -> Plan:
        """The plan of a job of which all is here that is needed first.

        Raises:
            ImpastoError: it cannot be done.
        """
        with self._places.plainly():
            return self._whole(spec, replanned)

    def _whole(self, spec: JobSpec, replanned: int) -> Plan:
        header = first_header(spec, self._places.local, self._places.head, self._config)
        self._refuse_wrong_inputs(spec, header)
        plan = make_plan(spec, self._config, header, replanned)
        if not plan.views:  # no frame can be read; each will say so for itself
            plan = dataclasses.replace(plan, views=tuple(spec.plate.views) or ("",))
        refuse_writing_onto_inputs(spec, plan.frames, plan.file_views)
        return plan

    def _refuse_wrong_inputs(self, spec: JobSpec, header: Header | None) -> None:
        limits = picture_limits(self._config)
        local: Callable[[FileRef], Path] = self._places.local
        refuse_wrong_inputs(spec, local, limits, header, self._good_styles)
