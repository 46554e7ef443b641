"""Parses a multipart form whose file parts may have only `filename*`, without `filename`.

RFC 7578 forbids `filename*`, and python-multipart ignores it, so that such a file looks like a text field. Clients send
it all the same for names that are not ASCII: older urllib3 (and so requests), PHP's and .NET's libraries.
"""

from email.message import Message
from email.utils import collapse_rfc2231_value

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request


async def read_form(request: Request, *, max_files: int, max_fields: int) -> FormData:
    """Return the parts of a multipart body; the caller closes it.

    Raises:
        HTTPException: the body cannot be parsed.
        ClientDisconnect: the client disconnected.
    """
    parser = _Parser(request.headers, request.stream(), max_files=max_files, max_fields=max_fields)
    try:
        data = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, error.message) from error
    except UnicodeError as error:
        raise HTTPException(400, f"a field is not text in its charset ({error}); send UTF-8") from error
    try:
        "".join(data).encode()  # some charsets, such as UTF-7, decode to halves of characters, which no answer can name
    except UnicodeError as error:
        await data.close()
        raise HTTPException(400, f"the name of a field is not text ({error}); send UTF-8") from error
    if not parser.has_ended:
        await data.close()
        raise HTTPException(
            400, "the last boundary is missing, so the body is cut short, or its lines do not end in CRLF"
        )
    return data


class _Parser(MultiPartParser):
    """Starlette's parser, which sees a plain `filename` in every part that has any kind of file name.

    Attributes:
        has_ended: whether the last boundary was found.
    """

    has_ended = False

    def on_end(self) -> None:
        self.has_ended = True
        super().on_end()

    def on_headers_finished(self) -> None:
        part = self._current_part
        if part.content_disposition is not None:
            part.content_disposition = with_plain_name(part.content_disposition)
        super().on_headers_finished()


def with_plain_name(disposition: bytes) -> bytes:
    """Return a Content-Disposition with `filename` added if it has only an extended one, `filename*` or `filename*0`.

    Source: RFC 8187, and RFC 2231 for names in several pieces.
    """
    if b"*" not in disposition or b"filename" in parse_options_header(disposition)[1]:
        return disposition
    message = Message()
    message["Content-Disposition"] = disposition.decode("latin-1")
    try:
        name = message.get_param("filename", header="content-disposition")
    except (ValueError, LookupError):  # pieces that are numbered wrongly
        name = ""
    if name is None:
        return disposition
    plain = collapse_rfc2231_value(name).replace("\\", "\\\\").replace('"', '\\"')
    return disposition + b'; filename="' + plain.encode("utf-8", "replace") + b'"'
