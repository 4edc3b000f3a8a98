"""The InfluxDB server: points written by its client, InfluxQL asked on `/query`, which every version answers."""

import hashlib
import json
import math
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from hub.config import Influx
from hub.influx.points import MEASUREMENT, TWINS
from moments.errors import WorkError

_TIMEOUT_MS: Final = 10_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALL_TIMES: Final = "1677-09-22T00:00:00Z", "2262-04-11T00:00:00Z"
_MARKS: Final = "moodscape_feed"
"""The measurement of the points that tell which feed a bucket is of."""


_MARKED_NS: Final = 1_800_000_000_000
"""Marks of one half-hour are one point: they stay few, and none comes near an hour, the least that a bucket keeps."""
_TOO_OLD: Final = "beyond retention policy"
_SECONDS: Final = {"h": 3600, "m": 60, "s": 1}


class Unreachable(WorkError):  # noqa: N818 - it is what the server is
    """It does not answer, or answers that it cannot at the moment."""


class Refused(WorkError):  # noqa: N818
    """It answers that it does not take this."""


class Server:
    """Raises Unreachable and Refused, each with the server's own words."""

    def __init__(self, settings: Influx) -> None:
        self._url = str(settings.url).rstrip("/")
        self._bucket = settings.bucket
        self._org = settings.org
        token = settings.token()
        self._headers = {"Authorization": f"Token {token}"} if token else {}
        self._client = InfluxDBClient(self._url, token=token or "", org=self._org, timeout=_TIMEOUT_MS)
        self._write = self._client.write_api(write_options=SYNCHRONOUS)
        self._http = urllib3.PoolManager(timeout=_TIMEOUT_MS / 1000, retries=False)

    @property
    def place(self) -> str:
        """Where points go, as the settings say it: a short hash."""
        return hashlib.sha256(f"{self._url}\n{self._org}\n{self._bucket}".encode()).hexdigest()[:16]

    def close(self) -> None:
        """End."""
        self._write.close()  # type: ignore[no-untyped-call]
        self._client.close()  # type: ignore[no-untyped-call]
        self._http.clear()

    def make(self) -> None:
        """Make the database, where the server makes it by InfluxQL (1.x); elsewhere the bucket is there already."""
        try:
            self.ask(f'CREATE DATABASE "{self._bucket}"')
        except Refused:
            return

    def write(self, lines: Sequence[str]) -> None:
        """Write points, but for those that are older than the bucket keeps any."""
        try:
            self._write.write(self._bucket, self._org, "\n".join(lines).encode())
        except ApiException as error:
            why = " ".join(str(error.body or error.reason).split())
            if _TOO_OLD in why:  # the others are written
                return
            raise (Unreachable if (error.status or 0) >= 500 or not error.status else Refused)(why) from None
        except (HTTPError, OSError) as error:
            raise Unreachable(str(error)) from None

    def ask(self, statement: str) -> list[dict[str, Any]]:
        """Ask InfluxQL; gives the series of the answer, times in ms."""
        body = urlencode({"db": self._bucket, "q": statement, "epoch": "ms"})
        headers = self._headers | {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self._http.request("POST", f"{self._url}/query", body=body, headers=headers)
        except (HTTPError, OSError) as error:
            raise Unreachable(str(error)) from None
        if answer.status >= 500:
            raise Unreachable(f"it answers {answer.status}")
        try:
            said = json.loads(answer.data)
        except ValueError:
            raise Refused(f"it answers {answer.status} without JSON") from None
        results = said.get("results", [])
        errors = [said.get("error"), *(result.get("error") for result in results)]
        if answer.status >= 400 or any(errors):
            raise Refused(str(next((error for error in errors if error), f"it answers {answer.status}")))
        return [series for result in results for series in result.get("series", [])]

    def mark(self, feed: int) -> None:
        """Note which feed the bucket is of: again and again where it keeps points for a time only."""
        self.write([f'{_MARKS} feed="{feed}" {time.time_ns() // _MARKED_NS * _MARKED_NS}'])

    def marks(self) -> set[int]:
        """Give the feeds that the bucket was marked with; none are left of a bucket that was emptied."""
        found = self.ask(f'SELECT DISTINCT(feed) FROM "{_MARKS}"')  # noqa: S608 - InfluxQL
        return {int(feed) for series in found for _, feed in series["values"]}

    def keeps_s(self) -> float:
        """Give for how many seconds the bucket keeps points; infinity: for ever."""
        found = self.ask(f'SHOW RETENTION POLICIES ON "{self._bucket}"')
        policies = [dict(zip(series["columns"], row, strict=True)) for series in found for row in series["values"]]
        told = next((str(policy["duration"]) for policy in policies if policy["default"]), "0s")
        return sum(int(count) * _SECONDS[unit] for count, unit in re.findall(r"(\d+)([hms])", told)) or math.inf

    def clear(self) -> None:
        """Erase all that feeds wrote."""
        for measurement in (MEASUREMENT, _MARKS):
            try:
                self.ask(f'DELETE FROM "{measurement}"')  # noqa: S608 - InfluxQL
            except Refused:
                self._delete_v2(*_ALL_TIMES, f'_measurement="{measurement}"')

    def can_delete(self) -> bool:
        """Tell whether points can be erased by time and tags."""
        try:
            self.delete("nobody", 0)
        except Refused:
            return False
        return True

    def delete(self, device: str, at_ns: int) -> None:
        """Erase what a device's moment may have written at a time."""
        when = f"time >= {at_ns} AND time <= {at_ns + TWINS}"
        try:
            self.ask(f'DELETE FROM "{MEASUREMENT}" WHERE "device" = \'{device}\' AND {when}')  # noqa: S608 - InfluxQL
        except Refused:
            of_it = f'_measurement="{MEASUREMENT}" AND device="{device}"'
            self._delete_v2(_rfc3339(at_ns), _rfc3339(at_ns + TWINS + 1), of_it)

    def _delete_v2(self, begin: str, end: str, predicate: str) -> None:
        try:
            self._client.delete_api().delete(begin, end, predicate, self._bucket, self._org)
        except ApiException as error:
            why = " ".join(str(error.body or error.reason).split())
            raise (Unreachable if (error.status or 0) >= 500 else Refused)(why) from None
        except (HTTPError, OSError) as error:
            raise Unreachable(str(error)) from None


def _rfc3339(at_ns: int) -> str:
    at = _EPOCH + timedelta(seconds=at_ns // 1_000_000_000)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ns % 1_000_000_000:09d}Z"
