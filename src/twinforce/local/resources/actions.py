"""Invocable actions: functions of Python that stand for Salesforce's, or for somebody's Apex.

Source: Actions Developer Guide, Invoking Actions; REST API Developer Guide, Invocable Actions.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, cast

import attrs
import orjson

from .. import arguments
from ..errors import ApiError, not_in_a_batch, resource_not_found
from ..server.http import Call, Reply

ActionFunction = Callable[[dict[str, Any]], Mapping[str, Any] | None]
Attempt = Callable[[], AbstractContextManager[None]]

_LOG: Final = logging.getLogger("twinforce.local")
_NAME: Final = r"[A-Za-z](?:_{0,2}[A-Za-z0-9])*"
_PATH: Final = re.compile(rf"standard/{_NAME}|custom/{_NAME}/{_NAME}(?:/{_NAME})?")
_CUSTOM_TYPES: Final = ("quickAction", "apex", "emailAlert", "flow", "sendNotification")
_SINCE_IN_A_BATCH: Final = 35.0
_MORE_KEYS_SINCE: Final = 56.0
_FAILED: Final = (200, 400)


class ActionError(Exception):
    """What an action raises to fail as an action of Salesforce does.

    *status_code* is the code of the error, such as ``REQUIRED_FIELD_MISSING``, *message* its text,
    and *fields* are the inputs that it is about.
    """

    def __init__(self, status_code: str, message: str, fields: Iterable[str] = ()) -> None:
        self.status_code = arguments.text("status_code of an ActionError", status_code)
        self.message = arguments.text("message of an ActionError", message)
        if isinstance(fields, str):
            wrong = 'fields of an ActionError must be a list of names, such as ["Name"], not str'
            raise TypeError(wrong)
        self.fields = [arguments.text("each of fields of an ActionError", name) for name in fields]
        super().__init__(status_code, message, self.fields)

    def __str__(self) -> str:
        return f"{self.status_code}: {self.message}"


@attrs.frozen
class Action:
    """An action at *path*, such as ``custom/apex/Greet``."""

    path: str
    function: ActionFunction = attrs.field(repr=False)
    label: str
    failure_status: int

    @classmethod
    def of(cls, path: Any, function: Any, *, label: str | None, failure_status: int) -> Action:
        """Check what a user registers; see ``LocalOrg.add_action``."""
        if not _PATH.fullmatch(arguments.text("the name of an action", path)):
            message = (
                "the name of an action must look like standard/emailSimple, custom/apex/Greet or "
                f"custom/quickAction/Account/Greet, not {path!r}"
            )
            raise ValueError(message)
        if not callable(function) or inspect.iscoroutinefunction(function):
            message = (
                f"the action {path} must be a function, not a coroutine function, that takes an "
                f"input, a dict, and returns the outputs; not {type(function).__name__}"
            )
            raise TypeError(message)
        if failure_status not in _FAILED or isinstance(failure_status, bool):
            message = f"failure_status must be 200 or 400, not {failure_status!r}"
            raise ValueError(message)
        name = path.rpartition("/")[2]
        shown = name if label is None else arguments.text(f"label of {path}", label)
        return cls(path, cast(ActionFunction, function), shown, failure_status)

    @property
    def name(self) -> str:
        """What its results call it: the object's name comes first where it has one."""
        return ".".join(self.path.split("/")[2:] or self.path.split("/")[1:])

    @property
    def kind(self) -> str:
        """``standard``, or ``apex``, ``flow`` … of a custom one."""
        first, second, *_ = self.path.split("/")
        return first if first == "standard" else second

    def invoke(self, given: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
        """Call the function with one input, and return what is answered for it.

        If it fails, *attempt* undoes what it has written until then.
        """
        try:
            with attempt():
                outputs = self._outputs(self.function(given))
        except ActionError as error:
            item = {
                "statusCode": error.status_code,
                "message": error.message,
                "fields": error.fields,
            }
            return self._result([item], None)
        except Exception as error:  # noqa: BLE001 - an action is the user's code
            _LOG.exception("the action %s failed", self.path)
            # In the words that Salesforce has for an exception in Apex.
            message = f"An Apex error occurred: {type(error).__name__}: {error}"
            item = {"statusCode": "UNKNOWN_EXCEPTION", "message": message, "fields": []}
            return self._result([item], None)
        return self._result(None, outputs)

    def _outputs(self, outputs: Mapping[str, Any] | None) -> Any:
        """Return *outputs* as the values of JSON that they become."""
        if outputs is not None and not isinstance(outputs, Mapping):
            message = f"it must return a dict or None, not {type(outputs).__name__}"
            raise TypeError(message)
        return orjson.loads(orjson.dumps(None if outputs is None else dict(outputs)))

    def _result(self, errors: list[dict[str, Any]] | None, outputs: Any) -> dict[str, Any]:
        return {
            "actionName": self.name,
            "errors": errors,
            "isSuccess": errors is None,
            "outputValues": outputs,
        }


class Actions:
    """Serves ``actions`` and what is below it; each invocation is an *attempt*."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._actions: dict[str, Action] = {}

    def add(self, action: Action) -> None:
        """Serve *action*, in the place of the one with its name if there is one."""
        self._actions[action.path.lower()] = action

    def get(self, call: Call, *path: str) -> Reply:
        """``GET actions`` …: the kinds of actions, the actions of a kind, or one of them."""
        _check_version(call)
        url = f"/services/data/v{call.version}/actions"
        match [segment.lower() for segment in path]:
            case []:
                return Reply(200, {kind: f"{url}/{kind}" for kind in ("standard", "custom")})
            case ["custom"]:
                return Reply(200, {kind: f"{url}/custom/{kind}" for kind in self._custom_types()})
            case ["standard"]:
                return Reply(200, {"actions": list(self._listed("standard/", url))})
            case ["custom", kind] if kind in map(str.lower, self._custom_types()):
                return Reply(200, {"actions": list(self._listed(f"custom/{kind}/", url))})
            case _:
                return Reply(200, _described(self._action(path), url))

    def post(self, call: Call, *path: str) -> Reply:
        """Invoke an action, once for each of the inputs."""
        _check_version(call)
        action = self._action(path)
        results = [action.invoke(given, self._attempt) for given in _inputs(call)]
        failed = any(not result["isSuccess"] for result in results)
        if call.version_number >= _MORE_KEYS_SINCE:
            results = [_with_more_keys(result) for result in results]
        return Reply(action.failure_status if failed else 200, results)

    def _action(self, path: tuple[str, ...]) -> Action:
        action = self._actions.get("/".join(path).lower())
        if action is not None:
            return action
        if len(path) == 2 and path[0].lower() == "standard":
            message = f"Invalid Action Type: {path[1]}"
            raise ApiError("NOT_FOUND", message, status=404)
        raise resource_not_found()

    def _custom_types(self) -> list[str]:
        known: list[str] = [*_CUSTOM_TYPES]
        folded = {kind.lower() for kind in known}
        for action in self._actions.values():
            if action.kind != "standard" and action.kind.lower() not in folded:
                known.append(action.kind)
                folded.add(action.kind.lower())
        return known

    def _listed(self, prefix: str, url: str) -> Iterator[dict[str, str]]:
        for path, action in sorted(self._actions.items()):
            if path.startswith(prefix):
                yield _summary(action, url)


def _check_version(call: Call) -> None:
    if call.in_batch and call.version_number < _SINCE_IN_A_BATCH:
        raise not_in_a_batch()


def _inputs(call: Call) -> list[dict[str, Any]]:
    inputs = call.json_object().get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(item, dict) for item in inputs):
        message = 'The body must have the key "inputs", an array of objects'
        raise ApiError("JSON_PARSER_ERROR", message)
    return inputs


def _summary(action: Action, url: str) -> dict[str, str]:
    kind = action.name if action.kind == "standard" else action.kind
    return {
        "label": action.label,
        "name": action.name,
        "type": kind.upper(),
        "url": f"{url}/{action.path}",
    }


def _described(action: Action, url: str) -> dict[str, Any]:
    """Describe an action; what its function takes and returns, nobody but the function knows."""
    summary = _summary(action, url)
    return {
        "description": None,
        "inputs": [],
        "label": summary["label"],
        "name": summary["name"],
        "outputs": [],
        "standard": action.kind == "standard",
        "targetEntityName": None,
        "type": summary["type"],
    }


def _with_more_keys(result: dict[str, Any]) -> dict[str, Any]:
    more = {"invocationId": None, "outcome": None, "sortOrder": -1, "version": 1}
    return dict(sorted({**result, **more}.items()))
