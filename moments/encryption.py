"""How the device and the hub reach a broker that encrypts: the settings that both have."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator


class Encryption(BaseModel):
    """TLS, and who vouches for whom. Certificates without TLS are a mistake: they would protect nothing."""

    tls: Annotated[bool, Field(description="encrypt, and check the broker's certificate")] = False
    ca_file: Annotated[Path | None, Field(description="who signs the broker's certificate; null: the system's")] = None
    cert_file: Annotated[Path | None, Field(description="one's own certificate, where the broker asks")] = None
    key_file: Annotated[Path | None, Field(description="the key of cert_file")] = None

    @model_validator(mode="after")
    def _is_of_use(self) -> Self:
        for name in ("ca_file", "cert_file", "key_file"):
            if getattr(self, name) is not None and not self.tls:
                raise ValueError(f"{name} is of use with tls only: set tls to true, or {name} to null")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file is the key of cert_file, which is missing: name it too, or set key_file to null")
        return self
