"""Rules as SQL: a small part of CEL, of comparisons between fields of the event, cells of tables and constants."""

import json
import re

from manifest import Rule, Study, field_kind, micros

OPERATORS = {"&&": "AND", "||": "OR", "==": "=", "!=": "<>"}
FIELD, LENGTH = r"event(?:\.[A-Za-z_]\w*)+\b(?!\s*\()", r'duration\("[^"]*"\)'
TEXT, NUMBER = r'"[^"]*"', r"[0-9]+(?:\.[0-9]+)?"
IN_TABLE, CELL = rf"({FIELD}) in lookup\.(\w+)", rf"lookup\.(\w+)\[({FIELD})\]\.(\w+)"
TOKEN = re.compile(rf"\s*({IN_TABLE}|{CELL}|{FIELD}|{LENGTH}|{TEXT}|{NUMBER}|&&|\|\||==|!=|[<>]=?|[-+*/()!])")


def is_broken(study: Study, rule: Rule) -> tuple[str, list[str]]:
    """SQL that is true of the events that break a rule, and the fields that it reads.

    A rule over a field or cell that is absent or null is not judged.
    """
    words, fields, cells, at = [], [], [], 0
    while at < len(rule.expression.rstrip()):
        token = TOKEN.match(rule.expression, at)
        if token is None:
            raise SystemExit(f"rule {rule.name}: the reference doesn't know `{rule.expression[at:]}`")
        at, word = token.end(), token[1]
        if found := re.fullmatch(IN_TABLE, word):
            fields.append(pointer(found[1]))
            word = f"({value(study, fields[-1])} IN ({texts(study.lookups[found[2]])}))"
        elif found := re.fullmatch(CELL, word):
            fields.append(pointer(found[2]))
            cells.append(cell(study, found[1], fields[-1], found[3]))
            word = cells[-1]
        elif word.startswith("event."):
            fields.append(pointer(word))
            word = value(study, fields[-1])
        elif word.startswith("duration"):
            word = str(micros(word.split('"')[1]))
        elif word.startswith('"'):
            word = "'" + word[1:-1].replace("'", "''") + "'"
        words.append(OPERATORS.get(word, word))
    there = " AND ".join(f"{part} IS NOT NULL" for part in [value(study, name) for name in fields] + cells)
    return f"({there} AND NOT ({' '.join(words)}))", fields


def pointer(word: str) -> str:
    """The JSON Pointer of `event.a.b`."""
    return "/" + word.removeprefix("event.").replace(".", "/")


def texts(words) -> str:
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)


def cell(study: Study, table: str, key: str, column: str) -> str:
    """SQL: a cell of the row whose key is a field of the event; NULL if there is none."""
    rows = study.lookups[table].items()
    cases = " ".join(f"WHEN {texts([name])} THEN {cells[column]}" for name, cells in rows if column in cells)
    return f"(CASE {value(study, key)} {cases} END)"


def value(study: Study, pointer: str) -> str:
    """SQL: a field of the event; a time in microseconds since 1970."""
    text = f"json_extract_string(event, '{pointer}')"
    match field_kind(study.schema, pointer):
        case "number":
            return f"CAST({text} AS DOUBLE)"
        case "boolean":
            return f"CAST({text} AS BOOLEAN)"
        case "time":
            return f"epoch_us(CAST({text} AS TIMESTAMP))"
    return text


def first_broken(study: Study) -> str:
    """SQL: the first rule that rejects an event, in the form of `errors`; NULL for none."""
    cases = []
    for rule in study.rules:
        if not rule.flags:
            broken, fields = is_broken(study, rule)
            error = json.dumps([{"reason": "Rule", "keyword": rule.name, "pointer": fields[0]}])
            cases.append(f"WHEN {broken} THEN '{error}'")
    return f"CASE {' '.join(cases)} END"


def flags(study: Study) -> str:
    """SQL: the names of the rules that flag an event, in their order."""
    flagging = (rule for rule in study.rules if rule.flags)
    cases = ", ".join(f"CASE WHEN {is_broken(study, rule)[0]} THEN '{rule.name}' END" for rule in flagging)
    return f"list_filter([{cases}], lambda name: name IS NOT NULL)"
