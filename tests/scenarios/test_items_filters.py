"""Filters and search: every operator on every kind of field. Source: items page §3.5, §3.6."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tests.scenarios.cases import Case, reads, refuses
from tests.scenarios.shop import Live

A = "/items/articles?fields=id&"
EVERY = [1, 2, 3, 4, 6, 7, 8]


def filtered(condition: str, ids: list[int]) -> Case:
    """Articles that fulfil a condition; it is its own sentence."""
    return reads(condition, f"{A}filter{condition}", ids)


def refused(condition: str, code: int, status: int) -> Case:
    """A condition that makes no sense."""
    return refuses(condition, f"{A}filter{condition}", code, status)


NUMBERS = [
    filtered("[views]=20", [2, 6]),
    filtered("[views][eq]=20", [2, 6]),
    filtered("[views][%3D]=20", [2, 6]),
    filtered("[views][neq]=20", [1, 3, 7, 8]),
    filtered("[views][!=]=20", [1, 3, 7, 8]),
    filtered("[views][<>]=20", [1, 3, 7, 8]),
    filtered("[views][lt]=10", [3, 7]),
    filtered("[views][<]=10", [3, 7]),
    filtered("[views][lte]=10", [1, 3, 7]),
    filtered("[views][<=]=10", [1, 3, 7]),
    filtered("[views][gt]=10", [2, 6, 8]),
    filtered("[views][>]=10", [2, 6, 8]),
    filtered("[views][gte]=10", [1, 2, 6, 8]),
    filtered("[views][>=]=10", [1, 2, 6, 8]),
    filtered("[views][in]=10,0,99", [1, 3]),
    filtered("[views][in][]=10&filter[views][in][]=0", [1, 3]),
    filtered("[views][in][0]=10&filter[views][in][1]=0", [1, 3]),
    filtered("[views][nin]=10,0", [2, 6, 7, 8]),
    filtered("[views][null]=1", [4]),
    filtered("[views][null]=", [4]),
    filtered("[views][nnull]=1", [1, 2, 3, 6, 7, 8]),
    filtered("[views][between]=0,10", [1, 3]),
    filtered("[views][between][]=0&filter[views][between][]=10", [1, 3]),
    filtered("[views][between]=10,0", []),
    filtered("[views][nbetween]=0,10", [2, 6, 7, 8]),
    filtered("[views][contains]=2", [2, 6, 8]),
    filtered("[views][like]=47", [8]),
    filtered("[views][ncontains]=2", [1, 3, 7]),
    filtered("[views][rlike]=2_", [2, 6]),
    filtered("[views][nrlike]=2_", [1, 3, 7, 8]),
    filtered("[views][empty]=1", [3, 4]),
    filtered("[views][nempty]=1", [1, 2, 6, 7, 8]),
    filtered("[views]=%2B20", [2, 6]),
    filtered("[score][contains]=0", [2, 3, 6]),
    filtered("[score][contains]=.0", []),
    filtered("[score][rlike]=0", [3]),
    filtered("[score][ncontains]=5", [3, 6]),
    filtered("[views]=-3", [7]),
    filtered("[views]=20.0", [2, 6]),
    filtered("[price]=1.5", [1]),
    filtered("[price]=1.50000", [1]),
    filtered("[price]=15e-1", [1]),
    filtered("[price][in]=1.50,10.125", [1, 6]),
    filtered("[price][nin]=1.50,10.1250", [2, 3, 7]),
    filtered("[price][lt]=1.5", [3, 7]),
    filtered("[price][gt]=2.2499999", [2, 6]),
    filtered("[price][between]=-0.5,1.5", [1, 3, 7]),
    filtered("[price][empty]=1", [3, 4, 8]),
    filtered("[price][nempty]=1", [1, 2, 6, 7]),
    filtered("[price][contains]=10.125", [6]),
    filtered("[score]=1.25", [1]),
    filtered("[score]=1e300", [6]),
    filtered("[score][lt]=0", [2]),
    filtered("[score][in]=0,-0.5", [2, 3]),
    filtered("[score][empty]=1", [3, 4, 7, 8]),
    filtered("[score][between]=-1,1.5", [1, 2, 3]),
]  # fmt: skip
TEXTS = [
    filtered("[title]=100%25 wool", [2]),
    filtered("[title]=nothing", []),
    filtered("[title]=", [7]),
    filtered("[title][neq]=snake_case", [1, 2, 6, 7, 8]),
    filtered("[title][in]=snake_case,100%25 wool", [2, 3]),
    filtered("[title][nin]=snake_case,100%25 wool", [1, 6, 7, 8]),
    filtered("[title][contains]=%25", [2]),
    filtered("[title][contains]=_", [3]),
    filtered("[title][contains]=\\", [6]),
    filtered("[title][contains]=SNAKE", [3]),
    filtered("[title][contains]=élan", [1, 8]),
    filtered("[title][contains]=ÉLAN", [1, 8]),
    filtered("[title][like]=Élan a", [8]),
    filtered("[title][contains]=", EVERY),
    filtered("[title][ncontains]=", EVERY),
    filtered("[title][ncontains]=a", [2, 7]),
    filtered("[title][nlike]=ÉL", [2, 3, 6, 7]),
    filtered("[title][rlike]=snake%25", [3]),
    filtered("[title][rlike]=%25W__l", [2]),
    filtered("[title][rlike]=SNAKE_CASE", [3]),
    filtered("[title][rlike]=snake", []),
    filtered("[title][rlike]=é%25", [1, 8]),
    filtered("[title][rlike]=back\\\\%25", [6]),
    filtered("[title][rlike]=%25\\", []),
    filtered("[title][nrlike]=\\", [1, 2, 3, 6, 7, 8]),
    filtered("[title][nrlike]=%25a%25", [2, 7]),
    filtered("[title][rlike]=", [7]),
    filtered("[title][null]=1", [4]),
    filtered("[title][nnull]=1", [1, 2, 3, 6, 7, 8]),
    filtered("[title][empty]=1", [4, 7]),
    filtered("[title][nempty]=1", [1, 2, 3, 6, 8]),
    filtered("[title]=1", []),
    filtered("[title][contains]=Once", []),
    filtered("[body][contains]=upon A", [1]),
    filtered("[address]=wool", [2]),
    filtered("[status]=draft", [3, 4]),
    filtered("[status][in]=draft,nope", [3, 4]),
    filtered("[words][contains]=red", [1, 2]),
    filtered("[words]=red,blue", [1]),
    filtered("[words][empty]=1", [3, 4, 6, 7, 8]),
    filtered("[words][nempty]=1", [1, 2]),
    filtered("[code]=11111111-1111-4111-8111-111111111111", [1]),
    filtered("[code]=11111111-1111-4111-8111-11111111111A", []),
    filtered("[code][in]=11111111-1111-4111-8111-111111111111,x", [1]),
    filtered("[code][contains]=2222-4222", [2]),
    filtered("[code][null]=1", [3, 4, 6, 7, 8]),
    filtered("[code][empty]=1", [3, 4, 6, 7, 8]),
    filtered("[title]='; DROP TABLE articles; --", []),
    filtered("[title][contains]=%27) OR 1=1 --", []),
]  # fmt: skip
OTHERS = [
    filtered("[featured]=true", [1, 6]),
    filtered("[featured]=1", [1, 6]),
    filtered("[featured]=0", [2, 3, 7]),
    filtered("[featured]=false", [2, 3, 7]),
    filtered("[featured][neq]=1", [2, 3, 7]),
    filtered("[featured][in]=0,1", [1, 2, 3, 6, 7]),
    filtered("[featured][contains]=1", [1, 6]),
    filtered("[featured][rlike]=0", [2, 3, 7]),
    filtered("[featured][contains]=true", []),
    filtered("[featured][null]=1", [4, 8]),
    filtered("[featured][empty]=1", [2, 3, 4, 7, 8]),
    filtered("[featured][nempty]=1", [1, 6]),
    filtered("[day]=2031-01-01", [1]),
    filtered("[day]=2031-01-01T00:00:00Z", [1]),
    filtered("[day][gt]=2031-01-01", [2, 6]),
    filtered("[day][between]=2030-12-31,2031-01-01", [1, 3]),
    filtered("[day][in]=2031-01-01,2032-02-29", [1, 6]),
    filtered("[day][lt]=now(%2B3000 days)", [1, 2, 3, 6]),
    filtered("[day][lt]=now", []),
    filtered("[day][gt]=now", [1, 2, 3, 6]),
    filtered("[day][contains]=2031", [1, 2]),
    filtered("[day][null]=1", [4, 7, 8]),
    filtered("[day][empty]=1", [4, 7, 8]),
    filtered("[at]=08:00:00", [1]),
    filtered("[at]=08:00", [1]),
    filtered("[at][gte]=12:30:15", [2, 6]),
    filtered("[at][between]=00:00,08:00", [1, 3]),
    filtered("[moment]=2031-01-01 08:00:00", [1]),
    filtered("[moment]=2031-01-01T08:00:00", [1]),
    filtered("[moment]=2031-01-01T09:00:00%2B01:00", [1]),
    filtered("[moment][lt]=2031-01-01 00:00:00", [3]),
    filtered("[moment][gt]=2031-12-31", [6]),
    filtered("[moment][gt]=now", [1, 2, 3, 6]),
    filtered("[moment][in]=2031-01-01 08:00:00,2031-02-28 12:30:15", [1, 2]),
    filtered("[created][lte]=now(%2B1 minute)", EVERY),
    filtered("[created][gt]=now(-1 day)", EVERY),
    filtered("[created][gt]=now(%2B1 hour)", []),
    filtered("[extra][null]=1", [4, 6, 7, 8]),
    filtered("[extra][nnull]=1", [1, 2, 3]),
    filtered("[extra][contains]=text", [3]),
    filtered("[extra]=text", [3]),
    filtered("[extra]=[]", [2]),
    filtered('[extra]={"a": 1, "b": [true, null, "x"]}', [1]),
    filtered('[extra][neq]={"a":1,"b":[true,null,"x"]}', [2, 3]),
    filtered("[extra][in]=text,[]", [2, 3]),
    filtered('[extra][in][]={"a":1,"b":[true,null,"x"]}&filter[extra][in][]="text"', [1, 3]),
    filtered("[extra][nin]=text", [1, 2]),
    filtered("[extra][between]=a,z", [3]),
    filtered("[author]=1", [1, 2]),
    filtered("[author][neq]=1", [3, 6, 8]),
    filtered("[author][in]=1,2", [1, 2, 3]),
    filtered("[author][nin]=1,2", [6, 8]),
    filtered("[author][null]=1", [4, 7]),
    filtered("[author][empty]=1", [4, 7]),
    filtered("[author][contains]=O'H", [6]),
    filtered("[author][contains]=ÉLO", [8]),
    filtered("[author][ncontains]=an", [3, 6, 8]),
    filtered("[author][rlike]=_nn", [1, 2]),
    filtered("[owner]=1", EVERY),
    filtered("[picture][null]=1", EVERY),
]  # fmt: skip
UNCONVERTIBLE = [
    filtered(f"[{name}][{operator}]={value}", rest if operator in ("neq", "nin") else [])
    for name, rest in {
        "views": [1, 2, 3, 6, 7, 8],
        "price": [1, 2, 3, 6, 7],
        "score": [1, 2, 3, 6],
        "day": [1, 2, 3, 6],
        "at": [1, 2, 3, 6],
        "moment": [1, 2, 3, 6],
        "author": [1, 2, 3, 6, 8],
        "featured": [1, 2, 3, 6, 7],
        "code": [1, 2],
    }.items()
    for operator in ("eq", "neq", "in", "nin", "lt", "gte")
    for value in ("abc", "null", "+", "NaN", "Infinity", "1e400", "9" * 60)
    if not (name in ("price", "score") and value in ("9" * 60, "1e400"))
] + [
    filtered("[views][in]=abc,10", [1]),
    filtered("[views][nin]=abc,10", [2, 3, 6, 7, 8]),
    filtered("[views][between]=abc,10", []),
    filtered("[views][nbetween]=abc,10", [1, 2, 3, 6, 7, 8]),
    filtered("[views]=10.5", []),
    filtered("[views][lt]=-9223372036854775809", []),
    filtered("[views]=18446744073709551616", []),
    filtered("[views]=9223372036854775807", []),
    filtered("[views][lt]=9223372036854775807", [1, 2, 3, 6, 7, 8]),
    filtered("[price][lt]=999999999999999999999999999999", [1, 2, 3, 6, 7]),
    filtered("[price]=1.500000000000000000001", []),
    filtered("[day]=2031-02-30", []),
    filtered("[day]=0000-00-00", []),
    filtered("[moment]=2031-02-30 00:00:00", []),
    filtered("[at]=25:00:00", []),
    filtered("[day]=now(nonsense)", []),
    filtered("[day]=now(-99999999999 days)", []),
    filtered("[title]=null", []),
    filtered("[author][eq]=null", []),
    filtered("[id]=1.5", []),
    filtered("[id][in]=1,1.5,x", [1]),
    filtered("[tags]=x", []),
    filtered("[tags][nin]=x", EVERY),
]  # fmt: skip
JOINED = [
    filtered("[views][0][gt]=0&filter[views][1][lt]=20", [1]),
    filtered("[views][gt]=0&filter[views][lt]=20", [1]),
    filtered("[views][gt]=5&filter[featured]=1", [1, 6]),
    filtered("[views]=10&filter[title][eq]=snake_case&filter[title][logical]=or", [1, 3]),
    filtered("[views]=10&filter[title][logical]=or&filter[title][eq]=snake_case", [1, 3]),
    filtered("[views]=10&filter[title][eq]=snake_case&filter[title][logical]=and", []),
    filtered(
        "[id]=1&filter[views]=20&filter[views][logical]=or&filter[featured]=0", [1, 2]
    ),
    filtered("[id]=2&filter[views][eq]=20&filter[price][eq]=1.5&filter[price][logical]=or",
             [1, 2]),
    filtered("[views][in]=", []),
    filtered("[views][nin]=", EVERY),
    filtered("=", EVERY),
    refused("[views][between]=1", 4, 422),
    refused("[views][between]=1,2,3", 4, 422),
    refused("[views][nbetween]=", 4, 422),
    refused("[views][nope]=1", 214, 422),
    refused("[views][sounds%20like]=1", 214, 422),
    refused("[views][gt) OR (1]=1", 214, 422),
    refused("[nope]=1", 202, 422),
    refused("[nope][gt]=1", 202, 422),
    refused("[Views]=1", 202, 422),
    refused('[id"]=1', 202, 422),
    refused("[title.foo]=1", 202, 404),
    refused("[author.nope]=1", 202, 404),
    refused("[nope.name]=1", 202, 404),
    refused("[author.boss.nope]=1", 202, 404),
    refused("[views][all]=1", 12, 422),
    refused("[views][has]=1", 12, 422),
    refused("[author][has]=1", 12, 422),
    refused("[divider]=1", 12, 422),
    refused("[views][gt][a]=1", 213, 422),
    refused("[views][eq][]=1&filter[views][eq][]=2", 213, 422),
    refused("=abc", 4, 422),
    refused("=[1]", 4, 422),
    refused("[views][logical]=xor&filter[views][eq]=1", 4, 422),
]  # fmt: skip
RELATED = [
    filtered("[author.name]=Ann", [1, 2]),
    filtered("[author.name][contains]=an", [1, 2]),
    filtered("[author.name][neq]=Ann", [3, 6, 8]),
    filtered("[author.boss]=1", [3]),
    filtered("[author.boss.name]=Bob", [6]),
    filtered("[author.boss.boss.name]=Ann", [6]),
    filtered("[author.born][null]=1", [6, 8]),
    filtered("[category.parent.name]=root", [1, 6]),
    filtered("[category.parent.parent.name]=root", [2]),
    filtered("[comments.body]=second", [1]),
    filtered("[comments.body][contains]=ir", [1, 2]),
    filtered("[comments.author.name]=Bob", [1, 2]),
    filtered("[comments.author.boss.name]=Ann", [1, 2]),
    filtered("[tags.tag.name]=news", [1, 2]),
    filtered("[tags.tag]=3", [6]),
    filtered("[tags.tag][null]=1", [7]),
    filtered("[translations.lang]=nl", [1]),
    filtered("[author.articles.title]=100%25 wool", [1, 2]),
    filtered("[author.team.name]=Bob", [1, 2]),
    filtered("[comments]=4", [2]),
    filtered("[comments]=1,4", [1, 2]),
    filtered("[comments][in]=1,2,4", [1, 2]),
    filtered("[comments][all]=1,2", [1]),
    filtered("[comments][all]=1,4", []),
    filtered("[comments][all]=1,x", []),
    filtered("[comments][all]=1,1", [1]),
    filtered("[comments][has]=1", [1, 2, 6]),
    filtered("[comments][has]=3", [1]),
    filtered("[comments][has]=4", []),
    filtered("[comments][has]=0", EVERY),
    filtered("[comments][nhas]=1", [3, 4, 7, 8]),
    filtered("[comments][nhas]=2", [2, 3, 4, 6, 7, 8]),
    filtered("[comments][empty]=1", [3, 4, 7, 8]),
    filtered("[comments][nempty]=1", [1, 2, 6]),
    filtered("[comments][null]=1", [3, 4, 7, 8]),
    filtered("[comments][nnull]=1", [1, 2, 6]),
    filtered("[tags][has]=2", [1]),
    filtered("[tags][empty]=1", [3, 4, 8]),
    filtered("[author.articles][has]=2", [1, 2, 3]),
    filtered("[author.team][empty]=1", [6, 8]),
    filtered("[comments][contains]=100%25", [6]),
    refused("[comments][has]=x", 4, 422),
    refused("[comments][has]=-1", 4, 422),
    refused("[comments][gt]=1", 12, 422),
]  # fmt: skip


def written(condition: object, ids: list[int]) -> Case:
    """A filter as JSON."""
    text = json.dumps(condition)
    return reads(text, f"{A}filter={quote(text)}", ids)


def miswritten(text: str, code: int, status: int) -> Case:
    """A filter as JSON that makes no sense."""
    return refuses(text, f"{A}filter={quote(text)}", code, status)


JSON = [
    written({"views": 20}, [2, 6]),
    written({"views": {"_gt": 5, "_lt": 20}}, [1]),
    written({"views": {"gt": 5, "lt": 20}}, [1]),
    written({"_or": [{"views": 10}, {"title": {"contains": "snake"}}]}, [1, 3]),
    written({"_and": [{"views": {"gte": 10}}, {"featured": True}]}, [1, 6]),
    written({"featured": False, "_or": [{"views": 20}, {"views": -3}]}, [2, 7]),
    written(
        {"_or": [{"_and": [{"views": 20}, {"featured": True}]}, {"author.name": "Bob"}]}, [3, 6]
    ),
    written({"views": {"_in": [10, 0]}}, [1, 3]),
    written({"views": {"_in": []}}, []),
    written({"views": {"_nin": []}}, EVERY),
    written({"price": {"_eq": 1.5}}, [1]),
    written({"title": {"_null": True}}, [4]),
    written({"comments": {"_has": 2}}, [1]),
    written({"comments": {"_all": [1, 2]}}, [1]),
    written({"views": None}, []),
    written({"views": {"_neq": None}}, [1, 2, 3, 6, 7, 8]),
    written({"featured": {"_eq": "yes"}}, []),
    written({"views": True}, []),
    written({"title": 5}, []),
    written({}, EVERY),
    written({"_and": []}, EVERY),
    written({"_or": []}, []),
    miswritten("[]", 4, 422),
    miswritten("{", 4, 422),
    miswritten("5", 4, 422),
    miswritten('{"views": NaN}', 4, 422),
    miswritten('{"views": 1e999}', 4, 422),
    miswritten('{"views": {"_in": [[1]]}}', 213, 422),
    miswritten('{"views": {"_eq": {"a": 1}}}', 213, 422),
    miswritten('{"_or": 5}', 4, 422),
    miswritten('{"_not": [{"views": 1}]}', 202, 422),
    miswritten('{"views": {"_nope": 1}}', 214, 422),
    miswritten('{"title": "\\u0000"}', 4, 422),
    miswritten('{"title": "\\ud800"}', 4, 422),
]  # fmt: skip
SEARCHES = [
    reads("text", f"{A}q=snake", [3]),
    reads("of any case", f"{A}q=SNAKE", [3]),
    reads("letters of any case", f"{A}q=%C3%A9lan", [1, 8]),
    reads("a per cent sign is itself", f"{A}q=%25", [2, 6]),
    reads("an underscore is itself", f"{A}q=_", [3]),
    reads("a backslash is itself", f"{A}q=\\", [6]),
    reads("other columns", f"{A}q=upon", [1]),
    reads("numbers", f"{A}q=147483", [8]),
    reads("decimals", f"{A}q=10.12", [6]),
    reads("related lists of items", f"{A}q=second", [1]),
    reads("related single items", f"{A}q=hara", [6]),
    reads("no dates", f"{A}q=2032-02", []),
    reads("empty is ignored", f"{A}q=", EVERY),
    reads("with a filter", f"{A}q=wool&filter[views]=10", []),
    reads("nothing found", f"{A}q=nothing at all", []),
    reads("a quote", f"{A}q=O'H", [6]),
    reads("SQL", f"{A}q=' OR 1=1 --", []),
    reads("never in hashes", "/items/safes?q=$2y", []),
    reads("never in hashes, whatever the scheme", "/items/safes?q=$argon", []),
    reads("soft-deleted ones are not found", f"{A}q=gone", []),
    reads("deleted ones on demand", f"{A}q=gone&status=*", [5]),
    refuses("a search that is an object", f"{A}q[a]=b", 4, 422),
]  # fmt: skip
SECRETS = [
    refuses(f"{what} of {name}", path, 215, 403)
    for name in ("pin", "shown")
    for what, path in {
        "eq": f"/items/safes?filter[{name}]=1",
        "rlike": f"/items/safes?filter[{name}][rlike]=$2%25",
        "null": f"/items/safes?filter[{name}][null]=1",
        "sort": f"/items/safes?sort=-{name}",
        "groups": f"/items/safes?groups={name}",
        "count": f"/items/safes?aggregate[count]={name}",
    }.items()
] + [
    refuses(f"{what} of {name}", path, 215, 403)
    for name in ("password", "token", "2fa_secret", "password_reset_token")
    for what, path in {
        "eq": f"/users?filter[{name}]=x",
        "contains": f"/users?filter[{name}][contains]=a",
        "empty": f"/users?filter[{name}][empty]=1",
        "or": f"/users?filter[id]=1&filter[{name}][rlike]=a%25&filter[{name}][logical]=or",
        "JSON": f'/users?filter={{"_or":[{{"{name}":{{"_lt":"m"}}}}]}}',
        "a path": f"/items/articles?filter[owner.{name}][rlike]=a%25",
        "a longer path": f"/roles?filter[users.{name}][null]=1",
        "sort": f"/users?sort={name}",
        "groups": f"/users?groups={name}",
        "max": f"/users?aggregate[max]={name}",
        "deep": f"/roles?fields=users.*&deep[users][filter][{name}][lt]=m",
        "deep sort": f"/roles?fields=users.*&deep[users][sort]={name}",
    }.items()
]  # fmt: skip


@pytest.mark.parametrize("case", NUMBERS + TEXTS + OTHERS, ids=str)
async def test_operators(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", UNCONVERTIBLE, ids=str)
async def test_what_cannot_be_converted_equals_nothing(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", JOINED, ids=str)
async def test_several_conditions(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", RELATED, ids=str)
async def test_relations(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", JSON, ids=str)
async def test_json(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", SEARCHES, ids=str)
async def test_search(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("case", SECRETS, ids=str)
async def test_secrets_are_no_oracle(case: Case, newsroom: Live) -> None:
    await case.check(newsroom)


@pytest.mark.parametrize("term", ["$2", "$argon2", "argon2id", "correct horse"])
async def test_a_search_does_not_look_into_secrets_of_users(newsroom: Live, term: str) -> None:
    assert await newsroom.data(f"/users?q={quote(term)}") == []
    assert await newsroom.data(f"/items/articles?q={quote(term)}") == []
    assert await newsroom.data(f"/roles?q={quote(term)}") == []
