"""`impasto serve`: the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import embedded
from impasto.cli.parsing import parse_memory
from impasto.client import BadRequestError, JobFailed

_SECURITY = "Who may call"


def serve(
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Or unix:/path; port 0 is any free one. 127.0.0.1:50740."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Where jobs are kept; on a local disk, one server each."),
    ] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option("--root", metavar="DIR", help="Read and write files below it in place; may be repeated."),
    ] = None,
    path_map: Annotated[
        list[str] | None,
        typer.Option("--path-map", metavar="THERE=HERE", help="P:/show=/mnt/show: what clients call a folder of ours."),
    ] = None,
    cache: Annotated[Path | None, typer.Option("--cache", metavar="DIR", help="Content cache; may be shared.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="TOML", help="Settings; flags and IMPASTO_* come above them.")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="What auto means here: auto, cpu or cuda:N.")] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=0, help="Cores for jobs that name none; 0: all it may use.")
    ] = None,
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="Planned for where a job names none, such as 8G.")
    ] = "",
    idle_exit: Annotated[
        float | None, typer.Option("--idle-exit", metavar="SECONDS", help="End when nobody has needed it so long.")
    ] = None,
    address_file: Annotated[
        Path | None, typer.Option("--address-file", metavar="JSON", help="Write how it is reached here.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", rich_help_panel=_SECURITY, help="Its first line.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="PEM", rich_help_panel=_SECURITY, help="Certificate chain.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="PEM", rich_help_panel=_SECURITY, help="Its private key.")
    ] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option("--tls-client-ca", metavar="PEM", rich_help_panel=_SECURITY, help="Let in its clients alone."),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", rich_help_panel=_SECURITY, help="Let other machines in without TLS or token."),
    ] = False,
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="HOST:PORT", help="Where Prometheus may ask. Default: nowhere.")
    ] = None,
    log_level: Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.")] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Logs as one JSON object a line.")] = False,
) -> None:
    """Run a server until it is told to end. Jobs it has not finished go on when it is started again.

    impasto serve --listen 127.0.0.1:50740 --state /var/lib/impasto --root /mnt/show
    """
    try:
        from impasto.server.config import ServerConfig
        from impasto.server.errors import BadRequest, ImpastoError
        from impasto.server.rpc.server import serve as serve_until_told
    except ImportError as error:
        cure = embedded.CURE.replace(", or name a server with --server", "")
        raise BadRequestError(cure, reason="SERVER_NOT_INSTALLED") from error
    try:
        serve_until_told(
            ServerConfig.read(
                config,
                listen=listen,
                state_dir=state,
                roots=tuple(path.absolute() for path in root) if root else None,
                path_maps=tuple(path_map) if path_map else None,
                cache_dir=cache,
                device=device,
                threads=threads,
                memory=parse_memory(memory) or None,
                idle_exit=idle_exit,
                address_file=address_file,
                token_file=token_file,
                tls_cert=tls_cert,
                tls_key=tls_key,
                tls_client_ca=tls_client_ca,
                insecure=insecure or None,
                metrics=metrics,
                log_level=log_level,
                log_json=log_json or None,
            )
        )
    except ImpastoError as error:
        kind = BadRequestError if isinstance(error, BadRequest) else JobFailed
        raise kind(error.message, reason=error.reason) from error
