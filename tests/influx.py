"""Debian's InfluxDB 1.6 behind an nginx that gives it the path where newer versions take points."""

import subprocess
import tempfile
from pathlib import Path

from tests.parts import answers, free_port, program, wait_until

_INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
"""
_NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 32m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /api/v2/write {{
      set $database $arg_bucket; rewrite ^ /write?db=$database&precision=n? break; proxy_pass http://127.0.0.1:{http};
    }}
    location / {{ proxy_pass http://127.0.0.1:{http}; }}
  }}
}}
"""


class InfluxDB:
    """Both processes, on free ports, with what they keep in a temporary folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="influx"))
        self.folder.chmod(0o755)
        self._http, self.port = free_port(), free_port()
        self._processes: dict[str, subprocess.Popen] = {}

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "InfluxDB":
        """Start both (again) and wait until they answer."""
        settings = {"folder": self.folder, "http": self._http, "port": self.port, "rpc": free_port()}
        (self.folder / "influx.conf").write_text(_INFLUX.format(**settings))
        (self.folder / "nginx.conf").write_text(_NGINX.format(**settings))
        self._begin("influxd", "-config", str(self.folder / "influx.conf"))
        self._begin("nginx", "-c", str(self.folder / "nginx.conf"))
        wait_until(lambda: answers(self._http) and answers(self.port), 30)
        return self

    def _begin(self, name: str, *args: str) -> None:
        path = program(name)
        assert path, f"{name} is not installed"
        if name not in self._processes:
            with (self.folder / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen([path, *args], stdout=log, stderr=log)

    def kill(self) -> None:
        """End InfluxDB at once; the proxy stays and answers 502."""
        process = self._processes.pop("influxd")
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End both."""
        for process in self._processes.values():
            process.terminate()
            process.wait(20)
        self._processes.clear()
