"""The call by which a device that was given a code gets its credentials."""

import base64
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.api.limits import Buckets
from hub.api.problems import Problem
from hub.enrolling import Enrolling
from moments.enrolment import PATH, Credentials
from moments.errors import UserError, WorkError

router = APIRouter(tags=["devices"])

_WRONG_A_MINUTE: Final = 20
_wrong = Buckets(_WRONG_A_MINUTE, _WRONG_A_MINUTE)


class SecretBody(BaseModel):
    """What only the code says."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"secret": "q83vEjRWeJCrze8SNFZ4kA"}]})
    secret: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{22}$", description="16 bytes in base64url, without padding")]


@router.post(
    PATH,
    response_model=Credentials,
    responses={
        403: {"description": "the code is not known, was used, or has ended"},
        404: {"description": "this hub enrols no devices"},
        429: {"description": "too many wrong codes from this address"},
        503: {"description": "the broker is not reached; the code stays good"},
    },
)
def enrol(request: Request, body: SecretBody) -> Response:
    """Use up a code that `moodscape hub enrol` made; the answer is the only one that shows what it brings."""
    enrolling: Enrolling | None = request.app.state.enrolling
    if enrolling is None or request.url.scheme != "https":
        raise Problem(404, "Devices are enrolled by a hub that serves HTTPS itself: see `moodscape hub ca`.")
    address = request.client.host if request.client else ""
    try:
        found = enrolling.redeem(base64.urlsafe_b64decode(body.secret + "=="))
    except (UserError, WorkError) as error:
        raise Problem(503, f"The hub cannot let this device in now: {error}.") from None
    if found is None:
        wait = _wrong.wait_s(address)
        if wait:
            raise Problem(429, "Too many wrong codes: try again later.", headers={"Retry-After": f"{wait:.0f}"})
        raise Problem(403, "This code is not known, was used, or has ended: `moodscape hub enrol` makes another one.")
    return Response(found.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"})
